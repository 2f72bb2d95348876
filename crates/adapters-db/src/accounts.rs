//! The port `Accounts` on this engine.

use async_trait::async_trait;
use domain::Timestamp;
use domain::event::{Login, LoginEvent};
use domain::id::{EventId, IdentityId, UserId};
use domain::identifier::IdentifierKind;
use domain::identity::Identity;
use domain::lockout::LockoutPolicy;
use domain::login::{Account, Entry, Registration};
use domain::password::PasswordHash;
use domain::profile::ProfilePatch;
use domain::secret::{IdentifierKey, Sealed, Subject, TokenHash};
use domain::user::User;
use futures_util::FutureExt as _;
use ports::accounts::{
    Accounts, Attempt, Changed, Entered, PasswordChange, PasswordState, Reauthentication,
    Registered,
};
use ports::error::StoreError;

use super::{Database, engine, queries};
use crate::error::{Failure, corrupt};
use crate::rows::{
    EventRow, IdentityRow, LoginRow, LoginRows, ProfileChange, RegistrationRows, account,
    identifier_key, token_hash,
};

#[async_trait]
impl Accounts for Database {
    async fn find(&self, identifier: &IdentifierKey) -> Result<Option<Account>, StoreError> {
        self.read(*identifier, |conn, key| {
            async move { queries::find_account(conn, key).await?.map(account).transpose() }.boxed()
        })
        .await
    }

    async fn enter(&self, entry: &Entry) -> Result<Entered, StoreError> {
        self.write(LoginRows::of(entry), |conn, rows| engine::enter(conn, rows).boxed()).await
    }

    async fn register(&self, registration: &Registration) -> Result<Registered, StoreError> {
        self.write(RegistrationRows::of(registration), |conn, rows| {
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
        self.write((*identifier, policy.clone(), now), |conn, args| {
            engine::begin_attempt(conn, args).boxed()
        })
        .await
    }

    async fn record(&self, event: &LoginEvent) -> Result<(), StoreError> {
        self.write(EventRow::of(event), |conn, row| queries::record(conn, row).boxed()).await
    }

    async fn upgrade_hash(
        &self,
        user_id: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError> {
        self.write((user_id, old.clone(), new.clone()), |conn, args| {
            queries::upgrade_hash(conn, args).boxed()
        })
        .await
    }

    async fn password_state(&self, user_id: UserId) -> Result<Option<PasswordState>, StoreError> {
        self.read(user_id, |conn, id| {
            async move {
                let Some((security_epoch, has_password, names)) =
                    queries::password_state(conn, id).await?
                else {
                    return Ok(None);
                };
                let (_, _, _, first) =
                    names.first().ok_or_else(|| corrupt("identifiers.user_id"))?;
                let identifier = identifier_key(first)?;
                let displays = names
                    .into_iter()
                    .map(|(identity, kind, display, _)| {
                        let kind = IdentifierKind::parse(&kind)
                            .ok_or_else(|| corrupt("identities.kind"))?;
                        Ok((IdentityId::from_uuid(identity.0), kind, Sealed::new(display)))
                    })
                    .collect::<Result<_, Failure>>()?;
                Ok(Some(PasswordState { displays, security_epoch, has_password, identifier }))
            }
            .boxed()
        })
        .await
    }

    async fn change_password(&self, change: &PasswordChange) -> Result<Changed, StoreError> {
        self.write(change.clone(), |conn, it| queries::change_password(conn, it).boxed()).await
    }

    async fn reauthenticate(&self, proof: &Reauthentication) -> Result<Changed, StoreError> {
        self.write(proof.clone(), |conn, it| queries::reauthenticate(conn, it).boxed()).await
    }

    async fn patch_profile(
        &self,
        user_id: UserId,
        patch: &ProfilePatch,
    ) -> Result<Option<(User, Vec<TokenHash>)>, StoreError> {
        self.write((user_id, ProfileChange::of(patch)), |conn, args| {
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
        })
        .await
    }

    async fn identities(&self, user_id: UserId) -> Result<Vec<Identity>, StoreError> {
        self.read(user_id, |conn, id| {
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
        self.read((user_id, before, limit), |conn, args| {
            async move {
                let rows = queries::logins(conn, args).await?;
                rows.into_iter().map(LoginRow::login).collect()
            }
            .boxed()
        })
        .await
    }

    async fn belongs_to(&self, secret: &Subject) -> Result<bool, StoreError> {
        self.write(*secret, |conn, it| queries::belongs_to(conn, it).boxed()).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.read((), |conn, none| queries::ping(conn, none).boxed()).await
    }
}
