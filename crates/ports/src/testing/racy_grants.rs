//! Grants, signing keys and the keyring made racy: they read, let others go, and then write by what they read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::id::SessionId;
use domain::keyring::Entry;
use domain::oauth::code::Grant;
use domain::oauth::key::{KeyId, SigningKey};
use domain::secret::TokenHash;
use domain::{Duration, Timestamp};

use super::breaks;
use super::contract::grants::{self, Stores};
use super::contract::{keyring, signing_keys};
use crate::consents::Consents;
use crate::error::StoreError;
use crate::grants::{Child, Exchange, Exchanged, Found, Grants, Issued, NewCode, Refresh, Renewed};
use crate::keyring::Keyring;
use crate::signing_keys::SigningKeys;

/// Shows that the suites of grants, signing keys and the keyring fail on a racy variant of a store: `make`
/// gives a fresh store of the kind.
///
/// # Panics
/// If a promise holds on the racy variant: then its suite proves nothing.
pub async fn suites_fail_on_a_racy_variant<F>(make: impl Fn() -> F)
where
    F: Future<Output = Stores>,
{
    let racy = async || {
        let kept = make().await;
        Stores { grants: Arc::new(RacyGrants::of(kept.grants.clone())), ..kept }
    };
    assert!(breaks(grants::racing_exchanges_are_one(racy().await)).await);
    assert!(breaks(grants::racing_refreshes_have_one_successor(racy().await)).await);
    let keys: Arc<dyn SigningKeys> = Arc::new(RacyKeys::default());
    assert!(breaks(signing_keys::of_racing_keys_of_one_number_one_is_kept(keys)).await);
    let ring = || -> Arc<dyn Keyring> { Arc::new(RacyKeyring::default()) };
    assert!(breaks(keyring::of_racing_first_entries_one_is_kept(ring())).await);
    assert!(breaks(keyring::of_racing_entries_of_one_number_one_is_kept(ring())).await);
    assert!(breaks(keyring::a_number_stays_taken(ring())).await);
    assert!(breaks(keyring::whoever_is_retired_adds_nobody(ring())).await);
    assert!(breaks(keyring::of_racing_retirements_one_entry_is_left(ring())).await);
}

pub(super) struct RacyGrants {
    kept: Arc<dyn Grants>,
    /// Where a consent is looked for before the code that needs it is written.
    consents: Option<Arc<dyn Consents>>,
    exchanged: Mutex<HashMap<TokenHash, Exchanged>>,
    renewed: Mutex<HashMap<TokenHash, Renewed>>,
}

impl RacyGrants {
    fn of(kept: Arc<dyn Grants>) -> Self {
        let (exchanged, renewed) = (Mutex::default(), Mutex::default());
        Self { kept, consents: None, exchanged, renewed }
    }

    /// Racy about consents as well.
    pub(super) fn looking_first(kept: Arc<dyn Grants>, consents: Arc<dyn Consents>) -> Self {
        Self { consents: Some(consents), ..Self::of(kept) }
    }
}

/// What a table holds at a key.
fn held<T: Clone>(table: &Mutex<HashMap<TokenHash, T>>, key: &TokenHash) -> Option<T> {
    table.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
}

fn put<T>(table: &Mutex<HashMap<TokenHash, T>>, key: TokenHash, value: T) {
    table.lock().unwrap_or_else(PoisonError::into_inner).insert(key, value);
}

#[async_trait]
impl Grants for RacyGrants {
    /// Looks whether the person agreed, lets others go, and then writes the code.
    async fn issue(&self, new: &NewCode) -> Result<Issued, StoreError> {
        let (Some(consents), Some(child)) = (&self.consents, &new.child) else {
            return self.kept.issue(new).await;
        };
        if let Some(need) = &child.need {
            let held = consents.list(child.session.user_id).await?;
            let client_id = &new.code.grant.client_id;
            if !held.iter().any(|it| it.client_id == *client_id && it.covers(need)) {
                return Ok(Issued::Unconsented);
            }
            tokio::task::yield_now().await;
        }
        let child = Some(Child { need: None, ..child.clone() });
        self.kept.issue(&NewCode { child, ..new.clone() }).await
    }

    /// Looks whether the code was used, lets others go, and then says that it is exchanged.
    async fn exchange(&self, exchange: &Exchange) -> Result<Exchanged, StoreError> {
        let before = held(&self.exchanged, &exchange.code);
        tokio::task::yield_now().await;
        let done = self.kept.exchange(exchange).await?;
        if let Exchanged::Done { .. } = done {
            put(&self.exchanged, exchange.code, done.clone());
        }
        let after = held(&self.exchanged, &exchange.code);
        Ok(if before.is_none() { after.unwrap_or(done) } else { done })
    }

    /// Looks whether the token was rotated, lets others go, and then says that it is.
    async fn refresh(&self, refresh: &Refresh) -> Result<Renewed, StoreError> {
        let before = held(&self.renewed, &refresh.token);
        tokio::task::yield_now().await;
        let done = self.kept.refresh(refresh).await?;
        if let Renewed::Done { again: None, .. } = done {
            put(&self.renewed, refresh.token, done.clone());
        }
        let after = held(&self.renewed, &refresh.token);
        Ok(if before.is_none() { after.unwrap_or(done) } else { done })
    }

    async fn find_access(
        &self,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Found>, StoreError> {
        self.kept.find_access(token, now).await
    }

    async fn find_refresh(
        &self,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Found>, StoreError> {
        self.kept.find_refresh(token, now).await
    }

    async fn of_session(&self, id: SessionId) -> Result<Option<Grant>, StoreError> {
        self.kept.of_session(id).await
    }

    async fn end_access(&self, token: &TokenHash) -> Result<(), StoreError> {
        self.kept.end_access(token).await
    }

    async fn purge(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.kept.purge(now).await
    }
}

/// Keys, found by looking first.
#[derive(Default)]
struct RacyKeys(Mutex<Vec<SigningKey>>);

impl RacyKeys {
    fn all(&self) -> Vec<SigningKey> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl SigningKeys for RacyKeys {
    async fn list(&self) -> Result<Vec<SigningKey>, StoreError> {
        Ok(self.all())
    }

    async fn put(&self, key: &SigningKey) -> Result<bool, StoreError> {
        let is_free = self.all().iter().all(|it| it.number != key.number);
        tokio::task::yield_now().await;
        if is_free {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(key.clone());
        }
        Ok(is_free)
    }

    async fn remove(&self, ids: &[KeyId]) -> Result<(), StoreError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|it| !ids.contains(&it.id));
        Ok(())
    }
}

/// A keyring, decided upon by looking first.
#[derive(Default)]
struct RacyKeyring(Mutex<Vec<Entry>>);

impl RacyKeyring {
    async fn looked(&self, is_so: impl Fn(&[Entry]) -> bool) -> bool {
        let found = is_so(&self.0.lock().unwrap_or_else(PoisonError::into_inner));
        // Long enough for all racers to have looked: the first entry is raced for once.
        tokio::time::sleep(Duration::from_millis(5)).await;
        found
    }
}

#[async_trait]
impl Keyring for RacyKeyring {
    async fn list(&self) -> Result<Vec<Entry>, StoreError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn has_accounts(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn found(&self, first: &Entry) -> Result<bool, StoreError> {
        let is_free = self.looked(|all| all.iter().all(|it| it.number != first.number)).await;
        if is_free {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(first.clone());
        }
        Ok(is_free)
    }

    async fn add(&self, next: &Entry, by: i32) -> Result<bool, StoreError> {
        Ok(self.looked(|all| holds(all, by)).await && self.found(next).await?)
    }

    /// Forgets the others whole, so that their numbers are free.
    async fn retire_all_but(&self, number: i32) -> Result<Option<usize>, StoreError> {
        if !self.looked(|all| holds(all, number)).await {
            return Ok(None);
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.len();
        all.retain(|it| it.number == number);
        Ok(Some(before - all.len()))
    }
}

fn holds(all: &[Entry], number: i32) -> bool {
    all.iter().any(|it| it.number == number && it.wrapped.is_some())
}
