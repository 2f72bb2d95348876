//! Tests on a real server. Without the feature `test-redis` there are none; with it and without a
//! server they fail.

#![cfg(feature = "test-redis")]
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod contract;
mod failover;
mod healing;
mod keys;
mod racy;
mod runtimes;
mod server;

use adapters_redis::{Redis, RedisSettings};
use tokio::runtime::Handle;

/// The server, under a prefix that no other test has.
fn redis() -> Redis {
    let (url, prefix) = server::own_part();
    let settings = RedisSettings { prefix, ..RedisSettings::new(url.into()) };
    Redis::connect(&settings, Handle::current()).unwrap()
}
