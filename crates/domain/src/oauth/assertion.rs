//! A client that proves itself by a key: `private_key_jwt` (RFC 7523, 3; OpenID Connect Core, 9;
//! OP-05).
//!
//! [`Assertion::check`] says what such a statement must say, all but two things: that one of the
//! client's keys signed it, and that nobody showed it before.

use thiserror::Error;

use super::Provider;
use super::client::ClientId;
use crate::{Duration, Timestamp, later};

/// The type that a client names beside its assertion (RFC 7523, 2.2).
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How far its end may be away: the time in which whoever finds one could use it.
pub const LONGEST_LIFE: Duration = Duration::from_mins(5);
/// How much the client's clock may be ahead of ours, and one of ours behind another.
pub const SKEW: Duration = Duration::from_mins(1);
/// The longest `jti`, in bytes.
const LONGEST_ID: usize = 255;

/// The algorithms that we take: asymmetric ones, so that a public key is no secret to sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA with the padding of PKCS #1, 1.5.
    Rs256,
    /// RSA-PSS.
    Ps256,
    /// ECDSA on P-256.
    Es256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rs256, Self::Ps256, Self::Es256];

    /// Its name (RFC 7518, 3.1).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
        }
    }

    /// Reads a name, to the letter.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }

    /// The kind of key that it is for.
    #[must_use]
    pub const fn kind(self) -> KeyKind {
        match self {
            Self::Rs256 | Self::Ps256 => KeyKind::Rsa,
            Self::Es256 => KeyKind::P256,
        }
    }
}

/// The kinds of key that a client may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA of 2048 to 8192 bits.
    Rsa,
    /// A point of the curve P-256.
    P256,
}

/// A public key of a client, which was checked when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientKey {
    /// What it is.
    pub kind: KeyKind,
    /// Itself: `SubjectPublicKeyInfo` in DER (RFC 5280, 4.1).
    pub der: Vec<u8>,
}

/// What a client says and signed; nothing of it is proven.
#[derive(Clone, PartialEq, Eq)]
pub struct Assertion {
    /// `alg` of the header, as it came.
    pub algorithm: String,
    /// True if the header has `crit`: there is something that we would have to understand.
    pub is_critical: bool,
    /// What it says.
    pub claims: Claims,
    /// The text that was signed.
    pub text: String,
    /// The signature of it.
    pub signature: Vec<u8>,
}

// Whoever has one can show it.
crate::secret::masked_debug!(Assertion);

/// What an assertion says, as far as we look at it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claims {
    /// `iss`.
    pub issuer: Option<String>,
    /// `sub`.
    pub subject: Option<String>,
    /// `aud`.
    pub audience: Vec<String>,
    /// `exp`: first moment at which it no longer counts.
    pub expires_at: Option<Timestamp>,
    /// `iat`.
    pub issued_at: Option<Timestamp>,
    /// `nbf`.
    pub not_before: Option<Timestamp>,
    /// `jti`: its name, good once.
    pub id: Option<String>,
}

/// What is left to find out about an assertion that says what it must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open<'a> {
    /// How it was signed: by one of the client's keys?
    pub algorithm: Algorithm,
    /// Its name among those of the client: was it shown before?
    pub id: &'a str,
    /// How long to remember that it was.
    pub remember: Duration,
}

/// Why an assertion is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AssertionRefusal {
    /// `alg` is none of ours.
    #[error("its algorithm is none that is taken")]
    Algorithm,
    /// There is a `crit`.
    #[error("its header asks for more than is understood")]
    Critical,
    /// `iss` or `sub` is another's, or missing.
    #[error("it is not the client's word on itself")]
    Client,
    /// `aud` is neither our name nor the token endpoint.
    #[error("it is not meant for this service")]
    Audience,
    /// `exp` is over, or missing.
    #[error("it is over, or has no end")]
    Over,
    /// `exp` is too far away.
    #[error("its end is too far away")]
    TooLong,
    /// `iat` or `nbf` is to come.
    #[error("it does not count yet")]
    NotYet,
    /// `jti` is missing or too long.
    #[error("it has no name that it could be remembered by")]
    Id,
    /// None of the client's keys signed it.
    #[error("no key of the client signed it")]
    Signature,
    /// It was shown before.
    #[error("it was shown before")]
    Shown,
}

impl Assertion {
    /// Checks what it says; signature and name are the caller's to check, in this order.
    pub fn check(
        &self,
        client: &ClientId,
        provider: &Provider,
        now: Timestamp,
    ) -> Result<Open<'_>, AssertionRefusal> {
        let algorithm = Algorithm::parse(&self.algorithm).ok_or(AssertionRefusal::Algorithm)?;
        if self.is_critical {
            return Err(AssertionRefusal::Critical);
        }
        let claims = &self.claims;
        let is_client = |it: &Option<String>| it.as_deref() == Some(client.as_str());
        if !is_client(&claims.issuer) || !is_client(&claims.subject) {
            return Err(AssertionRefusal::Client);
        }
        let token_endpoint = provider.address("/oauth2/token");
        let is_us = |it: &String| *it == provider.issuer || *it == token_endpoint;
        if !claims.audience.iter().any(is_us) {
            return Err(AssertionRefusal::Audience);
        }
        let until = claims.expires_at.filter(|it| *it > now).ok_or(AssertionRefusal::Over)?;
        if until > later(now, LONGEST_LIFE) {
            return Err(AssertionRefusal::TooLong);
        }
        if claims.issued_at.max(claims.not_before).is_some_and(|it| it > later(now, SKEW)) {
            return Err(AssertionRefusal::NotYet);
        }
        let id = claims.id.as_deref().filter(|it| (1..=LONGEST_ID).contains(&it.len()));
        let id = id.ok_or(AssertionRefusal::Id)?;
        // A node whose clock is behind would take it a little longer, so it is remembered longer.
        let left = Duration::try_from(until.duration_since(now)).unwrap_or_default();
        Ok(Open { algorithm, id, remember: left + SKEW })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const US: &str = "https://id.example.com/";
    const TOKEN: &str = "https://id.example.com/oauth2/token";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + second).unwrap()
    }

    fn text(it: &str) -> Option<String> {
        (!it.is_empty()).then(|| it.to_owned())
    }

    fn good() -> Assertion {
        Assertion {
            algorithm: "RS256".to_owned(),
            is_critical: false,
            claims: Claims {
                issuer: text("partner"),
                subject: text("partner"),
                audience: vec![US.to_owned()],
                expires_at: Some(at(60)),
                issued_at: None,
                not_before: None,
                id: text("one"),
            },
            text: "text".to_owned(),
            signature: Vec::new(),
        }
    }

    fn check(it: &Assertion) -> Result<Open<'_>, AssertionRefusal> {
        let provider = Provider { issuer: US.to_owned(), clients: Vec::new() };
        it.check(&ClientId::parse("partner").unwrap(), &provider, at(0))
    }

    fn claiming(change: impl FnOnce(&mut Claims)) -> Option<AssertionRefusal> {
        let mut it = good();
        change(&mut it.claims);
        check(&it).err()
    }

    /// OP-05: asymmetric algorithms to the letter, and nothing that is not understood.
    #[rstest]
    #[case::rsa("RS256", false, Ok(Algorithm::Rs256))]
    #[case::pss("PS256", false, Ok(Algorithm::Ps256))]
    #[case::ec("ES256", false, Ok(Algorithm::Es256))]
    #[case::none("none", false, Err(AssertionRefusal::Algorithm))]
    #[case::nothing("", false, Err(AssertionRefusal::Algorithm))]
    #[case::capital("None", false, Err(AssertionRefusal::Algorithm))]
    #[case::small("rs256", false, Err(AssertionRefusal::Algorithm))]
    #[case::symmetric("HS256", false, Err(AssertionRefusal::Algorithm))]
    #[case::longer("RS512", false, Err(AssertionRefusal::Algorithm))]
    #[case::other_curve("ES384", false, Err(AssertionRefusal::Algorithm))]
    #[case::critical("RS256", true, Err(AssertionRefusal::Critical))]
    fn a_header_is_judged(
        #[case] algorithm: &str,
        #[case] is_critical: bool,
        #[case] expected: Result<Algorithm, AssertionRefusal>,
    ) {
        let it = Assertion { algorithm: algorithm.to_owned(), is_critical, ..good() };
        assert_eq!(check(&it).map(|it| it.algorithm), expected);
    }

    /// OP-05: a client speaks for itself alone.
    #[rstest]
    #[case::both("partner", "partner", true)]
    #[case::other_issuer("other", "partner", false)]
    #[case::other_subject("partner", "other", false)]
    #[case::other("other", "other", false)]
    #[case::no_issuer("", "partner", false)]
    #[case::no_subject("partner", "", false)]
    #[case::case("Partner", "Partner", false)]
    fn a_client_is_named_twice(#[case] issuer: &str, #[case] subject: &str, #[case] fits: bool) {
        let refused = claiming(|it| (it.issuer, it.subject) = (text(issuer), text(subject)));
        assert_eq!(refused, (!fits).then_some(AssertionRefusal::Client));
    }

    /// OP-05: what is meant for another service is not taken here.
    #[rstest]
    #[case::us(&[US], true)]
    #[case::token(&[TOKEN], true)]
    #[case::both(&[US, TOKEN], true)]
    #[case::among_others(&["https://other.example.com", TOKEN], true)]
    #[case::nobody(&[], false)]
    #[case::other(&["https://other.example.com"], false)]
    #[case::nearly(&["https://id.example.com"], false)]
    #[case::longer(&["https://id.example.com/oauth2/token/"], false)]
    #[case::client(&["partner"], false)]
    fn an_audience_is_us(#[case] audience: &[&str], #[case] fits: bool) {
        let refused =
            claiming(|it| it.audience = audience.iter().map(|it| (*it).to_owned()).collect());
        assert_eq!(refused, (!fits).then_some(AssertionRefusal::Audience));
    }

    /// OP-05: five minutes at most, and a minute for clocks that differ.
    #[rstest]
    #[case::short(Some(1), None, None, None)]
    #[case::over(Some(0), None, None, Some(AssertionRefusal::Over))]
    #[case::long_over(Some(-60), None, None, Some(AssertionRefusal::Over))]
    #[case::endless(None, None, None, Some(AssertionRefusal::Over))]
    #[case::longest(Some(300), None, None, None)]
    #[case::too_long(Some(301), None, None, Some(AssertionRefusal::TooLong))]
    #[case::said_before(Some(60), Some(-3600), Some(-3600), None)]
    #[case::clock_ahead(Some(90), Some(60), Some(60), None)]
    #[case::said_later(Some(90), Some(61), None, Some(AssertionRefusal::NotYet))]
    #[case::good_later(Some(90), Some(0), Some(61), Some(AssertionRefusal::NotYet))]
    #[case::good_later_alone(Some(90), None, Some(61), Some(AssertionRefusal::NotYet))]
    fn a_life_is_short_and_now(
        #[case] expires_at: Option<i64>,
        #[case] issued_at: Option<i64>,
        #[case] not_before: Option<i64>,
        #[case] expected: Option<AssertionRefusal>,
    ) {
        let refused = claiming(|it| {
            it.expires_at = expires_at.map(at);
            (it.issued_at, it.not_before) = (issued_at.map(at), not_before.map(at));
        });
        assert_eq!(refused, expected);
    }

    /// OP-05: what is good once needs a name.
    #[rstest]
    #[case::longest(&"a".repeat(255), true)]
    #[case::too_long(&"a".repeat(256), false)]
    #[case::too_long_in_bytes(&"ä".repeat(128), false)]
    #[case::none("", false)]
    fn a_name_is_needed(#[case] id: &str, #[case] fits: bool) {
        assert_eq!(claiming(|it| it.id = text(id)), (!fits).then_some(AssertionRefusal::Id));
    }

    /// OP-05: an empty `jti` is one that is there and no name.
    #[test]
    fn an_empty_name_is_none() {
        assert_eq!(claiming(|it| it.id = Some(String::new())), Some(AssertionRefusal::Id));
    }

    /// OP-05: it is remembered for longer than any clock of ours takes it.
    #[test]
    fn it_is_remembered_beyond_its_end() {
        let it = good();
        let expected =
            Open { algorithm: Algorithm::Rs256, id: "one", remember: Duration::from_mins(2) };
        assert_eq!(check(&it), Ok(expected));
    }

    #[test]
    fn what_is_shown_is_not_told() {
        assert_eq!(format!("{:?}", good()), "Assertion(…)");
    }
}
