//! An operator that speaks CAMARA Number Verification 2.1, and its token endpoint.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data, Json, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::wire::{encoded, header, now, pairs, sha256};
use super::{Carriers, ID, REDIRECT_URI, SECRET, Spent, VERIFIER, Why, rsa};

const VENDOR: &str = "camara";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub(super) fn routes(it: &mut ServiceConfig) {
    it.route("/token", web::post().to(exchange))
        .route("/number-verification/v2/device-phone-number", web::get().to(number))
        .route("/number-verification/v2/verify", web::post().to(matches));
}

fn refused(status: u16, error: &str) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    HttpResponse::build(status).json(json!({"error": error, "error_description": "…"}))
}

fn problem(status: u16, code: &str) -> HttpResponse {
    let it = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    HttpResponse::build(it).json(json!({"status": status, "code": code, "message": "…"}))
}

/// Codes are looked at here; what they are good for is looked at where it is asked for.
async fn exchange(request: HttpRequest, body: Bytes, carriers: Data<Carriers>) -> HttpResponse {
    let form = pairs(&String::from_utf8_lossy(&body));
    let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if !is_client(&request, &form, &carriers) {
        return refused(401, "invalid_client");
    }
    carriers.count(VENDOR);
    if get("grant_type") != "authorization_code" {
        return refused(400, "unsupported_grant_type");
    }
    let code = get("code");
    let is_bound = code.split('.').nth(2) == Some("bound");
    let is_of_this_flow = !is_bound || get("code_verifier") == VERIFIER;
    let is_known = code.starts_with("camara.") && code.split('.').count() == 5;
    let is_alive = ![".expired.", ".used.", ".other-app."].iter().any(|it| code.contains(it));
    if !is_known || !is_alive || !is_of_this_flow || get("redirect_uri") != REDIRECT_URI {
        return refused(400, "invalid_grant");
    }
    if code.contains(".unpaid.") {
        return refused(400, "unauthorized_client");
    }
    let access = format!("access-{}", sha256(code.as_bytes()));
    if !carriers.is_new(code) {
        return refused(400, "invalid_grant");
    }
    carriers.held().access.insert(access.clone(), code.to_owned());
    let answer = json!({"access_token": access, "token_type": "Bearer", "expires_in": 300});
    HttpResponse::Ok().json(answer)
}

fn is_client(request: &HttpRequest, form: &BTreeMap<String, String>, carriers: &Carriers) -> bool {
    let basic = format!("{}:{}", encoded(ID), encoded(SECRET));
    if header(request, "authorization") == format!("Basic {}", STANDARD.encode(basic)) {
        return true;
    }
    let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let Some((signed, signature)) = get("client_assertion").rsplit_once('.') else { return false };
    let read = |it: &str| -> Option<Value> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(it).ok()?).ok()
    };
    let Some((head, claims)) = signed.split_once('.') else { return false };
    let (Some(head), Some(claims)) = (read(head), read(claims)) else { return false };
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    let ends = claims["exp"].as_i64().unwrap_or_default();
    let host = header(request, "host");
    get("client_assertion_type") == ASSERTION
        && head["alg"] == "RS256"
        && rsa::is_signed(signed.as_bytes(), &signature)
        && claims["iss"] == ID
        && claims["sub"] == ID
        && claims["aud"] == format!("http://{host}{}", request.path())
        && (now()..=now() + 300).contains(&ends)
        && claims["jti"].as_str().is_some_and(|it| carriers.is_new(it))
}

/// Spends the bearer's token: one call each.
fn spend(
    request: &HttpRequest,
    carriers: &Carriers,
    purpose: &str,
) -> Result<String, Box<HttpResponse>> {
    let bearer = header(request, "authorization").strip_prefix("Bearer ").unwrap_or_default();
    let code = carriers.held().access.remove(bearer);
    let code = code.ok_or_else(|| Box::new(problem(401, "UNAUTHENTICATED")))?;
    let refused = match carriers.spend(VENDOR, purpose, &code) {
        Spent::Number(it) if it.starts_with('+') => return Ok(it),
        Spent::Number(it) => return Ok(format!("+86{it}")),
        Spent::Refused(Why::Nothing | Why::Unsure) => HttpResponse::Ok().json(json!({})),
        Spent::Refused(Why::Dead) => problem(401, "UNAUTHENTICATED"),
        Spent::Refused(Why::Foreign) => problem(403, "NUMBER_VERIFICATION.INVALID_TOKEN_CONTEXT"),
        Spent::Refused(Why::WrongCarrier) => {
            let code = "NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK";
            problem(403, code)
        }
        Spent::Refused(Why::Busy) => problem(503, "UNAVAILABLE"),
        Spent::Refused(Why::Unpaid) => problem(429, "QUOTA_EXCEEDED"),
        Spent::Refused(Why::Riddle) => problem(422, "NEW_AND_UNHEARD_OF"),
    };
    Err(Box::new(refused))
}

async fn number(request: HttpRequest, carriers: Data<Carriers>) -> HttpResponse {
    match spend(&request, &carriers, "login") {
        Ok(number) => HttpResponse::Ok().json(json!({"devicePhoneNumber": number})),
        Err(answer) => *answer,
    }
}

async fn matches(
    request: HttpRequest,
    body: Json<Value>,
    carriers: Data<Carriers>,
) -> HttpResponse {
    match spend(&request, &carriers, "match") {
        Ok(number) => {
            let same = body["hashedPhoneNumber"] == sha256(number.as_bytes())
                || body["phoneNumber"] == number;
            HttpResponse::Ok().json(json!({"devicePhoneNumberVerified": same}))
        }
        Err(answer) => *answer,
    }
}
