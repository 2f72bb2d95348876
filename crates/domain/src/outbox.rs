//! What is to be told after a change: events to other systems, notices to the person.
//!
//! An entry is written in the transaction of its change and leaves after it (REL-02): what is
//! rolled back is never told, and what is committed is told at least once.

use crate::id::{EventId, IdentityId, UserId};
use crate::identifier::IdentifierKind;
use crate::message::Notice;
use crate::secret::Sealed;
use crate::session::Method;
use crate::{Duration, Timestamp, later};

/// How often an entry is tried before it is parked (REL-14).
pub const MOST_TRIES: u32 = 5;
/// The wait after the first try, the second and so on, a quarter more or less.
const WAITS: [Duration; MOST_TRIES as usize - 1] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(2),
];

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

/// What becomes of an entry that was not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untold {
    /// It is tried again.
    Again {
        /// When.
        due_at: Timestamp,
    },
    /// It is given up until an operator replays it.
    Parked,
}

/// True if an entry may be tried that was taken so often, this time included.
///
/// One that was taken more often never came back from its last try: it may be what ends processes.
#[must_use]
pub const fn may_be_tried(tries: u32) -> bool {
    tries <= MOST_TRIES
}

/// Decides what becomes of an entry after so many tries that failed (REL-14).
///
/// `drawn` is a random byte: what failed together is not tried again together.
#[must_use]
pub fn untold(tries: u32, now: Timestamp, drawn: u8) -> Untold {
    let before = usize::try_from(tries.saturating_sub(1)).unwrap_or(usize::MAX);
    match WAITS.get(before) {
        Some(wait) => {
            let jittered = *wait * 3 / 4 + *wait / 2 * u32::from(drawn) / 255;
            Untold::Again { due_at: later(now, jittered) }
        }
        None => Untold::Parked,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_767_225_600, 0);

    /// REL-14: about a second, five, thirty, two minutes, and then no more.
    #[rstest]
    #[case::first(1, Some((750, 1_250)))]
    #[case::second(2, Some((3_750, 6_250)))]
    #[case::third(3, Some((22_500, 37_500)))]
    #[case::fourth(4, Some((90_000, 150_000)))]
    #[case::last(5, None)]
    #[case::beyond_the_last(6, None)]
    fn a_failed_entry_waits_longer_each_time(
        #[case] tries: u32,
        #[case] between_millis: Option<(u64, u64)>,
    ) {
        let wait = |drawn| match untold(tries, NOW, drawn) {
            Untold::Again { due_at } => Some(due_at.duration_since(NOW).unsigned_abs()),
            Untold::Parked => None,
        };
        let between = between_millis
            .map(|(least, most)| (Duration::from_millis(least), Duration::from_millis(most)));
        assert_eq!(wait(0).zip(wait(255)), between);
    }

    #[rstest]
    #[case(1, true)]
    #[case(MOST_TRIES, true)]
    #[case(MOST_TRIES + 1, false)]
    fn an_entry_that_never_came_back_is_not_tried_again(#[case] tries: u32, #[case] may: bool) {
        assert_eq!(may_be_tried(tries), may);
    }
}
