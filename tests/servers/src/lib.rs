//! Throwaway PostgreSQL, Redis and mail servers on loopback, for `cargo xtask` and for tests of what
//! happens when a server stops, comes back or hangs.
//!
//! ```no_run
//! let mut redis = test_servers::Redis::start()?;
//! println!("{}", redis.url());
//! redis.freeze()?; // Connections open, and nobody answers.
//! redis.thaw()?;
//! redis.restart()?; // The same port, and empty.
//! # Ok::<(), test_servers::Error>(())
//! ```
//!
//! Each server is a process of its own on a free port, with its data in a fresh folder under the
//! system's temporary one. Dropping the value ends the process and removes the folder; when the
//! process that holds the value ends without dropping it, even by `kill -9`, a guard does the same
//! (see `guard.rs`). Nothing is ever signalled that was not started here.
//!
//! Started as root, the servers run as the user `postgres`, else `nobody`: PostgreSQL refuses to
//! run as root.

mod any_redis;
mod error;
mod find;
mod folder;
mod guard;
mod pgbouncer;
mod port;
mod postgres;
mod redis;
mod redis_cluster;
mod redis_sentinels;
mod server;
mod smtp;

pub use any_redis::AnyRedis;
pub use error::Error;
pub use find::{
    faketime_library, pgbouncer_program, postgres_folder, python_program, redis_program,
};
pub use pgbouncer::PgBouncer;
pub use port::free_port;
pub use postgres::Postgres;
pub use redis::Redis;
pub use redis_cluster::RedisCluster;
pub use redis_sentinels::RedisSentinels;
pub use smtp::{Smtp, SmtpOptions, SmtpTls};
