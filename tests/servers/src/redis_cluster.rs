//! A throwaway Redis Cluster.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::redis::{Redis, tell};
use crate::{Error, free_port};

/// The slots of each node: all, in three parts.
const SLOTS: [&str; 3] = ["0 5460", "5461 10922", "10923 16383"];
/// How long the nodes may take to know one another.
const LIMIT: Duration = Duration::from_secs(30);

/// A cluster of three servers on 127.0.0.1, each with a third of the slots and no replica.
pub struct RedisCluster {
    nodes: Vec<Redis>,
}

impl RedisCluster {
    /// Starts one: about a second.
    pub fn start() -> Result<Self, Error> {
        let mut nodes = Vec::new();
        for _ in SLOTS {
            let bus = free_port()?.to_string();
            nodes.push(Redis::start_with(&[
                "--cluster-enabled",
                "yes",
                "--cluster-port",
                &bus,
                "--cluster-node-timeout",
                "2000",
            ])?);
        }
        let cluster = Self { nodes };
        cluster.meet()?;
        cluster.wait()?;
        Ok(cluster)
    }

    /// The address, by all nodes.
    #[must_use]
    pub fn url(&self) -> String {
        let nodes: Vec<_> =
            self.nodes.iter().map(|it| format!("127.0.0.1:{}", it.port())).collect();
        format!("redis-cluster://{}", nodes.join(","))
    }

    /// The nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// Ends all nodes; their ports and what they know of one another stay, the data goes.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.nodes.iter_mut().try_for_each(Redis::stop)
    }

    /// Ends the nodes that run, and starts all on the same ports, empty.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.stop()?;
        self.nodes.iter_mut().try_for_each(Redis::restart)?;
        self.wait()
    }

    /// Makes all nodes hang.
    pub fn freeze(&mut self) -> Result<(), Error> {
        self.nodes.iter_mut().try_for_each(Redis::freeze)
    }

    /// Lets nodes that hang run on.
    pub fn thaw(&mut self) -> Result<(), Error> {
        self.nodes.iter_mut().try_for_each(Redis::thaw)
    }

    /// Gives each node its slots, and makes the first one known to the others.
    fn meet(&self) -> Result<(), Error> {
        let told = |port, command: &str| {
            tell(port, command).map_err(Error::io(format!("tell a node {command}")))
        };
        let mut first = None;
        for (number, (node, slots)) in self.nodes.iter().zip(SLOTS).enumerate() {
            told(node.port(), &format!("CLUSTER SET-CONFIG-EPOCH {}", number + 1))?;
            told(node.port(), &format!("CLUSTER ADDSLOTSRANGE {slots}"))?;
            match &first {
                None => first = Some((node.port(), node.cluster_port())),
                Some((port, bus)) => {
                    told(node.port(), &format!("CLUSTER MEET 127.0.0.1 {port} {bus}"))?;
                }
            }
        }
        Ok(())
    }

    /// Waits until every node says that all slots are served.
    fn wait(&self) -> Result<(), Error> {
        let started = Instant::now();
        let knows_all = |it: &Redis| {
            tell(it.port(), "CLUSTER INFO").is_ok_and(|it| {
                it.contains("cluster_state:ok")
                    && it.contains("cluster_slots_ok:16384")
                    && it.contains("cluster_known_nodes:3")
            })
        };
        while !self.nodes.iter().all(knows_all) {
            if started.elapsed() > LIMIT {
                let log = "the nodes do not find one another".to_owned();
                return Err(Error::Slow { what: "Redis Cluster", log });
            }
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}
