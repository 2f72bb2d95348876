//! Accounts and sessions in process, for tests: the same promises as a database, kept by one lock.

mod consents;
mod grants;
mod keyring;
mod outbox;
mod retention;

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use domain::Timestamp;
use domain::account::AccountState;
use domain::change::{AuditLine, Base, Change};
use domain::ending::{AccountEvent, Fate, Holding};
use domain::event::{Login, LoginEvent, Outcome};
use domain::id::{EventId, IdentityId, SessionId, UserId};
use domain::identifier::IdentifierKind;
use domain::identity::{Identity, Name};
use domain::lockout::{Attempts, LockoutPolicy};
use domain::login::{Account, Entry, Registration};
use domain::message::Notice;
use domain::outbox::{Event, News, Outgoing};
use domain::password::PasswordHash;
use domain::profile::ProfilePatch;
use domain::provider::SpentProof;
use domain::secret::{IdentifierKey, TokenHash};
use domain::session::{MOST_SESSIONS, Method, Session, SignedIn, Slide};
use domain::user::{User, UserState};
use ports::accounts::{Accounts, Attempt, Changed, Entered, Reauthentication, Registered};
use ports::error::StoreError;
use ports::sessions::{RECENT, Sessions};

use crate::lock;

/// All tables behind one lock.
#[derive(Debug, Default)]
pub struct MemoryDatabase(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    users: HashMap<UserId, UserRecord>,
    identifiers: HashMap<IdentifierKey, Known>,
    spent: HashMap<[u8; 32], Timestamp>,
    sessions: HashMap<SessionId, SessionRecord>,
    /// The last use of sessions that are gone.
    last_visits: HashMap<UserId, Timestamp>,
    events: HashMap<EventId, LoginEvent>,
    attempts: HashMap<Counted, Attempts>,
    audit: Vec<AuditLine>,
    keyring: Vec<domain::keyring::Entry>,
    /// The latest moment that was noted.
    noted: Option<Timestamp>,
    outbox: outbox::Table,
    grants: grants::Tables,
    consents: consents::Table,
}

/// Whose a name is.
#[derive(Debug, Clone)]
struct Known {
    user_id: UserId,
    identity_id: IdentityId,
    namespace: String,
}

#[derive(Debug)]
struct UserRecord {
    user: User,
    security_epoch: i32,
    revision: i32,
    password: Option<PasswordHash>,
    identities: Vec<Identity>,
    resets_since: Option<Timestamp>,
    links_since: Option<Timestamp>,
    merged_into: Option<UserId>,
    frees_at: Option<Timestamp>,
}

#[derive(Debug)]
struct SessionRecord {
    session: Session,
    token: TokenHash,
    ended_at: Option<Timestamp>,
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

    /// The audit log beside the logins, oldest first.
    #[must_use]
    pub fn audit(&self) -> Vec<AuditLine> {
        lock(&self.0).audit.clone()
    }
}

impl Tables {
    fn account(&self, key: &IdentifierKey) -> Option<Account> {
        let Known { user_id, identity_id, .. } = *self.identifiers.get(key)?;
        let record = self.users.get(&user_id)?;
        let security_epoch = record.security_epoch;
        let logins = record.identities.iter().filter_map(|it| it.last_used_at);
        let visits = self.sessions.values().filter(|it| it.session.user_id == user_id);
        let visits = visits.map(|it| it.session.last_seen_at);
        let gone = self.last_visits.get(&user_id).copied();
        let last_seen_at =
            logins.chain(visits).chain(gone).fold(record.user.created_at, Timestamp::max);
        Some(Account { user: record.user.clone(), identity_id, security_epoch, last_seen_at })
    }

    /// Writes a change, on a copy that is thrown away unless it is done.
    fn change(&mut self, change: &Change) -> Changed {
        let is_as_planned = |it: &Base| {
            self.users.get(&it.user_id).is_some_and(|record| {
                record.revision == it.revision && record.user.state == it.state
            })
        };
        if !is_as_planned(&change.base) || !change.absorbed.as_ref().is_none_or(is_as_planned) {
            return Changed::Stale;
        }
        let user_id = change.base.user_id;
        if change
            .session
            .is_some_and(|asking| !self.live(user_id).any(|it| it.session.id == asking))
        {
            return Changed::SessionEnded;
        }
        if change.linked.as_ref().is_some_and(|it| self.has_any(&it.names)) {
            return Changed::Taken;
        }
        if !self.spend(change.spent) {
            return Changed::Spent;
        }
        let fate = |it: &Session| change.fate(it.id, it.identity_id);
        let mut dead = self.end_by(user_id, change.token, change.at, fate);
        self.note(user_id, change.about, change.state, change.void_before);
        self.identifiers.retain(|_, it| !change.unlinked.contains(&it.identity_id));
        if let Some(absorbed) = &change.absorbed {
            let retired = absorbed.user_id;
            let fate = AccountEvent::Absorbed.fate(Holding::OtherSession);
            dead.extend(self.end_by(retired, None, change.at, |_| fate));
            self.note(retired, AccountEvent::Absorbed, UserState::Merged, change.void_before);
            self.attempts.remove(&Counted::User(retired));
            let mut moved = Vec::new();
            for record in self.users.values_mut() {
                if record.user.id == retired {
                    moved.append(&mut record.identities);
                    record.password = None;
                    record.user.has_password = false;
                }
                if record.user.id == retired || record.merged_into == Some(retired) {
                    record.merged_into = Some(user_id);
                }
            }
            for known in self.identifiers.values_mut().filter(|it| it.user_id == retired) {
                known.user_id = user_id;
            }
            if let Some(record) = self.users.get_mut(&user_id) {
                record.identities.append(&mut moved);
                record.identities.sort_unstable_by_key(|it| it.id);
            }
        }
        if let Some(record) = self.users.get_mut(&user_id) {
            record.identities.retain(|it| !change.unlinked.contains(&it.id));
            if let Some(new) = &change.linked {
                for Name { key, namespace } in new.names.clone() {
                    self.identifiers.insert(key, Known { user_id, identity_id: new.id, namespace });
                }
                record.identities.push(Identity {
                    id: new.id,
                    kind: new.kind,
                    display: new.display.clone(),
                    verified_at: Some(change.at),
                    linked_at: change.at,
                    last_used_at: None,
                    last_ip: None,
                });
            }
            if let Some(password) = &change.password {
                record.password = Some(password.clone());
                self.attempts.remove(&Counted::User(user_id));
            }
            if change.state == UserState::Deleted {
                record.password = None;
                record.frees_at = change.frees_at;
                self.attempts.remove(&Counted::User(user_id));
            }
            if let Some(profile) = &change.profile {
                record.user.profile.clone_from(profile);
            }
            record.user.has_password = record.password.is_some();
            record.user.has_phone =
                record.identities.iter().any(|it| it.kind == IdentifierKind::Phone);
        }
        self.audit.extend(change.audit.iter().cloned());
        self.outbox.put(&change.outgoing);
        Changed::Done { dead }
    }

    /// True if somebody has one of some names.
    fn has_any(&self, names: &[Name]) -> bool {
        names.iter().any(|it| self.identifiers.contains_key(&it.key))
    }

    /// Notes that a proof is used up; false if it was before.
    fn spend(&mut self, spent: Option<SpentProof>) -> bool {
        spent.is_none_or(|it| self.spent.insert(it.digest, it.until).is_none())
    }

    /// Asks the truth table about each live session of a user; gives the tokens that are dead.
    fn end_by(
        &mut self,
        user_id: UserId,
        new: Option<TokenHash>,
        at: Timestamp,
        fate: impl Fn(&Session) -> Fate,
    ) -> Vec<TokenHash> {
        let mut dead = Vec::new();
        for record in self.sessions.values_mut() {
            if record.session.user_id != user_id || record.ended_at.is_some() {
                continue;
            }
            match (fate(&record.session), new) {
                (Fate::Kept, _) => {}
                (Fate::Rotated, Some(new)) => dead.push(std::mem::replace(&mut record.token, new)),
                (Fate::Ended | Fate::Rotated, _) => {
                    record.ended_at = Some(at);
                    dead.push(record.token);
                }
            }
        }
        dead
    }

    /// Notes what an event does to all that is on its way to an account.
    fn note(&mut self, user_id: UserId, about: AccountEvent, to: UserState, at: Timestamp) {
        let Some(record) = self.users.get_mut(&user_id) else { return };
        let ends = |holding| about.fate(holding) == Fate::Ended;
        record.revision += 1;
        record.user.state = to;
        record.security_epoch += i32::from(ends(Holding::LoginInFlight));
        if ends(Holding::ResetCode) {
            record.resets_since = record.resets_since.max(Some(at));
        }
        if ends(Holding::LinkCode) {
            record.links_since = record.links_since.max(Some(at));
        }
        if ends(Holding::Consent) {
            self.consents.forget(user_id);
        }
    }

    fn live(&self, user_id: UserId) -> impl Iterator<Item = &SessionRecord> {
        self.sessions
            .values()
            .filter(move |it| it.session.user_id == user_id && it.ended_at.is_none())
    }

    /// Writes a session and its audit line; gives the tokens of the sessions pushed out.
    /// The first device of a new user is not a new one.
    fn begin(&mut self, entry: &Entry, is_new: bool) -> Vec<TokenHash> {
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
                record.ended_at = Some(session.created_at);
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
        let tell = |id, news| Outgoing { id, user_id: session.user_id, at: entry.event.at, news };
        let method = session.method;
        let told = entry.logged_in.map(|id| tell(id, News::Event(Event::LoggedIn { method })));
        self.outbox.put(told.as_slice());
        let is_seen = self.events.values().any(|it| {
            it.user_id == Some(session.user_id)
                && it.outcome == Outcome::Success
                && it.origin.device.id == session.origin.device.id
        });
        if !is_new && !is_seen {
            let notice = News::Notice { notice: Notice::NewDevice, to: None };
            self.outbox.put(&[tell(entry.new_device, notice)]);
        }
        let record = SessionRecord { session: session.clone(), token: entry.token, ended_at: None };
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

    async fn find_all(
        &self,
        identifiers: &[IdentifierKey],
    ) -> Result<Vec<(IdentifierKey, Account)>, StoreError> {
        let tables = lock(&self.0);
        let found = identifiers.iter().filter_map(|it| Some((*it, tables.account(it)?)));
        Ok(found.collect())
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
        if !tables.spend(entry.trace.spent) {
            return Ok(Entered::Spent);
        }
        let (user_id, identity_id) = (entry.session.user_id, entry.session.identity_id);
        for Name { key, namespace } in entry.trace.names.clone() {
            let known = Known { user_id, identity_id, namespace };
            tables.identifiers.entry(key).or_insert(known);
        }
        Ok(Entered::In { ended: tables.begin(entry, false) })
    }

    async fn register(&self, registration: &Registration) -> Result<Registered, StoreError> {
        let mut tables = lock(&self.0);
        let entry = &registration.entry;
        let (user_id, identity_id) = (registration.user.id, entry.session.identity_id);
        if let Some(change) = &registration.taken_from
            && !matches!(tables.change(change), Changed::Done { .. })
        {
            return Ok(Registered::Taken);
        }
        if tables.has_any(&registration.names) {
            return Ok(Registered::Taken);
        }
        if !tables.spend(entry.trace.spent) {
            return Ok(Registered::Spent);
        }
        for Name { key, namespace } in registration.names.clone() {
            tables.identifiers.insert(key, Known { user_id, identity_id, namespace });
        }
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
            revision: 0,
            resets_since: None,
            links_since: None,
            merged_into: None,
            frees_at: None,
        };
        if let Some(id) = registration.registered {
            let news = News::Event(Event::Registered { kind: registration.kind });
            tables.outbox.put(&[Outgoing { id, user_id, at: entry.event.at, news }]);
        }
        tables.users.insert(user_id, record);
        tables.begin(entry, true);
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
        Ok(Attempt::Counted { account, password, locks: after.waits_until })
    }

    async fn knows_device(
        &self,
        identifier: &IdentifierKey,
        device_id: &str,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let tables = lock(&self.0);
        let Some(owner) = tables.identifiers.get(identifier).map(|it| it.user_id) else {
            return Ok(false);
        };
        Ok(tables.events.values().any(|it| {
            it.user_id == Some(owner)
                && it.outcome == Outcome::Success
                && it.origin.device.id.as_deref() == Some(device_id)
                && it.at >= since
        }))
    }

    async fn load(
        &self,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Option<AccountState>, StoreError> {
        let tables = lock(&self.0);
        let Some(record) = tables.users.get(&user_id) else { return Ok(None) };
        let own = tables.identifiers.iter().filter(|(_, it)| it.user_id == user_id);
        let mut names: Vec<_> = own
            .map(|(key, it)| (Name { key: *key, namespace: it.namespace.clone() }, it.identity_id))
            .collect();
        names.sort_unstable_by_key(|(_, identity)| *identity);
        let lately = now.checked_sub(RECENT).unwrap_or(Timestamp::MIN);
        let own = tables.sessions.values().filter(|it| it.session.user_id == user_id);
        let copied = own
            .filter(|it| it.ended_at.is_none_or(|it| it > lately) && it.session.is_live(now))
            .map(|it| it.token);
        Ok(Some(AccountState {
            user: record.user.clone(),
            security_epoch: record.security_epoch,
            revision: record.revision,
            identities: record.identities.clone(),
            names,
            tokens: copied.collect(),
            resets_since: record.resets_since,
            links_since: record.links_since,
        }))
    }

    async fn change(&self, change: &Change) -> Result<Changed, StoreError> {
        Ok(lock(&self.0).change(change))
    }

    async fn resolve(&self, user_id: UserId) -> Result<Option<UserId>, StoreError> {
        let tables = lock(&self.0);
        Ok(tables.users.get(&user_id).map(|it| it.merged_into.unwrap_or(user_id)))
    }

    async fn free_deleted(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut tables = lock(&self.0);
        let mut freed = Vec::new();
        for record in tables.users.values_mut() {
            if record.frees_at.is_some_and(|it| it <= now) {
                record.frees_at = None;
                record.identities.clear();
                freed.push(record.user.id);
            }
        }
        tables.identifiers.retain(|_, it| !freed.contains(&it.user_id));
        Ok(u64::try_from(freed.len()).unwrap_or(u64::MAX))
    }

    async fn forget_attempts(&self, user_id: UserId) -> Result<(), StoreError> {
        lock(&self.0).attempts.remove(&Counted::User(user_id));
        Ok(())
    }

    async fn record(&self, event: &LoginEvent, outgoing: &[Outgoing]) -> Result<(), StoreError> {
        let mut tables = lock(&self.0);
        tables.outbox.put(outgoing);
        match tables.events.insert(event.id, event.clone()) {
            None => Ok(()),
            Some(_) => {
                Err(StoreError::Rejected { store: "memory", source: "written twice".into() })
            }
        }
    }

    async fn spend(&self, spent: &SpentProof) -> Result<bool, StoreError> {
        Ok(lock(&self.0).spend(Some(*spent)))
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

    async fn reauthenticate(&self, proof: &Reauthentication) -> Result<Changed, StoreError> {
        let mut tables = lock(&self.0);
        let unchanged = tables.users.get(&proof.user_id).is_some_and(|it| {
            it.user.state == UserState::Active
                && it.security_epoch == proof.security_epoch
                && it.identities.iter().any(|it| Some(it.id) == proof.event.identity_id)
        });
        let session = tables.sessions.get(&proof.session_id);
        if !unchanged || session.is_none_or(|it| it.ended_at.is_some()) {
            return Ok(Changed::Stale);
        }
        if !tables.spend(proof.spent) {
            return Ok(Changed::Spent);
        }
        let Some(record) = tables.sessions.get_mut(&proof.session_id) else {
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
        told: Option<Outgoing>,
    ) -> Result<Option<(User, Vec<TokenHash>)>, StoreError> {
        let mut tables = lock(&self.0);
        let tokens = tables.live(user_id).map(|it| it.token).collect();
        let active =
            tables.users.get(&user_id).is_some_and(|it| it.user.state == UserState::Active);
        if !active {
            return Ok(None);
        }
        tables.outbox.put(told.as_slice());
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

    async fn latest(&self) -> Result<Option<Timestamp>, StoreError> {
        let tables = lock(&self.0);
        let logins = tables.events.values().map(|it| it.at);
        Ok(logins.chain(tables.audit.iter().map(|it| it.at)).chain(tables.noted).max())
    }

    async fn note(&self, moment: Timestamp) -> Result<(), StoreError> {
        let mut tables = lock(&self.0);
        tables.noted = tables.noted.max(Some(moment));
        Ok(())
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
        let found = tables.sessions.values().find(|it| it.token == *token && it.ended_at.is_none());
        let Some(record) = found.filter(|it| it.session.is_live(now)) else { return Ok(None) };
        let owner = tables.users.get(&record.session.user_id);
        let active = owner.filter(|it| it.user.state == UserState::Active);
        Ok(active.map(|it| SignedIn { session: record.session.clone(), user: it.user.clone() }))
    }

    async fn slide(&self, id: SessionId, slide: Slide) -> Result<(), StoreError> {
        let mut tables = lock(&self.0);
        if let Some(record) = tables.sessions.get_mut(&id).filter(|it| it.ended_at.is_none()) {
            let session = &record.session;
            if session.last_seen_at < slide.last_seen_at
                && session.last_seen_at <= slide.based_on
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
        line: &AuditLine,
    ) -> Result<Option<TokenHash>, StoreError> {
        let mut tables = lock(&self.0);
        let found = tables.sessions.get_mut(&id).filter(|it| it.session.user_id == user_id);
        let Some(record) = found else { return Ok(None) };
        let token = record.token;
        if record.ended_at.is_none() {
            record.ended_at = Some(line.at);
            tables.audit.push(line.clone());
        }
        Ok(Some(token))
    }

    async fn end_all(
        &self,
        user_id: UserId,
        kept: Option<SessionId>,
        line: &AuditLine,
    ) -> Result<Vec<TokenHash>, StoreError> {
        let mut tables = lock(&self.0);
        let (mut tokens, mut is_new) = (Vec::new(), false);
        for record in tables.sessions.values_mut() {
            if record.session.user_id == user_id && Some(record.session.id) != kept {
                is_new |= record.ended_at.is_none();
                record.ended_at.get_or_insert(line.at);
                tokens.push(record.token);
            }
        }
        if line.action.fate(Holding::LinkCode) == Fate::Ended
            && let Some(record) = tables.users.get_mut(&user_id)
        {
            record.links_since = Some(line.at);
        }
        if is_new {
            tables.audit.push(line.clone());
        }
        Ok(tokens)
    }
}
