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
    /// All channels.
    pub const ALL: [Self; 2] = [Self::Sms, Self::Email];

    /// The stable name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Email => "email",
        }
    }

    /// Reads the stable name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
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

/// A message on its way to a person.
#[derive(Debug, Clone)]
pub enum Message {
    /// A code, which its owner is waiting for.
    Code(CodeMessage),
    /// A notice, which nobody asked for.
    Notice(NoticeMessage),
}

impl Message {
    /// Where it goes.
    #[must_use]
    pub const fn to(&self) -> &Recipient {
        match self {
            Self::Code(it) => &it.to,
            Self::Notice(it) => &it.to,
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

/// What happened to an account, for its owner to know.
///
/// It carries neither a code nor a link: what its reader wants to do about it begins with a login
/// (LOG-05).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeMessage {
    /// Where it goes.
    pub to: Recipient,
    /// What happened.
    pub notice: Notice,
    /// When it did.
    pub at: Timestamp,
}

/// What the owner of an account is told about (LOG-05).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Notice {
    /// Somebody logged in on a device that the account did not know.
    NewDevice,
    /// The account got its first password.
    PasswordSet,
    /// The password was changed by somebody who was logged in.
    PasswordChanged,
    /// The password was set anew by a code.
    PasswordReset,
    /// A way in was added.
    IdentityLinked,
    /// A way in was removed.
    IdentityUnlinked,
    /// A phone number or e-mail address was swapped for another.
    IdentityReplaced,
    /// Another account was taken into this one.
    AccountsMerged,
    /// The phone number belongs to a new account now: its operator gave it to somebody else.
    NumberTaken,
    /// Too many wrong passwords: the password opens nothing until it is reset (LOCK-02).
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_is_one_notices_and_is_read_back() {
        let names: BTreeSet<_> = Notice::ALL.iter().map(|it| it.as_str()).collect();
        assert_eq!(names.len(), Notice::ALL.len());
        assert!(Notice::ALL.iter().all(|it| Notice::parse(it.as_str()) == Some(*it)));
        assert_eq!(Notice::parse("birthday"), None);
    }

    #[test]
    fn every_channel_is_read_back() {
        assert!(Channel::ALL.iter().all(|it| Channel::parse(it.as_str()) == Some(*it)));
        assert_eq!(Channel::parse("pigeon"), None);
    }
}
