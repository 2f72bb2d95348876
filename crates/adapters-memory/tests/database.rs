//! The in-process database keeps the promises of accounts and sessions; a racy one does not.
#![cfg(test)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use adapters_memory::database::MemoryDatabase;
use async_trait::async_trait;
use domain::Timestamp;
use domain::event::{Login, LoginEvent};
use domain::id::{EventId, SessionId, UserId};
use domain::lockout::{Attempts, LockoutPolicy};
use domain::login::{Account, Entry, Registration};
use domain::password::PasswordHash;
use domain::profile::ProfilePatch;
use domain::secret::{IdentifierKey, TokenHash};
use domain::session::{Session, SignedIn, Slide};
use domain::user::User;
use ports::accounts::{
    Accounts, Attempt, Changed, Entered, PasswordChange, PasswordState, Registered,
};
use ports::error::StoreError;
use ports::sessions::Sessions;
use ports::testing::breaks;
use ports::testing::contract::accounts::{self, Stores};
use ports::testing::contract::sessions;

fn memory() -> std::future::Ready<Stores> {
    let database = Arc::new(MemoryDatabase::default());
    std::future::ready(Stores { accounts: database.clone(), sessions: database })
}

mod accounts_in_memory {
    ports::accounts_contract!(super::memory());
}

mod sessions_in_memory {
    ports::sessions_contract!(super::memory());
}

/// A store that reads, lets others go, and then writes what it read.
#[derive(Default)]
struct RacyDatabase {
    kept: MemoryDatabase,
    attempts: Mutex<HashMap<IdentifierKey, Attempts>>,
    sessions: Mutex<HashMap<SessionId, (TokenHash, SignedIn, bool)>>,
}

fn racy() -> Stores {
    let database = Arc::new(RacyDatabase::default());
    Stores { accounts: database.clone(), sessions: database }
}

impl RacyDatabase {
    fn keep(&self, entry: &Entry, user: &User) {
        let signed_in = SignedIn { session: entry.session.clone(), user: user.clone() };
        let row = (entry.token, signed_in, false);
        self.sessions.lock().unwrap().insert(entry.session.id, row);
    }
}

#[async_trait]
impl Accounts for RacyDatabase {
    async fn find(&self, identifier: &IdentifierKey) -> Result<Option<Account>, StoreError> {
        Accounts::find(&self.kept, identifier).await
    }

    async fn enter(&self, entry: &Entry) -> Result<Entered, StoreError> {
        let entered = self.kept.enter(entry).await?;
        let account = Accounts::find(&self.kept, &entry.event.identifier).await?.unwrap();
        self.keep(entry, &account.user);
        Ok(entered)
    }

    async fn register(&self, registration: &Registration) -> Result<Registered, StoreError> {
        if Accounts::find(&self.kept, &registration.entry.event.identifier).await?.is_some() {
            return Ok(Registered::Taken);
        }
        tokio::task::yield_now().await;
        self.keep(&registration.entry, &registration.user);
        self.kept.register(registration).await?;
        Ok(Registered::New)
    }

    async fn begin_attempt(
        &self,
        identifier: &IdentifierKey,
        policy: &LockoutPolicy,
        now: Timestamp,
    ) -> Result<Attempt, StoreError> {
        let before = self.attempts.lock().unwrap().get(identifier).copied().unwrap_or_default();
        tokio::task::yield_now().await;
        match policy.attempt(before, now) {
            Ok(after) => {
                self.attempts.lock().unwrap().insert(*identifier, after);
                let locks = after.waits_until.is_some();
                Ok(Attempt::Counted { account: None, password: None, locks })
            }
            Err(until) => Ok(Attempt::Waiting { until }),
        }
    }

    async fn record(&self, event: &LoginEvent) -> Result<(), StoreError> {
        self.kept.record(event).await
    }

    async fn upgrade_hash(
        &self,
        user_id: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError> {
        tokio::task::yield_now().await;
        self.kept.upgrade_hash(user_id, old, new).await?;
        Ok(true)
    }

    async fn password_state(&self, user_id: UserId) -> Result<Option<PasswordState>, StoreError> {
        self.kept.password_state(user_id).await
    }

    async fn change_password(&self, change: &PasswordChange) -> Result<Changed, StoreError> {
        let before = self.kept.password_state(change.user_id).await?.unwrap();
        tokio::task::yield_now().await;
        self.kept.change_password(change).await?;
        let unchanged = before.security_epoch == change.security_epoch;
        Ok(if unchanged { Changed::Done { dead: Vec::new() } } else { Changed::Stale })
    }

    async fn patch_profile(
        &self,
        user_id: UserId,
        patch: &ProfilePatch,
    ) -> Result<Option<(User, Vec<TokenHash>)>, StoreError> {
        self.kept.patch_profile(user_id, patch).await
    }

    async fn logins(
        &self,
        user_id: UserId,
        before: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<Login>, StoreError> {
        self.kept.logins(user_id, before, limit).await
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
        let sessions = self.sessions.lock().unwrap();
        let found = sessions.values().find(|(it, _, ended)| it == token && !ended);
        Ok(found.map(|(_, it, _)| it.clone()))
    }

    async fn slide(&self, id: SessionId, slide: Slide) -> Result<(), StoreError> {
        let (token, before, ended) = self.sessions.lock().unwrap().get(&id).cloned().unwrap();
        tokio::task::yield_now().await;
        let session = before.session.slid(slide);
        let row = (token, SignedIn { session, ..before }, ended);
        self.sessions.lock().unwrap().insert(id, row);
        Ok(())
    }

    async fn list(&self, user_id: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        self.kept.list(user_id, now).await
    }

    async fn end_one(
        &self,
        user_id: UserId,
        id: SessionId,
        now: Timestamp,
    ) -> Result<Option<TokenHash>, StoreError> {
        self.kept.end_one(user_id, id, now).await
    }

    async fn end_all(
        &self,
        user_id: UserId,
        kept: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Vec<TokenHash>, StoreError> {
        self.kept.end_all(user_id, kept, now).await
    }

    async fn end(&self, id: SessionId, _now: Timestamp) -> Result<(), StoreError> {
        self.sessions.lock().unwrap().get_mut(&id).unwrap().2 = true;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_racy_store_breaks_the_promises_of_accounts() {
    assert!(breaks(accounts::racing_registrations_make_one_user(racy())).await);
    assert!(breaks(accounts::racing_attempts_never_pass_the_threshold(racy())).await);
    let upgrades = accounts::of_racing_upgrades_one_wins_and_a_change_wins_over_all(racy());
    assert!(breaks(upgrades).await);
    assert!(breaks(accounts::of_racing_changes_one_is_done(racy())).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_racy_store_breaks_the_promises_of_sessions() {
    assert!(breaks(sessions::racing_a_slide_an_end_wins(racy())).await);
}
