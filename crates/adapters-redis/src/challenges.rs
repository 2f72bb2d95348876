//! Codes sent and not yet used, on Redis.

use async_trait::async_trait;
use domain::cap::{Cap, Charge};
use domain::credential::code::{Challenge, Guess, OnRight};
use domain::id::ChallengeId;
use domain::secret::{CodeMac, Sealed, Subject};
use domain::{Duration, Timestamp};
use ports::challenges::{Challenges, Issued, MOST_LIVE};
use ports::error::StoreError;
use redis::Script;

use crate::Redis;
use crate::arguments::{add_caps, micros, moment, px};

const CHALLENGE: &str = "{otp}:c";
const LIVE: &str = "{otp}:l";
const WRONG: &str = "{otp}:w";
const SENT: &str = "{otp}:s";

/// What an answer that no script gives is called.
const CORRUPT: StoreError = StoreError::Corrupt { what: "redis challenge" };

/// Challenges on Redis: one round trip a call.
#[derive(Debug, Clone)]
pub struct RedisChallenges {
    redis: Redis,
    issue: Script,
    guess: Script,
    carried: Script,
    refund: Script,
}

impl RedisChallenges {
    /// Challenges on a server.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self {
            redis,
            issue: Script::new(concat!(include_str!("caps.lua"), include_str!("issue.lua"))),
            guess: Script::new(concat!(include_str!("caps.lua"), include_str!("guess.lua"))),
            carried: Script::new(include_str!("carried.lua")),
            refund: Script::new(include_str!("refund.lua")),
        }
    }

    fn challenge(&self, id: &ChallengeId) -> Vec<u8> {
        self.redis.key(CHALLENGE, id.as_bytes())
    }

    fn counter(&self, subject: &Subject) -> Vec<u8> {
        self.redis.key(SENT, subject.as_bytes())
    }
}

#[async_trait]
impl Challenges for RedisChallenges {
    async fn issue(
        &self,
        challenge: &Challenge,
        charges: &[Charge],
        now: Timestamp,
    ) -> Result<Issued, StoreError> {
        let Challenge {
            id,
            purpose,
            target,
            owner,
            device,
            mac,
            tries_left,
            expires_at,
            vendor: _,
        } = challenge;
        let life = Duration::try_from(expires_at.duration_since(now)).unwrap_or_default();
        let mut script = self.issue.key(self.challenge(id));
        script.key(self.redis.key(LIVE, owner.as_bytes()));
        script
            .arg(micros(now))
            .arg(self.redis.key(CHALLENGE, &[]))
            .arg(id.as_bytes())
            .arg(purpose.as_str())
            .arg(target.as_bytes())
            .arg(owner.as_bytes())
            .arg(device.as_bytes())
            .arg(mac.as_bytes())
            .arg(*tries_left)
            .arg(micros(*expires_at))
            .arg(px(life))
            .arg(MOST_LIVE);
        for charge in charges {
            script.key(self.counter(&charge.subject));
            add_caps(&mut script, &charge.caps);
        }
        let (full, until): (usize, Vec<u8>) =
            self.redis.script(named!("challenges.issue"), &script).await?;
        match full.checked_sub(1) {
            None => Ok(Issued::Stored),
            Some(which) => {
                let scope = charges.get(which).ok_or(CORRUPT)?.scope;
                Ok(Issued::Full { scope, until: moment(&until)? })
            }
        }
    }

    async fn guess(
        &self,
        id: &ChallengeId,
        mac: &CodeMac,
        wrong: &[Cap],
        on_right: OnRight,
        now: Timestamp,
    ) -> Result<Guess, StoreError> {
        let mut script = self.guess.key(self.challenge(id));
        script.arg(micros(now)).arg(mac.as_bytes()).arg(self.redis.key(WRONG, &[]));
        script.arg(u8::from(on_right == OnRight::Keep));
        add_caps(&mut script, wrong);
        let (answer, with, vendor): (u8, Vec<u8>, String) =
            self.redis.script(named!("challenges.guess"), &script).await?;
        match answer {
            0 => Ok(Guess::Wrong((!with.is_empty()).then(|| Sealed::new(with)))),
            1 => {
                let vendor = (!vendor.is_empty()).then_some(vendor);
                Ok(Guess::Right { target: Sealed::new(with), vendor })
            }
            2 => Ok(Guess::TooMany { until: moment(&with)? }),
            _ => Err(CORRUPT),
        }
    }

    async fn target(&self, id: &ChallengeId) -> Result<Option<Sealed>, StoreError> {
        let mut get = redis::cmd("HGET");
        get.arg(self.challenge(id)).arg("target");
        let target: Option<Vec<u8>> = self.redis.command(named!("challenges.target"), &get).await?;
        Ok(target.map(Sealed::new))
    }

    async fn carried(&self, id: &ChallengeId, vendor: &'static str) -> Result<(), StoreError> {
        let mut script = self.carried.key(self.challenge(id));
        script.arg(vendor);
        self.redis.script(named!("challenges.carried"), &script).await
    }

    async fn refund(&self, charges: &[Charge], at: Timestamp) -> Result<(), StoreError> {
        let mut script = self.refund.arg(micros(at));
        for charge in charges {
            script.key(self.counter(&charge.subject));
        }
        self.redis.script::<()>(named!("challenges.refund"), &script).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.redis.ping().await
    }
}
