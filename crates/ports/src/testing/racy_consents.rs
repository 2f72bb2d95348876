//! Consents made racy: they are looked at, others go, and then it is written by what was seen.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::change::AuditLine;
use domain::id::{SessionId, UserId};
use domain::oauth::client::ClientId;
use domain::oauth::consent::Consent;
use domain::secret::TokenHash;

use super::breaks;
use super::contract::consents::{self, Stores};
use super::contract::grants;
use super::racy_grants::RacyGrants;
use crate::consents::Consents;
use crate::error::StoreError;

/// Shows that the suite of consents fails on racy variants of a store: `make` gives a fresh store
/// of the kind.
///
/// # Panics
/// If a promise holds on a racy variant: then the suite proves nothing.
pub async fn suite_fails_on_racy_variants<F>(make: impl Fn() -> F)
where
    F: Future<Output = Stores>,
{
    let kept = make().await;
    let held = Mutex::default();
    let racy = RacyConsents { kept: kept.consents.clone(), held };
    let racy = Stores { consents: Arc::new(racy), ..kept };
    assert!(breaks(consents::of_racing_consents_none_is_lost(racy)).await);

    let kept = make().await;
    let racy = RacyGrants::looking_first(kept.grants.grants.clone(), kept.consents.clone());
    let grants = grants::Stores { grants: Arc::new(racy), ..kept.grants };
    let racy = Stores { grants, ..kept };
    assert!(breaks(consents::racing_a_withdrawal_nothing_stays(racy)).await);
}

struct RacyConsents {
    kept: Arc<dyn Consents>,
    held: Mutex<HashMap<(UserId, ClientId), Consent>>,
}

#[async_trait]
impl Consents for RacyConsents {
    /// Looks for what was given before, lets others go, and then writes the two together.
    async fn give(
        &self,
        consent: &Consent,
        _: SessionId,
        _: &AuditLine,
    ) -> Result<Option<Consent>, StoreError> {
        let held = || self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (consent.user_id, consent.client_id.clone());
        let before = held().get(&key).cloned();
        tokio::task::yield_now().await;
        let after = consent.clone().widening(before.as_ref());
        held().insert(key, after.clone());
        Ok(Some(after))
    }

    async fn list(&self, user_id: UserId) -> Result<Vec<Consent>, StoreError> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(held.values().filter(|it| it.user_id == user_id).cloned().collect())
    }

    async fn withdraw(
        &self,
        user_id: UserId,
        client_id: &ClientId,
        line: &AuditLine,
    ) -> Result<Option<Vec<TokenHash>>, StoreError> {
        self.kept.withdraw(user_id, client_id, line).await
    }
}
