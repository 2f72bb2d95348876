//! Password hashes.

use async_trait::async_trait;
use domain::password::{Password, PasswordAttempt, PasswordHash, Verdict};
use thiserror::Error;

/// Why a password was not hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HashError {
    /// All threads are busy and the queue is full, or so long that the wait would be (PWD-05).
    #[error("the password hasher is overloaded")]
    Busy,
}

/// A place in the queue, held for one password: whoever has it is served. Dropping it gives it
/// back.
#[async_trait]
pub trait HashPlace: Send {
    /// Hashes a password by today's scheme, with a salt of its own.
    async fn hash(self: Box<Self>, password: &Password) -> PasswordHash;

    /// Tries a password: exactly one full-cost hash whether it is right, wrong, of an older
    /// scheme, of an unknown one, or there is none at all (PWD-06).
    async fn verify(
        self: Box<Self>,
        attempt: &PasswordAttempt,
        stored: Option<PasswordHash>,
    ) -> Verdict;
}

/// Hashes passwords and tries them, on threads of its own behind a bounded queue.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Hasher: Send + Sync {
    /// Reserves a place for one password, before anything is done that overload must not follow.
    /// Waits a little where there is none, since many a place is given back unused.
    async fn reserve(&self) -> Result<Box<dyn HashPlace>, HashError>;

    /// Reserves a place and hashes a password at once.
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HashError> {
        Ok(self.reserve().await?.hash(password).await)
    }

    /// Reserves a place and tries a password at once.
    async fn verify(
        &self,
        attempt: &PasswordAttempt,
        stored: Option<PasswordHash>,
    ) -> Result<Verdict, HashError> {
        Ok(self.reserve().await?.verify(attempt, stored).await)
    }
}
