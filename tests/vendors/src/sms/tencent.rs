//! Tencent Cloud SMS.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::keys::TENCENT;
use super::outbox::{Refusal, Sent, Taker};
use super::wire;

/// How far a clock may be off.
const WINDOW: i64 = 5 * 60;
const ALGORITHM: &str = "TC3-HMAC-SHA256";

pub(super) async fn send(
    request: HttpRequest,
    body: web::Bytes,
    taker: web::Data<Taker>,
) -> HttpResponse {
    taker.was_asked();
    let message = signed(&request, &body).and_then(|()| message(&request, &body));
    let message = match message {
        Ok(message) => message,
        Err(code) => return error(code),
    };
    let phone = message.to.clone();
    let status = match taker.take(message) {
        Ok(()) => json!({"SerialNo": "4100:2000000000000000001", "Fee": 1, "Code": "Ok",
                         "Message": "send success", "IsoCode": "CN"}),
        Err(Refusal::Throttled) => return error("RequestLimitExceeded"),
        Err(Refusal::Trouble) => return error("InternalError.Timeout"),
        Err(refusal) => {
            json!({"SerialNo": "", "Fee": 0, "Code": code(refusal), "Message": "refused"})
        }
    };
    let status = wire::with(status, "PhoneNumber", json!(phone));
    answer(json!({"SendStatusSet": [status]}))
}

fn answer(response: Value) -> HttpResponse {
    let id = json!("a0aabda6-cf91-4f3e-a81f-9198114a2279");
    let response = wire::with(response, "RequestId", id);
    HttpResponse::Ok().json(json!({"Response": response}))
}

/// Refusals of the whole call have status 200 as well.
fn error(code: &str) -> HttpResponse {
    answer(json!({"Error": {"Code": code, "Message": "refused"}}))
}

const fn code(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::BadNumber => "InvalidParameterValue.IncorrectPhoneNumber",
        Refusal::Limited => "LimitExceeded.PhoneNumberDailyLimit",
        Refusal::Blocked => "FailedOperation.PhoneNumberInBlacklist",
        Refusal::NoBalance => "FailedOperation.InsufficientBalanceInSmsPackage",
        Refusal::Template => "FailedOperation.TemplateIncorrectOrUnapproved",
        Refusal::Trouble => "InternalError.Timeout",
        Refusal::Throttled => "RequestLimitExceeded",
        Refusal::Unheard => "FailedOperation.NeverHeardOf",
    }
}

/// Reads the message, or says what is wrong with it.
fn message(request: &HttpRequest, body: &[u8]) -> Result<Sent, &'static str> {
    if wire::header(request, "x-tc-action") != "SendSms" {
        return Err("InvalidAction");
    }
    if wire::header(request, "x-tc-version") != "2021-01-11" {
        return Err("NoSuchVersion");
    }
    if wire::header(request, "x-tc-region").is_empty() {
        return Err("MissingParameter");
    }
    let body: Value =
        serde_json::from_slice(body).map_err(|_| "FailedOperation.FailResolvePacket")?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let list = |name: &str| body.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let numbers = list("PhoneNumberSet");
    let [Value::String(to)] = numbers.as_slice() else {
        return Err("MissingParameter.EmptyPhoneNumberSet");
    };
    let is_mainland = wire::is_mainland(to.trim_start_matches("+86"));
    if !is_mainland && !wire::is_e164(to) {
        return Err("InvalidParameterValue.IncorrectPhoneNumber");
    }
    if !text("SmsSdkAppId").starts_with("1400") {
        return Err("InvalidParameterValue.SdkAppIdNotExist");
    }
    if is_mainland && text("SignName").is_empty() {
        return Err("FailedOperation.SignatureIncorrectOrUnapproved");
    }
    if !wire::is_digits(text("TemplateId")) {
        return Err("FailedOperation.TemplateIncorrectOrUnapproved");
    }
    let variables = list("TemplateParamSet");
    if variables.is_empty() || !variables.iter().all(Value::is_string) {
        return Err("FailedOperation.TemplateParamSetNotMatchApprovedTemplate");
    }
    Ok(Sent {
        to: to.clone(),
        text: Value::Array(variables).to_string(),
        template: text("TemplateId").to_owned(),
        from: text("SignName").to_owned(),
        id: text("SessionContext").to_owned(),
    })
}

fn signed(request: &HttpRequest, body: &[u8]) -> Result<(), &'static str> {
    let header = |name| wire::header(request, name);
    let [credential, names, signature] = wire::authorization(header("authorization"), ALGORITHM)
        .ok_or("AuthFailure.InvalidAuthorization")?;
    let at = header("x-tc-timestamp");
    let second: i64 = at.parse().map_err(|_| "AuthFailure.SignatureExpire")?;
    if (second - wire::now()).abs() > WINDOW {
        return Err("AuthFailure.SignatureExpire");
    }
    let day = jiff::Timestamp::from_second(second)
        .map_err(|_| "AuthFailure.SignatureExpire")?
        .strftime("%Y-%m-%d")
        .to_string();
    let scope = [&day, "sms", "tc3_request"].join("/");
    let (key, of) = credential.split_once('/').ok_or("AuthFailure.InvalidAuthorization")?;
    if key != TENCENT.0 {
        return Err("AuthFailure.SecretIdNotFound");
    }
    let signed: Vec<_> = names.split(';').collect();
    if of != scope || !["content-type", "host"].iter().all(|it| signed.contains(it)) {
        return Err("AuthFailure.SignatureFailure");
    }
    let headers: Vec<_> =
        signed.iter().map(|it| format!("{it}:{}\n", header(it).trim().to_lowercase())).collect();
    let canonical = format!("POST\n/\n\n{}\n{names}\n{}", headers.concat(), wire::sha256(body));
    let text = format!("{ALGORITHM}\n{at}\n{scope}\n{}", wire::sha256(canonical.as_bytes()));
    let mut key = ["TC3", TENCENT.1].concat().into_bytes();
    for part in [&day, "sms", "tc3_request"] {
        key = wire::hmac_sha256(&key, part);
    }
    if signature != hex::encode(wire::hmac_sha256(&key, &text)) {
        return Err("AuthFailure.SignatureFailure");
    }
    Ok(())
}
