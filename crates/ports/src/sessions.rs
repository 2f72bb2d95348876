//! Sessions: the truth.

use async_trait::async_trait;
use domain::Timestamp;
use domain::id::SessionId;
use domain::secret::TokenHash;
use domain::session::{SignedIn, Slide};

use crate::error::StoreError;

/// Sessions as the database has them.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Finds a session by its token; `None` if there is none, it was ended, its time is over, or
    /// its user is not active.
    async fn find(&self, token: &TokenHash, now: Timestamp)
    -> Result<Option<SignedIn>, StoreError>;

    /// Pushes a session's end on; the end never moves back, and an ended session stays ended.
    async fn slide(&self, id: SessionId, slide: Slide) -> Result<(), StoreError>;

    /// Ends a session. Ending one that is over is no error; it stays ended for good.
    async fn end(&self, id: SessionId, now: Timestamp) -> Result<(), StoreError>;
}
