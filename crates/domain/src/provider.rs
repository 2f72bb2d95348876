//! Accounts at third parties: what they are called, what a client shows of one, and what a
//! provider's answer proves.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::secret::masked_debug;
use crate::{Duration, Timestamp, later};

/// The longest name of an account at a third party, in bytes (EXT-05).
const LONGEST_SUBJECT: usize = 255;

/// The kinds of provider: the types of identity that come from third parties.
///
/// Several configured providers may be of one kind, as the website and the mini program of one
/// `WeChat` developer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProviderKind {
    /// `WeChat`: website, official account, mobile app, mini program.
    WeChat,
    /// QQ Connect.
    Qq,
    /// Sina Weibo.
    Weibo,
    /// `NetEase` passport.
    NetEase,
    /// Alipay.
    Alipay,
    /// Douyin.
    Douyin,
    /// Sign in with Apple.
    Apple,
    /// Google.
    Google,
    /// GitHub.
    GitHub,
    /// Any other `OpenID` Connect issuer.
    Oidc,
}

impl ProviderKind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::WeChat,
        Self::Qq,
        Self::Weibo,
        Self::NetEase,
        Self::Alipay,
        Self::Douyin,
        Self::Apple,
        Self::Google,
        Self::GitHub,
        Self::Oidc,
    ];

    /// The stable name: the identity's type, in stores and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WeChat => "wechat",
            Self::Qq => "qq",
            Self::Weibo => "weibo",
            Self::NetEase => "netease",
            Self::Alipay => "alipay",
            Self::Douyin => "douyin",
            Self::Apple => "apple",
            Self::Google => "google",
            Self::GitHub => "github",
            Self::Oidc => "oidc",
        }
    }

    /// Reads the stable name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }
}

/// The name of a configured provider: 1 to 32 of `a-z`, `0-9`, `_` and `-`, a letter first.
///
/// It is small and copied, so that a login's method can hold it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProviderName {
    bytes: [u8; 32],
    length: u8,
}

/// The text is no provider's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a provider's name has 1 to 32 of a-z, 0-9, _ and -, a letter first")]
pub struct ProviderNameError;

impl ProviderName {
    /// Names that mean something else where a provider's name stands.
    const TAKEN: [&'static str; 6] = ["sms", "email", "password", "carrier", "phone", "username"];

    /// Reads a name.
    pub fn parse(name: &str) -> Result<Self, ProviderNameError> {
        let is_name = name.starts_with(|it: char| it.is_ascii_lowercase())
            && name.bytes().all(|it| matches!(it, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
            && !Self::TAKEN.contains(&name);
        let mut bytes = [0; 32];
        match (bytes.get_mut(..name.len()), u8::try_from(name.len())) {
            (Some(place), Ok(length)) if is_name => {
                place.copy_from_slice(name.as_bytes());
                Ok(Self { bytes, length })
            }
            _ => Err(ProviderNameError),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let name = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(name).unwrap_or_default()
    }
}

impl fmt::Debug for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A way by which a provider's account comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Way {
    /// An authorization code that the app or page got.
    Code,
    /// The provider's access token, already in the app.
    Token,
    /// An ID token.
    IdToken,
    /// The browser flow.
    Browser,
}

/// What a client holds of a provider's account.
#[derive(Clone)]
pub enum ProviderProof {
    /// An authorization code, to be exchanged by us.
    Code {
        /// The code.
        code: Zeroizing<String>,
        /// The address that it was issued for.
        redirect_uri: Option<String>,
        /// The PKCE verifier, where one was used.
        code_verifier: Option<Zeroizing<String>>,
        /// What an ID token of the answer must hold, where we asked for it.
        nonce: Option<String>,
        /// Apple's `user` parameter as it came with the callback: the one place of the name.
        user: Option<String>,
    },
    /// The provider's access token, already in the app.
    Token {
        /// The token.
        access_token: Zeroizing<String>,
        /// The provider's user id, as the app has it: only compared, never believed (SDK-01).
        openid: Option<String>,
        /// Seconds for which the token is good, as the app has it.
        expires_in: Option<u64>,
        /// The refresh token, where the app has one.
        refresh_token: Option<Zeroizing<String>>,
    },
    /// An `OpenID` Connect ID token.
    IdToken {
        /// The token.
        id_token: Zeroizing<String>,
        /// The nonce that it must hold.
        nonce: Option<String>,
    },
}

impl ProviderProof {
    /// The way by which it came, the browser flow's codes being codes.
    #[must_use]
    pub const fn way(&self) -> Way {
        match self {
            Self::Code { .. } => Way::Code,
            Self::Token { .. } => Way::Token,
            Self::IdToken { .. } => Way::IdToken,
        }
    }
}

impl std::fmt::Debug for ProviderProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ProviderProof({:?})", self.way())
    }
}

/// One name of an account at a third party, unique within kind and namespace (EXT-06).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ThirdPartyId {
    kind: ProviderKind,
    namespace: String,
    subject: String,
}

/// The provider named nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the provider named nobody")]
pub struct SubjectError;

impl ThirdPartyId {
    /// Reads what a provider calls an account. The namespace is where the name is unique: the
    /// issuer, the appid of an openid, the platform of a unionid.
    ///
    /// Empty, blank, `0`, `null` and anything over 255 bytes name nobody (EXT-05).
    pub fn new(kind: ProviderKind, namespace: &str, subject: &str) -> Result<Self, SubjectError> {
        let is_nobody = subject.trim().is_empty()
            || subject.len() > LONGEST_SUBJECT
            || subject.chars().any(char::is_control)
            || matches!(subject, "0" | "null" | "undefined");
        if is_nobody {
            return Err(SubjectError);
        }
        Ok(Self { kind, namespace: namespace.to_owned(), subject: subject.to_owned() })
    }

    /// The kind of provider.
    #[must_use]
    pub const fn kind(&self) -> ProviderKind {
        self.kind
    }

    /// Where the name is unique.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The form that may be shown and logged: the ends of the name.
    #[must_use]
    pub fn masked(&self) -> String {
        let letters: Vec<char> = self.subject.chars().collect();
        match letters.as_slice() {
            [a, b, .., y, z] if letters.len() >= 8 => format!("{a}{b}****{y}{z}"),
            _ => "****".to_owned(),
        }
    }
}

impl fmt::Debug for ThirdPartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.kind.as_str(), self.namespace, self.masked())
    }
}

/// What a provider gave to speak for a user: kept sealed, or not at all (SDK-04).
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderTokens {
    /// The access token.
    pub access_token: Zeroizing<String>,
    /// The refresh token, where there is one.
    pub refresh_token: Option<Zeroizing<String>>,
    /// First moment at which the access token no longer counts, where that is known.
    pub expires_at: Option<Timestamp>,
}

/// A proof that is good for one use, by its digest: an ID token (SDK-04).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SpentProof {
    /// SHA-256 of what was shown.
    pub digest: [u8; 32],
    /// When the third party made it: when the person was there.
    pub made_at: Timestamp,
    /// First moment at which nobody would take it anyway.
    pub until: Timestamp,
}

impl SpentProof {
    /// True while it shows that somebody is there, as verbs ask that a session must be fresh for:
    /// less than `fresh` after it was made (LINK-01).
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp, fresh: Duration) -> bool {
        now < later(self.made_at, fresh)
    }
}

masked_debug!(ProviderTokens, SpentProof);

/// An account at a third party, proved by the provider's own answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderAccount {
    /// Every name of the account, at least one; the one that decides first (for `WeChat` the
    /// openid, then the unionid).
    pub ids: Vec<ThirdPartyId>,
    /// The nickname, as given.
    pub nickname: Option<String>,
    /// The avatar's address, as given.
    pub avatar_url: Option<String>,
    /// What may be kept to speak for the user.
    pub tokens: Option<ProviderTokens>,
    /// What must not be shown again.
    pub spent: Option<SpentProof>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("wechat", true)]
    #[case("wechat_mini", true)]
    #[case("corp-2", true)]
    #[case("", false)]
    #[case("2corp", false)]
    #[case("WeChat", false)]
    #[case("sms", false)]
    #[case("a/b", false)]
    #[case("a2345678901234567890123456789012", true)]
    #[case("a23456789012345678901234567890123", false)]
    fn a_provider_is_named_plainly(#[case] name: &str, #[case] is_good: bool) {
        let read = ProviderName::parse(name);
        assert_eq!(read.is_ok(), is_good, "{name}");
        assert!(read.is_err() || read.unwrap().as_str() == name);
    }

    /// EXT-05: what names nobody makes no identity.
    #[rstest]
    #[case("")]
    #[case(" \t")]
    #[case("0")]
    #[case("null")]
    #[case("a\u{0}b")]
    fn nobody_has_no_id(#[case] subject: &str) {
        assert_eq!(ThirdPartyId::new(ProviderKind::Qq, "1", subject), Err(SubjectError));
    }

    #[test]
    fn a_subject_over_255_bytes_is_nobody() {
        let subject = |length| ThirdPartyId::new(ProviderKind::Qq, "1", &"x".repeat(length));
        assert!(subject(255).is_ok());
        assert_eq!(subject(256), Err(SubjectError));
    }

    #[test]
    fn kinds_are_read_back() {
        assert!(ProviderKind::ALL.iter().all(|it| ProviderKind::parse(it.as_str()) == Some(*it)));
    }

    proptest! {
        #[test]
        fn no_name_shows_whole(subject in "[a-zA-Z0-9_-]{1,40}") {
            if let Ok(id) = ThirdPartyId::new(ProviderKind::WeChat, "wx1", &subject) {
                prop_assert!(!id.masked().contains(&subject));
            }
        }
    }
}
