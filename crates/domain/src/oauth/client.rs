//! The programs that get their users from us, and how they prove who they are (OP-05).

use std::{fmt, slice};

use subtle::ConstantTimeEq as _;
use thiserror::Error;

use super::assertion::{Assertion, ClientKey};
use super::redirect::RedirectUri;
use crate::session::SessionPolicy;
use crate::{Duration, Timestamp, later};

/// The name of a client: 1 to 128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientId(String);

impl ClientId {
    /// Reads one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        ((1..=128).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_graphic()))
            .then(|| Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// SHA-256 of a client's secret.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// Takes a hash that was computed or configured.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl PartialEq for SecretHash {
    /// Compares in constant time (TIM-02).
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretHash {}

crate::secret::masked_debug!(SecretHash);

/// Whose program it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Ours: its access token is the sliding session itself.
    FirstParty,
    /// A partner's: logs people in with us, and gets short tokens.
    Trusted,
    /// Anybody's: gets short tokens, and the person has to agree first.
    ThirdParty,
}

/// By what a program proves that it is itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// By nothing: a public client, which can keep no secret.
    Nothing,
    /// By its secret, of which this is the hash; by either of two while one follows the other.
    Secret(Vec<SecretHash>),
    /// By what one of its keys signed.
    Keys(Vec<ClientKey>),
}

/// A program that gets its users from us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its name.
    pub id: ClientId,
    /// By what it proves that it is itself.
    pub proof: Proof,
    /// Where its codes may go.
    pub redirect_uris: Vec<RedirectUri>,
    /// Whose it is.
    pub standing: Standing,
    /// The origins from which browsers may call for it (OP-13).
    pub origins: Vec<String>,
}

/// Time without a refresh after which the tokens of a client that is not ours are over (OP-07).
const IDLE: Duration = Duration::from_hours(14 * 24);
/// Time after which they are over whatever their use (OP-07).
const ABSOLUTE: Duration = Duration::from_hours(30 * 24);

impl Client {
    /// True for one that can prove nothing.
    #[must_use]
    pub const fn is_public(&self) -> bool {
        match self.proof {
            Proof::Nothing => true,
            Proof::Secret(_) | Proof::Keys(_) => false,
        }
    }

    /// True for an address that was registered.
    #[must_use]
    pub fn takes_redirect(&self, asked: &str) -> bool {
        self.redirect_uris.iter().any(|it| it.takes(asked))
    }

    /// True if its people may log in through `POST /v1/login` and need not agree to anything.
    #[must_use]
    pub const fn is_trusted(&self) -> bool {
        match self.standing {
            Standing::FirstParty | Standing::Trusted => true,
            Standing::ThirdParty => false,
        }
    }

    /// True if it gets the session itself for an access token (OP-06).
    #[must_use]
    pub const fn gets_session(&self) -> bool {
        matches!(self.standing, Standing::FirstParty)
    }

    /// True if browsers of this origin may call for it: byte for byte, a public client's alone.
    #[must_use]
    pub fn admits_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|it| it == origin)
    }

    /// The ends of its session when it is used now.
    #[must_use]
    pub fn ends(&self, policy: &SessionPolicy, now: Timestamp) -> Ends {
        let (idle, absolute) = match self.standing {
            Standing::FirstParty => policy.ends(now),
            Standing::Trusted | Standing::ThirdParty => {
                (later(now, IDLE), Some(later(now, ABSOLUTE)))
            }
        };
        Ends { idle, absolute }
    }
}

/// The ends of a session: first moments at which it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// For want of use.
    pub idle: Timestamp,
    /// Whatever its use; `None` for never.
    pub absolute: Option<Timestamp>,
}

impl Ends {
    /// The same for a session that has a bound already, which stays: nobody gets time by asking
    /// for another session (SES-03).
    #[must_use]
    pub fn within(self, bound: Option<Timestamp>) -> Self {
        let absolute = self.absolute.into_iter().chain(bound).min();
        Self { idle: absolute.map_or(self.idle, |it| self.idle.min(it)), absolute }
    }
}

/// What a client shows of itself: the header `Authorization: Basic`, and members of the body.
#[derive(Debug, Default)]
pub struct Shown {
    /// Id and secret of the header.
    pub basic: Option<(String, String)>,
    /// The member `client_id`.
    pub id: Option<String>,
    /// The member `client_secret`.
    pub secret: Option<String>,
    /// The members `client_assertion` and `client_assertion_type`, where there is one of them.
    pub asserted: Option<Asserted>,
}

/// What came for an assertion.
#[derive(Debug, PartialEq, Eq)]
pub enum Asserted {
    /// One that could be read.
    Read(Box<Assertion>),
    /// None, or one of a type that we do not take.
    Unreadable,
}

impl Asserted {
    /// Whom it names: a client may leave it at that (RFC 7521, 4.2).
    fn subject(&self) -> Option<String> {
        match self {
            Self::Read(it) => it.claims.subject.clone(),
            Self::Unreadable => None,
        }
    }
}

/// Who a client says that it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its id.
    pub id: String,
    /// What it shows for it.
    pub given: Given,
}

/// What a client shows for being who it says.
#[derive(Debug, PartialEq, Eq)]
pub enum Given {
    /// Nothing: a public client.
    Nothing,
    /// A secret.
    Secret(String),
    /// What it signed.
    Assertion(Asserted),
}

/// Why a client is not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ClientRefusal {
    /// It proves itself in two ways at once, or names two clients.
    #[error("a client authenticates in one way")]
    Ambiguous,
    /// It does not say who it is.
    #[error("the client is not named")]
    Unnamed,
}

impl Shown {
    /// Reads who the client says that it is; one way at most (OP-05).
    pub fn claim(self) -> Result<Claim, ClientRefusal> {
        let named = self.id;
        let (id, given) = match (self.basic, self.secret, self.asserted) {
            (Some((id, _)), None, None) if named.as_ref().is_some_and(|it| *it != id) => {
                return Err(ClientRefusal::Ambiguous);
            }
            (Some((id, secret)), None, None) => (Some(id), Given::Secret(secret)),
            (None, Some(secret), None) => (named, Given::Secret(secret)),
            // Whoever is named beside an assertion has to be the one that it names: its rule.
            (None, None, Some(it)) => (named.or_else(|| it.subject()), Given::Assertion(it)),
            (None, None, None) => (named, Given::Nothing),
            _ => return Err(ClientRefusal::Ambiguous),
        };
        let id = id.ok_or(ClientRefusal::Unnamed)?;
        Ok(Claim { id, given })
    }
}

/// Decides whether a client is who it says without having signed anything: one with a secret by
/// that, a public one by having none. `given` is the digest of the secret that was shown.
#[must_use]
pub fn is_proven(client: Option<&Client>, given: Option<&SecretHash>) -> bool {
    // A comparison whoever it is (TIM-02).
    let nobody = SecretHash::new([0; 32]);
    let stored = match client.map(|it| &it.proof) {
        Some(Proof::Secret(hashes)) => hashes.as_slice(),
        Some(Proof::Nothing | Proof::Keys(_)) | None => &[],
    };
    let compared = if stored.is_empty() { slice::from_ref(&nobody) } else { stored };
    let shown = given.unwrap_or(&nobody);
    let same = compared.iter().fold(false, |same, it| (it == shown) | same);
    match (client, stored, given) {
        (Some(_), [_, ..], Some(_)) => same,
        (Some(client), [], None) => client.is_public(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::oauth::assertion::{Claims, KeyKind};

    fn client(secret: Option<u8>) -> Client {
        Client {
            id: ClientId::parse("web").unwrap(),
            proof: secret
                .map_or(Proof::Nothing, |it| Proof::Secret(vec![SecretHash::new([it; 32])])),
            redirect_uris: Vec::new(),
            standing: Standing::FirstParty,
            origins: Vec::new(),
        }
    }

    /// OP-05: one way to say who one is.
    #[rstest]
    #[case::public(None, Some("web"), None, Ok(("web", None)))]
    #[case::post(None, Some("web"), Some("s"), Ok(("web", Some("s"))))]
    #[case::basic(Some(("web", "s")), None, None, Ok(("web", Some("s"))))]
    #[case::basic_and_id(Some(("web", "s")), Some("web"), None, Ok(("web", Some("s"))))]
    #[case::two(Some(("web", "s")), Some("web"), Some("s"), Err(ClientRefusal::Ambiguous))]
    #[case::two_names(Some(("web", "s")), Some("other"), None, Err(ClientRefusal::Ambiguous))]
    #[case::nobody(None, None, None, Err(ClientRefusal::Unnamed))]
    #[case::secret_alone(None, None, Some("s"), Err(ClientRefusal::Unnamed))]
    fn a_client_says_once_who_it_is(
        #[case] basic: Option<(&str, &str)>,
        #[case] id: Option<&str>,
        #[case] secret: Option<&str>,
        #[case] expected: Result<(&str, Option<&str>), ClientRefusal>,
    ) {
        let [id, secret] = [id, secret].map(|it| it.map(str::to_owned));
        let basic = basic.map(|(id, secret)| (id.to_owned(), secret.to_owned()));
        let claim = Shown { basic, id, secret, asserted: None }.claim();
        let expected = expected.map(|(id, secret)| Claim {
            id: id.to_owned(),
            given: secret.map_or(Given::Nothing, |it| Given::Secret(it.to_owned())),
        });
        assert_eq!(claim, expected);
    }

    fn asserted(subject: Option<&str>) -> Asserted {
        let claims = Claims { subject: subject.map(str::to_owned), ..Claims::default() };
        Asserted::Read(Box::new(Assertion {
            algorithm: String::new(),
            is_critical: false,
            claims,
            text: String::new(),
            signature: Vec::new(),
        }))
    }

    /// OP-05: an assertion is one way, and may be the only one to name the client.
    #[rstest]
    #[case::alone(false, None, None, asserted(Some("a")), Ok("a"))]
    #[case::named(false, Some("a"), None, asserted(Some("a")), Ok("a"))]
    #[case::otherwise_named(false, Some("b"), None, asserted(Some("a")), Ok("b"))]
    #[case::nobody(false, None, None, asserted(None), Err(ClientRefusal::Unnamed))]
    #[case::unreadable(false, None, None, Asserted::Unreadable, Err(ClientRefusal::Unnamed))]
    #[case::unreadable_named(false, Some("b"), None, Asserted::Unreadable, Ok("b"))]
    #[case::with_a_secret(
        false,
        Some("a"),
        Some("s"),
        asserted(Some("a")),
        Err(ClientRefusal::Ambiguous)
    )]
    #[case::with_a_header(true, None, None, asserted(Some("a")), Err(ClientRefusal::Ambiguous))]
    #[case::unreadable_with_a_header(
        true,
        None,
        None,
        Asserted::Unreadable,
        Err(ClientRefusal::Ambiguous)
    )]
    fn an_assertion_is_one_way(
        #[case] has_header: bool,
        #[case] id: Option<&str>,
        #[case] secret: Option<&str>,
        #[case] it: Asserted,
        #[case] expected: Result<&str, ClientRefusal>,
    ) {
        let basic = has_header.then(|| ("a".to_owned(), "s".to_owned()));
        let [id, secret] = [id, secret].map(|it| it.map(str::to_owned));
        let claim = Shown { basic, id, secret, asserted: Some(it) }.claim();
        if let Ok(claim) = &claim {
            assert!(matches!(claim.given, Given::Assertion(_)));
        }
        assert_eq!(claim.map(|it| it.id), expected.map(str::to_owned));
    }

    /// OP-05: a client with keys is not public, and has no secret.
    #[test]
    fn a_client_with_keys_is_proven_by_nothing_else() {
        let key = ClientKey { kind: KeyKind::P256, der: Vec::new() };
        let client = Client { proof: Proof::Keys(vec![key]), ..client(None) };
        assert!(!client.is_public());
        for given in [None, Some(SecretHash::new([0; 32]))] {
            assert!(!is_proven(Some(&client), given.as_ref()));
        }
    }

    /// OP-05: while a secret follows another one both are good, and nothing else is.
    #[test]
    fn either_of_two_secrets_proves() {
        let hash = |it| SecretHash::new([it; 32]);
        let client = Client { proof: Proof::Secret(vec![hash(1), hash(2)]), ..client(None) };
        for (shown, proven) in [(1, true), (2, true), (3, false), (0, false)] {
            assert_eq!(is_proven(Some(&client), Some(&hash(shown))), proven, "{shown}");
        }
        assert!(!is_proven(Some(&client), None));
    }

    /// OP-05: a confidential client has to prove itself, a public one cannot.
    #[rstest]
    #[case::right(Some(client(Some(1))), Some(1), true)]
    #[case::wrong(Some(client(Some(1))), Some(2), false)]
    #[case::none(Some(client(Some(1))), None, false)]
    #[case::public(Some(client(None)), None, true)]
    #[case::public_with_a_secret(Some(client(None)), Some(1), false)]
    #[case::public_with_zeros(Some(client(None)), Some(0), false)]
    #[case::unknown(None, None, false)]
    #[case::unknown_with_zeros(None, Some(0), false)]
    fn a_client_is_proven_by_its_secret(
        #[case] client: Option<Client>,
        #[case] given: Option<u8>,
        #[case] proven: bool,
    ) {
        let given = given.map(|it| SecretHash::new([it; 32]));
        assert_eq!(is_proven(client.as_ref(), given.as_ref()), proven);
    }

    fn at(day: u64) -> Timestamp {
        later(Timestamp::UNIX_EPOCH, Duration::from_secs(86_400 * day))
    }

    /// OP-06, OP-07: ours slide as sessions do, others' are 14 days of no use and 30 in all; a
    /// bound of before stays.
    #[rstest]
    #[case::ours(Standing::FirstParty, None, 7, Some(90))]
    #[case::ours_bound(Standing::FirstParty, Some(5), 5, Some(5))]
    #[case::trusted(Standing::Trusted, None, 14, Some(30))]
    #[case::trusted_later(Standing::Trusted, Some(10), 10, Some(10))]
    #[case::third(Standing::ThirdParty, Some(20), 14, Some(20))]
    fn a_grant_has_its_ends(
        #[case] standing: Standing,
        #[case] bound: Option<u64>,
        #[case] idle: u64,
        #[case] absolute: Option<u64>,
    ) {
        let day = Duration::from_hours(24);
        let policy = SessionPolicy { idle: 7 * day, absolute: Some(90 * day), fresh: day };
        let ends = Client { standing, ..client(None) }.ends(&policy, at(0));
        let expected = Ends { idle: at(idle), absolute: absolute.map(at) };
        assert_eq!(ends.within(bound.map(at)), expected);
    }

    #[test]
    fn a_name_is_short_and_visible() {
        for bad in ["", "a b", "ä", "a\n", &"a".repeat(129)] {
            assert_eq!(ClientId::parse(bad), None, "{bad}");
        }
    }
}
