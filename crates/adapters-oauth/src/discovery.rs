//! What an `OpenID` Connect issuer says of itself: `/.well-known/openid-configuration`.

use reqwest::Url;

use crate::address::{is_loopback, is_private_literal};
use crate::answer::Answer;
use crate::client::{Call, Client};
use crate::failure::{Class, Failure};

/// Where an issuer is spoken to, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) authorization_endpoint: String,
    pub(crate) token_endpoint: String,
    pub(crate) jwks_uri: String,
    pub(crate) userinfo_endpoint: Option<String>,
    /// True if our id and secret go into the form, not into a header.
    pub(crate) secret_in_form: bool,
    /// True if every answer to the callback names its issuer (RFC 9207).
    pub(crate) names_itself: bool,
}

/// Asks an issuer about itself.
pub(crate) async fn discover(client: &Client, issuer: &str) -> Result<Metadata, Failure> {
    let base = issuer.trim_end_matches('/');
    let call = Call::get(&format!("{base}/.well-known/openid-configuration"), &[]);
    let answer = client.ask(call, |it| {
        // No document is no refusal of anybody.
        (it.status != 200).then(|| Failure::told(Class::Busy, &it.status.to_string()))
    });
    read(&answer.await?, issuer)
}

fn read(answer: &Answer, issuer: &str) -> Result<Metadata, Failure> {
    if answer.text_of("issuer").as_deref() != Some(issuer) {
        return Err(Failure::lacks("issuer"));
    }
    let endpoint = |name: &'static str| {
        let url = answer.text_of(name).ok_or_else(|| Failure::lacks(name))?;
        if may_be_called(&url, issuer) { Ok(url) } else { Err(Failure::lacks(name)) }
    };
    let methods = answer.member("token_endpoint_auth_methods_supported");
    let offers = |method: &str| {
        let list = methods.and_then(|it| it.as_array());
        list.is_some_and(|it| it.iter().any(|it| it.as_str() == Some(method)))
    };
    let promise = answer.member("authorization_response_iss_parameter_supported");
    Ok(Metadata {
        authorization_endpoint: endpoint("authorization_endpoint")?,
        token_endpoint: endpoint("token_endpoint")?,
        jwks_uri: endpoint("jwks_uri")?,
        userinfo_endpoint: match answer.member("userinfo_endpoint") {
            Some(_) => Some(endpoint("userinfo_endpoint")?),
            None => None,
        },
        secret_in_form: offers("client_secret_post") && !offers("client_secret_basic"),
        names_itself: promise.and_then(serde_json::Value::as_bool) == Some(true),
    })
}

/// True if an address that an issuer names may be called: encrypted, and not into our own network,
/// but where the issuer is there itself (EXT-04). What names lead to is looked at as they are
/// resolved.
fn may_be_called(url: &str, issuer: &str) -> bool {
    let (Ok(url), Ok(issuer)) = (Url::parse(url), Url::parse(issuer)) else { return false };
    let host = url.host_str().unwrap_or_default();
    let is_plain = url.username().is_empty() && url.password().is_none() && !host.is_empty();
    let is_beside = url.host_str() == issuer.host_str();
    let is_public = !is_private_literal(host);
    is_plain
        && match url.scheme() {
            "https" => is_public || is_beside || (is_loopback(&issuer) && is_loopback(&url)),
            "http" => is_loopback(&issuer) && is_loopback(&url),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::answer::Spelling;

    const ISSUER: &str = "https://id.example.com";

    fn metadata(change: impl Fn(&mut Value)) -> Result<Metadata, Failure> {
        let mut document = json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://id.example.com/authorize",
            "token_endpoint": "https://id.example.com/token",
            "jwks_uri": "https://keys.example.com/jwks",
        });
        change(&mut document);
        let body = document.to_string();
        read(&Answer::read(200, body.as_bytes(), Spelling::Json).unwrap(), ISSUER)
    }

    #[test]
    fn an_issuer_is_itself_to_the_byte() {
        assert!(metadata(|_| {}).is_ok());
        for issuer in ["https://id.example.com/", "https://ID.example.com", "https://evil.example"]
        {
            assert!(metadata(|it| it["issuer"] = issuer.into()).is_err(), "{issuer}");
        }
    }

    #[rstest]
    #[case("authorization_endpoint")]
    #[case("token_endpoint")]
    #[case("jwks_uri")]
    #[case("issuer")]
    fn what_is_needed_must_be_there(#[case] name: &'static str) {
        assert_eq!(metadata(|it| it[name] = Value::Null), Err(Failure::lacks(name)));
    }

    /// EXT-03: a promise to name itself is read as one.
    #[test]
    fn an_issuer_may_promise_to_name_itself() {
        let name = "authorization_response_iss_parameter_supported";
        assert!(!metadata(|_| {}).unwrap().names_itself);
        assert!(metadata(|it| it[name] = true.into()).unwrap().names_itself);
    }

    /// EXT-04.
    #[rstest]
    #[case("https://keys.example.com/jwks", ISSUER, true)]
    #[case("http://keys.example.com/jwks", ISSUER, false)]
    #[case("https://10.0.0.1/jwks", ISSUER, false)]
    #[case("https://169.254.169.254/latest", ISSUER, false)]
    #[case("https://[::ffff:10.0.0.1]/jwks", ISSUER, false)]
    #[case("https://localhost/jwks", ISSUER, false)]
    #[case("https://id.example.com@10.0.0.1/", ISSUER, false)]
    #[case("https://a:b@keys.example.com/", ISSUER, false)]
    #[case("file:///etc/passwd", ISSUER, false)]
    #[case("https://10.0.0.1/jwks", "https://10.0.0.1", true)]
    #[case("https://10.0.0.2/jwks", "https://10.0.0.1", false)]
    #[case("http://127.0.0.1:9900/jwks", "http://127.0.0.1:9900/oidc", true)]
    #[case("http://127.0.0.1:9900/jwks", ISSUER, false)]
    #[case("http://10.0.0.1/jwks", "http://127.0.0.1:9900/oidc", false)]
    fn an_issuer_does_not_send_us_into_our_own_network(
        #[case] url: &str,
        #[case] issuer: &str,
        #[case] expected: bool,
    ) {
        assert_eq!(may_be_called(url, issuer), expected);
    }

    #[test]
    fn the_secret_goes_into_the_form_where_nothing_else_is_offered() {
        let methods = |methods: Value| {
            metadata(|it| it["token_endpoint_auth_methods_supported"] = methods.clone())
                .unwrap()
                .secret_in_form
        };
        assert!(!methods(Value::Null));
        assert!(!methods(json!(["client_secret_post", "client_secret_basic"])));
        assert!(methods(json!(["client_secret_post"])));
    }
}
