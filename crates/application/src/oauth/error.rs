//! Why a program is refused.

use domain::Duration;
use ports::error::StoreError;
use ports::signer::SignerError;
use thiserror::Error;

use crate::error::Error;

/// A refusal by the names that the standards give it, or a failure of what the use case stands on.
#[derive(Debug, Error)]
pub enum OauthError {
    /// The program is not who it says.
    #[error("the client is not known, or did not prove itself")]
    InvalidClient,
    /// It proves itself in two ways at once.
    #[error("a client authenticates in one way")]
    TwoMethods,
    /// Code or refresh token: unknown, used, over, or another's.
    #[error("the code or refresh token is not good, or not good for this")]
    InvalidGrant,
    /// More is asked for than was granted.
    #[error("the scope is wider than what was granted")]
    InvalidScope,
    /// Too many clients failed to prove themselves.
    #[error("too many failures")]
    Throttled {
        /// When to try again.
        retry_after: Duration,
    },
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key that signs cannot be made or used.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// Another use case, on the way.
    #[error(transparent)]
    Other(Error),
}

impl From<Error> for OauthError {
    fn from(error: Error) -> Self {
        match error {
            Error::Store(error) => Self::Store(error),
            other => Self::Other(other),
        }
    }
}
