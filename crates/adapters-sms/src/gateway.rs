//! How vendors are called over HTTP: one POST, so long and no longer, so much and no more.
//!
//! The bytes that were signed are the bytes that are sent: addresses are fixed when a sender is
//! made, and bodies come as bytes.

use std::net::IpAddr;

use domain::Duration;
use ports::sender::SendError;
use reqwest::header::{ACCEPT, RETRY_AFTER, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::class::Class;

/// The most that is read of an answer.
const MOST: usize = 64 * 1024;

/// How long a call may take (OTP-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until there is a connection.
    pub connect: Duration,
    /// Until the answer is read.
    pub call: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(2), call: Duration::from_secs(5) }
    }
}

/// Why a sender cannot be made. Tells neither address nor secret.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The address is none.
    #[error("is no address of http or https")]
    Address,
    /// What is sent there could be read on the way.
    #[error("must begin with https://, but for an address of this machine")]
    InClear,
    /// The secret cannot sign.
    #[error("must be whsec_ and 24 to 64 bytes in base64")]
    Secret,
    /// The client cannot be made, as without root certificates.
    #[error("no HTTPS client can be made")]
    Client(#[source] reqwest::Error),
}

/// One vendor at one address.
#[derive(Debug)]
pub(crate) struct Gateway {
    vendor: &'static str,
    client: Client,
    url: Url,
    host: String,
}

impl Gateway {
    /// Calls `path` below an address, which may have a path of its own; one without a scheme is
    /// meant with `https`.
    pub(crate) fn new(
        vendor: &'static str,
        endpoint: &str,
        path: &str,
        timeouts: Timeouts,
    ) -> Result<Self, SetupError> {
        let scheme = if endpoint.contains("://") { "" } else { "https://" };
        let base = endpoint.trim_end_matches('/');
        let url = parsed(&format!("{scheme}{base}"))?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(SetupError::Address);
        }
        Self::at(vendor, &format!("{scheme}{base}{path}"), timeouts)
    }

    /// Calls an address as it is.
    pub(crate) fn at(
        vendor: &'static str,
        address: &str,
        timeouts: Timeouts,
    ) -> Result<Self, SetupError> {
        let url = parsed(address)?;
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => return Err(SetupError::Address),
        };
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.call)
            .build()
            .map_err(SetupError::Client)?;
        Ok(Self { vendor, client, url, host })
    }

    /// The header `Host` as it is sent: with the port where it is not the scheme's own.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The path as it is sent.
    pub(crate) fn path(&self) -> &str {
        self.url.path()
    }

    /// Posts a body and reads the answer.
    pub(crate) async fn post(
        &self,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Reply, SendError> {
        let vendor = self.vendor;
        let mut request = self
            .client
            .post(self.url.clone())
            .header(USER_AGENT, "latchkey")
            .header(ACCEPT, "application/json")
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.map_err(|error| {
            tracing::debug!(vendor, why = said(&error), "a vendor gave no answer");
            if error.is_connect() {
                SendError::Unavailable { vendor }
            } else if error.is_builder() {
                SendError::Misconfigured { vendor }
            } else {
                SendError::Ambiguous { vendor }
            }
        })?;
        let status = answer.status().as_u16();
        let retry_after = answer.headers().contains_key(RETRY_AFTER);
        Ok(Reply { status, retry_after, body: read(answer).await })
    }
}

/// What went wrong, without the address and what is in it.
fn said(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "not in time"
    } else if error.is_connect() {
        "cannot be reached"
    } else {
        "broken off"
    }
}

fn parsed(address: &str) -> Result<Url, SetupError> {
    let url = Url::parse(address).map_err(|_| SetupError::Address)?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    match url.scheme() {
        "https" | "http" if has_user => Err(SetupError::Address),
        "https" => Ok(url),
        "http" if url.host_str().is_some_and(is_local) => Ok(url),
        "http" => Err(SetupError::InClear),
        _ => Err(SetupError::Address),
    }
}

/// True for an address that a link on this machine alone can have.
fn is_local(host: &str) -> bool {
    host == "localhost"
        || host.trim_matches(['[', ']']).parse().is_ok_and(|it: IpAddr| it.is_loopback())
}

/// The body; `None` for one that was cut off or has no end.
async fn read(mut answer: Response) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.ok()? {
        if body.len() + chunk.len() > MOST {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    Some(body)
}

/// What a vendor answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Whether it says when to come back.
    pub(crate) retry_after: bool,
    body: Option<Vec<u8>>,
}

impl Reply {
    /// The body as what it should be; `None` for anything else, as an error page.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(self.body.as_deref()?).ok()
    }

    /// What an answer comes to that is not the vendor's own.
    pub(crate) const fn unreadable(&self) -> Class {
        match self.status {
            // A gateway that waited in vain has handed it on.
            200..=299 | 504 => Class::Ambiguous,
            408 | 425 | 429 | 500..=599 => Class::Busy,
            _ => Class::Config,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn made(endpoint: &str) -> Result<(String, String), SetupError> {
        let gateway = Gateway::new("v", endpoint, "/", Timeouts::default())?;
        Ok((gateway.host().to_owned(), gateway.path().to_owned()))
    }

    #[rstest]
    #[case::host("dysmsapi.aliyuncs.com", "dysmsapi.aliyuncs.com", "/")]
    #[case::scheme("https://sms.tencentcloudapi.com/", "sms.tencentcloudapi.com", "/")]
    #[case::own_port("https://example.com:443", "example.com", "/")]
    #[case::other_port("https://example.com:8443", "example.com:8443", "/")]
    #[case::prefix("http://127.0.0.1:9900/aliyun", "127.0.0.1:9900", "/aliyun/")]
    #[case::here("http://localhost:1/a/b/", "localhost:1", "/a/b/")]
    #[case::here_by_v6("http://[::1]:1", "[::1]:1", "/")]
    fn the_host_is_what_is_sent(#[case] endpoint: &str, #[case] host: &str, #[case] path: &str) {
        assert_eq!(made(endpoint).unwrap(), (host.to_owned(), path.to_owned()));
    }

    /// CFG-02: nothing goes to another machine in clear.
    #[rstest]
    #[case::clear("http://example.com", true)]
    #[case::disguise("http://127.0.0.1.example.com", true)]
    #[case::user("http://localhost@example.com", false)]
    #[case::scheme("ftp://127.0.0.1", false)]
    #[case::query("https://example.com?a=b", false)]
    #[case::nothing("", false)]
    fn an_address_that_cannot_be_is_refused(#[case] endpoint: &str, #[case] in_clear: bool) {
        let refused = made(endpoint).unwrap_err();
        assert_eq!(matches!(refused, SetupError::InClear), in_clear, "{refused}");
    }

    #[rstest]
    #[case(200, Class::Ambiguous)]
    #[case(302, Class::Config)]
    #[case(403, Class::Config)]
    #[case(429, Class::Busy)]
    #[case(500, Class::Busy)]
    #[case(504, Class::Ambiguous)]
    fn an_answer_of_somebody_else_is_judged_by_its_status(
        #[case] status: u16,
        #[case] class: Class,
    ) {
        assert_eq!(Reply { status, retry_after: false, body: None }.unreadable(), class);
    }
}
