//! Copies of sessions, which make the usual check one look-up.

use async_trait::async_trait;
use domain::Duration;
use domain::secret::TokenHash;
use domain::session::SignedIn;

use crate::error::StoreError;

/// How long a copy lives (SES-04).
pub const COPY_LIFE: Duration = Duration::from_mins(1);

/// How long `forget` keeps new copies out. Longer than any read of the truth may take, so that
/// one that was read before the change is never stored after it.
pub const FORGET_LIFE: Duration = Duration::from_secs(20);

/// Copies of sessions by token. Losing them all costs reads of the truth and nothing else.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait SessionCopies: Send + Sync {
    /// Finds a copy.
    async fn find(&self, token: &TokenHash) -> Result<Option<SignedIn>, StoreError>;

    /// Stores a copy, unless there is one or the token was just forgotten.
    async fn put(&self, token: &TokenHash, copy: &SignedIn) -> Result<(), StoreError>;

    /// Replaces a copy, unless there is none or the token was just forgotten. Its life goes on as
    /// it was.
    async fn replace(&self, token: &TokenHash, copy: &SignedIn) -> Result<(), StoreError>;

    /// Removes copies and keeps new ones out for [`FORGET_LIFE`].
    ///
    /// After it returns no reader of any node finds the old copies, whatever was under way.
    async fn forget(&self, tokens: &[TokenHash]) -> Result<(), StoreError>;

    /// Answers if the store can be reached.
    async fn ping(&self) -> Result<(), StoreError>;
}
