//! The session token of a request.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::{FromRequest, HttpRequest};
use application::authenticate::{Access, Caller, authenticate};
use domain::secret::SessionToken;

use crate::app::App;
use crate::problem::{Code, Problem};

/// What `Authorization` holds. Taking it never fails: a body that is malformed is told first.
pub(crate) struct Bearer(Option<SessionToken>);

impl Bearer {
    /// Finds out who is calling.
    pub(crate) async fn caller(&self, app: &App, access: Access) -> Result<Caller, Problem> {
        Ok(authenticate(&app.ports, self.token()?, access).await?)
    }

    /// The token, of the right form.
    pub(crate) fn token(&self) -> Result<&SessionToken, Problem> {
        self.0.as_ref().ok_or(Problem::new(Code::SessionInvalid))
    }
}

impl FromRequest for Bearer {
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(token(request.headers()))))
    }
}

/// Reads the one header that may be there, to the letter (SES-01).
fn token(headers: &HeaderMap) -> Option<SessionToken> {
    let mut sent = headers.get_all(AUTHORIZATION);
    let (scheme, token) = sent.next()?.to_str().ok()?.split_once(' ')?;
    let alone = sent.next().is_none();
    (alone && scheme.eq_ignore_ascii_case("bearer")).then(|| SessionToken::parse(token))?
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use rstest::rstest;

    use super::*;

    const TOKEN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn read(lines: &[String]) -> bool {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(AUTHORIZATION, HeaderValue::from_str(line).expect("a value"));
        }
        token(&headers).is_some()
    }

    /// SES-01: exact length and alphabet, one header, one scheme.
    #[rstest]
    #[case::plain(&[format!("Bearer {TOKEN}")], true)]
    #[case::scheme_in_any_case(&[format!("bearer {TOKEN}")], true)]
    #[case::absent(&[], false)]
    #[case::twice(&[format!("Bearer {TOKEN}"), format!("Bearer {TOKEN}")], false)]
    #[case::other_scheme(&[format!("Basic {TOKEN}")], false)]
    #[case::no_scheme(&[TOKEN.to_owned()], false)]
    #[case::two_blanks(&[format!("Bearer  {TOKEN}")], false)]
    #[case::blank_after(&[format!("Bearer {TOKEN} ")], false)]
    #[case::longer(&[format!("Bearer {TOKEN}A")], false)]
    #[case::shorter(&["Bearer AAAA".to_owned()], false)]
    #[case::padded(&[format!("Bearer {TOKEN}=")], false)]
    #[case::other_alphabet(&[format!("Bearer +{}", &TOKEN[1..])], false)]
    fn a_token_is_read_to_the_letter(#[case] lines: &[String], #[case] expected: bool) {
        assert_eq!(read(lines), expected);
    }
}
