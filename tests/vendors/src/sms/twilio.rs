//! Twilio's messages.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::keys::{TWILIO, TWILIO_FROM};
use super::outbox::{Refusal, Sent, Taker};
use super::wire;

pub(super) async fn send(
    request: HttpRequest,
    account: web::Path<String>,
    body: web::Bytes,
    taker: web::Data<Taker>,
) -> HttpResponse {
    taker.was_asked();
    let expected = STANDARD.encode([TWILIO.0, TWILIO.1].join(":"));
    let given = wire::header(&request, "authorization").strip_prefix("Basic ");
    if given != Some(&expected) || *account != TWILIO.0 {
        return problem(401, 20003);
    }
    let form = wire::pairs(&String::from_utf8_lossy(&body));
    let value = |name| wire::value(&form, name);
    let (to, text, from) = (value("To"), value("Body"), value("From"));
    if !wire::is_e164(to) {
        return problem(400, 21211);
    }
    if from != TWILIO_FROM && !value("MessagingServiceSid").starts_with("MG") {
        return problem(400, 21606);
    }
    if text.is_empty() || text.chars().count() > 1600 {
        return problem(400, 21617);
    }
    let sent = Sent {
        to: to.to_owned(),
        text: text.to_owned(),
        template: String::new(),
        from: from.to_owned(),
        id: String::new(),
    };
    match taker.take(sent) {
        Ok(()) => HttpResponse::Created().json(json!({
            "sid": "SM00000000000000000000000000000001", "status": "queued", "to": to,
            "from": from, "body": text, "num_segments": "1", "direction": "outbound-api",
            "error_code": null, "error_message": null, "price": null, "price_unit": "USD",
            "account_sid": TWILIO.0, "api_version": "2010-04-01",
        })),
        Err(Refusal::BadNumber) => problem(400, 21211),
        // It has no limit of its own for a number; a full queue of ours is the nearest.
        Err(Refusal::Limited | Refusal::Throttled) => problem(429, 20429),
        Err(Refusal::Blocked) => problem(400, 21610),
        Err(Refusal::NoBalance) => problem(403, 20005),
        Err(Refusal::Template) => problem(400, 21606),
        Err(Refusal::Trouble) => HttpResponse::InternalServerError().body("<html>oops</html>"),
        Err(Refusal::Unheard) => problem(400, 29999),
    }
}

fn problem(status: u16, code: u32) -> HttpResponse {
    let body = json!({"code": code, "message": "refused", "status": status,
                      "more_info": "https://www.example.com/errors"});
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status).json(body)
}
