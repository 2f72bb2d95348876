//! A Redis in whatever shape a run of tests asks for.

use crate::{Error, Redis, RedisCluster, RedisSentinels};

/// Which shape: `server`, `cluster` or `sentinel`.
const SHAPE: &str = "LATCHKEY_TEST_REDIS_SHAPE";

/// One server, a cluster, or a master that sentinels watch over.
pub enum AnyRedis {
    /// One server.
    Server(Redis),
    /// Three nodes.
    Cluster(RedisCluster),
    /// A master, a replica, three sentinels.
    Sentinels(Box<RedisSentinels>),
}

impl AnyRedis {
    /// Starts the shape that the environment names, else one server.
    #[expect(clippy::disallowed_methods, reason = "the test command tells the shape")]
    pub fn start() -> Result<Self, Error> {
        Self::start_as(&std::env::var(SHAPE).unwrap_or_default())
    }

    /// Starts a shape by its name; one server for any other.
    pub fn start_as(shape: &str) -> Result<Self, Error> {
        match shape {
            "cluster" => RedisCluster::start().map(Self::Cluster),
            "sentinel" => RedisSentinels::start().map(|it| Self::Sentinels(Box::new(it))),
            _ => Redis::start().map(Self::Server),
        }
    }

    /// The address.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Self::Server(it) => it.url(),
            Self::Cluster(it) => it.url(),
            Self::Sentinels(it) => it.url(),
        }
    }

    /// The addresses of the servers that take writes, one by one.
    #[must_use]
    pub fn masters(&self) -> Vec<String> {
        match self {
            Self::Server(it) => vec![it.url()],
            Self::Cluster(it) => it.nodes().iter().map(Redis::url).collect(),
            Self::Sentinels(it) => vec![it.master_url()],
        }
    }

    /// Ends what holds data; addresses stay, the data goes.
    pub fn stop(&mut self) -> Result<(), Error> {
        match self {
            Self::Server(it) => it.stop(),
            Self::Cluster(it) => it.stop(),
            Self::Sentinels(it) => it.stop(),
        }
    }

    /// Ends what holds data if it runs, and starts it at the same addresses, empty.
    pub fn restart(&mut self) -> Result<(), Error> {
        match self {
            Self::Server(it) => it.restart(),
            Self::Cluster(it) => it.restart(),
            Self::Sentinels(it) => it.restart(),
        }
    }

    /// Makes what holds data hang: connections open, and nobody answers.
    pub fn freeze(&mut self) -> Result<(), Error> {
        match self {
            Self::Server(it) => it.freeze(),
            Self::Cluster(it) => it.freeze(),
            Self::Sentinels(it) => it.freeze(),
        }
    }

    /// Lets what hangs run on.
    pub fn thaw(&mut self) -> Result<(), Error> {
        match self {
            Self::Server(it) => it.thaw(),
            Self::Cluster(it) => it.thaw(),
            Self::Sentinels(it) => it.thaw(),
        }
    }
}
