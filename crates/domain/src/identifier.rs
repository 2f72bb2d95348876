//! What an account is known by: phone number, e-mail address, user name, third-party account.

use thiserror::Error;

use crate::email::{EmailAddress, EmailAddressError};
use crate::phone::{PhoneNumber, PhoneNumberError, PhonePolicy, is_separator};
use crate::provider::{ProviderKind, ThirdPartyId};
use crate::username::{Username, UsernameError};

/// The kinds of identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdentifierKind {
    /// A mobile phone number.
    Phone,
    /// An e-mail address.
    Email,
    /// A user name.
    Username,
    /// An account at a third party.
    ThirdParty(ProviderKind),
}

impl IdentifierKind {
    /// The stable name, in stores and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Username => "username",
            Self::ThirdParty(provider) => provider.as_str(),
        }
    }

    /// Reads the stable name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Phone, Self::Email, Self::Username]
            .into_iter()
            .find(|it| it.as_str() == name)
            .or_else(|| ProviderKind::parse(name).map(Self::ThirdParty))
    }
}

/// One name of one account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identifier {
    /// A mobile phone number.
    Phone(PhoneNumber),
    /// An e-mail address.
    Email(EmailAddress),
    /// A user name.
    Username(Username),
    /// An account at a third party.
    ThirdParty(ThirdPartyId),
}

/// Why a text is not an identifier of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IdentifierError {
    /// The text was taken for a phone number.
    #[error(transparent)]
    Phone(#[from] PhoneNumberError),
    /// The text was taken for an e-mail address.
    #[error(transparent)]
    Email(#[from] EmailAddressError),
    /// The text was taken for a user name.
    #[error(transparent)]
    Username(#[from] UsernameError),
    /// Third-party accounts are proved by their provider, and never typed.
    #[error("a third-party account is not typed")]
    NotTyped,
}

impl Identifier {
    /// Reads a login name as one kind only, found from the text when not given (ID-04).
    ///
    /// With an `@` it is an e-mail address; with a leading `+`, or of nothing but digits, a phone
    /// number, whatever people type before and between them; else a user name.
    pub fn parse(
        raw: &str,
        kind: Option<IdentifierKind>,
        phones: &PhonePolicy,
    ) -> Result<Self, IdentifierError> {
        Ok(match kind.unwrap_or_else(|| guess_kind(raw)) {
            IdentifierKind::Phone => Self::Phone(PhoneNumber::parse(raw, phones)?),
            IdentifierKind::Email => Self::Email(EmailAddress::parse(raw)?),
            IdentifierKind::Username => Self::Username(Username::parse(raw)?),
            IdentifierKind::ThirdParty(_) => return Err(IdentifierError::NotTyped),
        })
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> IdentifierKind {
        match self {
            Self::Phone(_) => IdentifierKind::Phone,
            Self::Email(_) => IdentifierKind::Email,
            Self::Username(_) => IdentifierKind::Username,
            Self::ThirdParty(it) => IdentifierKind::ThirdParty(it.kind()),
        }
    }

    /// Where it is unique, within its kind; empty for what is our own.
    #[must_use]
    pub fn namespace(&self) -> &str {
        match self {
            Self::Phone(_) | Self::Email(_) | Self::Username(_) => "",
            Self::ThirdParty(it) => it.namespace(),
        }
    }

    /// What makes it unique within its kind.
    #[must_use]
    pub fn unique_form(&self) -> String {
        match self {
            Self::Phone(it) => it.as_str().to_owned(),
            Self::Email(it) => it.as_str().to_owned(),
            Self::Username(it) => it.skeleton(),
            // Neither part holds a control character.
            Self::ThirdParty(it) => format!("{}\u{0}{}", it.namespace(), it.subject()),
        }
    }

    /// The canonical text, as its owner may see it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Phone(it) => it.as_str(),
            Self::Email(it) => it.as_str(),
            Self::Username(it) => it.as_str(),
            Self::ThirdParty(it) => it.subject(),
        }
    }

    /// The form that may be logged.
    #[must_use]
    pub fn masked(&self) -> String {
        match self {
            Self::Phone(it) => it.masked(),
            Self::Email(it) => it.masked(),
            Self::Username(it) => it.as_str().to_owned(),
            Self::ThirdParty(it) => it.masked(),
        }
    }
}

fn guess_kind(raw: &str) -> IdentifierKind {
    use unicode_normalization::UnicodeNormalization as _;
    let folded: String = raw.nfkc().collect();
    let typed = folded.trim_start_matches(is_separator);
    let phone_like = |it: char| it.is_ascii_digit() || is_separator(it);
    if folded.contains('@') {
        IdentifierKind::Email
    } else if typed.starts_with('+') || (!folded.is_empty() && folded.chars().all(phone_like)) {
        IdentifierKind::Phone
    } else {
        IdentifierKind::Username
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::phone::Region;

    fn phones() -> PhonePolicy {
        PhonePolicy { default_region: Region::CN, allowed_regions: vec![Region::CN] }
    }

    #[rstest]
    #[case("13800138000", IdentifierKind::Phone)]
    #[case("+86 138 0013 8000", IdentifierKind::Phone)]
    #[case(" +8613800138000", IdentifierKind::Phone)]
    #[case("\u{3000}+86 13800138000", IdentifierKind::Phone)]
    #[case("(+86)13800138000", IdentifierKind::Phone)]
    #[case("138\u{2010}0013\u{2011}8000", IdentifierKind::Phone)]
    #[case("１３８００１３８０００", IdentifierKind::Phone)]
    #[case("ada@example.com", IdentifierKind::Email)]
    #[case("ada＠example.com", IdentifierKind::Email)]
    #[case("ada", IdentifierKind::Username)]
    #[case("138ada", IdentifierKind::Username)]
    fn a_text_is_read_as_one_kind(#[case] typed: &str, #[case] kind: IdentifierKind) {
        assert_eq!(Identifier::parse(typed, None, &phones()).unwrap().kind(), kind);
    }

    #[test]
    fn a_named_kind_is_the_only_one_tried() {
        let read = Identifier::parse("ada", Some(IdentifierKind::Phone), &phones());
        assert_eq!(read, Err(IdentifierError::Phone(PhoneNumberError::Invalid)));
    }

    proptest! {
        /// ID-04: no text is good as two kinds.
        #[test]
        fn the_kinds_are_disjoint(typed in "[+a-zA-Z0-9@._ -]{1,20}") {
            let read = [IdentifierKind::Phone, IdentifierKind::Email, IdentifierKind::Username]
                .map(|it| Identifier::parse(&typed, Some(it), &phones()).is_ok());
            prop_assert!(read.iter().filter(|it| **it).count() <= 1, "{read:?}");
        }
    }
}
