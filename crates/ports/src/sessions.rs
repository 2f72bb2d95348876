//! Sessions: the truth.

use async_trait::async_trait;
use domain::change::AuditLine;
use domain::id::{SessionId, UserId};
use domain::secret::TokenHash;
use domain::session::{Session, SignedIn, Slide};
use domain::{Duration, Timestamp};

use crate::error::StoreError;

/// How long an ended session may still have a copy, and some more.
pub const RECENT: Duration = Duration::from_mins(2);

/// Sessions as the database has them.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Finds a session by its token; `None` if there is none, it was ended, its time is over, or
    /// its user is not active.
    async fn find(&self, token: &TokenHash, now: Timestamp)
    -> Result<Option<SignedIn>, StoreError>;

    /// Pushes a session's end on; the end never moves back, and an ended session stays ended.
    ///
    /// Of slides that are based on the same use one is written, however many come at once.
    async fn slide(&self, id: SessionId, slide: Slide) -> Result<(), StoreError>;

    /// The live sessions of a user, the last used first.
    async fn list(&self, user_id: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError>;

    /// Ends a session of a user and gives its token; `None` if the user has no such session.
    ///
    /// Gives the token also of one that is over, so that trying again removes its copy. The audit
    /// line is written with it, once.
    async fn end_one(
        &self,
        user_id: UserId,
        id: SessionId,
        line: &AuditLine,
    ) -> Result<Option<TokenHash>, StoreError>;

    /// Ends all sessions of a user but `kept`, with their audit line, and gives their tokens.
    ///
    /// Gives the tokens also of those that ended within [`RECENT`], so that trying again removes
    /// their copies.
    async fn end_all(
        &self,
        user_id: UserId,
        kept: Option<SessionId>,
        line: &AuditLine,
    ) -> Result<Vec<TokenHash>, StoreError>;
}
