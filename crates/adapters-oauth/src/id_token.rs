//! An ID token, believed after every check of EXT-07 and not before.

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::provider::SpentProof;
use domain::{Duration, Timestamp, later};
use serde_json::Value;

use crate::answer::{Answer, Spelling};
use crate::client::Client;
use crate::failure::{Class, Failure};
use crate::keys::{Algorithm, Keys, Signed};

/// How much our clock and the issuer's may differ (EXT-07).
const SKEW: Duration = Duration::from_mins(1);
/// The longest token that is looked at.
const LONGEST: usize = 16 * 1024;

/// What a token must say.
pub(crate) struct Expected<'a> {
    /// The spellings of the issuer's name.
    pub(crate) issuers: &'a [String],
    /// Our client ids.
    pub(crate) audiences: &'a [String],
    /// True if a token for us alone may be asked for by another client of ours, as Google's are.
    pub(crate) any_party: bool,
    /// The nonce, where one was sent.
    pub(crate) nonce: Option<&'a str>,
    /// True if the token may hold the nonce's SHA-256 in hex instead, as Apple's SDK has it.
    pub(crate) hashed_nonce: bool,
    /// The access token that came beside it.
    pub(crate) access_token: Option<&'a str>,
    /// The code that it was exchanged for.
    pub(crate) code: Option<&'a str>,
}

/// A token that passed.
pub(crate) struct IdToken {
    /// What it says.
    pub(crate) claims: Answer,
    /// What must not be shown again.
    pub(crate) spent: SpentProof,
}

/// Looks at a token: its signature first, then what it says.
pub(crate) async fn check(
    client: &Client,
    (keys, jwks_uri): (&Keys, &str),
    token: &str,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<IdToken, Failure> {
    let refused = |code| Failure::new(Class::BadToken, code);
    let (text, signature) = token
        .rsplit_once('.')
        .filter(|_| token.len() <= LONGEST)
        .ok_or_else(|| refused("no_jwt"))?;
    let (header, payload) = text.split_once('.').ok_or_else(|| refused("no_jwt"))?;
    let header = part(header).ok_or_else(|| refused("no_jwt"))?;
    let name = header.text_of("alg").unwrap_or_default();
    let algorithm = Algorithm::parse(&name).ok_or_else(|| refused("algorithm"))?;
    // What must be understood and is not. Keys that the token brings along are not looked at.
    if header.member("crit").is_some() {
        return Err(refused("crit"));
    }
    let id = match header.member("kid") {
        Some(Value::String(id)) => Some(id.as_str()),
        Some(_) => return Err(refused("unknown_key")),
        None => None,
    };
    let signed = Signed { id, algorithm, text, signature };
    keys.verify(client, jwks_uri, &signed, now).await?;
    let claims = part(payload).ok_or_else(|| refused("no_jwt"))?;
    let (made_at, until) = judge(&claims, algorithm, expected, now)?;
    let mut spent = [0; 32];
    // The signature is left out: one token may have several that are good.
    spent.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    Ok(IdToken { claims, spent: SpentProof { digest: spent, made_at, until } })
}

/// Judges what a token of the issuer says; gives when it was issued, and the first moment at which
/// nobody takes it.
fn judge(
    claims: &Answer,
    algorithm: Algorithm,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<(Timestamp, Timestamp), Failure> {
    let refused = |code| Failure::new(Class::BadToken, code);
    let is = |name: &str, wanted: &[String]| {
        let said = claims.member(name).and_then(Value::as_str);
        said.is_some_and(|said| wanted.iter().any(|it| it == said))
    };
    if !is("iss", expected.issuers) {
        return Err(Failure::new(Class::WrongApp, "issuer"));
    }
    let audience: Vec<&str> = match claims.member("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.iter().map(|it| it.as_str().unwrap_or_default()).collect(),
        _ => Vec::new(),
    };
    if !audience.iter().any(|one| expected.audiences.iter().any(|it| it == one)) {
        return Err(Failure::wrong_app());
    }
    let names_party = claims.member("azp").is_some() && !expected.any_party;
    if (audience.len() > 1 || names_party) && !is("azp", expected.audiences) {
        return Err(Failure::wrong_app());
    }
    let expires_at = moment(claims, "exp").ok_or_else(|| refused("exp"))?;
    let until = later(expires_at, SKEW);
    if until <= now {
        return Err(refused("expired"));
    }
    let issued_at = moment(claims, "iat").ok_or_else(|| refused("iat"))?;
    let not_before = match claims.member("nbf") {
        Some(_) => moment(claims, "nbf").ok_or_else(|| refused("nbf"))?,
        None => issued_at,
    };
    if issued_at > later(now, SKEW) || not_before > later(now, SKEW) {
        return Err(refused("not_yet"));
    }
    if let Some(nonce) = expected.nonce {
        let said = claims.member("nonce").and_then(Value::as_str).unwrap_or_default();
        let hashed = || hex::encode(digest(&SHA256, nonce.as_bytes()));
        if said != nonce && !(expected.hashed_nonce && said == hashed()) {
            return Err(refused("nonce"));
        }
    }
    for (name, text) in [("at_hash", expected.access_token), ("c_hash", expected.code)] {
        if let (Some(said), Some(text)) = (claims.member(name), text)
            && said.as_str() != Some(&half_hash(algorithm, text))
        {
            return Err(refused(name));
        }
    }
    Ok((issued_at, until))
}

/// The left half of a hash, as `at_hash` and `c_hash` hold it.
fn half_hash(algorithm: Algorithm, text: &str) -> String {
    let hash = match algorithm {
        Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es256 => digest(&SHA256, text.as_bytes()),
        Algorithm::EdDsa => digest(&SHA512, text.as_bytes()),
    };
    let half = hash.as_ref().split_at(hash.as_ref().len() / 2).0;
    URL_SAFE_NO_PAD.encode(half)
}

/// A moment in seconds, which may have a fraction.
fn moment(claims: &Answer, name: &str) -> Option<Timestamp> {
    let seconds = match claims.member(name)? {
        Value::Number(it) => it.as_i64().or_else(|| whole(it.as_f64()?))?,
        _ => return None,
    };
    Timestamp::from_second(seconds).ok()
}

#[expect(clippy::cast_possible_truncation, reason = "what does not fit is no moment")]
fn whole(seconds: f64) -> Option<i64> {
    (seconds.is_finite() && seconds.abs() < 1e12).then_some(seconds.trunc() as i64)
}

fn part(text: &str) -> Option<Answer> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    std::str::from_utf8(&bytes).ok()?;
    Answer::read(200, &bytes, Spelling::Json)
}

#[cfg(test)]
mod tests {
    use ports::testing::{START, at};
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn judged(change: &Value) -> Result<Timestamp, Failure> {
        let mut claims = json!({
            "iss": "https://id.example.com", "aud": "web", "sub": "1", "nonce": "n",
            "iat": START.as_second(), "exp": START.as_second() + 300,
        });
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let claims = Answer::read(200, claims.to_string().as_bytes(), Spelling::Json).unwrap();
        let expected = Expected {
            issuers: &["https://id.example.com".to_owned()],
            audiences: &["web".to_owned(), "ios".to_owned()],
            any_party: false,
            nonce: Some("n"),
            hashed_nonce: false,
            access_token: Some("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
            code: None,
        };
        judge(&claims, Algorithm::Rs256, &expected, START).map(|(_, until)| until)
    }

    /// EXT-07, SDK-02, SDK-04. The hash is the example of the specification.
    #[rstest]
    #[case::plain(json!({}), None)]
    #[case::second_app(json!({"aud": "ios"}), None)]
    #[case::list(json!({"aud": ["web"]}), None)]
    #[case::several(json!({"aud": ["web", "api"], "azp": "web"}), None)]
    #[case::fraction(json!({"exp": 1_767_225_700.5}), None)]
    #[case::hash(json!({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}), None)]
    #[case::late(json!({"exp": START.as_second() - 59}), None)]
    #[case::early(json!({"iat": START.as_second() + 60}), None)]
    #[case::issuer(json!({"iss": "https://id.example.com/"}), Some("issuer"))]
    #[case::issuers(json!({"iss": ["https://id.example.com"]}), Some("issuer"))]
    #[case::nobody_issued(json!({"iss": null}), Some("issuer"))]
    #[case::audience(json!({"aud": "we"}), Some("another_app"))]
    #[case::longer(json!({"aud": "web2"}), Some("another_app"))]
    #[case::no_audience(json!({"aud": null}), Some("another_app"))]
    #[case::empty(json!({"aud": []}), Some("another_app"))]
    #[case::no_party(json!({"aud": ["web", "api"]}), Some("another_app"))]
    #[case::party(json!({"aud": ["web", "api"], "azp": "api"}), Some("another_app"))]
    #[case::lone_party(json!({"azp": "api"}), Some("another_app"))]
    #[case::expired(json!({"exp": START.as_second() - 60}), Some("expired"))]
    #[case::endless(json!({"exp": null}), Some("exp"))]
    #[case::text(json!({"exp": "2099"}), Some("exp"))]
    #[case::tomorrow(json!({"iat": START.as_second() + 61}), Some("not_yet"))]
    #[case::unissued(json!({"iat": null}), Some("iat"))]
    #[case::not_before(json!({"nbf": START.as_second() + 61}), Some("not_yet"))]
    #[case::nonce(json!({"nonce": "m"}), Some("nonce"))]
    #[case::no_nonce(json!({"nonce": null}), Some("nonce"))]
    #[case::wrong_hash(json!({"at_hash": "77QmUPtjPfzWtF2AnpK9RA"}), Some("at_hash"))]
    fn a_token_says_what_it_must(#[case] change: Value, #[case] refusal: Option<&str>) {
        let said = judged(&change).map(|_| ()).map_err(|it| it.code);
        assert_eq!(said.err().as_deref(), refusal, "{change}");
    }

    #[test]
    fn a_token_is_spent_until_nobody_takes_it() {
        assert_eq!(judged(&json!({})), Ok(at(360)));
    }

    proptest! {
        /// Whatever stands in one claim: only what it must say passes.
        #[test]
        fn a_claim_that_is_another_does_not_pass(
            name in "iss|aud|nonce|exp|iat",
            text in "x(?s:.){0,20}",
            number: f64,
        ) {
            for value in [json!(text), json!([text]), json!({"web": text}), json!(true), json!(null)] {
                let said = judged(&json!({&name: value}));
                prop_assert!(said.is_err(), "{said:?}");
            }
            // A moment may be any that the clocks allow.
            let _ = judged(&json!({&name: number}));
        }
    }
}
