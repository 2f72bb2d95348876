//! Counters of attempts from one address, on Redis.

use std::sync::Arc;

use async_trait::async_trait;
use domain::cap::Charge;
use domain::policy::GuessingPolicy;
use domain::secret::Subject;
use domain::{Duration, Timestamp};
use ports::error::StoreError;
use ports::throttles::{Throttled, Throttles, Ticket};
use redis::Script;

use crate::Redis;
use crate::arguments::{add_caps, length, micros, moment, px};
use crate::forgiven::Forgiven;

const CHARGED: &str = "{throttle}:c";
const ATTEMPTS: &str = "{throttle}:a";
const EVERYONE: &str = "{throttle}:e";
/// What the script answers in a storm, in place of a moment.
const STORM: &[u8] = b"storm";

/// The most attempts of one account that are kept for its place among the distinct ones, so that
/// some of them can be taken back and the account still counts.
const MOST_OF_ONE: u32 = 16;

/// Throttles on Redis: one round trip a call, and none for forgiving.
#[derive(Debug, Clone)]
pub struct RedisThrottles {
    redis: Redis,
    charge: Script,
    attempt: Script,
    forgiven: Arc<Forgiven>,
}

impl RedisThrottles {
    /// Throttles on a server.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self {
            charge: Script::new(concat!(include_str!("caps.lua"), include_str!("charge.lua"))),
            attempt: Script::new(include_str!("attempt.lua")),
            forgiven: Arc::new(Forgiven::new(redis.clone())),
            redis,
        }
    }
}

/// The key of an address' attempts.
pub(crate) fn attempts_key(redis: &Redis, ip: &Subject) -> Vec<u8> {
    redis.key(ATTEMPTS, ip.as_bytes())
}

/// The key of the attempts of all addresses.
pub(crate) fn everyone_key(redis: &Redis) -> Vec<u8> {
    redis.key(EVERYONE, b"")
}

/// An attempt among those of its address: account, then nonce.
pub(crate) fn member(ticket: &Ticket) -> Vec<u8> {
    [ticket.account.as_bytes(), &ticket.nonce[..]].concat()
}

#[async_trait]
impl Throttles for RedisThrottles {
    async fn charge(
        &self,
        charges: &[Charge],
        now: Timestamp,
    ) -> Result<Result<(), Timestamp>, StoreError> {
        let mut script = self.charge.arg(micros(now));
        for Charge { scope: _, subject, caps } in charges.iter().filter(|it| !it.caps.is_empty()) {
            script.key(self.redis.key(CHARGED, subject.as_bytes()));
            add_caps(&mut script, caps);
        }
        let full: Option<Vec<u8>> = self.redis.script(named!("throttles.charge"), &script).await?;
        full.map_or(Ok(Ok(())), |until| moment(&until).map(Err))
    }

    async fn attempt(
        &self,
        ticket: Ticket,
        policy: GuessingPolicy,
        now: Timestamp,
    ) -> Result<Throttled, StoreError> {
        let caps = [policy.failures, policy.accounts, policy.everyone];
        let [own @ .., everyone] = caps.map(|it| it.map_or(Duration::ZERO, |it| it.window));
        if caps.iter().all(Option::is_none) {
            return Ok(Throttled::Counted);
        }
        let mut script = self.attempt.key(attempts_key(&self.redis, &ticket.ip));
        script.key(everyone_key(&self.redis));
        script.arg(micros(now)).arg(ticket.account.as_bytes()).arg(&ticket.nonce[..]);
        for cap in caps {
            let (count, window) = cap.map_or((0, Duration::ZERO), |it| (it.count, it.window));
            script.arg(count).arg(length(window));
        }
        let own = own.into_iter().max().unwrap_or_default();
        script.arg(px(own)).arg(px(everyone)).arg(MOST_OF_ONE);
        let forgiven = Forgiven::take(&self.forgiven);
        for right in forgiven.tickets() {
            script.key(attempts_key(&self.redis, &right.ip)).arg(member(right));
        }
        let said: Option<Vec<u8>> = self.redis.script(named!("throttles.attempt"), &script).await?;
        forgiven.told();
        match said.as_deref() {
            None => Ok(Throttled::Counted),
            Some(STORM) => Ok(Throttled::Storm),
            Some(until) => Ok(Throttled::Full { until: moment(until)? }),
        }
    }

    fn forgive(&self, ticket: Ticket) {
        Forgiven::add(&self.forgiven, [ticket]);
    }
}
