//! The suite of `one_time` can fail: a store that reads, lets others in, and then writes.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::secret::Subject;
use domain::{Duration, Timestamp, later};
use ports::error::StoreError;
use ports::one_time::OneTimeStates;
use ports::testing::breaks;
use ports::testing::contract::one_time as promises;
use tokio::task::yield_now;

/// Values with the end of their lives.
#[derive(Default)]
struct RacyOneTimeStates(Mutex<HashMap<Subject, (Timestamp, Vec<u8>)>>);

impl RacyOneTimeStates {
    async fn read(&self, name: &Subject, now: Timestamp) -> Option<Vec<u8>> {
        let held = self.0.lock().unwrap().get(name).cloned();
        yield_now().await;
        held.filter(|(expires_at, _)| *expires_at > now).map(|(_, value)| value)
    }
}

#[async_trait]
impl OneTimeStates for RacyOneTimeStates {
    async fn put(
        &self,
        name: &Subject,
        value: &[u8],
        life: Duration,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let free = self.read(name, now).await.is_none();
        if free {
            self.0.lock().unwrap().insert(*name, (later(now, life), value.to_vec()));
        }
        Ok(free)
    }

    async fn take(&self, name: &Subject, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.read(name, now).await;
        self.0.lock().unwrap().remove(name);
        Ok(value)
    }
}

fn racy() -> Arc<dyn OneTimeStates> {
    Arc::new(RacyOneTimeStates::default())
}

/// It is only the races that it loses.
#[tokio::test]
async fn one_after_the_other_the_promises_hold() {
    promises::a_value_is_taken_once_with_every_byte(racy()).await;
    promises::a_name_in_use_is_not_given_again(racy()).await;
    promises::a_value_lives_exactly_its_life(racy()).await;
    promises::a_name_is_free_when_its_life_is_over(racy()).await;
}

/// TEST-01: every promise that names a race fails.
#[tokio::test(flavor = "multi_thread")]
async fn the_promises_about_races_break() {
    assert!(breaks(promises::of_racing_puts_exactly_one_stores_its_value(racy())).await);
    assert!(breaks(promises::of_racing_takes_exactly_one_gets_the_value(racy())).await);
    assert!(breaks(promises::of_racing_puts_at_a_dead_name_exactly_one_stores(racy())).await);
}
