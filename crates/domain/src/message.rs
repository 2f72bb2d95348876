//! Messages to a person: where one goes and what it carries.

use crate::credential::code::{Code, Purpose};
use crate::email::EmailAddress;
use crate::id::ChallengeId;
use crate::identifier::Identifier;
use crate::phone::PhoneNumber;
use crate::{Duration, Timestamp};

/// How a message travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Text message.
    Sms,
    /// E-mail.
    Email,
}

impl Channel {
    /// The stable name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Email => "email",
        }
    }
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Recipient {
    /// A phone, by SMS.
    Phone(PhoneNumber),
    /// A mailbox, by e-mail.
    Mailbox(EmailAddress),
}

impl Recipient {
    /// How a message gets there.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        match self {
            Self::Phone(_) => Channel::Sms,
            Self::Mailbox(_) => Channel::Email,
        }
    }

    /// The identifier that a code sent there proves.
    #[must_use]
    pub fn identifier(&self) -> Identifier {
        match self {
            Self::Phone(it) => Identifier::Phone(it.clone()),
            Self::Mailbox(it) => Identifier::Email(it.clone()),
        }
    }

    /// The full address, for the vendor that delivers.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Phone(it) => it.as_str(),
            Self::Mailbox(it) => it.as_str(),
        }
    }

    /// The form that may be logged.
    #[must_use]
    pub fn masked(&self) -> String {
        match self {
            Self::Phone(it) => it.masked(),
            Self::Mailbox(it) => it.masked(),
        }
    }
}

/// A code on its way to a person.
#[derive(Debug, Clone)]
pub struct CodeMessage {
    /// Where it goes.
    pub to: Recipient,
    /// What the code is good for.
    pub purpose: Purpose,
    /// The challenge that it answers.
    pub challenge_id: ChallengeId,
    /// The code.
    pub code: Code,
    /// How long it lives.
    pub ttl: Duration,
}

/// What a person is told of their account without having asked (LOG-05). It carries neither code
/// nor link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Notice {
    /// Somebody logged in on a device that had not been seen.
    NewDevice,
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
    /// Two accounts became one.
    AccountsMerged,
    /// The account's phone number now belongs to a new account.
    NumberTaken,
    /// Logging in by password is off until a reset.
    PasswordLocked,
    /// The account was deleted.
    AccountDeleted,
}

impl Notice {
    /// All notices.
    pub const ALL: [Self; 11] = [
        Self::NewDevice,
        Self::PasswordSet,
        Self::PasswordChanged,
        Self::PasswordReset,
        Self::IdentityLinked,
        Self::IdentityUnlinked,
        Self::IdentityReplaced,
        Self::AccountsMerged,
        Self::NumberTaken,
        Self::PasswordLocked,
        Self::AccountDeleted,
    ];

    /// The stable name, in stores and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NewDevice => "new_device",
            Self::PasswordSet => "password_set",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
            Self::IdentityLinked => "identity_linked",
            Self::IdentityUnlinked => "identity_unlinked",
            Self::IdentityReplaced => "identity_replaced",
            Self::AccountsMerged => "accounts_merged",
            Self::NumberTaken => "number_taken",
            Self::PasswordLocked => "password_locked",
            Self::AccountDeleted => "account_deleted",
        }
    }

    /// Reads the stable name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }
}

/// A notice on its way to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeMessage {
    /// Where it goes.
    pub to: Recipient,
    /// What they are told.
    pub notice: Notice,
    /// When it happened.
    pub at: Timestamp,
}
