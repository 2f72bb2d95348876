//! The suites can fail: the same steps as a GET and then a SET, which others come between.

use std::sync::Arc;

use adapters_redis::{Redis, RedisChallenges, RedisSettings};
use async_trait::async_trait;
use domain::cap::{Cap, Charge};
use domain::credential::code::{Challenge, Guess, OnRight};
use domain::id::ChallengeId;
use domain::secret::{CodeMac, Sealed, Subject};
use domain::{Duration, Timestamp};
use ports::challenges::{Challenges, Issued};
use ports::error::StoreError;
use ports::one_time::OneTimeStates;
use ports::testing::breaks;
use ports::testing::contract::{challenges, one_time};
use redis::AsyncCommands as _;
use redis::aio::MultiplexedConnection;
use tokio::runtime::Handle;

use crate::server;

/// A connection and a prefix of its own.
#[derive(Clone)]
struct Plain {
    connection: MultiplexedConnection,
    prefix: String,
}

impl Plain {
    async fn connect() -> Self {
        let (url, prefix) = server::own_part();
        let client = redis::Client::open(url).unwrap();
        let connection = client.get_multiplexed_async_connection().await.unwrap();
        Self { connection, prefix }
    }

    fn key(&self, kind: &str, name: &[u8]) -> Vec<u8> {
        [self.prefix.as_bytes(), kind.as_bytes(), name].concat()
    }
}

/// Challenges that are issued as they should be and guessed in several commands.
struct RacyChallenges {
    plain: Plain,
    issued: RedisChallenges,
}

#[async_trait]
impl Challenges for RacyChallenges {
    async fn issue(
        &self,
        challenge: &Challenge,
        charges: &[Charge],
        now: Timestamp,
    ) -> Result<Issued, StoreError> {
        self.issued.issue(challenge, charges, now).await
    }

    /// Reads the challenge and its owner's wrong tries, then decides, then writes.
    async fn guess(
        &self,
        id: &ChallengeId,
        mac: &CodeMac,
        wrong: &[Cap],
        _on_right: OnRight,
        now: Timestamp,
    ) -> Result<Guess, StoreError> {
        type Held = (Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>, Option<i64>);
        let mut connection = self.plain.connection.clone();
        let key = self.plain.key(":{otp}:c:", id.as_bytes());
        let (held_mac, target, owner, tries): Held =
            connection.hmget(&key, &["mac", "target", "owner", "tries"]).await.unwrap();
        let (Some(held_mac), Some(target), Some(owner), Some(tries)) =
            (held_mac, target, owner, tries)
        else {
            return Ok(Guess::Wrong(None));
        };
        let failures = self.plain.key(":{otp}:w:", &owner);
        let failed: u32 = connection.llen(&failures).await.unwrap();
        if wrong.iter().any(|it| failed >= it.count) {
            return Ok(Guess::TooMany { until: Timestamp::MAX });
        }
        if held_mac == mac.as_bytes() {
            let _: () = connection.del(&key).await.unwrap();
            return Ok(Guess::Right { target: Sealed::new(target), vendor: None });
        }
        let _: () = connection.lpush(&failures, now.as_microsecond()).await.unwrap();
        if tries == 1 {
            let _: () = connection.del(&key).await.unwrap();
        } else {
            let _: () = connection.hset(&key, "tries", tries - 1).await.unwrap();
        }
        Ok(Guess::Wrong(None))
    }

    async fn target(&self, id: &ChallengeId) -> Result<Option<Sealed>, StoreError> {
        self.issued.target(id).await
    }

    async fn carried(&self, id: &ChallengeId, vendor: &'static str) -> Result<(), StoreError> {
        self.issued.carried(id, vendor).await
    }

    async fn refund(&self, charges: &[Charge], at: Timestamp) -> Result<(), StoreError> {
        self.issued.refund(charges, at).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.issued.ping().await
    }
}

async fn racy_challenges() -> Arc<dyn Challenges> {
    let plain = Plain::connect().await;
    let (url, _) = server::own_part();
    let settings = RedisSettings { prefix: plain.prefix.clone(), ..RedisSettings::new(url.into()) };
    let redis = Redis::connect(&settings, Handle::current()).unwrap();
    Arc::new(RacyChallenges { plain, issued: RedisChallenges::new(redis) })
}

/// A one-time store without scripts.
struct RacyOneTimeStates(Plain);

#[async_trait]
impl OneTimeStates for RacyOneTimeStates {
    /// Looks whether the name is free, then stores.
    async fn put(
        &self,
        name: &Subject,
        value: &[u8],
        life: Duration,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut connection = self.0.connection.clone();
        let key = self.0.key(":", name.as_bytes());
        let held: Option<(i64, Vec<u8>)> = self.read(&key).await;
        if held.is_some_and(|(expires, _)| expires > now.as_microsecond()) {
            return Ok(false);
        }
        let expires = domain::later(now, life).as_microsecond();
        let held = [&expires.to_be_bytes()[..], value].concat();
        let _: () = connection.set_ex(&key, held, 300).await.unwrap();
        Ok(true)
    }

    /// Reads the value, then removes it.
    async fn take(&self, name: &Subject, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        let mut connection = self.0.connection.clone();
        let key = self.0.key(":", name.as_bytes());
        let held = self.read(&key).await;
        let _: () = connection.del(&key).await.unwrap();
        Ok(held.filter(|(expires, _)| *expires > now.as_microsecond()).map(|(_, value)| value))
    }
}

impl RacyOneTimeStates {
    async fn read(&self, key: &[u8]) -> Option<(i64, Vec<u8>)> {
        let held: Option<Vec<u8>> = self.0.connection.clone().get(key).await.unwrap();
        let held = held?;
        let (expires, value) = held.split_first_chunk::<8>()?;
        Some((i64::from_be_bytes(*expires), value.to_vec()))
    }
}

/// TEST-01: without a script the promises of `challenges` that name races fail.
#[tokio::test(flavor = "multi_thread")]
async fn guesses_in_several_commands_break_the_promises() {
    let store = racy_challenges().await;
    challenges::a_right_code_proves_once_and_gives_its_target(store).await;
    challenges::the_last_wrong_try_burns_a_challenge(racy_challenges().await).await;

    let store = racy_challenges().await;
    assert!(breaks(challenges::of_racing_right_codes_exactly_one_proves(store)).await);
    let store = racy_challenges().await;
    let promise = challenges::of_racing_guesses_no_more_than_the_tries_are_evaluated(store);
    assert!(breaks(promise).await);
    let store = racy_challenges().await;
    let promise = challenges::racing_wrong_tries_never_pass_the_cap_of_their_owner(store);
    assert!(breaks(promise).await);
}

/// TEST-01: without a script the promises of `one_time` that name races fail.
#[tokio::test(flavor = "multi_thread")]
async fn one_time_values_in_several_commands_break_the_promises() {
    let store = || async { Arc::new(RacyOneTimeStates(Plain::connect().await)) };
    one_time::a_value_is_taken_once_with_every_byte(store().await).await;
    one_time::a_value_lives_exactly_its_life(store().await).await;

    let put = one_time::of_racing_puts_exactly_one_stores_its_value(store().await);
    assert!(breaks(put).await);
    let take = one_time::of_racing_takes_exactly_one_gets_the_value(store().await);
    assert!(breaks(take).await);
}
