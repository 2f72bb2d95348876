//! CAMARA Number Verification 2.1: what operators outside of China agreed on.
//!
//! The token is the code of the operator's `OpenID` Connect flow, which the device ran over its
//! mobile data; with the flow's PKCE verifier behind a `#`, where there is one. The code is
//! exchanged for an access token, and with that the operator is asked once.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Timestamp;
use domain::phone::PhoneNumber;
use ports::carrier::{CarrierError, CarrierVerifier};
use ports::clock::Clock;
use ports::entropy::Entropy;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;

use crate::acs3::{encode, form, sha256};
use crate::gateway::{Gateway, nonce};
use crate::number::e164;
use crate::outcome::Class::{BadToken, Busy, Config, Quota};
use crate::outcome::{Line, refused};
use crate::{PrivateKey, SetupError};

const VENDOR: &str = "camara";
const FORM: &str = "application/x-www-form-urlencoded";
/// How long an assertion of ours lives: the profile allows 300 s.
const ASSERTION_SECS: i64 = 60;

/// What the client has at the operator or at the aggregator.
#[derive(Debug, Clone)]
pub struct CamaraSettings {
    /// The address; the interface's own paths are appended.
    pub endpoint: String,
    /// The client.
    pub client_id: String,
    /// The client's secret, unless it has a key.
    pub client_secret: SecretString,
    /// The client's key (`private_key_jwt`, RS256), which the profile asks for.
    pub private_key: Option<Arc<PrivateKey>>,
    /// The key's name at the operator.
    pub key_id: Option<String>,
    /// The address that the device's flow ended at; many operators want it again.
    pub redirect_uri: Option<String>,
}

/// Verifies numbers with operators that speak CAMARA.
pub struct Camara {
    settings: CamaraSettings,
    gateway: Gateway,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    device_phone_number: Option<String>,
    device_phone_number_verified: Option<bool>,
    code: Option<String>,
}

/// RFC 6749's errors of the token endpoint.
const TOKEN_ERRORS: [Line; 8] = [
    ("invalid_grant", BadToken),
    ("invalid_client", Config),
    ("unauthorized_client", Config),
    ("unsupported_grant_type", Config),
    ("invalid_scope", Config),
    ("invalid_request", Config),
    ("server_error", Busy),
    ("temporarily_unavailable", Busy),
];

/// The interface's errors, and those of gateways before it.
const CODES: [Line; 10] = [
    ("NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK", BadToken),
    ("NUMBER_VERIFICATION.INVALID_TOKEN_CONTEXT", BadToken),
    ("INVALID_TOKEN_CONTEXT", BadToken),
    ("UNAUTHENTICATED", BadToken),
    ("PERMISSION_DENIED", Config),
    ("INVALID_ARGUMENT", Config),
    ("QUOTA_EXCEEDED", Quota),
    ("TOO_MANY_REQUESTS", Busy),
    ("INTERNAL", Busy),
    ("UNAVAILABLE", Busy),
];

impl Camara {
    /// Builds one; nothing is connected yet. The clock and the entropy go into assertions.
    pub fn new(
        settings: CamaraSettings,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, SetupError> {
        let gateway = Gateway::new(VENDOR, &settings.endpoint)?;
        Ok(Self { settings, gateway, clock, entropy })
    }

    /// Exchanges the device's code for an access token, which lives for one call.
    async fn access(&self, token: &str) -> Result<SecretString, CarrierError> {
        let (code, verifier) = code_and_verifier(token);
        let url = self.gateway.url("/token");
        let mut pairs = vec![("grant_type", "authorization_code"), ("code", code)];
        pairs.extend(verifier.map(|it| ("code_verifier", it)));
        pairs.extend(self.settings.redirect_uri.as_deref().map(|it| ("redirect_uri", it)));
        let request = self.gateway.request(Method::POST, url.clone()).header(CONTENT_TYPE, FORM);
        let assertion;
        let request = match &self.settings.private_key {
            Some(key) => {
                let now = self.clock.now();
                assertion = self.assertion(key, &url, now).ok_or(CarrierError::Unavailable)?;
                pairs.extend([
                    ("client_id", self.settings.client_id.as_str()),
                    (
                        "client_assertion_type",
                        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                    ),
                    ("client_assertion", assertion.as_str()),
                ]);
                request
            }
            // RFC 6749, 2.3.1: both are encoded before they are joined.
            None => request.basic_auth(
                encode(&self.settings.client_id),
                Some(encode(self.settings.client_secret.expose_secret())),
            ),
        };
        let reply = self.gateway.call(request.body(form(&pairs))).await?;
        let answer: TokenAnswer = reply.json()?;
        match (answer.error, answer.access_token) {
            (None, Some(it)) if reply.is_success && is_token(&it) => Ok(it.into()),
            (Some(error), _) => Err(refused(VENDOR, &TOKEN_ERRORS, &error)),
            (None, _) if reply.is_success => Err(CarrierError::BadResponse),
            (None, _) => Err(CarrierError::Unavailable),
        }
    }

    /// Proves who we are (RFC 7523).
    fn assertion(&self, key: &PrivateKey, audience: &Url, now: Timestamp) -> Option<String> {
        let mut header = json!({"alg": "RS256", "typ": "JWT"});
        if let (Some(id), Some(members)) = (&self.settings.key_id, header.as_object_mut()) {
            members.insert("kid".to_owned(), id.as_str().into());
        }
        let (client, now) = (&self.settings.client_id, now.as_second());
        let claims = json!({
            "iss": client, "sub": client, "aud": audience.as_str(), "iat": now,
            "exp": now + ASSERTION_SECS, "jti": nonce(&*self.entropy),
        });
        let part = |it: &serde_json::Value| URL_SAFE_NO_PAD.encode(it.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes())?);
        Some(format!("{signed}.{signature}"))
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Answer, CarrierError> {
        let reply = self.gateway.call(request).await?;
        let answer: Answer = reply.json()?;
        if reply.is_success {
            return Ok(answer);
        }
        Err(refused(VENDOR, &CODES, answer.code.as_deref().unwrap_or_default()))
    }

    fn api(&self, method: Method, path: &str) -> RequestBuilder {
        let url = self.gateway.url(&format!("/number-verification/v2/{path}"));
        self.gateway.request(method, url).header("x-correlator", nonce(&*self.entropy))
    }
}

#[async_trait]
impl CarrierVerifier for Camara {
    fn vendor(&self) -> &'static str {
        VENDOR
    }

    /// The code alone: the verifier behind it makes no other one.
    fn spends(&self, token: &str) -> String {
        code_and_verifier(token).0.to_owned()
    }

    async fn phone(&self, token: &str) -> Result<String, CarrierError> {
        let access = self.access(token).await?;
        let request =
            self.api(Method::GET, "device-phone-number").bearer_auth(access.expose_secret());
        let answer = self.ask(request).await?;
        e164(&answer.device_phone_number.ok_or(CarrierError::BadResponse)?)
    }

    async fn matches(&self, token: &str, phone: &PhoneNumber) -> Result<bool, CarrierError> {
        let access = self.access(token).await?;
        let body = json!({"hashedPhoneNumber": sha256(phone.as_str().as_bytes())});
        let request =
            self.api(Method::POST, "verify").bearer_auth(access.expose_secret()).json(&body);
        let answer = self.ask(request).await?;
        answer.device_phone_number_verified.ok_or(CarrierError::BadResponse)
    }
}

/// Reads a token: a code, or a code and the verifier of its flow (RFC 7636) behind a `#`.
fn code_and_verifier(token: &str) -> (&str, Option<&str>) {
    let is_verifier = |it: &str| {
        (43..=128).contains(&it.len())
            && it.bytes().all(|it| it.is_ascii_alphanumeric() || b"-._~".contains(&it))
    };
    match token.rsplit_once('#') {
        Some((code, verifier)) if is_verifier(verifier) => (code, Some(verifier)),
        _ => (token, None),
    }
}

/// True for what can stand in a header.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_graphic())
}

impl std::fmt::Debug for Camara {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Camara").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_hashed_with_its_plus() {
        assert_eq!(
            sha256(b"+123456789"),
            "b49f9168e8a886ffd61a090b51a26e117717f5f6fa804af49ea67043a2bfa4f0"
        );
    }

    #[test]
    fn a_verifier_stands_behind_the_code() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(code_and_verifier("abc"), ("abc", None));
        assert_eq!(code_and_verifier(&format!("a#b#{verifier}")), ("a#b", Some(verifier)));
        assert_eq!(code_and_verifier("abc#short"), ("abc#short", None));
    }
}
