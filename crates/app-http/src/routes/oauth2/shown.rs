//! What a client shows of itself: a header, or members of the form (OP-05).

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use application::oauth::client::prove;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::oauth::client::{Client, Shown};

use super::assertion::asserted;
use crate::app::App;
use crate::edge::ClientIp;
use crate::form::{Once, decoded};
use crate::problem::RfcError;

/// Finds out which client is calling.
pub(super) async fn client<'a>(
    app: &'a App,
    ip: ClientIp,
    request: &HttpRequest,
    form: &Once,
) -> Result<&'a Client, RfcError> {
    let shown = Shown {
        basic: basic(request)?,
        id: form.get("client_id").map(str::to_owned),
        secret: form.get("client_secret").map(str::to_owned),
        asserted: asserted(form),
    };
    Ok(prove(&app.ports, shown, ip.0).await?)
}

/// Reads the header: id and secret, each encoded as in a form (RFC 6749, 2.3.1).
fn basic(request: &HttpRequest) -> Result<Option<(String, String)>, RfcError> {
    let mut sent = request.headers().get_all(AUTHORIZATION);
    let Some(value) = sent.next() else { return Ok(None) };
    if sent.next().is_some() {
        return Err(RfcError::request("The header Authorization is there twice."));
    }
    read(value.to_str().unwrap_or_default()).map(Some).ok_or(RfcError::client())
}

fn read(value: &str) -> Option<(String, String)> {
    let (scheme, text) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = STANDARD.decode(text.trim()).ok()?;
    let at = bytes.iter().position(|it| *it == b':')?;
    let (id, secret) = bytes.split_at_checked(at)?;
    Some((decoded(id)?, decoded(secret.get(1..)?)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    /// OP-05.
    #[rstest]
    #[case::plain("Basic d2ViOnM6M2NyZXQ=", Some(("web", "s:3cret")))]
    #[case::encoded("basic d2ViJTNBMTphK2IlMjU=", Some(("web:1", "a b%")))]
    #[case::no_colon("Basic d2Vi", None)]
    #[case::not_base64("Basic ???", None)]
    #[case::bearer("Bearer d2ViOnM=", None)]
    #[case::nothing("", None)]
    fn a_header_is_read(#[case] value: &str, #[case] expected: Option<(&str, &str)>) {
        let expected = expected.map(|(id, secret)| (id.to_owned(), secret.to_owned()));
        assert_eq!(read(value), expected);
    }

    proptest! {
        /// OP-05: nothing breaks the reader, and a pair is read as it was sent.
        #[test]
        fn any_pair_is_read_again(id in "[^\u{0}]{0,20}", secret in "[^\u{0}]{0,20}") {
            use crate::form::encoded;
            let pair = format!("{}:{}", encoded(&id), encoded(&secret));
            let sent = format!("Basic {}", STANDARD.encode(&pair));
            prop_assert_eq!(read(&sent), Some((id, secret)));
            let _ = read(&pair);
        }
    }
}
