//! What people let programs know.

use async_trait::async_trait;
use domain::change::AuditLine;
use domain::id::{SessionId, UserId};
use domain::oauth::client::ClientId;
use domain::oauth::consent::Consent;
use domain::secret::TokenHash;

use crate::error::StoreError;

/// Consents, one for each person and program. That a code is covered by one is a promise of
/// [`Grants::issue`](crate::grants::Grants::issue).
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Consents: Send + Sync {
    /// Writes a consent that a session's owner gives, by [`Consent::widening`] what they gave
    /// before, with its audit line; gives it as it is from now on. `None` if the session has ended
    /// or is somebody else's; then nothing is written.
    ///
    /// Atomic: of racing consents none is lost, and none outlives an end of the account.
    async fn give(
        &self,
        consent: &Consent,
        session: SessionId,
        line: &AuditLine,
    ) -> Result<Option<Consent>, StoreError>;

    /// The consents of a user, the last given first.
    async fn list(&self, user_id: UserId) -> Result<Vec<Consent>, StoreError>;

    /// Takes the consent to a program back and ends the sessions that stand for the program's
    /// grants, with the audit line; gives their tokens. `None` if the program has nothing of the
    /// user, a consent as little as a grant.
    ///
    /// Gives the tokens also of those that ended within [`RECENT`](crate::sessions::RECENT), so
    /// that trying again removes their copies.
    ///
    /// Atomic: no code, exchange or refresh that comes at the same time leaves a grant that lives.
    async fn withdraw(
        &self,
        user_id: UserId,
        client_id: &ClientId,
        line: &AuditLine,
    ) -> Result<Option<Vec<TokenHash>>, StoreError>;
}
