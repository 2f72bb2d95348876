//! User names: what may be one, and when two are the same.

use std::fmt;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;
use unicode_security::MixedScript as _;
use unicode_security::confusable_detection::skeleton;

/// Fewest and most characters of a user name.
const LENGTH: std::ops::RangeInclusive<usize> = 3..=32;

/// Names that nobody may take, since others would trust them. Compared as skeletons.
const RESERVED: [&str; 44] = [
    "abuse",
    "account",
    "admin",
    "administrator",
    "anonymous",
    "api",
    "auth",
    "billing",
    "contact",
    "daemon",
    "deleted",
    "everyone",
    "ftp",
    "guest",
    "help",
    "helpdesk",
    "hostmaster",
    "info",
    "latchkey",
    "login",
    "logout",
    "mail",
    "me",
    "moderator",
    "nobody",
    "noreply",
    "no-reply",
    "null",
    "oauth",
    "official",
    "operator",
    "owner",
    "postmaster",
    "privacy",
    "register",
    "root",
    "security",
    "service",
    "staff",
    "support",
    "system",
    "undefined",
    "webmaster",
    "www",
];

/// A user name: NFKC in lower case, 3 to 32 letters, digits, `_`, `.` or `-`, of one script.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Username(String);

/// The text may not be a user name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an allowed user name")]
pub struct UsernameError;

impl Username {
    /// Reads a user name (ID-01).
    pub fn parse(raw: &str) -> Result<Self, UsernameError> {
        if raw.len() > 8 * LENGTH.end() {
            return Err(UsernameError);
        }
        let name: String = raw.nfkc().flat_map(char::to_lowercase).nfkc().collect();
        let fits = LENGTH.contains(&name.chars().count())
            && name.chars().all(|it| it.is_alphanumeric() || matches!(it, '_' | '.' | '-'))
            && name.chars().any(char::is_alphanumeric)
            && !name.chars().filter(|it| it.is_alphanumeric()).all(char::is_numeric)
            && name.as_str().is_single_script();
        if fits { Ok(Self(name)) } else { Err(UsernameError) }
    }

    /// True for a name that nobody may register.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        let own = self.skeleton();
        RESERVED.iter().any(|it| fold(it) == own)
    }

    /// The name as it is shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What names that look alike share (UTS 39): by it a name is unique and found.
    #[must_use]
    pub fn skeleton(&self) -> String {
        fold(&self.0)
    }
}

/// UTS 39 skeleton, then in lower case: the prototypes of `0` and `1` are letters of either case.
fn fold(name: &str) -> String {
    let lower: String = skeleton(name).flat_map(char::to_lowercase).collect();
    skeleton(&lower).flat_map(char::to_lowercase).collect()
}

impl fmt::Debug for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Username({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Ada", "ada")]
    #[case("ada_lovelace", "ada_lovelace")]
    #[case("a.b-c", "a.b-c")]
    #[case("Ａｄａ", "ada")]
    #[case("王小明", "王小明")]
    #[case("user1", "user1")]
    fn good_names_are_read(#[case] typed: &str, #[case] form: &str) {
        assert_eq!(Username::parse(typed).unwrap().as_str(), form);
    }

    /// ID-01 and ID-04: never a phone number, never an e-mail address.
    #[rstest]
    #[case("")]
    #[case("ab")]
    #[case("a".repeat(33))]
    #[case("13800138000")]
    #[case("1380-013-8000")]
    #[case("___")]
    #[case("a@b")]
    #[case("+ada")]
    #[case("a b c")]
    #[case("ada\u{200b}")]
    #[case("аda")] // the first letter is Cyrillic
    fn other_texts_are_refused(#[case] typed: String) {
        assert_eq!(Username::parse(&typed), Err(UsernameError));
    }

    #[rstest]
    #[case("paypal", "paypa1")]
    #[case("google", "g00gle")]
    #[case("modern", "rnodern")]
    fn names_that_look_alike_are_one(#[case] one: &str, #[case] other: &str) {
        let of = |name: &str| Username::parse(name).unwrap().skeleton();
        assert_eq!(of(one), of(other));
    }

    #[test]
    fn reserved_names_are_known_in_disguise() {
        for name in ["admin", "Admin", "adm1n", "r00t", "support"] {
            let reserved = Username::parse(name).unwrap().is_reserved();
            assert_eq!(reserved, name != "adm1n", "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_the_form_is_stable(typed in "(?s:.){0,40}") {
            if let Ok(name) = Username::parse(&typed) {
                prop_assert_eq!(Username::parse(name.as_str()).unwrap().skeleton(), name.skeleton());
            }
        }
    }
}
