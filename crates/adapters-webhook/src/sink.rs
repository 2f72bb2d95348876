//! The sink of events that posts them to one address.

use std::sync::Arc;

use async_trait::async_trait;
use domain::Duration;
use domain::outbox::Outgoing;
use ports::clock::Clock;
use ports::event_sink::{EventSink, NotTaken};
use reqwest::header::{CONTENT_TYPE, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use thiserror::Error;

use crate::body::body;
use crate::signer::{SecretError, Signer};

/// How much of an answer's body is read, so that its connection can be used again.
const SMALL: usize = 16 * 1024;

/// Where webhooks go, and how long that may take.
#[derive(Debug)]
pub struct WebhookSettings<'a> {
    /// The address, with `http` or `https`.
    pub url: &'a str,
    /// The secrets that sign; see [`Signer::parse`].
    pub secret: &'a str,
    /// How long connecting may take (EXT-04).
    pub connect_timeout: Duration,
    /// How long all of a call may take (EXT-04).
    pub call_timeout: Duration,
}

impl<'a> WebhookSettings<'a> {
    /// The times of EXT-04.
    #[must_use]
    pub const fn new(url: &'a str, secret: &'a str) -> Self {
        Self {
            url,
            secret,
            connect_timeout: Duration::from_secs(3),
            call_timeout: Duration::from_secs(5),
        }
    }
}

/// Why a sink cannot be built. Tells neither address nor secret.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The address is none of `http` or `https`.
    #[error("setting `webhooks.url`: is no address")]
    Url,
    /// A secret cannot be used.
    #[error("setting `webhooks.secret`: {0}")]
    Secret(#[from] SecretError),
    /// The client cannot be built, as without root certificates.
    #[error("no HTTPS client can be built")]
    Client(#[source] reqwest::Error),
}

/// Why a receiver did not take an event.
#[derive(Debug, Error)]
enum WebhookError {
    #[error("the receiver cannot be reached, or not in time")]
    Unreachable(#[source] reqwest::Error),
    #[error("the receiver answered {0}")]
    Status(u16),
    #[error("the entry is no event")]
    NoEvent,
}

impl From<WebhookError> for NotTaken {
    fn from(error: WebhookError) -> Self {
        Self(error.into())
    }
}

/// Posts events as Standard Webhooks says.
pub struct WebhookSink {
    client: Client,
    url: Url,
    signer: Signer,
    clock: Arc<dyn Clock>,
    trace: Option<Trace>,
}

/// Gives the header `traceparent` of what is done now; `None` where that is not traced.
pub type Trace = fn() -> Option<String>;

impl WebhookSink {
    /// Builds one; nothing is connected yet. The clock tells receivers how old an attempt is.
    pub fn new(settings: &WebhookSettings<'_>, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let url = Url::parse(settings.url).map_err(|_| SetupError::Url)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(SetupError::Url);
        }
        let signer = Signer::parse(settings.secret)?;
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.call_timeout)
            .build()
            .map_err(SetupError::Client)?;
        Ok(Self { client, url, signer, clock, trace: None })
    }

    /// The same, telling the receiver which trace a call belongs to.
    #[must_use]
    pub fn within(self, trace: Trace) -> Self {
        Self { trace: Some(trace), ..self }
    }
}

#[async_trait]
impl EventSink for WebhookSink {
    async fn tell(&self, event: &Outgoing) -> Result<(), NotTaken> {
        let body = body(event).ok_or(WebhookError::NoEvent)?;
        let (id, now) = (event.id.to_string(), self.clock.now());
        let mut request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, "latchkey")
            .header("webhook-id", &id)
            .header("webhook-timestamp", now.as_second())
            .header("webhook-signature", self.signer.sign(&id, now, &body))
            .body(body);
        if let Some(trace) = self.trace.and_then(|it| it()) {
            request = request.header("traceparent", trace);
        }
        let sent = request.send().await;
        let answer = sent
            // An address may carry what is nobody else's business.
            .map_err(|it| WebhookError::Unreachable(it.without_url()))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(WebhookError::Status(status.as_u16()).into());
        }
        read_off(answer).await;
        Ok(())
    }
}

/// Reads the little that an answer says. What comes of it changes nothing: the event is taken.
async fn read_off(mut answer: Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = answer.chunk().await {
        read += chunk.len();
        if read > SMALL {
            break;
        }
    }
}

impl std::fmt::Debug for WebhookSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookSink").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use domain::id::{EventId, UserId};
    use domain::outbox::{Event, News};
    use domain::{Timestamp, later};
    use ports::testing::{ManualClock, START};
    use rstest::rstest;
    use standardwebhooks::Webhook;
    use uuid::Uuid;

    use super::*;
    use crate::stand_in::{Manner, StandIn};

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    fn settings<'a>(url: &'a str, secret: &'a str) -> WebhookSettings<'a> {
        let (connect_timeout, call_timeout) = (Duration::from_secs(1), Duration::from_millis(500));
        WebhookSettings { url, secret, connect_timeout, call_timeout }
    }

    fn sink(url: &str) -> WebhookSink {
        WebhookSink::new(&settings(url, SECRET), Arc::new(ManualClock::default())).unwrap()
    }

    fn event() -> Outgoing {
        let (id, user_id) = (EventId::from_uuid(Uuid::max()), UserId::from_uuid(Uuid::nil()));
        Outgoing { id, user_id, at: START, news: News::Event(Event::Deleted) }
    }

    /// A clock that tells the time of day, as the reference library wants it.
    struct TimeOfDay;

    impl Clock for TimeOfDay {
        fn now(&self) -> Timestamp {
            let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
            later(Timestamp::UNIX_EPOCH, since)
        }
    }

    #[tokio::test]
    async fn an_event_is_posted_as_standard_webhooks_says() {
        let receiver = StandIn::start(Manner::Status(204)).await;
        sink(&receiver.url("/hooks?team=a")).tell(&event()).await.unwrap();
        let got = receiver.requests().pop().unwrap();
        assert_eq!(got.line, "POST /hooks?team=a HTTP/1.1");
        assert_eq!(got.header("content-type"), "application/json");
        assert_eq!(got.header("webhook-id"), "ffffffff-ffff-ffff-ffff-ffffffffffff");
        assert_eq!(got.header("webhook-timestamp"), START.as_second().to_string());
        assert_eq!(
            got.body,
            r#"{"type":"user.deleted","timestamp":"2026-01-01T00:00:00Z","data":{"user_id":"00000000-0000-0000-0000-000000000000"}}"#
        );
        assert_eq!(got.header("traceparent"), "");
        let sink = sink(&receiver.url("/hooks"));
        sink.within(|| Some(TRACE.to_owned())).tell(&event()).await.unwrap();
        assert_eq!(receiver.requests().pop().unwrap().header("traceparent"), TRACE);
    }

    /// The reference library takes it by each secret, and not by another or with another body.
    #[tokio::test]
    async fn the_reference_library_accepts_the_signature() {
        let receiver = StandIn::start(Manner::Status(200)).await;
        let (url, both) = (receiver.url("/"), format!("{SECRET} {OTHER}"));
        let sink = WebhookSink::new(&settings(&url, &both), Arc::new(TimeOfDay)).unwrap();
        sink.tell(&event()).await.unwrap();
        let got = receiver.requests().pop().unwrap();
        let mut headers = http::HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            headers.insert(name, got.header(name).parse().unwrap());
        }
        let accepts = |secret: &str, body: &str| {
            Webhook::new(secret).unwrap().verify(body.as_bytes(), &headers).is_ok()
        };
        assert!(accepts(SECRET, &got.body) && accepts(OTHER, &got.body));
        assert!(!accepts(SECRET, &format!("{} ", got.body)));
        assert!(!accepts("whsec_plJ3nmyCDGBKInavdOK15jsl", &got.body));
    }

    /// EXT-04: a redirect is not followed, and an answer that does not come is not waited for.
    #[rstest]
    #[case::refused(Manner::Status(400))]
    #[case::failed(Manner::Status(500))]
    #[case::redirected(Manner::Redirect)]
    #[case::silent(Manner::Hang)]
    #[case::gone(Manner::Close)]
    #[tokio::test]
    async fn what_is_not_taken_is_told_so(#[case] manner: Manner) {
        let receiver = StandIn::start(manner).await;
        let answer = sink(&receiver.url("/hook")).tell(&event()).await;
        assert!(answer.is_err(), "{manner:?}");
        assert!(receiver.requests().iter().all(|it| it.line.starts_with("POST /hook ")));
    }

    #[tokio::test]
    async fn a_receiver_that_comes_back_is_told() {
        let receiver = StandIn::start(Manner::Hang).await;
        let sink = sink(&receiver.url("/"));
        for manner in [Manner::Hang, Manner::Close, Manner::Status(503)] {
            receiver.set(manner);
            assert!(sink.tell(&event()).await.is_err(), "{manner:?}");
        }
        receiver.set(Manner::Status(200));
        sink.tell(&event()).await.unwrap();
    }

    #[tokio::test]
    async fn nobody_at_the_address_is_an_answer_that_names_no_address() {
        let receiver = StandIn::start(Manner::Status(200)).await;
        let url = receiver.url("/?token=canary");
        drop(receiver);
        let error = sink(&url).tell(&event()).await.unwrap_err();
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }

    /// The status is the answer: a body without an end changes nothing, and is not read for long.
    #[tokio::test]
    async fn a_long_answer_is_cut_off() {
        let receiver = StandIn::start(Manner::Endless).await;
        sink(&receiver.url("/")).tell(&event()).await.unwrap();
    }

    #[rstest]
    #[case::no_url("hooks", SECRET, "webhooks.url")]
    #[case::scheme("ftp://example.com", SECRET, "webhooks.url")]
    #[case::secret("https://example.com", "hunter2", "webhooks.secret")]
    fn what_cannot_be_used_is_named_and_not_told(
        #[case] url: &str,
        #[case] secret: &str,
        #[case] key: &str,
    ) {
        let refused = WebhookSink::new(&settings(url, secret), Arc::new(TimeOfDay)).unwrap_err();
        let said = format!("{refused} {refused:?}");
        assert!(said.contains(key) && !said.contains("hunter2"), "{said}");
    }
}
