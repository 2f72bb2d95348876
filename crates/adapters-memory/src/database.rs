//! Accounts and sessions in process, for tests: the same promises as a database, kept by one lock.

mod outbox;

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use domain::Timestamp;
use domain::event::{Login, LoginEvent};
use domain::id::{EventId, IdentityId, SessionId, UserId};
use domain::identity::Identity;
use domain::lockout::{Attempts, LockoutPolicy};
use domain::login::{Account, Entry, Registration};
use domain::password::PasswordHash;
use domain::profile::ProfilePatch;
use domain::secret::{IdentifierKey, Subject, TokenHash};
use domain::session::{MOST_SESSIONS, Method, Session, SignedIn, Slide};
use domain::user::{User, UserState};
use ports::accounts::{
    Accounts, Attempt, Changed, Entered, PasswordChange, PasswordState, Reauthentication,
    Registered,
};
use ports::error::StoreError;
use ports::sessions::Sessions;

use crate::lock;

/// All tables behind one lock.
#[derive(Debug, Default)]
pub struct MemoryDatabase(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    users: HashMap<UserId, UserRecord>,
    identifiers: HashMap<IdentifierKey, (UserId, IdentityId)>,
    sessions: HashMap<SessionId, SessionRecord>,
    events: HashMap<EventId, LoginEvent>,
    attempts: HashMap<Counted, Attempts>,
    master_secret: Option<Subject>,
    outbox: outbox::Table,
}

#[derive(Debug)]
struct UserRecord {
    user: User,
    security_epoch: i32,
    password: Option<PasswordHash>,
    identities: Vec<Identity>,
}

#[derive(Debug)]
struct SessionRecord {
    session: Session,
    token: TokenHash,
    ended: bool,
}

/// Whose attempts are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Counted {
    User(UserId),
    Nobody(IdentifierKey),
}

impl MemoryDatabase {
    /// Switches an account off or on, as an operator would.
    pub fn set_state(&self, user_id: UserId, state: UserState) {
        if let Some(record) = lock(&self.0).users.get_mut(&user_id) {
            record.user.state = state;
        }
    }

    /// The audit log, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<LoginEvent> {
        let mut events: Vec<_> = lock(&self.0).events.values().cloned().collect();
        events.sort_unstable_by_key(|it| (it.at, it.id));
        events
    }
}

impl Tables {
    fn account(&self, key: &IdentifierKey) -> Option<Account> {
        let (user_id, identity_id) = *self.identifiers.get(key)?;
        let record = self.users.get(&user_id)?;
        let security_epoch = record.security_epoch;
        Some(Account { user: record.user.clone(), identity_id, security_epoch })
    }

    fn live(&self, user_id: UserId) -> impl Iterator<Item = &SessionRecord> {
        self.sessions.values().filter(move |it| it.session.user_id == user_id && !it.ended)
    }

    /// Writes a session and its audit line; gives the tokens of the sessions pushed out.
    fn begin(&mut self, entry: &Entry) -> Vec<TokenHash> {
        let session = &entry.session;
        if session.method == Method::Password {
            self.attempts.remove(&Counted::User(session.user_id));
        }
        let mut others: Vec<_> = self
            .live(session.user_id)
            .filter(|it| it.session.is_live(session.created_at))
            .map(|it| (it.session.last_seen_at, it.session.id))
            .collect();
        others.sort_unstable_by(|one, other| other.cmp(one));
        let mut ended = Vec::new();
        for (_, id) in others.split_off(others.len().min(MOST_SESSIONS - 1)) {
            if let Some(record) = self.sessions.get_mut(&id) {
                record.ended = true;
                ended.push(record.token);
            }
        }
        let owner = self.users.get_mut(&session.user_id);
        let used = owner.and_then(|it| {
            it.identities.iter_mut().find(|identity| identity.id == session.identity_id)
        });
        if let Some(identity) = used {
            identity.last_used_at = Some(session.created_at);
            identity.last_ip = Some(session.origin.ip);
        }
        let record = SessionRecord { session: session.clone(), token: entry.token, ended: false };
        self.sessions.insert(session.id, record);
        self.events.insert(entry.event.id, entry.event.clone());
        ended
    }
}

#[async_trait]
impl Accounts for MemoryDatabase {
    async fn find(&self, identifier: &IdentifierKey) -> Result<Option<Account>, StoreError> {
        Ok(lock(&self.0).account(identifier))
    }

    async fn enter(&self, entry: &Entry) -> Result<Entered, StoreError> {
        let mut tables = lock(&self.0);
        let unchanged = tables.users.get(&entry.session.user_id).is_some_and(|it| {
            it.user.state == UserState::Active
                && it.security_epoch == entry.security_epoch
                && it.identities.iter().any(|it| it.id == entry.session.identity_id)
        });
        if !unchanged {
            return Ok(Entered::Stale);
        }
        Ok(Entered::In { ended: tables.begin(entry) })
    }

    async fn register(&self, registration: &Registration) -> Result<Registered, StoreError> {
        let mut tables = lock(&self.0);
        let entry = &registration.entry;
        let (user_id, identity_id) = (registration.user.id, entry.session.identity_id);
        if tables.identifiers.contains_key(&entry.event.identifier) {
            return Ok(Registered::Taken);
        }
        tables.identifiers.insert(entry.event.identifier, (user_id, identity_id));
        let record = UserRecord {
            user: registration.user.clone(),
            security_epoch: 0,
            password: registration.password.clone(),
            identities: vec![Identity {
                id: identity_id,
                kind: registration.kind,
                display: registration.display.clone(),
                verified_at: registration.verified_at,
                linked_at: entry.session.created_at,
                last_used_at: None,
                last_ip: None,
            }],
        };
        tables.users.insert(user_id, record);
        tables.begin(entry);
        Ok(Registered::New)
    }

    async fn begin_attempt(
        &self,
        identifier: &IdentifierKey,
        policy: &LockoutPolicy,
        now: Timestamp,
    ) -> Result<Attempt, StoreError> {
        let mut tables = lock(&self.0);
        let account = tables.account(identifier);
        let counted = match &account {
            Some(it) => Counted::User(it.user.id),
            None => Counted::Nobody(*identifier),
        };
        let before = tables.attempts.get(&counted).copied().unwrap_or_default();
        let after = match policy.attempt(before, now) {
            Ok(after) => after,
            Err(until) => return Ok(Attempt::Waiting { until }),
        };
        tables.attempts.insert(counted, after);
        let record = account.as_ref().and_then(|it| tables.users.get(&it.user.id));
        let password = record.and_then(|it| it.password.clone());
        Ok(Attempt::Counted { account, password, locks: after.waits_until.is_some() })
    }

    async fn record(&self, event: &LoginEvent) -> Result<(), StoreError> {
        match lock(&self.0).events.insert(event.id, event.clone()) {
            None => Ok(()),
            Some(_) => {
                Err(StoreError::Rejected { store: "memory", source: "written twice".into() })
            }
        }
    }

    async fn upgrade_hash(
        &self,
        user_id: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError> {
        let mut tables = lock(&self.0);
        let stored = tables.users.get_mut(&user_id).and_then(|it| it.password.as_mut());
        match stored.filter(|it| **it == *old) {
            Some(stored) => {
                *stored = new.clone();
                Ok(true)
            }
            None => Ok(false),
        }
    }

    async fn password_state(&self, user_id: UserId) -> Result<Option<PasswordState>, StoreError> {
        let tables = lock(&self.0);
        let active = tables.users.get(&user_id).filter(|it| it.user.state == UserState::Active);
        let key = tables.identifiers.iter().find(|(_, (owner, _))| *owner == user_id);
        let (Some(record), Some((identifier, _))) = (active, key) else { return Ok(None) };
        Ok(Some(PasswordState {
            displays: record
                .identities
                .iter()
                .map(|it| (it.id, it.kind, it.display.clone()))
                .collect(),
            security_epoch: record.security_epoch,
            has_password: record.password.is_some(),
            identifier: *identifier,
        }))
    }

    async fn change_password(&self, change: &PasswordChange) -> Result<Changed, StoreError> {
        let mut tables = lock(&self.0);
        let lives = tables.live(change.user_id).any(|it| it.session.id == change.session_id);
        let Some(record) = tables.users.get_mut(&change.user_id).filter(|it| {
            lives
                && it.user.state == UserState::Active
                && it.security_epoch == change.security_epoch
        }) else {
            return Ok(Changed::Stale);
        };
        record.security_epoch += 1;
        record.password = Some(change.new.clone());
        record.user.has_password = true;
        tables.attempts.remove(&Counted::User(change.user_id));
        let mut dead = Vec::new();
        for record in tables.sessions.values_mut() {
            if record.session.user_id == change.user_id && !record.ended {
                dead.push(record.token);
                if record.session.id == change.session_id {
                    record.token = change.token;
                } else {
                    record.ended = true;
                }
            }
        }
        Ok(Changed::Done { dead })
    }

    async fn reauthenticate(&self, proof: &Reauthentication) -> Result<Changed, StoreError> {
        let mut tables = lock(&self.0);
        let unchanged = tables.users.get(&proof.user_id).is_some_and(|it| {
            it.user.state == UserState::Active && it.security_epoch == proof.security_epoch
        });
        let session = tables.sessions.get_mut(&proof.session_id);
        let Some(record) = session.filter(|it| unchanged && !it.ended) else {
            return Ok(Changed::Stale);
        };
        let dead = std::mem::replace(&mut record.token, proof.token);
        record.session.auth_time = proof.event.at;
        if proof.event.method == Method::Password {
            tables.attempts.remove(&Counted::User(proof.user_id));
        }
        tables.events.insert(proof.event.id, proof.event.clone());
        Ok(Changed::Done { dead: vec![dead] })
    }

    async fn patch_profile(
        &self,
        user_id: UserId,
        patch: &ProfilePatch,
    ) -> Result<Option<(User, Vec<TokenHash>)>, StoreError> {
        let mut tables = lock(&self.0);
        let tokens = tables.live(user_id).map(|it| it.token).collect();
        let Some(record) = tables.users.get_mut(&user_id) else { return Ok(None) };
        let profile = &mut record.user.profile;
        if let Some(nickname) = &patch.nickname {
            profile.nickname.clone_from(nickname);
        }
        if let Some(avatar_url) = &patch.avatar_url {
            profile.avatar_url.clone_from(avatar_url);
        }
        Ok(Some((record.user.clone(), tokens)))
    }

    async fn identities(&self, user_id: UserId) -> Result<Vec<Identity>, StoreError> {
        let tables = lock(&self.0);
        Ok(tables.users.get(&user_id).map(|it| it.identities.clone()).unwrap_or_default())
    }

    async fn logins(
        &self,
        user_id: UserId,
        before: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<Login>, StoreError> {
        let tables = lock(&self.0);
        let mut found: Vec<_> = tables
            .events
            .values()
            .filter(|it| it.user_id == Some(user_id) && before.is_none_or(|before| it.id < before))
            .map(|it| Login {
                id: it.id,
                method: it.method,
                outcome: it.outcome,
                origin: it.origin.clone(),
                at: it.at,
            })
            .collect();
        found.sort_unstable_by_key(|it| std::cmp::Reverse(it.id));
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    async fn belongs_to(&self, secret: &Subject) -> Result<bool, StoreError> {
        Ok(lock(&self.0).master_secret.get_or_insert(*secret) == secret)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl Sessions for MemoryDatabase {
    async fn find(
        &self,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<SignedIn>, StoreError> {
        let tables = lock(&self.0);
        let found = tables.sessions.values().find(|it| it.token == *token && !it.ended);
        let Some(record) = found.filter(|it| it.session.is_live(now)) else { return Ok(None) };
        let owner = tables.users.get(&record.session.user_id);
        let active = owner.filter(|it| it.user.state == UserState::Active);
        Ok(active.map(|it| SignedIn { session: record.session.clone(), user: it.user.clone() }))
    }

    async fn slide(&self, id: SessionId, slide: Slide) -> Result<(), StoreError> {
        let mut tables = lock(&self.0);
        if let Some(record) = tables.sessions.get_mut(&id).filter(|it| !it.ended) {
            let session = &record.session;
            if session.last_seen_at < slide.last_seen_at
                && session.idle_ends_at <= slide.idle_ends_at
            {
                record.session = session.clone().slid(slide);
            }
        }
        Ok(())
    }

    async fn list(&self, user_id: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let tables = lock(&self.0);
        let mut live: Vec<_> = tables
            .live(user_id)
            .map(|it| it.session.clone())
            .filter(|it| it.is_live(now))
            .collect();
        live.sort_unstable_by_key(|it| std::cmp::Reverse((it.last_seen_at, it.id)));
        Ok(live)
    }

    async fn end_one(
        &self,
        user_id: UserId,
        id: SessionId,
        _now: Timestamp,
    ) -> Result<Option<TokenHash>, StoreError> {
        let mut tables = lock(&self.0);
        let found = tables.sessions.get_mut(&id).filter(|it| it.session.user_id == user_id);
        Ok(found.map(|it| {
            it.ended = true;
            it.token
        }))
    }

    async fn end_all(
        &self,
        user_id: UserId,
        kept: Option<SessionId>,
        _now: Timestamp,
    ) -> Result<Vec<TokenHash>, StoreError> {
        let mut tables = lock(&self.0);
        let mut tokens = Vec::new();
        for record in tables.sessions.values_mut() {
            if record.session.user_id == user_id && Some(record.session.id) != kept {
                record.ended = true;
                tokens.push(record.token);
            }
        }
        Ok(tokens)
    }

    async fn end(&self, id: SessionId, _now: Timestamp) -> Result<(), StoreError> {
        if let Some(record) = lock(&self.0).sessions.get_mut(&id) {
            record.ended = true;
        }
        Ok(())
    }
}
