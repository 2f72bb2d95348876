//! What a provider's no means: one list for all vendors, and what our caller learns of it.

use ports::identity_provider::ProviderError;

/// Why an account was not proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// The authorization code is wrong, used, expired, or for another client.
    BadCode,
    /// The token is unknown, expired or revoked.
    BadToken,
    /// The proof is good and is another app's, or another account's: somebody tries something.
    WrongApp,
    /// The provider froze or restricts this person, or names nobody.
    UserBlocked,
    /// Our id, secret, redirect address, scope or signing key is wrong.
    Misconfig,
    /// The provider throttles us.
    RateLimited,
    /// The provider cannot be reached, not in time, or says "try again".
    Busy,
    /// The answer is none that such a provider gives.
    Protocol,
}

impl Class {
    /// The name in logs.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::BadCode => "bad_code",
            Self::BadToken => "bad_token",
            Self::WrongApp => "wrong_app",
            Self::UserBlocked => "user_blocked",
            Self::Misconfig => "misconfig",
            Self::RateLimited => "rate_limited",
            Self::Busy => "busy",
            Self::Protocol => "protocol",
        }
    }
}

/// A failure, with what an operator needs to see and nothing that is the user's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) class: Class,
    /// The vendor's code of the error, or a word of ours.
    pub(crate) code: String,
}

impl Failure {
    /// A failure that we found ourselves.
    pub(crate) fn new(class: Class, code: &str) -> Self {
        Self { class, code: code.to_owned() }
    }

    /// A failure that the vendor told, by its code. A code is short and plain; anything longer may
    /// be a text that quotes a token.
    pub(crate) fn told(class: Class, code: &str) -> Self {
        let is_plain = code.len() <= 48
            && code.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(&it));
        Self::new(class, if is_plain { code } else { "unprintable" })
    }

    /// The answer lacks what it must hold.
    pub(crate) fn lacks(what: &'static str) -> Self {
        Self::new(Class::Protocol, what)
    }

    /// The answer names nobody (EXT-05).
    pub(crate) fn nobody() -> Self {
        Self::new(Class::UserBlocked, "names_nobody")
    }

    /// The account is not that which the client posted, or not the one of the call before (SDK-01).
    pub(crate) fn mismatch() -> Self {
        Self::new(Class::WrongApp, "subject_differs")
    }

    /// The proof was made for another app (SDK-02).
    pub(crate) fn wrong_app() -> Self {
        Self::new(Class::WrongApp, "another_app")
    }

    /// The provider does not take this kind of proof.
    pub(crate) fn unsupported() -> Self {
        Self::new(Class::BadToken, "way_not_offered")
    }
}

impl From<&Failure> for ProviderError {
    fn from(failure: &Failure) -> Self {
        match failure.class {
            Class::BadCode | Class::BadToken | Class::WrongApp | Class::UserBlocked => {
                Self::Refused
            }
            Class::Misconfig | Class::RateLimited | Class::Busy => Self::Unavailable,
            Class::Protocol => Self::BadResponse,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// LOG-01: what a vendor calls a code may quote what the user sent.
    #[test]
    fn a_code_that_is_a_text_is_not_kept() {
        assert_eq!(Failure::told(Class::BadCode, "40029").code, "40029");
        let quoting = Failure::told(Class::BadCode, "invalid code: 021abcDEF canary");
        assert_eq!(quoting.code, "unprintable");
        assert_eq!(Failure::told(Class::BadCode, &"x".repeat(49)).code, "unprintable");
    }
}
