//! What a user shows of themselves: nickname and avatar.

use thiserror::Error;

/// A nickname: 1 to 64 characters, none of them a control or an invisible direction mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nickname(String);

/// An avatar's address: `https`, at most 512 bytes. Never fetched by us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvatarUrl(String);

/// Why a profile cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProfileError {
    /// Empty, too long, or with control characters.
    #[error("a nickname has 1 to 64 characters and no control characters")]
    Nickname,
    /// Not an `https` address, or too long.
    #[error("an avatar is an https address of at most 512 bytes")]
    Avatar,
}

/// The profile of a new user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// How the user is called.
    pub nickname: Option<Nickname>,
    /// The user's picture.
    pub avatar_url: Option<AvatarUrl>,
}

/// A change of a profile: each part left alone, cleared or set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProfilePatch {
    /// `None` leaves it, `Some(None)` clears it.
    pub nickname: Option<Option<Nickname>>,
    /// `None` leaves it, `Some(None)` clears it.
    pub avatar_url: Option<Option<AvatarUrl>>,
}

/// Control characters and invisible direction marks.
fn is_unseen(it: char) -> bool {
    it.is_control()
        || matches!(it, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl Nickname {
    /// Reads a nickname; blanks around it go.
    pub fn parse(raw: &str) -> Result<Self, ProfileError> {
        let name = raw.trim();
        if (1..=64).contains(&name.chars().count()) && !name.contains(is_unseen) {
            Ok(Self(name.to_owned()))
        } else {
            Err(ProfileError::Nickname)
        }
    }

    /// Makes what a third party calls somebody a nickname, leaving out what a nickname cannot have;
    /// `None` if nothing is left (EXT-10).
    #[must_use]
    pub fn from_third_party(raw: &str) -> Option<Self> {
        let seen: String = raw.chars().filter(|it| !is_unseen(*it)).take(64).collect();
        Self::parse(&seen).ok()
    }

    /// The nickname.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AvatarUrl {
    /// Reads an address.
    pub fn parse(raw: &str) -> Result<Self, ProfileError> {
        let rest = raw.strip_prefix("https://").ok_or(ProfileError::Avatar)?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let plain = raw.bytes().all(|it| it.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&it));
        if plain && raw.len() <= 512 && !host.is_empty() && !host.contains('@') {
            Ok(Self(raw.to_owned()))
        } else {
            Err(ProfileError::Avatar)
        }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Ada", true)]
    #[case("王小明 😀", true)]
    #[case("", false)]
    #[case("   ", false)]
    #[case("a\nb", false)]
    #[case("a\u{202e}b", false)]
    fn nicknames(#[case] raw: &str, #[case] good: bool) {
        assert_eq!(Nickname::parse(raw).is_ok(), good);
    }

    #[test]
    fn a_nickname_is_counted_in_characters() {
        assert!(Nickname::parse(&"王".repeat(64)).is_ok());
        assert!(Nickname::parse(&"王".repeat(65)).is_err());
    }

    #[rstest]
    #[case("https://example.com/a.png", true)]
    #[case("http://example.com/a.png", false)]
    #[case("javascript:alert(1)", false)]
    #[case("https://", false)]
    #[case("https:///a", false)]
    #[case("https://user@example.com/", false)]
    #[case("https://example.com/\"onload", false)]
    #[case("https://example.com/a b", false)]
    fn avatars(#[case] raw: &str, #[case] good: bool) {
        assert_eq!(AvatarUrl::parse(raw).is_ok(), good);
    }
}
