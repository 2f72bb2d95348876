//! What a client may know of the person.

use std::fmt;

use thiserror::Error;

/// One thing that a client may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Who it is: an id token.
    OpenId,
    /// Nickname and picture.
    Profile,
    /// The phone number.
    Phone,
    /// The e-mail address.
    Email,
}

impl Scope {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 4] = [Self::OpenId, Self::Profile, Self::Phone, Self::Email];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenId => "openid",
            Self::Profile => "profile",
            Self::Phone => "phone",
            Self::Email => "email",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::OpenId => 1,
            Self::Profile => 2,
            Self::Phone => 4,
            Self::Email => 8,
        }
    }
}

/// A set of them.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

/// The text is no list of scopes (RFC 6749, 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a list of scopes")]
pub struct ScopeError;

/// The longest text of scopes.
const LONGEST: usize = 1024;

impl Scopes {
    /// Nothing.
    pub const NONE: Self = Self(0);

    /// All that there is.
    #[must_use]
    pub fn all() -> Self {
        Self(Scope::ALL.into_iter().fold(0, |set, it| set | it.bit()))
    }

    /// Reads names with single blanks between; names that we do not know give nothing (OpenID
    /// Connect Core, 3.1.2.1).
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        if text.is_empty() {
            return Ok(Self::NONE);
        }
        let is_name = |it: &str| {
            let plain = |it: u8| matches!(it, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            !it.is_empty() && it.bytes().all(plain)
        };
        if text.len() > LONGEST || !text.split(' ').all(is_name) {
            return Err(ScopeError);
        }
        Ok(text.split(' ').filter_map(known).fold(Self::NONE, Self::with))
    }

    /// The same, where each name has to be one that we know: nobody agrees to what is not kept.
    pub fn parse_known(text: &str) -> Result<Self, ScopeError> {
        let read = Self::parse(text)?;
        let is_known = text.is_empty() || text.split(' ').all(|it| known(it).is_some());
        if is_known { Ok(read) } else { Err(ScopeError) }
    }

    /// The set with one more.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Self {
        Self(self.0 | scope.bit())
    }

    /// All that is in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// True if it holds a scope.
    #[must_use]
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// True if all of it is in `other`.
    #[must_use]
    pub const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
}

fn known(name: &str) -> Option<Scope> {
    Scope::ALL.into_iter().find(|it| it.as_str() == name)
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held: Vec<_> =
            Scope::ALL.into_iter().filter(|it| self.has(*it)).map(Scope::as_str).collect();
        f.write_str(&held.join(" "))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", Ok(""))]
    #[case("openid", Ok("openid"))]
    #[case("email openid", Ok("openid email"))]
    #[case("openid openid", Ok("openid"))]
    #[case("openid offline_access https://example.com/x", Ok("openid"))]
    #[case("nothing", Ok(""))]
    #[case("openid  email", Err(ScopeError))]
    #[case(" openid", Err(ScopeError))]
    #[case("openid\temail", Err(ScopeError))]
    #[case("op\"enid", Err(ScopeError))]
    #[case("é", Err(ScopeError))]
    fn scopes_are_names_with_single_blanks(
        #[case] text: &str,
        #[case] expected: Result<&str, ScopeError>,
    ) {
        assert_eq!(Scopes::parse(text).map(|it| it.to_string()), expected.map(str::to_owned));
    }

    /// OP-10.
    #[rstest]
    #[case("", Ok(""))]
    #[case("phone openid", Ok("openid phone"))]
    #[case("openid offline_access", Err(ScopeError))]
    #[case("openid  phone", Err(ScopeError))]
    fn nobody_agrees_to_what_we_do_not_know(
        #[case] text: &str,
        #[case] expected: Result<&str, ScopeError>,
    ) {
        let read = Scopes::parse_known(text).map(|it| it.to_string());
        assert_eq!(read, expected.map(str::to_owned));
    }

    #[test]
    fn a_list_has_a_longest_form() {
        assert!(Scopes::parse(&"a".repeat(LONGEST)).is_ok());
        assert_eq!(Scopes::parse(&"a".repeat(LONGEST + 1)), Err(ScopeError));
    }

    /// OP-07: a narrower set is within a wider one, and never the other way round.
    #[test]
    fn a_set_knows_what_is_within_it() {
        let [one, two] = ["openid", "openid email"].map(|it| Scopes::parse(it).unwrap());
        assert!(one.is_within(two) && !two.is_within(one) && two.is_within(Scopes::all()));
        assert!(Scopes::NONE.is_within(one) && !one.is_within(Scopes::NONE));
    }
}
