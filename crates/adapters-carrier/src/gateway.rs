//! The one way out to a vendor: one call, bounded in time and size, and a breaker before it.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use domain::Duration;
use domain::breaker::Breaker;
use ports::carrier::CarrierError;
use ports::entropy::{Entropy, bytes};
use reqwest::header::USER_AGENT;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;
use thiserror::Error;

/// The longest answer that is read.
const LONGEST: usize = 64 * 1024;
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(2);
/// How long all of a call may take: a person waits for it.
const CALL: Duration = Duration::from_secs(3);

/// Why a vendor cannot be built. Tells neither address nor secret.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The address is none of `https`, nor of `http` on this machine.
    #[error("must be an https:// address, or an http:// one on this machine")]
    Endpoint,
    /// The client cannot be built, as without root certificates.
    #[error("no HTTPS client can be built")]
    Client(#[source] reqwest::Error),
}

/// Says whether an address can be a vendor's, for whoever reads settings.
pub fn check_endpoint(endpoint: &str) -> Result<(), SetupError> {
    base(endpoint).map(|_| ())
}

/// Calls one vendor.
pub(crate) struct Gateway {
    vendor: &'static str,
    client: Client,
    base: Url,
    breaker: Mutex<Breaker>,
}

/// What a vendor answered, whole and within bounds.
pub(crate) struct Reply {
    pub(crate) is_success: bool,
    body: Vec<u8>,
}

impl Reply {
    /// Reads the body as JSON.
    ///
    /// Where it is none, an error status says that the vendor is not well, and any other that
    /// somebody else has answered.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, CarrierError> {
        serde_json::from_slice(&self.body).map_err(|_| {
            if self.is_success { CarrierError::BadResponse } else { CarrierError::Unavailable }
        })
    }
}

impl Gateway {
    /// Builds one; nothing is connected yet.
    pub(crate) fn new(vendor: &'static str, endpoint: &str) -> Result<Self, SetupError> {
        let base = base(endpoint)?;
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT)
            .timeout(CALL)
            .build()
            .map_err(SetupError::Client)?;
        Ok(Self { vendor, client, base, breaker: Mutex::default() })
    }

    /// The address of a call below the vendor's.
    pub(crate) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let prefix = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{prefix}{path}"));
        url
    }

    /// Begins a call.
    pub(crate) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client.request(method, url).header(USER_AGENT, "latchkey")
    }

    /// Makes a call: once, whatever comes of it.
    pub(crate) async fn call(&self, request: RequestBuilder) -> Result<Reply, CarrierError> {
        if !self.breaker().admits(Instant::now()) {
            return Err(CarrierError::Unavailable);
        }
        let answer = match request.send().await {
            Ok(answer) => read(answer).await,
            // An address may carry what is nobody else's business.
            Err(error) => Err(Broken::Lost(error.without_url())),
        };
        match answer {
            Ok((status, body)) => {
                if status >= 500 {
                    self.breaker().failed(Instant::now());
                    tracing::warn!(vendor = self.vendor, status, "the carrier fails");
                } else {
                    self.breaker().succeeded();
                }
                // No answer of theirs sends us elsewhere.
                match status {
                    300..400 => Err(CarrierError::Unavailable),
                    _ => Ok(Reply { is_success: (200..300).contains(&status), body }),
                }
            }
            Err(Broken::Lost(error)) => {
                self.breaker().failed(Instant::now());
                tracing::warn!(vendor = self.vendor, %error, "no answer of the carrier");
                Err(CarrierError::Unavailable)
            }
            Err(Broken::TooLong) => {
                self.breaker().succeeded();
                tracing::error!(vendor = self.vendor, "the carrier's answer has no end");
                Err(CarrierError::BadResponse)
            }
        }
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Broken {
    Lost(reqwest::Error),
    TooLong,
}

async fn read(mut answer: Response) -> Result<(u16, Vec<u8>), Broken> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|it| Broken::Lost(it.without_url()))? {
        if body.len() + chunk.len() > LONGEST {
            return Err(Broken::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok((answer.status().as_u16(), body))
}

/// Reads an address: encrypted, or on this machine; a path before the vendor's own may be in it,
/// a query or credentials may not.
fn base(endpoint: &str) -> Result<Url, SetupError> {
    let url = Url::parse(endpoint).map_err(|_| SetupError::Endpoint)?;
    let host = url.host_str().unwrap_or_default();
    let is_local = host == "localhost"
        || host.trim_matches(['[', ']']).parse().is_ok_and(|it: IpAddr| it.is_loopback());
    let is_safe = match url.scheme() {
        "https" => !host.is_empty(),
        "http" => is_local,
        _ => false,
    };
    let is_bare = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    (is_safe && is_bare).then_some(url).ok_or(SetupError::Endpoint)
}

/// The host as the request's header has it: with its port, unless that is the scheme's.
pub(crate) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// A word that no other call has.
pub(crate) fn nonce(entropy: &dyn Entropy) -> String {
    hex::encode(bytes::<16>(entropy))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::encrypted("https://dypnsapi.aliyuncs.com", true)]
    #[case::with_a_prefix("https://proxy.example.com:8443/aliyun", true)]
    #[case::here("http://127.0.0.1:9900/aliyun", true)]
    #[case::here_by_name("http://localhost:9900", true)]
    #[case::here_by_v6("http://[::1]:9900", true)]
    #[case::clear("http://dypnsapi.aliyuncs.com", false)]
    #[case::disguised("http://localhost.example.com", false)]
    #[case::with_a_name("https://ada@example.com", false)]
    #[case::with_a_query("https://example.com/?a=b", false)]
    #[case::no_address("dypnsapi.aliyuncs.com", false)]
    #[case::another_scheme("ftp://example.com", false)]
    fn an_endpoint_is_encrypted_or_here(#[case] endpoint: &str, #[case] is_good: bool) {
        assert_eq!(base(endpoint).is_ok(), is_good);
    }

    #[rstest]
    #[case("https://example.com", "/a", "https://example.com/a")]
    #[case("https://example.com/", "/", "https://example.com/")]
    #[case("http://127.0.0.1:1/x", "/a/b", "http://127.0.0.1:1/x/a/b")]
    #[case("http://127.0.0.1:1/x/", "/", "http://127.0.0.1:1/x/")]
    fn a_path_is_put_below_the_endpoint(
        #[case] endpoint: &str,
        #[case] path: &str,
        #[case] expected: &str,
    ) {
        let gateway = Gateway::new("a", endpoint).unwrap();
        assert_eq!(gateway.url(path).as_str(), expected);
    }

    #[rstest]
    #[case("https://example.com/", "example.com")]
    #[case("https://example.com:443/", "example.com")]
    #[case("https://example.com:8443/", "example.com:8443")]
    #[case("http://[::1]:80/", "[::1]")]
    #[case("http://[::1]:81/", "[::1]:81")]
    fn a_port_is_in_the_host_unless_it_is_the_schemes(#[case] url: &str, #[case] expected: &str) {
        assert_eq!(host(&Url::parse(url).unwrap()), expected);
    }
}
