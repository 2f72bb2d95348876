//! Jiguang's JVerification: the number comes encrypted to our RSA key.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::phone::{PhoneNumber, Region};
use ports::carrier::{CarrierError, CarrierVerifier};
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::gateway::Gateway;
use crate::number::mainland;
use crate::outcome::Class::{BadToken, Busy, Config, Limited, Quota, WrongCarrier};
use crate::outcome::{Line, refused};
use crate::{PrivateKey, SetupError};

/// Where it is, unless it is said otherwise.
pub const ENDPOINT: &str = "https://api.verification.jpush.cn";

/// What the app has.
#[derive(Debug, Clone)]
pub struct JverifySettings {
    /// The address; see [`ENDPOINT`].
    pub endpoint: String,
    /// The app's name.
    pub app_key: String,
    /// The app's password.
    pub master_secret: SecretString,
    /// The key to whose public half numbers are encrypted.
    pub private_key: Arc<PrivateKey>,
    /// True if tokens come from web pages and not from apps.
    pub is_web: bool,
}

/// Verifies numbers with JVerification.
pub struct Jverify {
    settings: JverifySettings,
    gateway: Gateway,
}

#[derive(Deserialize)]
struct Answer {
    code: i64,
    phone: Option<String>,
}

const GOT_PHONE: i64 = 8000;
const SAME: i64 = 9000;
const DIFFERENT: i64 = 9001;

/// The vendor's documentation; its HTTP statuses say nothing.
const CODES: [Line; 22] = [
    // Also for a carrier that fails; a message helps in either case.
    ("8001", BadToken),
    ("9002", WrongCarrier),
    ("9003", BadToken),
    ("9005", Limited),
    ("9006", Limited),
    ("9007", Quota),
    ("9018", Quota),
    ("1805", Quota),
    ("9004", Config),
    ("9010", Config),
    ("9011", Config),
    ("9012", Config),
    ("9013", Config),
    ("9014", Config),
    ("9015", Config),
    ("9031", Config),
    ("1801", Config),
    ("1802", Config),
    ("1803", Config),
    ("1804", Busy),
    ("9099", Busy),
    ("2000", Busy),
];

impl Jverify {
    /// Builds one; nothing is connected yet.
    pub fn new(settings: JverifySettings) -> Result<Self, SetupError> {
        let gateway = Gateway::new(name(settings.is_web), &settings.endpoint)?;
        Ok(Self { settings, gateway })
    }

    async fn call(&self, path: &str, body: &Value) -> Result<Answer, CarrierError> {
        let surface = if self.settings.is_web { "/v1/web/h5" } else { "/v1/web" };
        let url = self.gateway.url(&format!("{surface}{path}"));
        let secret = self.settings.master_secret.expose_secret();
        let request = self
            .gateway
            .request(Method::POST, url)
            .basic_auth(&self.settings.app_key, Some(secret))
            .json(body);
        self.gateway.call(request).await?.json()
    }

    fn refused(&self, code: i64) -> CarrierError {
        refused(self.vendor(), &CODES, &code.to_string())
    }
}

const fn name(is_web: bool) -> &'static str {
    if is_web { "jverify_h5" } else { "jverify" }
}

#[async_trait]
impl CarrierVerifier for Jverify {
    fn vendor(&self) -> &'static str {
        name(self.settings.is_web)
    }

    async fn phone(&self, token: &str) -> Result<String, CarrierError> {
        let answer = self.call("/loginTokenVerify", &json!({"loginToken": token})).await?;
        if answer.code != GOT_PHONE {
            return Err(self.refused(answer.code));
        }
        let sealed = answer.phone.and_then(|it| STANDARD.decode(it).ok());
        let opened = sealed.and_then(|it| self.settings.private_key.decrypt(&it));
        mainland(&opened.ok_or(CarrierError::BadResponse)?)
    }

    async fn matches(&self, token: &str, phone: &PhoneNumber) -> Result<bool, CarrierError> {
        if phone.region() != Region::CN {
            return Err(CarrierError::BadToken);
        }
        let body = json!({"token": token, "phone": phone.national()});
        match self.call("/verify", &body).await?.code {
            SAME => Ok(true),
            DIFFERENT => Ok(false),
            code => Err(self.refused(code)),
        }
    }
}

impl std::fmt::Debug for Jverify {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jverify").field("settings", &self.settings).finish_non_exhaustive()
    }
}
