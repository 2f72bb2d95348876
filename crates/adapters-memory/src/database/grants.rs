//! Codes, tokens and signing keys in process, for tests.

use std::collections::HashMap;

use async_trait::async_trait;
use domain::id::SessionId;
use domain::oauth::client::ClientId;
use domain::oauth::code::{Code, Grant, Refusal};
use domain::oauth::key::{KeyId, SigningKey};
use domain::oauth::refresh::{self, GRACE, Held, Refreshed, narrowed};
use domain::oauth::scope::Scopes;
use domain::secret::TokenHash;
use domain::session::{MOST_SESSIONS, Session, SignedIn};
use domain::user::UserState;
use domain::{Timestamp, later};
use ports::error::StoreError;
use ports::grants::{
    Betrayed, Exchange, Exchanged, Found, Granted, Grants, Issued, NewCode, Refresh, Renewed, Taken,
};
use ports::signing_keys::SigningKeys;

use super::{MemoryDatabase, SessionRecord};
use crate::lock;

/// The tables.
#[derive(Debug, Default)]
pub(super) struct Tables {
    codes: HashMap<TokenHash, CodeRecord>,
    access: HashMap<TokenHash, (SessionId, Scopes, Timestamp)>,
    refresh: HashMap<TokenHash, (SessionId, Held)>,
    keys: Vec<SigningKey>,
}

#[derive(Debug)]
struct CodeRecord {
    code: Code,
    is_used: bool,
    /// First moment at which nobody needs it; `None` for never.
    kept_until: Option<Timestamp>,
}

impl Tables {
    /// The sessions that stand for grants of a client.
    pub(super) fn of_client(&self, client_id: &ClientId) -> Vec<SessionId> {
        let grants = self.codes.values().map(|it| &it.code.grant);
        grants.filter(|it| it.client_id == *client_id).map(|it| it.session_id).collect()
    }

    /// Forgets what hangs on a session; gives how much.
    pub(super) fn forget(&mut self, session_id: SessionId) -> usize {
        let before = self.codes.len() + self.refresh.len();
        self.codes.retain(|_, it| it.code.grant.session_id != session_id);
        self.refresh.retain(|_, (id, _)| *id != session_id);
        before - self.codes.len() - self.refresh.len()
    }
}

impl super::Tables {
    /// A live session and its owner.
    pub(super) fn signed_in(&self, id: SessionId, now: Timestamp) -> Option<SignedIn> {
        let record =
            self.sessions.get(&id).filter(|it| it.ended_at.is_none() && it.session.is_live(now))?;
        let owner = self.users.get(&record.session.user_id)?;
        let user = (owner.user.state == UserState::Active).then(|| owner.user.clone())?;
        Some(SignedIn { session: record.session.clone(), user })
    }

    fn betrayed(&self, session_id: SessionId) -> Option<Betrayed> {
        let user_id = self.sessions.get(&session_id)?.session.user_id;
        Some(Betrayed { user_id, session_id })
    }

    fn grant(&self, session_id: SessionId) -> Option<&Grant> {
        let grants = self.grants.codes.values().map(|it| &it.code.grant);
        grants.into_iter().find(|it| it.session_id == session_id)
    }

    /// Ends the sessions over the most, but for one.
    fn push_out(&mut self, new: &Session) -> Vec<TokenHash> {
        let mut others: Vec<_> = self
            .live(new.user_id)
            .filter(|it| it.session.is_live(new.created_at) && it.session.id != new.id)
            .map(|it| (it.session.last_seen_at, it.session.id))
            .collect();
        others.sort_unstable_by(|one, other| other.cmp(one));
        let mut ended = Vec::new();
        for (_, id) in others.split_off(others.len().min(MOST_SESSIONS - 1)) {
            if let Some(record) = self.sessions.get_mut(&id) {
                record.ended_at = Some(new.created_at);
                ended.push(record.token);
            }
        }
        ended
    }
}

#[async_trait]
impl Grants for MemoryDatabase {
    async fn issue(&self, new: &NewCode) -> Result<Issued, StoreError> {
        let mut tables = lock(&self.0);
        let mut ended = Vec::new();
        if let Some(child) = &new.child {
            let parent = tables.signed_in(child.parent, new.at);
            let is_own = parent.is_some_and(|parent| {
                let owner = tables.users.get(&parent.session.user_id);
                parent.session.user_id == child.session.user_id
                    && owner.is_some_and(|it| {
                        it.identities.iter().any(|it| it.id == child.session.identity_id)
                    })
            });
            if !is_own {
                return Ok(Issued::Stale);
            }
            let (user_id, client_id) = (child.session.user_id, &new.code.grant.client_id);
            let consents = &tables.consents;
            if child.need.is_some_and(|need| !consents.covers(user_id, client_id, &need)) {
                return Ok(Issued::Unconsented);
            }
            let session = child.session.clone();
            let record = SessionRecord { session, token: child.token, ended_at: None };
            tables.sessions.insert(child.session.id, record);
            ended = tables.push_out(&child.session);
        }
        if tables.signed_in(new.code.grant.session_id, new.at).is_none() {
            return Ok(Issued::Stale);
        }
        let kept_until = Some(new.code.expires_at);
        let record = CodeRecord { code: new.code.clone(), is_used: false, kept_until };
        tables.grants.codes.insert(new.code.hash, record);
        Ok(Issued::Done { ended })
    }

    async fn exchange(&self, exchange: &Exchange) -> Result<Exchanged, StoreError> {
        let mut tables = lock(&self.0);
        let Some(record) = tables.grants.codes.get(&exchange.code) else {
            return Ok(Exchanged::Unfit);
        };
        let grant = record.code.grant.clone();
        let nonce = record.code.nonce.clone();
        let found = tables.signed_in(grant.session_id, exchange.at);
        let checked =
            record.code.check(record.is_used, found.is_some(), &exchange.shown, exchange.at);
        let mut signed_in = match (checked, found) {
            (Ok(()), Some(found)) => found,
            (Err(Refusal::Used), _) => {
                let betrayed = tables.betrayed(grant.session_id);
                return Ok(betrayed.map_or(Exchanged::Unfit, Exchanged::Used));
            }
            _ => return Ok(Exchanged::Unfit),
        };
        let ends = exchange.ends.within(signed_in.session.absolute_ends_at);
        signed_in.session.idle_ends_at = ends.idle;
        signed_in.session.absolute_ends_at = ends.absolute;
        signed_in.session.last_seen_at = exchange.at;
        if let Some(record) = tables.grants.codes.get_mut(&exchange.code) {
            record.is_used = true;
            record.kept_until = ends.absolute;
        }
        let id = grant.session_id;
        if let Some(record) = tables.sessions.get_mut(&id) {
            record.session = signed_in.session.clone();
            if let Taken::Session(token) = exchange.taken {
                record.token = token;
            }
        }
        if let Taken::Pair { access, refresh } = exchange.taken {
            tables.grants.access.insert(access.hash, (id, grant.scope, access.expires_at));
            let held = Held { rotated_at: None, successor: None };
            tables.grants.refresh.insert(refresh, (id, held));
        }
        Ok(Exchanged::Done { granted: Box::new(Granted { grant, signed_in }), nonce })
    }

    async fn refresh(&self, refresh: &Refresh) -> Result<Renewed, StoreError> {
        let mut tables = lock(&self.0);
        let Some((id, held)) = tables.grants.refresh.get(&refresh.token).cloned() else {
            return Ok(Renewed::Unfit);
        };
        let Some(grant) = tables.grant(id).cloned() else { return Ok(Renewed::Unfit) };
        let found = tables.signed_in(id, refresh.at);
        let fits = found.is_some() && grant.client_id == refresh.client_id;
        let again = match held.refresh(fits, refresh.at) {
            Ok(Refreshed::Rotate) => None,
            Ok(Refreshed::Again(next)) => Some(next),
            Err(refresh::Refusal::Used) => {
                return Ok(tables.betrayed(id).map_or(Renewed::Unfit, Renewed::Used));
            }
            Err(refresh::Refusal::Unfit) => return Ok(Renewed::Unfit),
        };
        let Some(mut signed_in) = found else { return Ok(Renewed::Unfit) };
        let Some(scope) = narrowed(grant.scope, refresh.scope) else { return Ok(Renewed::Wider) };
        let ends = refresh.ends.within(signed_in.session.absolute_ends_at);
        signed_in.session.idle_ends_at = ends.idle;
        signed_in.session.absolute_ends_at = ends.absolute;
        signed_in.session.last_seen_at = refresh.at;
        if let Some(record) = tables.sessions.get_mut(&id) {
            record.session = signed_in.session.clone();
        }
        if again.is_none() {
            let successor = Some(refresh.sealed.clone());
            let rotated = Held { rotated_at: Some(refresh.at), successor };
            tables.grants.refresh.insert(refresh.token, (id, rotated));
            let held = Held { rotated_at: None, successor: None };
            tables.grants.refresh.insert(refresh.next, (id, held));
        }
        let access = &refresh.access;
        tables.grants.access.insert(access.hash, (id, scope, access.expires_at));
        let granted = Box::new(Granted { grant: Grant { scope, ..grant }, signed_in });
        Ok(Renewed::Done { granted, again })
    }

    async fn find_access(
        &self,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Found>, StoreError> {
        let tables = lock(&self.0);
        let held = tables.grants.access.get(token).filter(|(_, _, end)| *end > now);
        let Some(&(id, scope, expires_at)) = held else { return Ok(None) };
        let (Some(grant), Some(signed_in)) = (tables.grant(id), tables.signed_in(id, now)) else {
            return Ok(None);
        };
        let granted = Granted { grant: Grant { scope, ..grant.clone() }, signed_in };
        Ok(Some(Found { granted, expires_at, is_current: true }))
    }

    async fn find_refresh(
        &self,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Found>, StoreError> {
        let tables = lock(&self.0);
        let Some((id, held)) = tables.grants.refresh.get(token) else { return Ok(None) };
        let (Some(grant), Some(signed_in)) = (tables.grant(*id), tables.signed_in(*id, now)) else {
            return Ok(None);
        };
        let (expires_at, is_current) = (signed_in.session.ends_at(), held.rotated_at.is_none());
        let granted = Granted { grant: grant.clone(), signed_in };
        Ok(Some(Found { granted, expires_at, is_current }))
    }

    async fn of_session(&self, id: SessionId) -> Result<Option<Grant>, StoreError> {
        Ok(lock(&self.0).grant(id).cloned())
    }

    async fn end_access(&self, token: &TokenHash) -> Result<(), StoreError> {
        lock(&self.0).grants.access.remove(token);
        Ok(())
    }

    async fn purge(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut tables = lock(&self.0);
        let super::Tables { grants, sessions, .. } = &mut *tables;
        let before = grants.codes.len() + grants.access.len() + grants.refresh.len();
        grants.codes.retain(|_, it| it.kept_until.is_none_or(|it| it > now));
        grants.access.retain(|_, (_, _, end)| *end > now);
        grants.refresh.retain(|_, (id, _)| {
            let session = sessions.get(id).map(|it| &it.session);
            session.and_then(|it| it.absolute_ends_at).is_none_or(|it| it > now)
        });
        for (_, held) in grants.refresh.values_mut() {
            if held.rotated_at.is_some_and(|it| later(it, GRACE) <= now) {
                held.successor = None;
            }
        }
        let after = grants.codes.len() + grants.access.len() + grants.refresh.len();
        Ok(u64::try_from(before - after).unwrap_or(u64::MAX))
    }
}

#[async_trait]
impl SigningKeys for MemoryDatabase {
    async fn list(&self) -> Result<Vec<SigningKey>, StoreError> {
        Ok(lock(&self.0).grants.keys.clone())
    }

    async fn put(&self, key: &SigningKey) -> Result<bool, StoreError> {
        let keys = &mut lock(&self.0).grants.keys;
        let is_free = keys.iter().all(|it| it.number != key.number);
        if is_free {
            keys.push(key.clone());
            keys.sort_unstable_by_key(|it| it.number);
        }
        Ok(is_free)
    }

    async fn remove(&self, ids: &[KeyId]) -> Result<(), StoreError> {
        lock(&self.0).grants.keys.retain(|it| !ids.contains(&it.id));
        Ok(())
    }
}
