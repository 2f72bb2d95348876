//! The HTTP client of one provider: a pool, a breaker and a number of seats of its own, so that one
//! provider that hangs takes nothing from another (EXT-04, SDK-05).

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use domain::Duration;
use domain::breaker::Breaker;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client as Http, Method, Response};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::address::{encoded, is_private, with_query};
use crate::answer::{Answer, Spelling};
use crate::failure::{Class, Failure};
use crate::settings::Times;

/// How much of an answer is read (EXT-04).
const LARGEST: usize = 256 * 1024;
/// Calls that may be under way to one provider. More than any real rate of logins needs at the
/// speed of a healthy provider; what comes on top finds a provider that hangs.
const SEATS: usize = 256;
/// What we call ourselves. GitHub refuses who has no name.
const OURSELVES: &str = concat!("latchkey/", env!("CARGO_PKG_VERSION"));

/// Reads a refusal out of an answer; `None` if it is none. It sees every answer that can be read,
/// whatever its status, and a bare one where the status is 401 and the body says nothing.
pub(crate) type Judge = fn(&Answer) -> Option<Failure>;

/// One call.
pub(crate) struct Call {
    method: Method,
    address: Zeroizing<String>,
    body: Option<(&'static str, Zeroizing<String>)>,
    authorization: Option<HeaderValue>,
    header: Option<(&'static str, HeaderValue)>,
    spelling: Spelling,
    spends: bool,
}

impl Call {
    /// A GET with parameters in the query.
    pub(crate) fn get(address: &str, query: &[(&str, &str)]) -> Self {
        let address =
            if query.is_empty() { address.to_owned() } else { with_query(address, query) };
        Self::new(Method::GET, address, None)
    }

    /// A POST of a form.
    pub(crate) fn form(address: &str, pairs: &[(&str, &str)]) -> Self {
        let body = ("application/x-www-form-urlencoded;charset=UTF-8", encoded(pairs).into());
        Self::new(Method::POST, address.to_owned(), Some(body))
    }

    /// A POST of JSON.
    pub(crate) fn json(address: &str, body: &serde_json::Value) -> Self {
        let body = ("application/json", body.to_string().into());
        Self::new(Method::POST, address.to_owned(), Some(body))
    }

    fn new(
        method: Method,
        address: String,
        body: Option<(&'static str, Zeroizing<String>)>,
    ) -> Self {
        Self {
            method,
            address: address.into(),
            body,
            authorization: None,
            header: None,
            spelling: Spelling::Json,
            spends: false,
        }
    }

    /// With a token that speaks for the user.
    pub(crate) fn bearer(self, token: &str) -> Self {
        self.authorized(&format!("Bearer {token}"))
    }

    /// With our own id and secret.
    pub(crate) fn basic(self, id: &str, secret: &str) -> Self {
        use base64::Engine as _;
        let pair = Zeroizing::new(format!("{id}:{secret}"));
        let encoded = base64::engine::general_purpose::STANDARD.encode(pair.as_bytes());
        self.authorized(&format!("Basic {encoded}"))
    }

    fn authorized(mut self, value: &str) -> Self {
        // A token that no header can hold is left out, and so refused.
        self.authorization = HeaderValue::from_str(value).ok().map(|mut it| {
            it.set_sensitive(true);
            it
        });
        self
    }

    /// With a header of the vendor's own.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.header = HeaderValue::from_str(value).ok().map(|mut it| {
            it.set_sensitive(true);
            (name, it)
        });
        self
    }

    /// The answer may be padded, or a query string.
    pub(crate) fn loose(mut self) -> Self {
        self.spelling = Spelling::Loose;
        self
    }

    /// The call uses the proof up, so it is never made twice.
    pub(crate) fn spends(mut self) -> Self {
        self.spends = true;
        self
    }
}

/// The client of one provider.
pub(crate) struct Client {
    http: Http,
    breaker: Mutex<Breaker>,
    seats: Semaphore,
}

impl Client {
    /// Builds one; nothing is connected yet. With `own_host`, names that lead to private addresses
    /// are not called but for that host, which an operator named.
    pub(crate) fn new(times: &Times, own_host: Option<&str>) -> Result<Self, reqwest::Error> {
        let builder = Http::builder()
            .redirect(Policy::none())
            .no_proxy()
            .retry(reqwest::retry::never())
            .connect_timeout(times.connect)
            .timeout(times.call)
            .pool_idle_timeout(Duration::from_mins(1));
        let builder = match own_host {
            Some(host) => builder.dns_resolver(Arc::new(Public { own_host: host.to_owned() })),
            None => builder,
        };
        let http = builder.build()?;
        Ok(Self { http, breaker: Mutex::default(), seats: Semaphore::new(SEATS) })
    }

    /// Makes a call and gives the answer, unless it is a no.
    pub(crate) async fn ask(&self, call: Call, judge: Judge) -> Result<Answer, Failure> {
        if !self.breaker().admits(Instant::now()) {
            return Err(Failure::new(Class::Busy, "breaker_open"));
        }
        let Ok(_seat) = self.seats.try_acquire() else {
            return Err(Failure::new(Class::Busy, "too_many_calls"));
        };
        let mut answered = self.once(&call, judge).await;
        // What looked at nothing but the connection may be asked once more, if it spends nothing.
        if !call.spends && answered.as_ref().is_err_and(|it| it.code == "connection_lost") {
            answered = self.once(&call, judge).await;
        }
        match &answered {
            Err(Failure { class: Class::Busy, .. }) => self.breaker().failed(Instant::now()),
            Err(Failure { class: Class::RateLimited, .. }) => {}
            _ => self.breaker().succeeded(),
        }
        answered
    }

    /// Notes that a login ran out of time while a call was under way.
    pub(crate) fn timed_out(&self) {
        self.breaker().failed(Instant::now());
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn once(&self, call: &Call, judge: Judge) -> Result<Answer, Failure> {
        let mut request = self
            .http
            .request(call.method.clone(), call.address.as_str())
            .header(USER_AGENT, OURSELVES)
            .header(ACCEPT, "application/json");
        if let Some(value) = &call.authorization {
            request = request.header(AUTHORIZATION, value);
        }
        if let Some((name, value)) = &call.header {
            request = request.header(*name, value);
        }
        if let Some((kind, body)) = &call.body {
            request = request.header(CONTENT_TYPE, *kind).body(body.as_str().to_owned());
        }
        // The error is not kept: it may quote the address, which holds secrets.
        let answer = request.send().await.map_err(|it| {
            Failure::new(
                Class::Busy,
                if it.is_timeout() {
                    "timeout"
                } else if it.is_connect() {
                    "not_reached"
                } else {
                    "connection_lost"
                },
            )
        })?;
        let status = answer.status().as_u16();
        match status {
            300..=399 => return Err(Failure::new(Class::Protocol, "redirect")),
            429 => return Err(Failure::new(Class::RateLimited, "429")),
            500.. => return Err(Failure::new(Class::Busy, &status.to_string())),
            _ => {}
        }
        let body = read(answer).await?;
        let answer = match Answer::read(status, &body, call.spelling) {
            Some(answer) => answer,
            None if status == 401 => Answer::bare(status),
            None => return Err(Failure::new(Class::Protocol, "unreadable")),
        };
        match judge(&answer) {
            Some(failure) => Err(failure),
            // A no that is in no table is a no all the same.
            None if status >= 400 => Err(Failure::new(Class::BadToken, &status.to_string())),
            None => Ok(answer),
        }
    }
}

async fn read(mut answer: Response) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut body = Zeroizing::new(Vec::new());
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > LARGEST => {
                return Err(Failure::new(Class::Protocol, "too_large"));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(it) if it.is_timeout() => return Err(Failure::new(Class::Busy, "timeout")),
            Err(_) => return Err(Failure::new(Class::Protocol, "cut_short")),
        }
    }
}

/// A resolver that knows no private address, but for one host.
struct Public {
    own_host: String,
}

impl Resolve for Public {
    fn resolve(&self, name: Name) -> Resolving {
        let is_own = name.as_str().eq_ignore_ascii_case(&self.own_host);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let fit: Vec<SocketAddr> = found.filter(|it| is_own || !is_private(it.ip())).collect();
            if fit.is_empty() {
                return Err("the name leads to no public address".into());
            }
            Ok(Box::new(fit.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EXT-04: a name that leads to a private address is as good as none.
    #[tokio::test]
    async fn private_names_are_resolved_for_the_operators_host_alone() {
        let resolver = Public { own_host: "localhost".to_owned() };
        assert!(resolver.resolve("localhost".parse().unwrap()).await.is_ok());
        let resolver = Public { own_host: "id.example.com".to_owned() };
        assert!(resolver.resolve("localhost".parse().unwrap()).await.is_err());
    }
}
