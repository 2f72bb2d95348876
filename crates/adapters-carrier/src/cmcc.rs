//! China Mobile's own number verification (cmpassport), which serves SIMs of the others as well.

use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use domain::phone::{PhoneNumber, Region};
use domain::{Duration, Timestamp, later};
use md5::{Digest as _, Md5};
use ports::carrier::{CarrierError, CarrierVerifier};
use ports::clock::Clock;
use ports::entropy::Entropy;
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::acs3::sha256;
use crate::gateway::{Gateway, nonce};
use crate::number::mainland;
use crate::outcome::Class::{BadToken, Busy, Config, Quota, WrongCarrier};
use crate::outcome::{Line, refused};
use crate::{PrivateKey, SetupError};

/// Where it is, unless it is said otherwise.
pub const ENDPOINT: &str = "https://www.cmpassport.com";
const VENDOR: &str = "cmcc";
const LOGIN_VERSION: &str = "2.0";
const MATCH_VERSION: &str = "1.0";
/// The platform is not asked to check our address a second time.
const STRICT_CHECK: &str = "0";
/// Times on the wire are those of Beijing, which knows no summer time.
const BEIJING: Duration = Duration::from_hours(8);

/// What the app has.
#[derive(Debug, Clone)]
pub struct CmccSettings {
    /// The address; see [`ENDPOINT`].
    pub endpoint: String,
    /// The app's name.
    pub app_id: String,
    /// The app's secret.
    pub app_key: SecretString,
    /// Our key, where the app has been told to use RSA: logins are signed with it, and numbers
    /// encrypted to it. Without one logins are signed by MD5.
    pub private_key: Option<Arc<PrivateKey>>,
}

/// Verifies numbers with China Mobile.
pub struct Cmcc {
    settings: CmccSettings,
    gateway: Gateway,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// An answer to a login; old documents spell the code in another way.
#[derive(Deserialize)]
struct LoginAnswer {
    #[serde(rename = "resultCode", alias = "resultcode")]
    code: String,
    #[serde(rename = "inresponseto")]
    in_response_to: Option<String>,
    msisdn: Option<String>,
}

#[derive(Deserialize)]
struct MatchAnswer {
    header: MatchHeader,
}

#[derive(Deserialize)]
struct MatchHeader {
    #[serde(rename = "resultCode")]
    code: String,
}

/// The platform's documentation of logins.
const LOGIN_CODES: [Line; 26] = [
    ("104201", BadToken),
    ("103113", BadToken),
    ("103811", BadToken),
    ("105018", BadToken),
    ("103902", BadToken),
    ("105012", WrongCarrier),
    ("105013", WrongCarrier),
    ("105001", Busy),
    ("105002", Busy),
    ("105003", Busy),
    ("103911", Busy),
    ("103211", Busy),
    ("103107", Busy),
    ("103505", Busy),
    ("103101", Config),
    ("103119", Config),
    ("103133", Config),
    ("103412", Config),
    ("103414", Config),
    ("103511", Config),
    ("103111", Config),
    ("105019", Config),
    ("105312", Quota),
    ("105021", Quota),
    ("105302", Quota),
    ("105313", Quota),
];

/// The platform's documentation of matches.
const MATCH_CODES: [Line; 10] = [
    ("606", BadToken),
    ("002", WrongCarrier),
    ("003", WrongCarrier),
    ("004", WrongCarrier),
    ("102", WrongCarrier),
    ("124", Config),
    ("302", Config),
    ("303", Config),
    ("999", Busy),
    ("102315", Quota),
];

impl Cmcc {
    /// Builds one; nothing is connected yet. The clock and the entropy go into signatures.
    pub fn new(
        settings: CmccSettings,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, SetupError> {
        let gateway = Gateway::new(VENDOR, &settings.endpoint)?;
        Ok(Self { settings, gateway, clock, entropy })
    }

    async fn call<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, CarrierError> {
        let request = self.gateway.request(Method::POST, self.gateway.url(path)).json(body);
        self.gateway.call(request).await?.json()
    }
}

#[async_trait]
impl CarrierVerifier for Cmcc {
    fn vendor(&self) -> &'static str {
        VENDOR
    }

    async fn phone(&self, token: &str) -> Result<String, CarrierError> {
        let (app_id, key) = (&self.settings.app_id, &self.settings.private_key);
        let (id, time) = (nonce(&*self.entropy), beijing(self.clock.now()));
        let mut body = json!({
            "version": LOGIN_VERSION, "msgid": id, "systemtime": time,
            "strictcheck": STRICT_CHECK, "appid": app_id, "token": token,
        });
        let sign = match key {
            Some(key) => {
                put(&mut body, "encryptionalgorithm", "RSA".to_owned());
                let text = format!("{app_id}{token}");
                hex::encode(key.sign(text.as_bytes()).ok_or(CarrierError::Unavailable)?)
            }
            None => login_sign(&self.settings, &id, &time, token),
        };
        put(&mut body, "sign", sign);
        let answer: LoginAnswer = self.call("/unisdk/rsapi/loginTokenValidate", &body).await?;
        if answer.code != "103000" {
            return Err(refused(VENDOR, &LOGIN_CODES, &answer.code));
        }
        if answer.in_response_to.is_some_and(|it| it != id) {
            return Err(CarrierError::BadResponse);
        }
        let number = answer.msisdn.ok_or(CarrierError::BadResponse)?;
        match key {
            None => mainland(&number),
            Some(key) => {
                let opened = hex::decode(&number).ok().and_then(|it| key.decrypt(&it));
                mainland(&opened.ok_or(CarrierError::BadResponse)?)
            }
        }
    }

    async fn matches(&self, token: &str, phone: &PhoneNumber) -> Result<bool, CarrierError> {
        if phone.region() != Region::CN {
            return Err(CarrierError::BadToken);
        }
        let (id, time) = (nonce(&*self.entropy), beijing(self.clock.now()));
        let (number, sign) = match_sign(&self.settings, &id, &time, token, phone.national());
        let body = json!({
            "header": {
                "version": MATCH_VERSION, "msgId": id, "timestamp": time,
                "appId": self.settings.app_id,
            },
            "body": {
                "openType": "1", "requesterType": "0", "message": "",
                "phoneNum": number, "token": token, "sign": sign,
            },
        });
        let answer: MatchAnswer = self.call("/openapi/rs/tokenValidate", &body).await?;
        match answer.header.code.as_str() {
            "000" => Ok(true),
            "001" => Ok(false),
            code => Err(refused(VENDOR, &MATCH_CODES, code)),
        }
    }
}

fn put(body: &mut Value, name: &str, value: String) {
    if let Some(members) = body.as_object_mut() {
        members.insert(name.to_owned(), value.into());
    }
}

/// The signature of a login by MD5, which is the platform's choice: upper-case hex.
fn login_sign(settings: &CmccSettings, id: &str, time: &str, token: &str) -> String {
    let (app_id, key) = (&settings.app_id, settings.app_key.expose_secret());
    let text = format!("{app_id}{LOGIN_VERSION}{id}{time}{STRICT_CHECK}{token}{key}");
    hex::encode_upper(Md5::digest(text))
}

/// The number as it is sent for a match, and the signature.
fn match_sign(
    settings: &CmccSettings,
    id: &str,
    time: &str,
    token: &str,
    phone: &str,
) -> (String, String) {
    let (app_id, key) = (&settings.app_id, settings.app_key.expose_secret());
    let number = sha256(format!("{phone}{key}{time}").as_bytes()).to_uppercase();
    let text = format!("{app_id}{id}{number}{time}{token}{MATCH_VERSION}");
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    (number, hex::encode_upper(hmac::sign(&key, text.as_bytes())))
}

/// A moment in 17 digits, as Beijing's clocks tell it.
fn beijing(now: Timestamp) -> String {
    later(now, BEIJING).strftime("%Y%m%d%H%M%S%3f").to_string()
}

impl std::fmt::Debug for Cmcc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cmcc").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> CmccSettings {
        CmccSettings {
            endpoint: ENDPOINT.to_owned(),
            app_id: "300000000001".to_owned(),
            app_key: "0F0E0D0C0B0A09080706050403020100".into(),
            private_key: None,
        }
    }

    const ID: &str = "00112233445566778899aabbccddeeff";
    const TIME: &str = "20240102110405123";

    #[test]
    fn a_login_is_signed_by_the_recipe() {
        assert_eq!(
            login_sign(&settings(), ID, TIME, "STsid0000001"),
            "9E8DC9380AE8F6931AC22D7F8A5B7A9B"
        );
    }

    #[test]
    fn a_match_is_signed_by_the_recipe() {
        let (number, sign) = match_sign(&settings(), ID, TIME, "STsid0000001", "13800138000");
        assert_eq!(number, "62167123EF9864AB6905AA12BDC4E9C4F9CCBEA2CF764710A83F7151F9A875EF");
        assert_eq!(sign, "7D856C4F76390F9F53672250A265BB070107BC8D3F8857E90CA8C2BFBB744E50");
    }

    #[test]
    fn times_are_those_of_beijing() {
        let at: Timestamp = "2024-01-02T03:04:05.123456Z".parse().unwrap();
        assert_eq!(beijing(at), TIME);
        let at: Timestamp = "2024-12-31T16:00:00Z".parse().unwrap();
        assert_eq!(beijing(at), "20250101000000000");
    }
}
