//! A throwaway Redis with a replica, and sentinels that watch over them.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::redis::{Redis, tell};
use crate::server::Server;
use crate::{Error, free_port, redis_program};

/// What the sentinels call the master.
const MASTER: &str = "main";
/// How many sentinels there are; two of them decide.
const SENTINELS: usize = 3;
/// How long the servers may take to know one another.
const LIMIT: Duration = Duration::from_secs(30);

/// A master, its replica, and three sentinels, on 127.0.0.1.
pub struct RedisSentinels {
    servers: [Redis; 2],
    sentinels: Vec<(Server, u16)>,
}

impl RedisSentinels {
    /// Starts all: a few seconds, until the sentinels know one another and the replica.
    pub fn start() -> Result<Self, Error> {
        let master = Redis::start()?;
        let of = format!("127.0.0.1 {}", master.port());
        let replica = Redis::start_with(&["--replicaof", &of, "--repl-diskless-sync-delay", "0"])?;
        let mut sentinels = Vec::new();
        for _ in 0..SENTINELS {
            sentinels.push(sentinel(&of)?);
        }
        let all = Self { servers: [master, replica], sentinels };
        all.wait("num-other-sentinels\r\n$1\r\n2\r\n", "num-slaves\r\n$1\r\n1\r\n")?;
        Ok(all)
    }

    /// The address, by all sentinels.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<_> = self.sentinels.iter().map(|it| format!("127.0.0.1:{}", it.1)).collect();
        format!("redis-sentinel://{}/{MASTER}", hosts.join(","))
    }

    /// The address of the server that was the master first.
    #[must_use]
    pub fn master_url(&self) -> String {
        let [master, _] = &self.servers;
        master.url()
    }

    /// Ends the master; the sentinels make the replica the next one, which takes seconds.
    pub fn fail_over(&mut self) -> Result<(), Error> {
        let [master, _] = &mut self.servers;
        master.stop()
    }

    /// Ends master and replica, so that there is nobody to take over.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.servers.iter_mut().try_for_each(Redis::stop)
    }

    /// Ends master and replica if they run, and starts both on the same ports, empty.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.stop()?;
        self.servers.iter_mut().try_for_each(Redis::restart)
    }

    /// Makes master and replica hang.
    pub fn freeze(&mut self) -> Result<(), Error> {
        self.servers.iter_mut().try_for_each(Redis::freeze)
    }

    /// Lets servers that hang run on.
    pub fn thaw(&mut self) -> Result<(), Error> {
        self.servers.iter_mut().try_for_each(Redis::thaw)
    }

    /// Waits until every sentinel says both of the master.
    fn wait(&self, one: &str, other: &str) -> Result<(), Error> {
        let started = Instant::now();
        let knows = |(_, port): &(Server, u16)| {
            tell(*port, &format!("SENTINEL MASTER {MASTER}"))
                .is_ok_and(|it| it.contains(one) && it.contains(other))
        };
        while !self.sentinels.iter().all(knows) {
            if started.elapsed() > LIMIT {
                let log = "the sentinels do not find one another".to_owned();
                return Err(Error::Slow { what: "Redis Sentinel", log });
            }
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

/// Starts a sentinel that watches over the master at this address.
fn sentinel(master: &str) -> Result<(Server, u16), Error> {
    let mut server = Server::prepare("Sentinel")?;
    let port = free_port()?;
    let file = server.folder().path().join("sentinel.conf");
    let settings = format!(
        "port {port}\nbind 127.0.0.1\nsentinel monitor {MASTER} {master} 2\n\
         sentinel down-after-milliseconds {MASTER} 1000\n\
         sentinel failover-timeout {MASTER} 5000\n"
    );
    fs::write(&file, settings).map_err(Error::io("write a sentinel's settings"))?;
    // It keeps what it learns there.
    server.folder().own(&file)?;
    let mut command = server.folder().command(&redis_program()?);
    command.arg(&file).arg("--sentinel");
    server.launch(command, |pid| {
        let wanted = format!("process_id:{pid}\r\n");
        tell(port, "INFO server").is_ok_and(|it| it.contains(&wanted))
    })?;
    Ok((server, port))
}
