//! The body of a request: its type, its size, its time, its text and its shape.

use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::web::BytesMut;
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;

use super::{Node, typed};
use crate::problem::{Code, Problem};

/// The longest body (EDGE-01).
pub(crate) const LONGEST: usize = 16 * 1024;
/// The longest time that a body may take (EDGE-05).
const SLOWEST: Duration = Duration::from_secs(10);

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

/// A JSON body, read strictly.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

/// An object without members.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {}

/// No body, or an empty object: the same thing to a client that always sends JSON.
#[derive(Debug)]
pub(crate) struct NoBody;

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let checked = content_type(request.headers()).and_then(|()| fits(request.headers()));
        let payload = payload.take();
        Box::pin(async move {
            checked?;
            let text = in_time(payload).await?;
            let node = Node::read(&text).ok_or(Problem::new(Code::MalformedRequest))?;
            typed(node, "").map(Self)
        })
    }
}

impl FromRequest for NoBody {
    type Error = Problem;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let sized = fits(request.headers());
        let typed_as_json = content_type(request.headers());
        let payload = payload.take();
        Box::pin(async move {
            sized?;
            let text = in_time(payload).await?;
            if text.is_empty() {
                return Ok(Self);
            }
            typed_as_json?;
            let node = Node::read(&text).ok_or(Problem::new(Code::MalformedRequest))?;
            typed::<Empty>(node, "").map(|_| Self)
        })
    }
}

/// Wants `application/json`, with `charset=utf-8` or nothing beside it (EDGE-03).
fn content_type(headers: &HeaderMap) -> Result<(), Problem> {
    of_type(headers, "application/json")
}

/// Wants one media type.
fn of_type(headers: &HeaderMap, wanted: &str) -> Result<(), Problem> {
    let mut sent = headers.get_all(CONTENT_TYPE);
    let value = sent.next().and_then(|it| it.to_str().ok());
    match (value, sent.next()) {
        (Some(it), None) if is_type(it, wanted) => Ok(()),
        _ => Err(Problem::new(Code::UnsupportedMediaType)),
    }
}

/// True for one media type, with `charset=utf-8` or nothing beside it.
fn is_type(value: &str, wanted: &str) -> bool {
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let parameter = parts.next();
    let charset = parameter.is_none_or(|it| {
        it.split_once('=').is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("charset")
                && value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
    });
    essence.eq_ignore_ascii_case(wanted) && charset && parts.next().is_none()
}

/// A body of one media type, whole: its type, its size and its time are right.
pub(crate) fn text_of(
    request: &HttpRequest,
    payload: &mut Payload,
    wanted: &str,
) -> impl Future<Output = Result<BytesMut, Problem>> + use<> {
    let checked = of_type(request.headers(), wanted).and_then(|()| fits(request.headers()));
    let payload = payload.take();
    async move {
        checked?;
        in_time(payload).await
    }
}

/// Refuses a body by its announced length, before any of it is read.
fn fits(headers: &HeaderMap) -> Result<(), Problem> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
    if announced.is_some_and(|it: u64| it > LONGEST as u64) { Err(too_large()) } else { Ok(()) }
}

async fn in_time(payload: Payload) -> Result<BytesMut, Problem> {
    tokio::time::timeout(SLOWEST, read(payload))
        .await
        .unwrap_or_else(|_| Err(Problem::new(Code::RequestTimeout).closing()))
}

/// Reads a body and stops at the first byte too many.
async fn read(mut payload: Payload) -> Result<BytesMut, Problem> {
    let mut text = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(PayloadError::Overflow) => return Err(too_large()),
            Err(_) => return Err(Problem::new(Code::MalformedRequest).closing()),
        };
        if text.len() + chunk.len() > LONGEST {
            return Err(too_large());
        }
        text.extend_from_slice(&chunk);
    }
    Ok(text)
}

/// What is left of such a body is not worth reading: the connection goes.
fn too_large() -> Problem {
    Problem::new(Code::PayloadTooLarge).closing()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// EDGE-03: exactly the route's type, with its charset at most.
    #[rstest]
    #[case("application/json", true)]
    #[case("Application/JSON; Charset=UTF-8", true)]
    #[case("application/json;charset=\"utf-8\"", true)]
    #[case("application/json; charset=latin1", false)]
    #[case("application/json; charset=utf-8; a=b", false)]
    #[case("application/json; boundary=x", false)]
    #[case("application/json;", false)]
    #[case("application/jsonp", false)]
    #[case("application/problem+json", false)]
    #[case("text/plain", false)]
    #[case("application/json, text/plain", false)]
    #[case("", false)]
    fn only_json_in_utf8_is_taken(#[case] value: &str, #[case] taken: bool) {
        assert_eq!(is_type(value, "application/json"), taken);
    }
}
