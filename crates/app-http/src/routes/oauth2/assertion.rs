//! A client's assertion on the wire: a JWT in its compact form (RFC 7515, 7.1; RFC 7523, 3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Timestamp;
use domain::oauth::assertion::{Assertion, Claims, TYPE};
use domain::oauth::client::Asserted;
use serde::de::{DeserializeOwned, Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};

use crate::form::Once;

/// The longest one that is looked at.
const LONGEST: usize = 8 * 1024;

/// The header, as far as we look at it: keys that it brings along, or says where to find, are not.
#[derive(Deserialize)]
struct Head {
    alg: String,
    #[serde(default, deserialize_with = "is_there")]
    crit: bool,
}

/// What it says, as far as we look at it.
#[derive(Deserialize)]
struct Body {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<Audience>,
    #[serde(default, deserialize_with = "moment")]
    exp: Option<Timestamp>,
    #[serde(default, deserialize_with = "moment")]
    iat: Option<Timestamp>,
    #[serde(default, deserialize_with = "moment")]
    nbf: Option<Timestamp>,
    jti: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Reads the members of a form, if there is one of them.
pub(super) fn asserted(form: &Once) -> Option<Asserted> {
    match (form.get("client_assertion_type"), form.get("client_assertion")) {
        (None, None) => None,
        (Some(TYPE), Some(text)) => {
            Some(read(text).map_or(Asserted::Unreadable, |it| Asserted::Read(Box::new(it))))
        }
        _ => Some(Asserted::Unreadable),
    }
}

fn read(token: &str) -> Option<Assertion> {
    let (text, signature) = token.rsplit_once('.').filter(|_| token.len() <= LONGEST)?;
    let (head, body) = text.split_once('.')?;
    let Head { alg, crit } = part(head)?;
    let body: Body = part(body)?;
    let claims = Claims {
        issuer: body.iss,
        subject: body.sub,
        audience: match body.aud {
            Some(Audience::One(one)) => vec![one],
            Some(Audience::Many(many)) => many,
            None => Vec::new(),
        },
        expires_at: body.exp,
        issued_at: body.iat,
        not_before: body.nbf,
        id: body.jti,
    };
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    Some(Assertion { algorithm: alg, is_critical: crit, claims, text: text.to_owned(), signature })
}

fn part<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

/// A number of seconds (RFC 7519, 2), whole or not.
fn moment<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    let Some(seconds) = Option::<serde_json::Number>::deserialize(from)? else { return Ok(None) };
    let whole = seconds.as_i64().or_else(|| whole(seconds.as_f64()?));
    let whole = whole.ok_or_else(|| D::Error::custom("no moment"))?;
    Timestamp::from_second(whole).map(Some).map_err(D::Error::custom)
}

#[expect(clippy::cast_possible_truncation, reason = "what does not fit is no moment")]
fn whole(seconds: f64) -> Option<i64> {
    (seconds.is_finite() && seconds.abs() < 1e12).then_some(seconds.floor() as i64)
}

/// True for a member that is there, whatever it is.
fn is_there<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(from).map(|_| true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::form::{Form, encoded};

    fn token(head: &str, body: &str) -> String {
        let [head, body] = [head, body].map(|it| URL_SAFE_NO_PAD.encode(it));
        format!("{head}.{body}.AAEC")
    }

    const HEAD: &str = r#"{"alg":"RS256"}"#;

    #[test]
    fn everything_that_counts_is_read() {
        let head = r#"{"alg":"ES256","typ":"JWT","kid":"1","jku":"https://evil.example","jwk":{}}"#;
        let body = r#"{"iss":"a","sub":"b","aud":["c","d"],"exp":60.9,"iat":0,"nbf":-1,"jti":"e",
                       "more":1}"#;
        let token = token(head, body);
        let at = |it| Timestamp::from_second(it).ok();
        let expected = Assertion {
            algorithm: "ES256".to_owned(),
            is_critical: false,
            claims: Claims {
                issuer: Some("a".to_owned()),
                subject: Some("b".to_owned()),
                audience: vec!["c".to_owned(), "d".to_owned()],
                expires_at: at(60),
                issued_at: at(0),
                not_before: at(-1),
                id: Some("e".to_owned()),
            },
            text: token.rsplit_once('.').unwrap().0.to_owned(),
            signature: vec![0, 1, 2],
        };
        assert!(read(&token) == Some(expected));
    }

    /// OP-05: a `crit` of any shape is one.
    #[rstest]
    #[case::list(r#"{"alg":"RS256","crit":["b64"],"b64":false}"#)]
    #[case::empty(r#"{"alg":"RS256","crit":[]}"#)]
    #[case::null(r#"{"alg":"RS256","crit":null}"#)]
    fn what_is_critical_is_seen(#[case] head: &str) {
        assert!(read(&token(head, "{}")).unwrap().is_critical);
    }

    #[test]
    fn one_audience_is_a_list_of_one() {
        let read = read(&token(HEAD, r#"{"aud":"a"}"#)).unwrap();
        assert_eq!(read.claims, Claims { audience: vec!["a".to_owned()], ..Claims::default() });
    }

    /// OP-05: what is not to the letter is nothing.
    #[rstest]
    #[case::nothing(String::new())]
    #[case::two_parts("e30.e30".to_owned())]
    #[case::four_parts(format!("{}.AAEC", token(HEAD, "{}")))]
    #[case::encrypted(format!("{}.AAEC.AAEC", token(HEAD, "{}")))]
    #[case::padded(format!("{}=", token(HEAD, "{}")))]
    #[case::no_algorithm(token("{}", "{}"))]
    #[case::algorithm_twice(token(r#"{"alg":"none","alg":"RS256"}"#, "{}"))]
    #[case::name_twice(token(HEAD, r#"{"sub":"a","sub":"b"}"#))]
    #[case::name_of_another_type(token(HEAD, r#"{"sub":1}"#))]
    #[case::id_of_another_type(token(HEAD, r#"{"jti":1}"#))]
    #[case::moment_as_text(token(HEAD, r#"{"exp":"60"}"#))]
    #[case::moment_of_nowhere(token(HEAD, r#"{"exp":1e300}"#))]
    #[case::no_object(token(HEAD, "[]"))]
    #[case::more_behind(token(HEAD, "{}{}"))]
    #[case::long(token(HEAD, &format!("{{\"more\":\"{}\"}}", "a".repeat(LONGEST))))]
    fn what_is_no_assertion_is_not_read(#[case] text: String) {
        assert!(read(&text).is_none());
    }

    /// OP-05: the type has to be there, and be ours; half of it is an assertion as well.
    #[test]
    fn a_type_is_named() {
        let token = token(HEAD, "{}");
        let of = |members: &[(&str, &str)]| {
            let pairs: Vec<_> =
                members.iter().map(|(name, it)| format!("{name}={}", encoded(it))).collect();
            asserted(&Form::of_query(&pairs.join("&")).unwrap().once().unwrap())
        };
        let (kind, text) = ("client_assertion_type", "client_assertion");
        assert!(matches!(of(&[(kind, TYPE), (text, &token)]), Some(Asserted::Read(_))));
        assert_eq!(of(&[]), None);
        let saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer";
        for half in [
            &[(kind, TYPE)][..],
            &[(text, &token)],
            &[(kind, saml), (text, &token)],
            &[(kind, "a")],
        ] {
            assert_eq!(of(half), Some(Asserted::Unreadable), "{half:?}");
        }
    }

    proptest! {
        /// OP-05: nothing breaks the reader, and what was signed is what was sent.
        #[test]
        fn nothing_that_comes_breaks_an_assertion(head in "\\PC{0,30}", body in "\\PC{0,60}") {
            let part = |it: &str| URL_SAFE_NO_PAD.encode(it);
            let token = format!("{}.{}.c2ln", part(&head), part(&body));
            for token in [token, format!("{head}.{body}"), head] {
                if let Some(read) = read(&token) {
                    prop_assert!(token.starts_with(&read.text));
                }
            }
        }
    }
}
