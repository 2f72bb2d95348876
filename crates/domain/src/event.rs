//! The audit log: who tried to come in, how, and what came of it (LOG-03).

use crate::Timestamp;
use crate::id::{EventId, IdentityId, UserId};
use crate::origin::Origin;
use crate::secret::IdentifierKey;
use crate::session::Method;

/// What a login came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The person came in.
    Success,
    /// The proof was wrong.
    Failure,
    /// The proof was wrong and the account now waits.
    Locked,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Success, Self::Failure, Self::Locked];

    /// Reads the stable name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }

    /// The stable name, in stores and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Locked => "locked",
        }
    }
}

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginEvent {
    /// Its name.
    pub id: EventId,
    /// Whose account it was; `None` if nobody has the identifier.
    pub user_id: Option<UserId>,
    /// The identity that was used, where one was.
    pub identity_id: Option<IdentityId>,
    /// The identifier that was tried, as its keyed hash.
    pub identifier: IdentifierKey,
    /// How.
    pub method: Method,
    /// What came of it.
    pub outcome: Outcome,
    /// From where.
    pub origin: Origin,
    /// When.
    pub at: Timestamp,
}

/// One login of a user, as the user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The event's name; later logins have later ones.
    pub id: EventId,
    /// How.
    pub method: Method,
    /// What came of it.
    pub outcome: Outcome,
    /// From where.
    pub origin: Origin,
    /// When.
    pub at: Timestamp,
}
