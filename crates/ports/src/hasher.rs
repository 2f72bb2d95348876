//! Password hashes.

use async_trait::async_trait;
use domain::password::{Password, PasswordAttempt, PasswordHash, Verdict};
use thiserror::Error;

/// Why a password was not hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HashError {
    /// All threads are busy and the queue is full, or waited too long (PWD-05).
    #[error("the password hasher is overloaded")]
    Busy,
}

/// Hashes passwords and tries them, on threads of its own behind a bounded queue.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Hasher: Send + Sync {
    /// Hashes a password by today's scheme, with a salt of its own.
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HashError>;

    /// Tries a password: exactly one full-cost hash whether it is right, wrong, of an older
    /// scheme, of an unknown one, or there is none at all (PWD-06).
    async fn verify(
        &self,
        attempt: &PasswordAttempt,
        stored: Option<PasswordHash>,
    ) -> Result<Verdict, HashError>;
}
