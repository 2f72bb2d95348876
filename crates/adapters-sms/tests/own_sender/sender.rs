//! The worked example of docs/senders.md: a vendor that takes `{"to","text"}` with a key, and
//! answers `{"result":"accepted"}` or `{"result":"<why not>"}`.

use async_trait::async_trait;
use domain::Duration;
use domain::message::Message;
use ports::sender::{MessageSender, SendError};
use reqwest::Client;
use reqwest::redirect::Policy;
use serde::Deserialize;
use serde_json::json;

/// The name in logs and metrics.
const VENDOR: &str = "example";

/// Hands messages to the vendor.
pub(crate) struct ExampleSender {
    client: Client,
    url: String,
    key: String,
}

#[derive(Deserialize)]
struct Answer {
    result: String,
}

impl ExampleSender {
    /// Connects to nothing yet; a call takes five seconds at most (OTP-10).
    pub(crate) fn new(url: &str, key: &str) -> reqwest::Result<Self> {
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(Duration::from_secs(2))
            .timeout(Duration::from_secs(5))
            .build()?;
        Ok(Self { client, url: url.to_owned(), key: key.to_owned() })
    }
}

#[async_trait]
impl MessageSender for ExampleSender {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let vendor = VENDOR;
        // A fixed text, with nothing of a client's in it. This vendor has one for codes alone.
        let Message::Code(code) = message else { return Err(SendError::NotOffered { vendor }) };
        let minutes = code.ttl.as_secs() / 60;
        let text = format!("{} is your code for {minutes} minutes.", code.code.reveal());
        let request = self.client.post(&self.url).header("x-api-key", &self.key);
        let body = json!({"to": message.to().as_str(), "text": text}).to_string();
        let answer = request.body(body).send().await.map_err(|error| {
            // Before there is a connection nothing was sent; afterwards nobody knows.
            if error.is_connect() {
                SendError::Unavailable { vendor }
            } else {
                SendError::Ambiguous { vendor }
            }
        })?;
        let status = answer.status().as_u16();
        let said = answer.text().await.map_err(|_| SendError::Ambiguous { vendor })?;
        let result = serde_json::from_str(&said).map(|it: Answer| it.result).unwrap_or_default();
        match (status, result.as_str()) {
            (200, "accepted") => Ok(()),
            (_, "no such number" | "opted out") => Err(SendError::BadRecipient { vendor }),
            (_, "too many to this number") => Err(SendError::Limited { vendor }),
            (_, "wrong key" | "wrong sender") => Err(SendError::Misconfigured { vendor }),
            (_, "no balance") => Err(SendError::Exhausted { vendor }),
            (429 | 500..=599, _) => Err(SendError::Unavailable { vendor }),
            // What is not the vendor's own answer says nothing.
            _ => Err(SendError::Ambiguous { vendor }),
        }
    }
}
