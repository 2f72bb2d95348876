//! What is to be told after a change: events to other systems, notices to the person.
//!
//! An entry is written in the transaction of its change and leaves after it (REL-02): what is
//! rolled back is never told, and what is committed is told at least once.

use crate::Timestamp;
use crate::id::{EventId, IdentityId, UserId};
use crate::identifier::IdentifierKind;
use crate::message::Notice;
use crate::secret::Sealed;
use crate::session::Method;

/// How often an entry is tried before it is parked (REL-14).
pub const MOST_TRIES: u32 = 5;

/// One thing to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Its name: receivers know a repetition by it.
    pub id: EventId,
    /// Whose account it is about.
    pub user_id: UserId,
    /// When it happened.
    pub at: Timestamp,
    /// What is told, and to whom.
    pub news: News,
}

/// What is told, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// To the team's other systems, by webhook.
    Event(Event),
    /// To the person.
    Notice {
        /// What they are told.
        notice: Notice,
        /// Where; `None` for every verified address that the account has when it is sent.
        to: Option<Address>,
    },
}

/// One address of a person, as it was when the notice was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The identity that it was: the sealed text opens for it alone.
    pub identity_id: IdentityId,
    /// Phone or e-mail.
    pub kind: IdentifierKind,
    /// The address.
    pub display: Sealed,
}

/// What happened to an account, for other systems: ids and kinds, nothing personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A user is new.
    Registered {
        /// The kind of their first identity.
        kind: IdentifierKind,
    },
    /// A user logged in.
    LoggedIn {
        /// How.
        method: Method,
    },
    /// A user changed their profile.
    Updated,
    /// A way in was linked.
    Linked {
        /// The identity.
        identity_id: IdentityId,
        /// Its kind.
        kind: IdentifierKind,
    },
    /// A way in was unlinked.
    Unlinked {
        /// The identity.
        identity_id: IdentityId,
        /// Its kind.
        kind: IdentifierKind,
    },
    /// Another account was taken in; its id now means this user.
    Merged {
        /// The id that is retired.
        absorbed: UserId,
    },
    /// The password was set, changed or reset.
    PasswordChanged,
    /// The account was deleted.
    Deleted,
    /// Wrong passwords make the account wait.
    Locked,
}

impl Event {
    /// The stable name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered { .. } => "user.registered",
            Self::LoggedIn { .. } => "user.logged_in",
            Self::Updated => "user.updated",
            Self::Linked { .. } => "identity.linked",
            Self::Unlinked { .. } => "identity.unlinked",
            Self::Merged { .. } => "user.merged",
            Self::PasswordChanged => "password.changed",
            Self::Deleted => "user.deleted",
            Self::Locked => "user.locked",
        }
    }
}
