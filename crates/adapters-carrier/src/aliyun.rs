//! Alibaba Cloud's number verification, Dypnsapi of 2017-05-25: in apps, and on web pages.

use std::sync::Arc;

use async_trait::async_trait;
use domain::phone::{PhoneNumber, Region};
use ports::carrier::{CarrierError, CarrierVerifier};
use ports::clock::Clock;
use ports::entropy::Entropy;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::SetupError;
use crate::acs3::{Canonical, form, sha256};
use crate::gateway::{Gateway, host, nonce};
use crate::number::mainland;
use crate::outcome::Class::{BadNumber, BadToken, Busy, Config, Quota, WrongCarrier};
use crate::outcome::{Line, refused};
use crate::rpc;

/// Where it is, unless it is said otherwise.
pub const ENDPOINT: &str = "https://dypnsapi.aliyuncs.com";
const VERSION: &str = "2017-05-25";
const FORM: &str = "application/x-www-form-urlencoded";

/// What the account has, and which of its products is asked.
#[derive(Debug, Clone)]
pub struct AliyunSettings {
    /// The address; see [`ENDPOINT`].
    pub endpoint: String,
    /// The key's name.
    pub access_key_id: String,
    /// The key.
    pub access_key_secret: SecretString,
    /// Where tokens come from.
    pub surface: Surface,
    /// How calls are signed.
    pub signature: Signature,
}

/// Where tokens come from; those of one are nothing at the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// The SDK of apps.
    App,
    /// The script of web pages.
    Web,
}

/// How calls are signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Signature {
    /// ACS3-HMAC-SHA256, which the vendor recommends.
    #[default]
    Acs3,
    /// HMAC-SHA1 over the parameters, for what stands in between and knows no other.
    Rpc,
}

/// Verifies numbers with Alibaba Cloud.
pub struct Aliyun {
    settings: AliyunSettings,
    gateway: Gateway,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// An answer: which members it has depends on the call.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    code: String,
    #[serde(rename = "GetMobileResultDTO")]
    in_app: Option<Number>,
    #[serde(rename = "Data")]
    on_page: Option<Number>,
    #[serde(rename = "GateVerifyResultDTO")]
    match_in_app: Option<Match>,
    #[serde(rename = "GateVerify")]
    match_on_page: Option<Match>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Number {
    mobile: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Match {
    verify_result: Option<String>,
}

/// The vendor's documentation of the product and of its gateway.
const CODES: [Line; 38] = [
    ("isv.TOKEN_INVALID", BadToken),
    ("isv.TOKEN_UNAUTHORIZED_USED", BadToken),
    ("isv.ACCESS_CODE_ILLEGAL", BadToken),
    ("isv.CSRF_CHECK_FAILED", BadToken),
    ("isv.PARAMETERS_MISMATCH", WrongCarrier),
    ("isv.MOBILE_NUMBER_ILLEGAL", BadNumber),
    ("isv.VERIFY_SCHEME_NOT_EXIST", Config),
    ("isv.VERIFY_SCHEME_CONFLICT", Config),
    ("isv.PACK_SIGN_CONFLICT", Config),
    ("isv.BUNDLE_ID_CONFLICT", Config),
    ("isv.SCENE_QUERY_FAIL", Config),
    ("EntityNotExist.SceneCode", Config),
    ("QueryFail.SceneCode", Config),
    ("isv.INVALID_APP", Config),
    ("isv.INVALID_PARAMETERS", Config),
    ("isv.PRODUCT_UN_SUBSCRIPT", Config),
    ("isv.PRODUCT_UNSUBSCRIBE", Config),
    ("isv.FORBIDDEN_ACTION", Config),
    ("isv.ACCOUNT_NOT_EXISTS", Config),
    ("isv.ACCOUNT_ABNORMAL", Config),
    ("isv.RAM_PERMISSION_DENY", Config),
    ("isp.RAM_PERMISSION_DENY", Config),
    ("isp.RES_OWNER_ID_UNKNOWN", Config),
    ("isv.OUT_OF_SERVICE", Quota),
    ("isv.AMOUNT_NOT_ENOUGH", Quota),
    ("isp.OPERATOR_LIMIT", Busy),
    ("isp.*", Busy),
    ("Throttling*", Busy),
    ("SignatureNonceUsed", Busy),
    ("InvalidAccessKeyId.*", Config),
    ("SignatureDoesNotMatch", Config),
    ("IncompleteSignature", Config),
    ("InvalidSignatureMethod", Config),
    ("InvalidTimeStamp.*", Config),
    ("InvalidAction.NotFound", Config),
    ("InvalidVersion", Config),
    ("InvalidParameter*", Config),
    ("Missing*", Config),
];

impl Aliyun {
    /// Builds one; nothing is connected yet. The clock and the entropy go into signatures.
    pub fn new(
        settings: AliyunSettings,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, SetupError> {
        let gateway = Gateway::new(name(settings.surface), &settings.endpoint)?;
        Ok(Self { settings, gateway, clock, entropy })
    }

    /// Makes one call: the parameters go into the body, where no proxy on the way writes them down.
    async fn call(
        &self,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Answer, CarrierError> {
        let url = self.gateway.url("/");
        let (nonce, now) = (nonce(&*self.entropy), self.clock.now());
        let date = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let AliyunSettings { access_key_id: id, access_key_secret: secret, .. } = &self.settings;
        let secret = secret.expose_secret();
        let request = self.gateway.request(Method::POST, url.clone()).header(CONTENT_TYPE, FORM);
        let request = match self.settings.signature {
            Signature::Acs3 => {
                let body = form(parameters);
                let (host, hash) = (host(&url), sha256(body.as_bytes()));
                let ours = [
                    ("x-acs-action", action),
                    ("x-acs-content-sha256", &hash),
                    ("x-acs-date", &date),
                    ("x-acs-signature-nonce", &nonce),
                    ("x-acs-version", VERSION),
                ];
                let mut headers = vec![("content-type", FORM), ("host", &host)];
                headers.extend_from_slice(&ours);
                let canonical = Canonical {
                    method: "POST",
                    path: url.path(),
                    query: &[],
                    headers: &headers,
                    body: body.as_bytes(),
                };
                let request =
                    ours.iter().fold(request, |it, (name, value)| it.header(*name, *value));
                request.header(AUTHORIZATION, canonical.authorization(id, secret)).body(body)
            }
            Signature::Rpc => {
                let mut all = vec![
                    ("AccessKeyId", id.as_str()),
                    ("Action", action),
                    ("Format", "JSON"),
                    ("SignatureMethod", "HMAC-SHA1"),
                    ("SignatureNonce", &nonce),
                    ("SignatureVersion", "1.0"),
                    ("Timestamp", &date),
                    ("Version", VERSION),
                ];
                all.extend_from_slice(parameters);
                let signature = rpc::signature("POST", &all, secret);
                all.push(("Signature", &signature));
                request.body(form(&all))
            }
        };
        let reply = self.gateway.call(request).await?;
        let answer: Answer = reply.json()?;
        if answer.code == "OK" && reply.is_success {
            Ok(answer)
        } else {
            Err(refused(self.vendor(), &CODES, &answer.code))
        }
    }
}

const fn name(surface: Surface) -> &'static str {
    match surface {
        Surface::App => "aliyun",
        Surface::Web => "aliyun_h5",
    }
}

#[async_trait]
impl CarrierVerifier for Aliyun {
    fn vendor(&self) -> &'static str {
        name(self.settings.surface)
    }

    async fn phone(&self, token: &str) -> Result<String, CarrierError> {
        let number = match self.settings.surface {
            Surface::App => self.call("GetMobile", &[("AccessToken", token)]).await?.in_app,
            Surface::Web => self.call("GetPhoneWithToken", &[("SpToken", token)]).await?.on_page,
        };
        mainland(&number.and_then(|it| it.mobile).ok_or(CarrierError::BadResponse)?)
    }

    async fn matches(&self, token: &str, phone: &PhoneNumber) -> Result<bool, CarrierError> {
        if phone.region() != Region::CN {
            return Err(CarrierError::BadToken);
        }
        let phone = ("PhoneNumber", phone.national());
        let result = match self.settings.surface {
            Surface::App => {
                self.call("VerifyMobile", &[("AccessCode", token), phone]).await?.match_in_app
            }
            Surface::Web => {
                self.call("VerifyPhoneWithToken", &[phone, ("SpToken", token)]).await?.match_on_page
            }
        };
        match result.and_then(|it| it.verify_result).as_deref() {
            Some("PASS") => Ok(true),
            // Nothing was proved; the person can still take a message.
            Some("REJECT" | "UNKNOWN") => Ok(false),
            _ => Err(CarrierError::BadResponse),
        }
    }
}

impl std::fmt::Debug for Aliyun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aliyun").field("settings", &self.settings).finish_non_exhaustive()
    }
}
