//! The truth table of sessions: what each event of an account does to all that opens it.
//!
//! [`AccountEvent::fate`] is the table. Stores ask it for every session that they find, the tests
//! walk all its cells, and `docs/sessions.md` shows it.

/// An event of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountEvent {
    /// A first password was set.
    PasswordSet,
    /// The password was changed.
    PasswordChanged,
    /// The password was reset.
    PasswordReset,
    /// A way in was linked.
    IdentityLinked,
    /// A way in was unlinked.
    IdentityUnlinked,
    /// A phone number or e-mail address was swapped for another.
    IdentityReplaced,
    /// The account's phone number went to a new account of whoever has the number now.
    NumberTaken,
    /// The account took another one in.
    Merged,
    /// The account was taken in by another one.
    Absorbed,
    /// An operator switched the account off.
    Disabled,
    /// An operator switched the account on again.
    Enabled,
    /// The account was deleted.
    Deleted,
    /// The user proved again who they are.
    Reauthenticated,
    /// The user logged out.
    LoggedOut,
    /// The user ended one of the other sessions: here it is the one of the identity.
    SessionEnded,
    /// The user ended all other sessions.
    OthersLoggedOut,
    /// The user ended all sessions.
    AllLoggedOut,
    /// The user agreed to what a program asks.
    ConsentGiven,
    /// The user took that back: here the sessions that stand for the program's grants are those of
    /// the identity.
    ConsentWithdrawn,
}

/// Something that opens an account, or is about to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holding {
    /// The session that asked for the event.
    CurrentSession,
    /// Another session, born from the identity that the event is about.
    SessionOfIdentity,
    /// Any other session.
    OtherSession,
    /// A login that was proved before the event and is written after it.
    LoginInFlight,
    /// A code for a new password that was sent before the event.
    ResetCode,
    /// A code for linking that was sent before the event.
    LinkCode,
    /// What the user lets programs know, of itself: their grants are sessions.
    Consent,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It goes on.
    Kept,
    /// It opens nothing any more.
    Ended,
    /// It goes on under a new token; the old one opens nothing any more.
    Rotated,
}

impl AccountEvent {
    /// All events.
    pub const ALL: [Self; 19] = [
        Self::PasswordSet,
        Self::PasswordChanged,
        Self::PasswordReset,
        Self::IdentityLinked,
        Self::IdentityUnlinked,
        Self::IdentityReplaced,
        Self::NumberTaken,
        Self::Merged,
        Self::Absorbed,
        Self::Disabled,
        Self::Enabled,
        Self::Deleted,
        Self::Reauthenticated,
        Self::LoggedOut,
        Self::SessionEnded,
        Self::OthersLoggedOut,
        Self::AllLoggedOut,
        Self::ConsentGiven,
        Self::ConsentWithdrawn,
    ];

    /// The stable name, in the audit log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PasswordSet => "password_set",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
            Self::IdentityLinked => "identity_linked",
            Self::IdentityUnlinked => "identity_unlinked",
            Self::IdentityReplaced => "identity_replaced",
            Self::NumberTaken => "number_taken",
            Self::Merged => "merged",
            Self::Absorbed => "absorbed",
            Self::Disabled => "disabled",
            Self::Enabled => "enabled",
            Self::Deleted => "deleted",
            Self::Reauthenticated => "reauthenticated",
            Self::LoggedOut => "logged_out",
            Self::SessionEnded => "session_ended",
            Self::OthersLoggedOut => "others_logged_out",
            Self::AllLoggedOut => "all_logged_out",
            Self::ConsentGiven => "consent_given",
            Self::ConsentWithdrawn => "consent_withdrawn",
        }
    }

    /// What the event does to what opens the account (SES-04, LINK-07, LINK-09, RST-04, RST-05).
    #[must_use]
    pub const fn fate(self, holding: Holding) -> Fate {
        use Fate::{Ended, Kept, Rotated};
        use Holding::{
            Consent, CurrentSession, LinkCode, LoginInFlight, OtherSession, ResetCode,
            SessionOfIdentity,
        };
        match self {
            Self::PasswordSet | Self::PasswordChanged => match holding {
                CurrentSession => Rotated,
                SessionOfIdentity | OtherSession | LoginInFlight | ResetCode | LinkCode => Ended,
                Consent => Kept,
            },
            // Whoever comes back afterwards is the same person.
            Self::PasswordReset | Self::Disabled => match holding {
                CurrentSession | SessionOfIdentity | OtherSession | LoginInFlight | ResetCode
                | LinkCode => Ended,
                Consent => Kept,
            },
            Self::Absorbed | Self::Deleted => Ended,
            Self::IdentityLinked | Self::Merged | Self::Enabled => match holding {
                ResetCode => Ended,
                CurrentSession | SessionOfIdentity | OtherSession | LoginInFlight | LinkCode
                | Consent => Kept,
            },
            Self::IdentityUnlinked | Self::IdentityReplaced | Self::NumberTaken => match holding {
                SessionOfIdentity | ResetCode => Ended,
                CurrentSession | OtherSession | LoginInFlight | LinkCode | Consent => Kept,
            },
            Self::Reauthenticated => match holding {
                CurrentSession => Rotated,
                SessionOfIdentity | OtherSession | LoginInFlight | ResetCode | LinkCode
                | Consent => Kept,
            },
            Self::LoggedOut => match holding {
                CurrentSession => Ended,
                SessionOfIdentity | OtherSession | LoginInFlight | ResetCode | LinkCode
                | Consent => Kept,
            },
            Self::SessionEnded => match holding {
                SessionOfIdentity => Ended,
                CurrentSession | OtherSession | LoginInFlight | ResetCode | LinkCode | Consent => {
                    Kept
                }
            },
            Self::OthersLoggedOut => match holding {
                SessionOfIdentity | OtherSession => Ended,
                CurrentSession | LoginInFlight | ResetCode | LinkCode | Consent => Kept,
            },
            Self::AllLoggedOut => match holding {
                CurrentSession | SessionOfIdentity | OtherSession | LinkCode => Ended,
                LoginInFlight | ResetCode | Consent => Kept,
            },
            Self::ConsentGiven => Kept,
            Self::ConsentWithdrawn => match holding {
                SessionOfIdentity | Consent => Ended,
                CurrentSession | OtherSession | LoginInFlight | ResetCode | LinkCode => Kept,
            },
        }
    }
}

impl Holding {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::CurrentSession,
        Self::SessionOfIdentity,
        Self::OtherSession,
        Self::LoginInFlight,
        Self::ResetCode,
        Self::LinkCode,
        Self::Consent,
    ];
}
