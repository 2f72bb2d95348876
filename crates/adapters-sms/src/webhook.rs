//! A team's own gateway: each message is posted to one address, signed as Standard Webhooks says.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use domain::message::{Message, Recipient};
use ports::clock::Clock;
use ports::sender::{MessageSender, SendError};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use crate::class::{Class, Said, told};
use crate::gateway::{Gateway, Reply, SetupError, Timeouts};
use crate::signing::sha256;
use crate::signing::standard::Signer;

/// The name in logs and settings.
pub const WEBHOOK: &str = "webhook";

/// Where messages go, and what signs them.
#[derive(Debug, Clone)]
pub struct WebhookSenderSettings {
    /// The address.
    pub url: String,
    /// One secret, or several with blanks between.
    pub secret: SecretString,
    /// How long a call may take.
    pub timeouts: Timeouts,
}

/// Hands messages to a team's own gateway.
pub struct WebhookSender {
    signer: Signer,
    gateway: Gateway,
    clock: Arc<dyn Clock>,
}

impl WebhookSender {
    /// Makes a sender; nothing is connected yet.
    pub fn new(
        settings: &WebhookSenderSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetupError> {
        let signer = Signer::parse(settings.secret.expose_secret()).ok_or(SetupError::Secret)?;
        let gateway = Gateway::at(WEBHOOK, &settings.url, settings.timeouts)?;
        Ok(Self { signer, gateway, clock })
    }
}

#[async_trait]
impl MessageSender for WebhookSender {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let vendor = WEBHOOK;
        if !matches!(message.to(), Recipient::Phone(_)) {
            return Err(SendError::Misconfigured { vendor });
        }
        let (id, body, now) = (id(message), body(message), self.clock.now());
        let signature = self.signer.sign(&id, now, body.as_bytes());
        let headers = [
            ("content-type", "application/json"),
            ("webhook-id", &id),
            ("webhook-timestamp", &now.as_second().to_string()),
            ("webhook-signature", &signature),
        ];
        let reply = self.gateway.post(&headers, body.into_bytes()).await?;
        match class(&reply) {
            None => Ok(()),
            Some(class) => {
                let code = reply.status.to_string();
                Err(told(vendor, class, Said { code: &code, request_id: &id }))
            }
        }
    }
}

/// What a status means; `None` for a message that was taken.
const fn class(reply: &Reply) -> Option<Class> {
    match reply.status {
        200..=299 => None,
        400 | 422 => Some(Class::BadNumber),
        402 => Some(Class::Quota),
        // Who says when to come back means us; who does not means the number.
        429 if !reply.retry_after => Some(Class::Limited),
        _ => Some(reply.unreadable()),
    }
}

/// The name of a message: the same whenever it is sent again, and of no use to answer a challenge
/// with (OTP-06).
fn id(message: &Message) -> String {
    let hash = match message {
        Message::Code(it) => sha256(&[b"code", it.challenge_id.as_bytes().as_slice()].concat()),
        Message::Notice(it) => {
            sha256(format!("notice {} {} {}", it.to.as_str(), it.notice.as_str(), it.at).as_bytes())
        }
    };
    format!("msg_{}", hash.get(..32).unwrap_or_default())
}

fn body(message: &Message) -> String {
    let (to, channel) = (message.to().as_str(), message.to().channel().as_str());
    match message {
        Message::Code(it) => json!({
            "to": to,
            "channel": channel,
            "purpose": it.purpose.as_str(),
            "code": it.code.reveal(),
            "expires_in": it.ttl.as_secs(),
        }),
        Message::Notice(it) => json!({
            "to": to,
            "channel": channel,
            "notice": it.notice.as_str(),
            "code": null,
            "at": it.at.to_string(),
        }),
    }
    .to_string()
}

impl fmt::Debug for WebhookSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSender").field("signer", &self.signer).finish_non_exhaustive()
    }
}
