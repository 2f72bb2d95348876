//! A database made racy: it reads, lets others go, and then writes by what it read.
//!
//! An adapter's tests wrap their own store in it and see the suites fail: what they prove is then
//! kept by the store's atomic steps, and by nothing else.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::Timestamp;
use domain::account::AccountState;
use domain::change::{AuditLine, Change};
use domain::event::{Login, LoginEvent};
use domain::id::{EventId, SessionId, UserId};
use domain::identity::Identity;
use domain::lockout::{Attempts, LockoutPolicy};
use domain::login::{Account, Entry, Registration};
use domain::outbox::Outgoing;
use domain::password::PasswordHash;
use domain::profile::ProfilePatch;
use domain::provider::SpentProof;
use domain::secret::{IdentifierKey, TokenHash};
use domain::session::{Session, SignedIn, Slide};
use domain::user::User;

use super::breaks;
use super::contract::accounts::{self, Stores};
use super::contract::changes;
use super::contract::{sessions, third_party};
use crate::accounts::{Accounts, Attempt, Changed, Entered, Reauthentication, Registered};
use crate::error::StoreError;
use crate::sessions::Sessions;

/// Shows that the suites of accounts and sessions fail on a racy variant of a store: `make` gives
/// a fresh store of the kind.
///
/// # Panics
/// If a promise holds on the racy variant: then its suite proves nothing.
pub async fn suites_fail_on_a_racy_variant<F>(make: impl Fn() -> F)
where
    F: Future<Output = Stores>,
{
    let racy = async || RacyDatabase::of(make().await);
    assert!(breaks(accounts::racing_registrations_make_one_user(racy().await)).await);
    assert!(breaks(accounts::racing_attempts_never_pass_the_threshold(racy().await)).await);
    let upgrades = accounts::of_racing_upgrades_one_wins_and_a_change_wins_over_all(racy().await);
    assert!(breaks(upgrades).await);
    assert!(breaks(accounts::of_racing_changes_one_is_done(racy().await)).await);
    assert!(breaks(changes::of_racing_users_one_gets_an_identity(racy().await)).await);
    assert!(breaks(changes::of_the_last_two_ways_in_one_stays(racy().await)).await);
    assert!(breaks(changes::of_opposite_merges_one_is_done(racy().await)).await);
    assert!(breaks(changes::a_number_that_is_given_up_registers_anew(racy().await)).await);
    let shared = third_party::racing_registrations_that_share_a_name_make_one_user(racy().await);
    assert!(breaks(shared).await);
    let proof = third_party::of_racing_uses_of_one_proof_one_is_written(racy().await);
    assert!(breaks(proof).await);
    assert!(breaks(sessions::of_slides_of_one_age_one_is_written(racy().await)).await);
    assert!(breaks(sessions::racing_a_slide_an_end_wins(racy().await)).await);
}

struct RacyDatabase {
    kept: Stores,
    attempts: Mutex<HashMap<IdentifierKey, Attempts>>,
    sessions: Mutex<HashMap<SessionId, (TokenHash, SignedIn, bool)>>,
    spent: Mutex<HashSet<[u8; 32]>>,
}

/// Locks what is never left half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RacyDatabase {
    fn of(kept: Stores) -> Stores {
        let racy = Arc::new(Self {
            kept,
            attempts: Mutex::default(),
            sessions: Mutex::default(),
            spent: Mutex::default(),
        });
        Stores { accounts: racy.clone(), sessions: racy }
    }

    fn keep(&self, entry: &Entry, user: &User) {
        let signed_in = SignedIn { session: entry.session.clone(), user: user.clone() };
        let row = (entry.token, signed_in, false);
        lock(&self.sessions).insert(entry.session.id, row);
    }
}

#[async_trait]
impl Accounts for RacyDatabase {
    async fn find(&self, identifier: &IdentifierKey) -> Result<Option<Account>, StoreError> {
        self.kept.accounts.find(identifier).await
    }

    async fn find_all(
        &self,
        identifiers: &[IdentifierKey],
    ) -> Result<Vec<(IdentifierKey, Account)>, StoreError> {
        self.kept.accounts.find_all(identifiers).await
    }

    async fn enter(&self, entry: &Entry) -> Result<Entered, StoreError> {
        let mut entry = entry.clone();
        if let Some(spent) = entry.trace.spent.take() {
            let is_new = !lock(&self.spent).contains(&spent.digest);
            tokio::task::yield_now().await;
            if !is_new {
                return Ok(Entered::Spent);
            }
            lock(&self.spent).insert(spent.digest);
        }
        let entered = self.kept.accounts.enter(&entry).await?;
        if let Some(account) = self.kept.accounts.find(&entry.event.identifier).await? {
            self.keep(&entry, &account.user);
        }
        Ok(entered)
    }

    async fn register(&self, registration: &Registration) -> Result<Registered, StoreError> {
        if self.kept.accounts.find(&registration.entry.event.identifier).await?.is_some() {
            return Ok(Registered::Taken);
        }
        tokio::task::yield_now().await;
        self.keep(&registration.entry, &registration.user);
        self.kept.accounts.register(registration).await?;
        Ok(Registered::New)
    }

    async fn begin_attempt(
        &self,
        identifier: &IdentifierKey,
        policy: &LockoutPolicy,
        now: Timestamp,
    ) -> Result<Attempt, StoreError> {
        let before = lock(&self.attempts).get(identifier).copied().unwrap_or_default();
        tokio::task::yield_now().await;
        match policy.attempt(before, now) {
            Ok(after) => {
                lock(&self.attempts).insert(*identifier, after);
                let locks = after.waits_until;
                Ok(Attempt::Counted { account: None, password: None, locks })
            }
            Err(until) => Ok(Attempt::Waiting { until }),
        }
    }

    async fn forget_attempts(&self, user_id: UserId) -> Result<(), StoreError> {
        self.kept.accounts.forget_attempts(user_id).await
    }

    async fn knows_device(
        &self,
        identifier: &IdentifierKey,
        device_id: &str,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        self.kept.accounts.knows_device(identifier, device_id, since).await
    }

    async fn record(&self, event: &LoginEvent, outgoing: &[Outgoing]) -> Result<(), StoreError> {
        self.kept.accounts.record(event, outgoing).await
    }

    async fn spend(&self, spent: &SpentProof) -> Result<bool, StoreError> {
        self.kept.accounts.spend(spent).await
    }

    async fn upgrade_hash(
        &self,
        user_id: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError> {
        tokio::task::yield_now().await;
        self.kept.accounts.upgrade_hash(user_id, old, new).await?;
        Ok(true)
    }

    async fn load(
        &self,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Option<AccountState>, StoreError> {
        self.kept.accounts.load(user_id, now).await
    }

    /// Looks whether the account is as it was, lets others go, and then says that it is done.
    async fn change(&self, change: &Change) -> Result<Changed, StoreError> {
        let user_id = change.base.user_id;
        let before = self.kept.accounts.load(user_id, change.at).await?;
        tokio::task::yield_now().await;
        self.kept.accounts.change(change).await?;
        let unchanged = before.is_some_and(|it| it.revision == change.base.revision);
        Ok(if unchanged { Changed::Done { dead: Vec::new() } } else { Changed::Stale })
    }

    async fn resolve(&self, user_id: UserId) -> Result<Option<UserId>, StoreError> {
        self.kept.accounts.resolve(user_id).await
    }

    async fn free_deleted(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.kept.accounts.free_deleted(now).await
    }

    async fn reauthenticate(&self, proof: &Reauthentication) -> Result<Changed, StoreError> {
        self.kept.accounts.reauthenticate(proof).await
    }

    async fn patch_profile(
        &self,
        user_id: UserId,
        patch: &ProfilePatch,
        told: Option<Outgoing>,
    ) -> Result<Option<(User, Vec<TokenHash>)>, StoreError> {
        self.kept.accounts.patch_profile(user_id, patch, told).await
    }

    async fn identities(&self, user_id: UserId) -> Result<Vec<Identity>, StoreError> {
        self.kept.accounts.identities(user_id).await
    }

    async fn logins(
        &self,
        user_id: UserId,
        before: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<Login>, StoreError> {
        self.kept.accounts.logins(user_id, before, limit).await
    }

    async fn latest(&self) -> Result<Option<Timestamp>, StoreError> {
        self.kept.accounts.latest().await
    }

    async fn note(&self, moment: Timestamp) -> Result<(), StoreError> {
        self.kept.accounts.note(moment).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl Sessions for RacyDatabase {
    async fn find(
        &self,
        token: &TokenHash,
        _now: Timestamp,
    ) -> Result<Option<SignedIn>, StoreError> {
        let sessions = lock(&self.sessions);
        let found = sessions.values().find(|(it, _, ended)| it == token && !ended);
        Ok(found.map(|(_, it, _)| it.clone()))
    }

    async fn slide(&self, id: SessionId, slide: Slide) -> Result<(), StoreError> {
        let Some((token, before, ended)) = lock(&self.sessions).get(&id).cloned() else {
            return Ok(());
        };
        tokio::task::yield_now().await;
        let session = before.session.slid(slide);
        let row = (token, SignedIn { session, ..before }, ended);
        lock(&self.sessions).insert(id, row);
        Ok(())
    }

    async fn list(&self, user_id: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        self.kept.sessions.list(user_id, now).await
    }

    async fn end_one(
        &self,
        user_id: UserId,
        id: SessionId,
        line: &AuditLine,
    ) -> Result<Option<TokenHash>, StoreError> {
        if let Some((_, _, ended)) = lock(&self.sessions).get_mut(&id) {
            *ended = true;
        }
        self.kept.sessions.end_one(user_id, id, line).await
    }

    async fn end_all(
        &self,
        user_id: UserId,
        kept: Option<SessionId>,
        line: &AuditLine,
    ) -> Result<Vec<TokenHash>, StoreError> {
        self.kept.sessions.end_all(user_id, kept, line).await
    }
}
