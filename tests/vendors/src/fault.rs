//! How a vendor misbehaves when it is told to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::body::{BoxBody, to_bytes_limited};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{LOCATION, RETRY_AFTER};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpResponse};
use futures_util::stream;

use crate::chance::Chance;
use crate::garble::garble;

/// More than any answer has.
const MOST: usize = 1 << 20;

/// One way to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// An error status and an error page.
    Status(u16),
    /// A page of HTML with status 200.
    Html,
    /// Half an answer that calls itself a whole one.
    Truncated,
    /// An answer without a body.
    Empty,
    /// The connection is closed in the middle of the answer.
    Cut,
    /// A right answer that comes late.
    Slow(Duration),
    /// The request is served, and its answer comes late: what it does is done.
    SlowAfter(Duration),
    /// An answer of megabytes.
    Huge,
    /// Another address.
    Redirect,
    /// The request is served, and its answer comes with something in it changed; a number is always
    /// the same change.
    Garbled(u64),
}

/// Who misbehaves, by the beginning of the path; all clones share it.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<HashMap<String, Fault>>>);

impl Faults {
    /// From now on every request below a path meets a fault.
    pub fn set(&self, path: &str, fault: Fault) {
        self.held().insert(path.to_owned(), fault);
    }

    /// All requests are served again.
    pub fn clear(&self) {
        self.held().clear();
    }

    fn of(&self, path: &str) -> Option<Fault> {
        let held = self.held();
        held.iter().find(|(prefix, _)| path.starts_with(prefix.as_str())).map(|(_, it)| *it)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, HashMap<String, Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves a request, or misbehaves.
pub(crate) async fn meet(
    faults: Faults,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let answer = match faults.of(request.path()) {
        None => return next.call(request).await,
        Some(Fault::Slow(late)) => {
            tokio::time::sleep(late).await;
            return next.call(request).await;
        }
        Some(Fault::SlowAfter(late)) => {
            let served = next.call(request).await;
            tokio::time::sleep(late).await;
            return served;
        }
        Some(Fault::Garbled(number)) => return garbled(number, next.call(request).await?).await,
        Some(Fault::Status(status)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut answer = HttpResponse::build(status);
            if status == StatusCode::TOO_MANY_REQUESTS {
                answer.insert_header((RETRY_AFTER, "1"));
            }
            answer.body("<html><body>error</body></html>")
        }
        Some(Fault::Html) => HttpResponse::Ok()
            .content_type("text/html")
            .body("<!DOCTYPE html><html><body>Welcome to the captive portal</body></html>"),
        Some(Fault::Truncated) => {
            HttpResponse::Ok().content_type("application/json").body(r#"{"access_token":"abc","#)
        }
        Some(Fault::Empty) => HttpResponse::Ok().finish(),
        Some(Fault::Cut) => HttpResponse::Ok().streaming(stream::iter([
            Ok(Bytes::from_static(b"{\"access")),
            Err(std::io::Error::other("cut")),
        ])),
        Some(Fault::Huge) => HttpResponse::Ok().body(vec![b' '; 4 << 20]),
        Some(Fault::Redirect) => {
            HttpResponse::Found().insert_header((LOCATION, "http://127.0.0.1:9/")).finish()
        }
    };
    Ok(request.into_response(answer))
}

/// The same answer with something in its body changed, and now and then its status.
async fn garbled(
    number: u64,
    served: ServiceResponse<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let (request, answer) = served.into_parts();
    let (mut head, body) = answer.into_parts();
    let body = to_bytes_limited(body, MOST).await.map_err(std::io::Error::other)??;
    let mut chance = Chance::of(number);
    if chance.below(8) == 0
        && let Some(status) = chance.one(&[201, 204, 400, 401, 403, 404, 408, 429, 500, 502, 504])
        && let Ok(status) = StatusCode::from_u16(status)
    {
        *head.status_mut() = status;
    }
    let body = garble(body.to_vec(), &mut chance);
    Ok(ServiceResponse::new(request, head.set_body(body).map_into_boxed_body()))
}
