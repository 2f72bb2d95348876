//! Messages to a person: where one goes and what it carries.

use crate::Duration;
use crate::credential::code::{Code, Purpose};
use crate::email::EmailAddress;
use crate::id::ChallengeId;
use crate::identifier::Identifier;
use crate::phone::PhoneNumber;

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
