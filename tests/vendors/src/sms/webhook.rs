//! A team's own gateway, which verifies with the reference library of Standard Webhooks.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::Value;
use standardwebhooks::Webhook;

use super::keys::WEBHOOK;
use super::outbox::{Refusal, Sent, Taker};
use super::wire;

pub(super) async fn send(
    request: HttpRequest,
    body: web::Bytes,
    taker: web::Data<Taker>,
) -> HttpResponse {
    taker.was_asked();
    let status = match judged(&request, &body) {
        None => StatusCode::UNAUTHORIZED,
        Some(sent) if !wire::is_e164(&sent.to) => StatusCode::UNPROCESSABLE_ENTITY,
        Some(sent) => match taker.take(sent) {
            Ok(()) => StatusCode::NO_CONTENT,
            Err(Refusal::BadNumber | Refusal::Blocked) => StatusCode::UNPROCESSABLE_ENTITY,
            Err(Refusal::Limited) => StatusCode::TOO_MANY_REQUESTS,
            Err(Refusal::NoBalance) => StatusCode::PAYMENT_REQUIRED,
            Err(Refusal::Template) => StatusCode::NOT_FOUND,
            Err(Refusal::Trouble) => StatusCode::INTERNAL_SERVER_ERROR,
            Err(Refusal::Throttled) => StatusCode::SERVICE_UNAVAILABLE,
            Err(Refusal::Unheard) => StatusCode::BAD_GATEWAY,
        },
    };
    HttpResponse::new(status)
}

/// The message, if it is signed well.
fn judged(request: &HttpRequest, body: &[u8]) -> Option<Sent> {
    let mut headers = http::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, wire::header(request, name).parse().ok()?);
    }
    Webhook::new(WEBHOOK).ok()?.verify(body, &headers).ok()?;
    let message: Value = serde_json::from_slice(body).ok()?;
    let to = message.get("to").and_then(Value::as_str)?;
    Some(Sent {
        to: to.to_owned(),
        text: message.to_string(),
        template: String::new(),
        from: String::new(),
        id: wire::header(request, "webhook-id").to_owned(),
    })
}
