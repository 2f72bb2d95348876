//! The suite of `session_copies` can fail: a store that reads, lets others in, and then writes.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::secret::TokenHash;
use domain::session::SignedIn;
use ports::error::StoreError;
use ports::session_copies::SessionCopies;
use ports::testing::breaks;
use ports::testing::contract::session_copies as promises;
use tokio::task::yield_now;

/// Copies, with `None` where they are kept out; nothing ever ends by itself.
#[derive(Default)]
struct RacySessionCopies(Mutex<HashMap<TokenHash, Option<SignedIn>>>);

impl RacySessionCopies {
    async fn read(&self, token: &TokenHash) -> Option<Option<SignedIn>> {
        let held = self.0.lock().unwrap().get(token).cloned();
        yield_now().await;
        held
    }

    fn write(&self, token: &TokenHash, copy: Option<&SignedIn>) {
        self.0.lock().unwrap().insert(*token, copy.cloned());
    }
}

#[async_trait]
impl SessionCopies for RacySessionCopies {
    async fn find(&self, token: &TokenHash) -> Result<Option<SignedIn>, StoreError> {
        Ok(self.read(token).await.flatten())
    }

    async fn put(&self, token: &TokenHash, copy: &SignedIn) -> Result<(), StoreError> {
        if self.read(token).await.is_none() {
            self.write(token, Some(copy));
        }
        Ok(())
    }

    async fn replace(&self, token: &TokenHash, copy: &SignedIn) -> Result<(), StoreError> {
        if self.read(token).await.flatten().is_some() {
            self.write(token, Some(copy));
        }
        Ok(())
    }

    async fn forget(&self, tokens: &[TokenHash]) -> Result<(), StoreError> {
        for token in tokens {
            self.write(token, None);
        }
        Ok(())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

fn racy() -> Arc<dyn SessionCopies> {
    Arc::new(RacySessionCopies::default())
}

/// It is only the races that it loses.
#[tokio::test]
async fn one_after_the_other_the_promises_hold() {
    promises::a_copy_in_place_is_not_overwritten(racy()).await;
    promises::a_forgotten_copy_is_gone_and_stays_out(racy()).await;
    promises::a_copy_in_place_is_replaced(racy()).await;
    promises::nothing_is_replaced_where_no_copy_is(racy()).await;
}

/// SES-04, TEST-01: every promise that names a race fails.
#[tokio::test(flavor = "multi_thread")]
async fn the_promises_about_races_break() {
    assert!(breaks(promises::of_racing_puts_one_copy_stays(racy())).await);
    assert!(breaks(promises::once_forgotten_no_racing_write_brings_a_copy_back(racy())).await);
}
