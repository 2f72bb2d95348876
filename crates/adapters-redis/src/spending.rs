//! What was spent on messages, on Redis.

use async_trait::async_trait;
use domain::{Duration, Timestamp};
use ports::error::StoreError;
use ports::spending::{Micros, Spending, Spent, day};
use redis::Script;

use crate::Redis;
use crate::arguments::px;

const SPENT: &str = "spent";
/// A day, and another for what is given back late.
const LIFE: Duration = Duration::from_hours(48);
/// What an answer that no script gives is called.
const CORRUPT: StoreError = StoreError::Corrupt { what: "redis spending" };

/// Spending on Redis: one round trip a call.
#[derive(Debug, Clone)]
pub struct RedisSpending {
    redis: Redis,
    spend: Script,
}

impl RedisSpending {
    /// Spending on a server.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self { redis, spend: Script::new(include_str!("spend.lua")) }
    }

    async fn spend(&self, amount: i64, most: Micros, at: Timestamp) -> Result<Spent, StoreError> {
        let mut script = self.spend.key(self.redis.key(SPENT, day(at).as_bytes()));
        script.arg(amount).arg(most).arg(px(LIFE));
        let (reserved, total): (u8, String) =
            self.redis.script(named!("spending.spend"), &script).await?;
        let total = total.parse().map_err(|_| CORRUPT)?;
        Ok(Spent { is_reserved: reserved == 1, total })
    }
}

#[async_trait]
impl Spending for RedisSpending {
    async fn reserve(
        &self,
        amount: Micros,
        most: Micros,
        now: Timestamp,
    ) -> Result<Spent, StoreError> {
        self.spend(i64::try_from(amount).unwrap_or(i64::MAX), most, now).await
    }

    async fn give_back(&self, amount: Micros, at: Timestamp) -> Result<Micros, StoreError> {
        let amount = i64::try_from(amount).unwrap_or(i64::MAX);
        Ok(self.spend(amount.saturating_neg(), 0, at).await?.total)
    }
}
