//! Passwords: what may be one, and the text that is tried.

use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::identifier::Identifier;
use crate::secret::masked_debug;

/// The most characters of a password (PWD-01).
const MOST_CHARACTERS: usize = 128;
/// The most bytes of a password (PWD-01).
const MOST_BYTES: usize = 512;
/// Shorter context words are too common to be held against a password.
const SHORTEST_CONTEXT: usize = 4;

/// Passwords that are tried first everywhere, in lower case, sorted bytewise.
/// Source: the list shipped with Django 4.2 (BSD-3-Clause), 20,000 entries by frequency.
const COMMON: &str = include_str!("common_passwords.txt");

/// What a password must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// Fewest characters.
    pub min_length: usize,
    /// The service's own names: context words for every user.
    pub service_words: Vec<String>,
}

/// Why a password cannot be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PasswordError {
    /// Fewer characters than the policy asks for.
    #[error("the password is too short")]
    TooShort,
    /// More than 128 characters or 512 bytes.
    #[error("the password is too long")]
    TooLong,
    /// A control character, which nobody types on purpose.
    #[error("the password has a control character")]
    Unprintable,
    /// On the list of common and breached passwords.
    #[error("the password is one of the first that are tried")]
    Breached,
    /// Little more than the user's own name, number or the service's name.
    #[error("the password can be told from the account")]
    Context,
}

/// A password that may be set: NFC, within the bounds (PWD-02).
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// A text tried as a password: as received, whatever its form.
#[derive(Clone)]
pub struct PasswordAttempt(Zeroizing<String>);

impl Password {
    /// Takes a password that is to be set (PWD-01, PWD-03).
    ///
    /// The order of answers: length, then characters, then the list, then the context.
    pub fn parse(
        raw: &str,
        policy: &PasswordPolicy,
        known: &[&Identifier],
    ) -> Result<Self, PasswordError> {
        let password = Zeroizing::new(raw.nfc().collect::<String>());
        let characters = password.chars().count();
        if characters > MOST_CHARACTERS || password.len() > MOST_BYTES {
            return Err(PasswordError::TooLong);
        }
        if characters < policy.min_length {
            return Err(PasswordError::TooShort);
        }
        if password.contains(char::is_control) {
            return Err(PasswordError::Unprintable);
        }
        let lower = Zeroizing::new(password.to_lowercase());
        if is_common(&lower) {
            return Err(PasswordError::Breached);
        }
        let words =
            policy.service_words.iter().cloned().chain(known.iter().flat_map(|it| words(it)));
        if words.into_iter().any(|word| leans_on(&lower, &word, policy.min_length)) {
            return Err(PasswordError::Context);
        }
        Ok(Self(password))
    }

    /// The text, for hashing.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl PasswordAttempt {
    /// Takes a text as typed; one over the bounds is refused before anything is hashed.
    pub fn parse(raw: &str) -> Result<Self, PasswordError> {
        let normal = Zeroizing::new(raw.nfc().collect::<String>());
        if normal.len() > MOST_BYTES || normal.chars().count() > MOST_CHARACTERS {
            return Err(PasswordError::TooLong);
        }
        Ok(Self(Zeroizing::new(raw.to_owned())))
    }

    /// The text as received: legacy hashes are tried on it first.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The text in the form in which passwords are set.
    #[must_use]
    pub fn nfc(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.nfc().collect())
    }
}

/// The words of an identifier that a password must not lean on.
fn words(identifier: &Identifier) -> Vec<String> {
    match identifier {
        Identifier::Phone(it) => vec![it.national().to_owned(), it.as_str().to_owned()],
        Identifier::Email(it) => vec![it.local_part().to_owned(), it.as_str().to_owned()],
        Identifier::Username(it) => vec![it.as_str().to_owned()],
        // Nobody types it, and few know it.
        Identifier::ThirdParty(_) => Vec::new(),
    }
}

/// True if little is left of the password without the word: less than a password's shortest length.
fn leans_on(password: &str, word: &str, min_length: usize) -> bool {
    word.chars().count() >= SHORTEST_CONTEXT
        && password.contains(word)
        && password.replace(word, "").chars().count() < min_length
}

/// True if the list has the password; a binary search over the lines of the sorted text.
fn is_common(lower: &str) -> bool {
    let bytes = COMMON.as_bytes();
    let (mut low, mut high) = (0, bytes.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let (before, after) = bytes.split_at_checked(middle).unwrap_or_default();
        let start = before.iter().rposition(|it| *it == b'\n').map_or(0, |it| it + 1);
        let end = after.iter().position(|it| *it == b'\n').map_or(bytes.len(), |it| middle + it);
        match lower.as_bytes().cmp(bytes.get(start..end).unwrap_or_default()) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => high = start,
            std::cmp::Ordering::Greater => low = end + 1,
        }
    }
    false
}

/// A stored hash: a PHC string, with the name of an older scheme before it where there is one.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Takes a hash that was computed or stored.
    #[must_use]
    pub const fn new(stored: String) -> Self {
        Self(stored)
    }

    /// The string as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What trying a password against a hash came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is the password. `upgrade` is its hash by today's scheme, where the stored one is older.
    Right {
        /// The hash to store instead.
        upgrade: Option<PasswordHash>,
    },
    /// It is not, or there is none.
    Wrong,
}

masked_debug!(Password, PasswordAttempt, PasswordHash);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::identifier::IdentifierKind;
    use crate::phone::{PhonePolicy, Region};

    fn policy() -> PasswordPolicy {
        PasswordPolicy { min_length: 8, service_words: vec!["latchkey".to_owned()] }
    }

    fn known(raw: &str, kind: IdentifierKind) -> Identifier {
        let phones = PhonePolicy { default_region: Region::CN, allowed_regions: vec![Region::CN] };
        Identifier::parse(raw, Some(kind), &phones).unwrap()
    }

    /// PWD-01 and PWD-03.
    #[rstest]
    #[case("1234567", Err(PasswordError::TooShort))]
    #[case("correct horse battery", Ok(()))]
    #[case("  blanks stay  ", Ok(()))]
    #[case("密码就是一句很长的话", Ok(()))]
    #[case("密码密码密码密", Err(PasswordError::TooShort))]
    #[case("password", Err(PasswordError::Breached))]
    #[case("PassWord1", Err(PasswordError::Breached))]
    #[case("Latchkey1", Err(PasswordError::Context))]
    #[case("latchkey and a long tail", Ok(()))]
    #[case("ada.lovelace", Err(PasswordError::Context))]
    #[case("Ada.Lovelace2026", Err(PasswordError::Context))]
    #[case("13800138000", Err(PasswordError::Context))]
    #[case("a13800138000b", Err(PasswordError::Context))]
    #[case("tab\there it is", Err(PasswordError::Unprintable))]
    fn passwords(#[case] raw: &str, #[case] answer: Result<(), PasswordError>) {
        let phone = known("13800138000", IdentifierKind::Phone);
        let name = known("ada.lovelace", IdentifierKind::Username);
        let read = Password::parse(raw, &policy(), &[&phone, &name]).map(|_| ());
        assert_eq!(read, answer);
    }

    #[test]
    fn length_is_counted_in_characters_after_nfc() {
        assert!(Password::parse(&"é".repeat(128), &policy(), &[]).is_ok());
        let decomposed = "e\u{301}".repeat(128);
        assert!(Password::parse(&decomposed, &policy(), &[]).is_ok());
        assert!(PasswordAttempt::parse(&decomposed).is_ok(), "what can be set can be tried");
        assert!(PasswordAttempt::parse(&"é".repeat(129)).is_err());
        let long = Password::parse(&"é".repeat(129), &policy(), &[]);
        assert_eq!(long.unwrap_err(), PasswordError::TooLong);
        let wide = Password::parse(&"😀".repeat(128), &policy(), &[]);
        assert!(wide.is_ok(), "512 bytes are allowed");
    }

    #[test]
    fn composed_and_decomposed_are_one_password() {
        let set = Password::parse("re\u{301}sume\u{301} of it", &policy(), &[]).unwrap();
        let typed = PasswordAttempt::parse("r\u{e9}sum\u{e9} of it").unwrap();
        assert_eq!(set.reveal(), typed.nfc().as_str());
    }

    #[test]
    fn the_list_is_sorted_long_and_every_entry_is_found() {
        let lines: Vec<&str> = COMMON.lines().collect();
        assert!(lines.len() >= 10_000);
        assert!(lines.is_sorted());
        assert!(lines.iter().all(|it| is_common(it)));
        for uncommon in ["", "\u{1}", "not on the list", "\u{10ffff}"] {
            assert!(!is_common(uncommon), "{uncommon:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(raw in "(?s:.){0,200}") {
            let _ = Password::parse(&raw, &policy(), &[]);
            let _ = is_common(&raw);
        }
    }
}
