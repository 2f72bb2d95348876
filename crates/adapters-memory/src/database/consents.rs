//! Consents in process, for tests.

use std::collections::HashMap;

use async_trait::async_trait;
use domain::Timestamp;
use domain::change::AuditLine;
use domain::id::{SessionId, UserId};
use domain::oauth::client::ClientId;
use domain::oauth::consent::{Consent, Need};
use domain::secret::TokenHash;
use ports::consents::Consents;
use ports::error::StoreError;
use ports::sessions::RECENT;

use super::MemoryDatabase;
use crate::lock;

/// The table.
#[derive(Debug, Default)]
pub(super) struct Table(HashMap<(UserId, ClientId), Consent>);

impl Table {
    /// True if a user agreed to what a code for a program needs.
    pub(super) fn covers(&self, user_id: UserId, client_id: &ClientId, need: &Need) -> bool {
        self.0.get(&(user_id, client_id.clone())).is_some_and(|it| it.covers(need))
    }

    /// Forgets the consents of a user.
    pub(super) fn forget(&mut self, user_id: UserId) {
        self.0.retain(|(owner, _), _| *owner != user_id);
    }
}

#[async_trait]
impl Consents for MemoryDatabase {
    async fn give(
        &self,
        consent: &Consent,
        session: SessionId,
        line: &AuditLine,
    ) -> Result<Option<Consent>, StoreError> {
        let mut tables = lock(&self.0);
        let asking = tables.signed_in(session, line.at);
        if asking.is_none_or(|it| it.user.id != consent.user_id) {
            return Ok(None);
        }
        let key = (consent.user_id, consent.client_id.clone());
        let given = consent.clone().widening(tables.consents.0.get(&key));
        tables.consents.0.insert(key, given.clone());
        tables.audit.push(line.clone());
        Ok(Some(given))
    }

    async fn list(&self, user_id: UserId) -> Result<Vec<Consent>, StoreError> {
        let tables = lock(&self.0);
        let own = tables.consents.0.values().filter(|it| it.user_id == user_id);
        let mut own: Vec<_> = own.cloned().collect();
        own.sort_unstable_by(|one, other| {
            let by_time = other.granted_at.cmp(&one.granted_at);
            by_time.then_with(|| one.client_id.as_str().cmp(other.client_id.as_str()))
        });
        Ok(own)
    }

    async fn withdraw(
        &self,
        user_id: UserId,
        client_id: &ClientId,
        line: &AuditLine,
    ) -> Result<Option<Vec<TokenHash>>, StoreError> {
        let mut tables = lock(&self.0);
        let removed = tables.consents.0.remove(&(user_id, client_id.clone()));
        let mut is_new = removed.is_some();
        let mut dead = Vec::new();
        let lately = line.at.checked_sub(RECENT).unwrap_or(Timestamp::MIN);
        for id in tables.grants.of_client(client_id) {
            let Some(record) = tables.sessions.get_mut(&id) else { continue };
            if record.session.user_id != user_id {
                continue;
            }
            is_new |= record.ended_at.is_none();
            if *record.ended_at.get_or_insert(line.at) > lately {
                dead.push(record.token);
            }
        }
        if is_new {
            tables.audit.push(line.clone());
        }
        Ok((removed.is_some() || !dead.is_empty()).then_some(dead))
    }
}
