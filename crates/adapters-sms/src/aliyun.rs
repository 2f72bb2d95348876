//! Alibaba Cloud SMS (Dysmsapi 2017-05-25).

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use domain::Timestamp;
use domain::message::{Message, Recipient};
use domain::phone::{PhoneNumber, Region};
use ports::clock::Clock;
use ports::entropy::{Entropy, bytes};
use ports::sender::{MessageSender, SendError};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;

use crate::class::{Class, Codes, Said, refused, told};
use crate::gateway::{Gateway, Reply, SetupError, Timeouts};
use crate::regional::Regional;
use crate::signing::{acs3, query, rpc, sha256};
use crate::words;

/// The name in logs and settings.
pub const ALIYUN: &str = "aliyun";
/// Where the vendor is, unless a setting says otherwise.
const ENDPOINT: &str = "https://dysmsapi.aliyuncs.com";
const ACTION: &str = "SendSms";
const VERSION: &str = "2017-05-25";
const FORM: &str = "application/x-www-form-urlencoded";

/// The vendor's codes, from its list of errors.
const CODES: Codes = &[
    (Class::Limited, &["isv.BUSINESS_LIMIT_CONTROL"]),
    (
        Class::Quota,
        &[
            "isv.DAY_LIMIT_CONTROL",
            "isv.MONTH_LIMIT_CONTROL",
            "isv.AMOUNT_NOT_ENOUGH",
            "isv.OUT_OF_SERVICE",
        ],
    ),
    (Class::BadNumber, &["isv.MOBILE_NUMBER_ILLEGAL"]),
    (Class::Blocked, &["isv.BLACK_KEY_CONTROL_LIMIT"]),
    (
        Class::Config,
        &[
            "isv.MOBILE_COUNT_OVER_LIMIT",
            "isv.DOMESTIC_NUMBER_NOT_SUPPORTED",
            "isv.PRODUCT_UN_SUBSCRIPT",
            "isv.PRODUCT_UNSUBSCRIBE",
            "isv.ACCOUNT_NOT_EXISTS",
            "isv.ACCOUNT_ABNORMAL",
            "isv.SMS_SIGNATURE_ILLEGAL",
            "isv.SMS_SIGN_ILLEGAL",
            "isv.SIGN_STATE_ILLEGAL",
            "isv.SMS_SIGNATURE_SCENE_ILLEGAL",
            "isv.SMS_TEMPLATE_ILLEGAL",
            "isv.TEMPLATE_MISSING_PARAMETERS",
            "isv.TEMPLATE_PARAMS_ILLEGAL",
            "isv.PARAM_LENGTH_LIMIT",
            "isv.PARAM_NOT_SUPPORT_URL",
            "isv.INVALID_JSON_PARAM",
            "isv.INVALID_PARAMETERS",
            "isv.SMS_CONTENT_ILLEGAL",
            "isv.EXTEND_CODE_ERROR",
            "isv.DENY_IP_RANGE",
            "isp.RAM_PERMISSION_DENY",
            "InvalidAccessKeyId*",
            "SignatureDoesNotMatch",
            "IncompleteSignature",
            "InvalidSignatureMethod",
            "InvalidTimeStamp*",
            "Missing*",
            "InvalidAction*",
            "InvalidVersion",
        ],
    ),
    // A repetition has another nonce.
    (Class::Busy, &["isp.SYSTEM_ERROR", "SignatureNonceUsed", "Throttling*"]),
];

/// How requests are signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AliyunSignature {
    /// ACS3-HMAC-SHA256.
    #[default]
    Acs3,
    /// The older HMAC-SHA1 over the parameters.
    HmacSha1,
}

/// What the vendor knows us by.
#[derive(Debug, Clone)]
pub struct AliyunSettings {
    /// The key's name.
    pub access_key_id: String,
    /// The key.
    pub access_key_secret: SecretString,
    /// The approved signature, without its brackets.
    pub sign_name: Regional,
    /// The template of codes, with the variable `code`.
    pub template_code: Regional,
    /// The template of notices, with the variables `what` and `time`; without it the vendor
    /// delivers none.
    pub notice_template: Option<Regional>,
    /// The vendor's address; empty for its own.
    pub endpoint: String,
    /// How requests are signed.
    pub signature: AliyunSignature,
    /// How long a call may take.
    pub timeouts: Timeouts,
}

/// Hands messages to Alibaba Cloud.
pub struct AliyunSender {
    settings: AliyunSettings,
    gateway: Gateway,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// What the vendor answers, well or badly.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    code: String,
    biz_id: Option<String>,
    request_id: Option<String>,
}

impl AliyunSender {
    /// Makes a sender; nothing is connected yet.
    pub fn new(
        settings: AliyunSettings,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, SetupError> {
        let endpoint = if settings.endpoint.is_empty() { ENDPOINT } else { &settings.endpoint };
        let gateway = Gateway::new(ALIYUN, endpoint, "/", settings.timeouts)?;
        Ok(Self { settings, gateway, clock, entropy })
    }

    async fn call(&self, parameters: &[(&str, &str)]) -> Result<Reply, SendError> {
        let nonce = hex::encode(bytes::<16>(&*self.entropy));
        let date = date(self.clock.now());
        match self.settings.signature {
            AliyunSignature::Acs3 => self.call_acs3(parameters, &nonce, &date).await,
            AliyunSignature::HmacSha1 => self.call_rpc(parameters, &nonce, &date).await,
        }
    }

    /// The parameters go in a form: what is in an address is in many logs.
    async fn call_acs3(
        &self,
        parameters: &[(&str, &str)],
        nonce: &str,
        date: &str,
    ) -> Result<Reply, SendError> {
        let body = query(parameters).into_bytes();
        let hash = sha256(&body);
        let headers = [
            ("content-type", FORM),
            ("host", self.gateway.host()),
            ("x-acs-action", ACTION),
            ("x-acs-content-sha256", &hash),
            ("x-acs-date", date),
            ("x-acs-signature-nonce", nonce),
            ("x-acs-version", VERSION),
        ];
        let path = self.gateway.path();
        let request =
            acs3::Request { method: "POST", path, query: &[], headers: &headers, body: &body };
        let secret = self.settings.access_key_secret.expose_secret();
        let signed = acs3::authorization(&request, &self.settings.access_key_id, secret);
        let mut sent = headers.to_vec();
        sent.push(("authorization", &signed));
        self.gateway.post(&sent, body).await
    }

    async fn call_rpc(
        &self,
        parameters: &[(&str, &str)],
        nonce: &str,
        date: &str,
    ) -> Result<Reply, SendError> {
        let mut all = parameters.to_vec();
        all.extend([
            ("AccessKeyId", self.settings.access_key_id.as_str()),
            ("Action", ACTION),
            ("Format", "JSON"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureNonce", nonce),
            ("SignatureVersion", "1.0"),
            ("Timestamp", date),
            ("Version", VERSION),
        ]);
        let secret = self.settings.access_key_secret.expose_secret();
        let signature = rpc::sign("POST", &all, secret);
        all.push(("Signature", &signature));
        self.gateway.post(&[("content-type", FORM)], query(&all).into_bytes()).await
    }

    /// The template of a message and its variables.
    fn template(&self, message: &Message, to: &PhoneNumber) -> Option<(&str, String)> {
        match message {
            Message::Code(it) => {
                let variables = json!({"code": it.code.reveal()});
                Some((self.settings.template_code.of(to), variables.to_string()))
            }
            Message::Notice(it) => {
                let template = self.settings.notice_template.as_ref()?.of(to);
                let what = words::happened(it.notice);
                Some((template, json!({"what": what, "time": words::time(it)}).to_string()))
            }
        }
    }
}

#[async_trait]
impl MessageSender for AliyunSender {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let vendor = ALIYUN;
        let Recipient::Phone(to) = message.to() else {
            return Err(SendError::Misconfigured { vendor });
        };
        let (template, variables) =
            self.template(message, to).ok_or(SendError::NotOffered { vendor })?;
        let reply = self
            .call(&[
                ("PhoneNumbers", number(to)),
                ("SignName", self.settings.sign_name.of(to)),
                ("TemplateCode", template),
                ("TemplateParam", &variables),
            ])
            .await?;
        let Some(answer) = reply.json::<Answer>() else {
            return Err(told(vendor, reply.unreadable(), Said { code: "", request_id: "" }));
        };
        let request_id = answer.request_id.as_deref().unwrap_or_default();
        let said = Said { code: &answer.code, request_id };
        match answer.code.as_str() {
            "OK" if reply.status == 200 && answer.biz_id.is_some_and(|it| !it.is_empty()) => Ok(()),
            "OK" => Err(told(vendor, Class::Ambiguous, said)),
            _ => Err(refused(vendor, CODES, said)),
        }
    }
}

impl fmt::Debug for AliyunSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AliyunSender").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A number as the vendor wants it: of mainland China in its local form, of others without `+`.
fn number(to: &PhoneNumber) -> &str {
    if to.region() == Region::CN { to.national() } else { to.as_str().trim_start_matches('+') }
}

fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
