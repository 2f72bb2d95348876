//! Challenges, throttles, session copies and one-time states on Redis.
//!
//! Every atomic step is one Lua script and one round trip. The time always comes from the caller,
//! in whole microseconds; Redis' own lives (`PX`) only clear away what no rule asks for any more.
//!
//! The server must not evict (`maxmemory-policy noeviction`): an evicted counter is a forgotten
//! one. Keys, by their prefix (here the default, `latchkey`); a name in `<>` is raw bytes:
//!
//! | key | type | holds |
//! |---|---|---|
//! | `latchkey:{otp}:c:<id>` | hash | one challenge |
//! | `latchkey:{otp}:l:<owner>` | list | ids of the owner's newest challenges, newest first |
//! | `latchkey:{otp}:w:<owner>` | list | times of wrong tries, newest first |
//! | `latchkey:{otp}:s:<subject>` | list | times of codes sent, newest first |
//! | `latchkey:{throttle}:c:<subject>` | list | times of events, newest first |
//! | `latchkey:{throttle}:a:<address>` | sorted set | account and nonce of password attempts, by time |
//! | `latchkey:session:<hash>` | string | the copy as JSON, or `-` where it is kept out |
//! | `latchkey:spent:<day>` | string | what messages cost that day, in millionths |
//! | `latchkey:once:<name>` | string | the end of its life, `:`, the value |
//!
//! In a cluster all codes and their counters live in one slot, and all throttles in another: that
//! is the price of caps that are exact over phone, address, block, country and all at once.
//! Session copies and one-time values are spread over all slots.

/// What a call is watched as, as in `named!("challenges.issue")`.
macro_rules! named {
    ($name:expr) => {
        ports::operation!("redis", $name)
    };
}

mod address;
mod arguments;
mod connection;
mod doubts;
mod error;
mod forgiven;
mod own;
mod socket;

pub mod challenges;
pub mod one_time;
pub mod session_copies;
pub mod spending;
pub mod throttles;

#[cfg(all(test, feature = "test-redis"))]
#[path = "../tests/on_redis/server.rs"]
mod test_server;

pub use challenges::RedisChallenges;
pub use connection::{Redis, RedisSettings, RedisSettingsError};
pub use one_time::RedisOneTimeStates;
pub use session_copies::RedisSessionCopies;
pub use spending::RedisSpending;
pub use throttles::RedisThrottles;
