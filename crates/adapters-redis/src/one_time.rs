//! Values that are used once, on Redis.

use async_trait::async_trait;
use domain::secret::Subject;
use domain::{Duration, Timestamp, later};
use ports::error::StoreError;
use ports::one_time::OneTimeStates;
use redis::Script;

use crate::Redis;
use crate::arguments::{micros, px};

const ONCE: &str = "once";

/// One-time values on Redis: one round trip a call.
#[derive(Debug, Clone)]
pub struct RedisOneTimeStates {
    redis: Redis,
    put: Script,
    take: Script,
}

impl RedisOneTimeStates {
    /// One-time values on a server.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self {
            redis,
            put: Script::new(include_str!("put_once.lua")),
            take: Script::new(include_str!("take_once.lua")),
        }
    }

    fn key(&self, name: &Subject) -> Vec<u8> {
        self.redis.key(ONCE, name.as_bytes())
    }
}

#[async_trait]
impl OneTimeStates for RedisOneTimeStates {
    async fn put(
        &self,
        name: &Subject,
        value: &[u8],
        life: Duration,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut script = self.put.key(self.key(name));
        script.arg(micros(now)).arg(micros(later(now, life))).arg(px(life)).arg(value);
        self.redis.script(named!("one_time.put"), &script).await
    }

    async fn take(&self, name: &Subject, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        let mut script = self.take.key(self.key(name));
        script.arg(micros(now));
        self.redis.script(named!("one_time.take"), &script).await
    }
}
