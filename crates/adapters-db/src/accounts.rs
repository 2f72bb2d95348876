//! The port `Accounts` on this engine.

use async_trait::async_trait;
use domain::Timestamp;
use domain::account::AccountState;
use domain::change::Change;
use domain::event::{Login, LoginEvent};
use domain::id::{EventId, UserId};
use domain::identity::Identity;
use domain::lockout::LockoutPolicy;
use domain::login::{Account, Entry, Registration};
use domain::outbox::Outgoing;
use domain::password::PasswordHash;
use domain::profile::ProfilePatch;
use domain::provider::SpentProof;
use domain::secret::{IdentifierKey, TokenHash};
use domain::user::User;
use futures_util::FutureExt as _;
use ports::accounts::{Accounts, Attempt, Changed, Entered, Reauthentication, Registered};
use ports::error::StoreError;

use super::{Database, changes, engine, queries};
use crate::error::Failure;
use crate::rows::{
    EventRow, IdentityRow, LoginRow, LoginRows, ProfileChange, RegistrationRows, account,
    identifier_key, token_hash,
};

#[async_trait]
impl Accounts for Database {
    async fn find(&self, identifier: &IdentifierKey) -> Result<Option<Account>, StoreError> {
        self.read(named!("accounts.find"), *identifier, |conn, key| {
            async move { queries::find_account(conn, key).await?.map(account).transpose() }.boxed()
        })
        .await
    }

    async fn find_all(
        &self,
        identifiers: &[IdentifierKey],
    ) -> Result<Vec<(IdentifierKey, Account)>, StoreError> {
        self.read(named!("accounts.find_all"), identifiers.to_vec(), |conn, keys| {
            async move {
                let found = queries::find_accounts(conn, keys).await?;
                let read = |(key, row): (Vec<u8>, _)| Ok((identifier_key(&key)?, account(row)?));
                found.into_iter().map(read).collect::<Result<_, Failure>>()
            }
            .boxed()
        })
        .await
    }

    async fn enter(&self, entry: &Entry) -> Result<Entered, StoreError> {
        self.write(named!("accounts.enter"), LoginRows::of(entry), |conn, rows| {
            engine::enter(conn, rows).boxed()
        })
        .await
    }

    async fn register(&self, registration: &Registration) -> Result<Registered, StoreError> {
        self.write(named!("accounts.register"), RegistrationRows::of(registration), |conn, rows| {
            engine::register(conn, rows).boxed()
        })
        .await
    }

    async fn begin_attempt(
        &self,
        identifier: &IdentifierKey,
        policy: &LockoutPolicy,
        now: Timestamp,
    ) -> Result<Attempt, StoreError> {
        self.write(
            named!("accounts.begin_attempt"),
            (*identifier, policy.clone(), now),
            |conn, args| engine::begin_attempt(conn, args).boxed(),
        )
        .await
    }

    async fn knows_device(
        &self,
        identifier: &IdentifierKey,
        device_id: &str,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        self.read(
            named!("accounts.knows_device"),
            (*identifier, device_id.to_owned(), since),
            |conn, args| queries::knows_device(conn, args).boxed(),
        )
        .await
    }

    async fn load(
        &self,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Option<AccountState>, StoreError> {
        self.read(named!("accounts.load"), (user_id, now), |conn, args| {
            changes::load(conn, args).boxed()
        })
        .await
    }

    async fn change(&self, change: &Change) -> Result<Changed, StoreError> {
        self.write(named!("accounts.change"), change.clone(), |conn, it| {
            changes::change(conn, it).boxed()
        })
        .await
    }

    async fn resolve(&self, user_id: UserId) -> Result<Option<UserId>, StoreError> {
        self.read(named!("accounts.resolve"), user_id, |conn, id| {
            changes::resolve(conn, id).boxed()
        })
        .await
    }

    async fn free_deleted(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.write(named!("accounts.free_deleted"), now, |conn, now| {
            changes::free_deleted(conn, now).boxed()
        })
        .await
    }

    async fn forget_attempts(&self, user_id: UserId) -> Result<(), StoreError> {
        self.write(named!("accounts.forget_attempts"), user_id, |conn, id| {
            changes::forget_attempts(conn, id).boxed()
        })
        .await
    }

    async fn record(&self, event: &LoginEvent, outgoing: &[Outgoing]) -> Result<(), StoreError> {
        self.write(
            named!("accounts.record"),
            (EventRow::of(event), outgoing.to_vec()),
            |conn, args| queries::record(conn, args).boxed(),
        )
        .await
    }

    async fn spend(&self, spent: &SpentProof) -> Result<bool, StoreError> {
        self.write(named!("accounts.spend"), *spent, |conn, it| {
            queries::spend(conn, Some(it)).boxed()
        })
        .await
    }

    async fn upgrade_hash(
        &self,
        user_id: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError> {
        self.write(
            named!("accounts.upgrade_hash"),
            (user_id, old.clone(), new.clone()),
            |conn, args| queries::upgrade_hash(conn, args).boxed(),
        )
        .await
    }

    async fn reauthenticate(&self, proof: &Reauthentication) -> Result<Changed, StoreError> {
        self.write(named!("accounts.reauthenticate"), proof.clone(), |conn, it| {
            queries::reauthenticate(conn, it).boxed()
        })
        .await
    }

    async fn patch_profile(
        &self,
        user_id: UserId,
        patch: &ProfilePatch,
        told: Option<Outgoing>,
    ) -> Result<Option<(User, Vec<TokenHash>)>, StoreError> {
        self.write(
            named!("accounts.patch_profile"),
            (user_id, ProfileChange::of(patch), told),
            |conn, args| {
                async move {
                    let Some((user, has_password, has_phone, tokens)) =
                        queries::patch_profile(conn, args).await?
                    else {
                        return Ok(None);
                    };
                    let tokens =
                        tokens.iter().map(|it| token_hash(it)).collect::<Result<_, Failure>>()?;
                    Ok(Some((user.user(has_password, has_phone)?, tokens)))
                }
                .boxed()
            },
        )
        .await
    }

    async fn identities(&self, user_id: UserId) -> Result<Vec<Identity>, StoreError> {
        self.read(named!("accounts.identities"), user_id, |conn, id| {
            async move {
                let rows = queries::identities(conn, id).await?;
                rows.into_iter().map(IdentityRow::identity).collect()
            }
            .boxed()
        })
        .await
    }

    async fn logins(
        &self,
        user_id: UserId,
        before: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<Login>, StoreError> {
        self.read(named!("accounts.logins"), (user_id, before, limit), |conn, args| {
            async move {
                let rows = queries::logins(conn, args).await?;
                rows.into_iter().map(LoginRow::login).collect()
            }
            .boxed()
        })
        .await
    }

    async fn latest(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(named!("accounts.latest"), (), |conn, none| queries::latest(conn, none).boxed())
            .await
    }

    async fn note(&self, moment: Timestamp) -> Result<(), StoreError> {
        self.write(named!("accounts.note"), moment, |conn, it| queries::note(conn, it).boxed())
            .await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.read(named!("accounts.ping"), (), |conn, none| queries::ping(conn, none).boxed()).await
    }
}
