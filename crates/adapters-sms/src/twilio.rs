//! Twilio's messages (2010-04-01).

use std::fmt;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::message::{Message, Recipient};
use ports::sender::{MessageSender, SendError};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::class::{Class, Codes, Said, refused, told};
use crate::gateway::{Gateway, SetupError, Timeouts};
use crate::signing::{encoded, query};
use crate::words;

/// The name in logs and settings.
pub const TWILIO: &str = "twilio";
/// Where the vendor is, unless a setting says otherwise.
const ENDPOINT: &str = "https://api.twilio.com";
/// What the name of a pool of senders begins with.
const POOL: &str = "MG";

/// The vendor's codes; the status of the answer decides nothing.
const CODES: Codes = &[
    (Class::BadNumber, &["21211", "21614", "21612"]),
    (Class::Blocked, &["21408", "21610"]),
    (Class::Config, &["20003", "20404", "21606", "21212", "21603", "21608"]),
    (Class::Quota, &["20005", "30002", "63038"]),
    (Class::Busy, &["20429", "21611"]),
];

/// What the vendor knows us by.
#[derive(Debug, Clone)]
pub struct TwilioSettings {
    /// The account, `AC…`.
    pub account_sid: String,
    /// Its token.
    pub auth_token: SecretString,
    /// The number or name that messages come from, or a messaging service, `MG…`.
    pub from: String,
    /// The vendor's address; empty for its own.
    pub endpoint: String,
    /// How long a call may take.
    pub timeouts: Timeouts,
}

/// Hands messages to Twilio, in words of ours.
pub struct TwilioSender {
    settings: TwilioSettings,
    gateway: Gateway,
}

/// What the vendor answers: a message, or a problem with a code.
#[derive(Deserialize)]
struct Answer {
    sid: Option<String>,
    code: Option<u32>,
    error_code: Option<u32>,
}

impl TwilioSender {
    /// Makes a sender; nothing is connected yet.
    pub fn new(settings: TwilioSettings) -> Result<Self, SetupError> {
        let endpoint = if settings.endpoint.is_empty() { ENDPOINT } else { &settings.endpoint };
        let path = format!("/2010-04-01/Accounts/{}/Messages.json", encoded(&settings.account_sid));
        let gateway = Gateway::new(TWILIO, endpoint, &path, settings.timeouts)?;
        Ok(Self { settings, gateway })
    }
}

#[async_trait]
impl MessageSender for TwilioSender {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let vendor = TWILIO;
        let Recipient::Phone(to) = message.to() else {
            return Err(SendError::Misconfigured { vendor });
        };
        let TwilioSettings { account_sid, auth_token, from, .. } = &self.settings;
        let origin = if from.starts_with(POOL) { "MessagingServiceSid" } else { "From" };
        let text = words::text(message, to);
        let body = query(&[("Body", &text), (origin, from), ("To", to.as_str())]);
        let pair = format!("{account_sid}:{}", auth_token.expose_secret());
        let authorization = format!("Basic {}", STANDARD.encode(pair));
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("authorization", &authorization),
        ];
        let reply = self.gateway.post(&headers, body.into_bytes()).await?;
        let Some(answer) = reply.json::<Answer>() else {
            return Err(told(vendor, reply.unreadable(), Said { code: "", request_id: "" }));
        };
        let sid = answer.sid.unwrap_or_default();
        let is_accepted = (200..300).contains(&reply.status);
        match answer.error_code.or(answer.code.filter(|_| !is_accepted)) {
            Some(code) => {
                Err(refused(vendor, CODES, Said { code: &code.to_string(), request_id: &sid }))
            }
            None if is_accepted && !sid.is_empty() => Ok(()),
            None => Err(told(vendor, reply.unreadable(), Said { code: "", request_id: &sid })),
        }
    }
}

impl fmt::Debug for TwilioSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioSender").field("settings", &self.settings).finish_non_exhaustive()
    }
}
