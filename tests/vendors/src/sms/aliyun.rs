//! Alibaba Cloud SMS: both signatures, in query or form.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::keys::ALIYUN;
use super::outbox::{Refusal, Sent, Taker};
use super::wire;

/// How far a clock may be off.
const WINDOW: i64 = 15 * 60;
const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// What the gateway refuses: its status and code.
type Refused = (u16, &'static str);

pub(super) async fn send(
    request: HttpRequest,
    body: web::Bytes,
    taker: web::Data<Taker>,
) -> HttpResponse {
    taker.was_asked();
    let form = String::from_utf8_lossy(&body);
    let mut parameters = wire::pairs(request.query_string());
    parameters.extend(wire::pairs(&form));
    let is_rpc = parameters.iter().any(|(name, _)| name == "Signature");
    let judged =
        if is_rpc { rpc(&request, &parameters, &taker) } else { acs3(&request, &body, &taker) };
    if let Err((status, code)) = judged {
        return answer(status, json!({"Code": code, "HostId": "stand-in", "Message": "refused"}));
    }
    let code = match message(&parameters).and_then(|it| taker.take(it).map_err(code)) {
        Ok(()) => {
            let biz = json!({"Code": "OK", "Message": "OK", "BizId": "900000000000000001^0"});
            return answer(200, biz);
        }
        Err(code) => code,
    };
    let status = if code.starts_with("Throttling") { 400 } else { 200 };
    answer(status, json!({"Code": code, "Message": "refused"}))
}

fn answer(status: u16, body: Value) -> HttpResponse {
    let id = json!("F655A8D5-0000-4000-8000-000000000001");
    let body = wire::with(body, "RequestId", id);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status).json(body)
}

const fn code(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::BadNumber => "isv.MOBILE_NUMBER_ILLEGAL",
        Refusal::Limited => "isv.BUSINESS_LIMIT_CONTROL",
        Refusal::Blocked => "isv.BLACK_KEY_CONTROL_LIMIT",
        Refusal::NoBalance => "isv.AMOUNT_NOT_ENOUGH",
        Refusal::Template => "isv.SMS_TEMPLATE_ILLEGAL",
        Refusal::Trouble => "isp.SYSTEM_ERROR",
        Refusal::Throttled => "Throttling.User",
        Refusal::Unheard => "isv.NEVER_HEARD_OF",
    }
}

/// Reads the message, or says what is wrong with it.
fn message(parameters: &[(String, String)]) -> Result<Sent, &'static str> {
    let value = |name| wire::value(parameters, name);
    let to = value("PhoneNumbers");
    let is_foreign = wire::is_digits(to) && (8..=15).contains(&to.len()) && !to.starts_with("86");
    if !wire::is_mainland(to) && !is_foreign {
        return Err("isv.MOBILE_NUMBER_ILLEGAL");
    }
    let template = value("TemplateCode");
    if !template.strip_prefix("SMS_").is_some_and(wire::is_digits) {
        return Err("isv.SMS_TEMPLATE_ILLEGAL");
    }
    let sign = value("SignName");
    if sign.is_empty() || sign.contains('【') {
        return Err("isv.SMS_SIGNATURE_ILLEGAL");
    }
    let text = value("TemplateParam");
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(members)) if members.values().all(Value::is_string) => {}
        _ => return Err("isv.INVALID_JSON_PARAM"),
    }
    Ok(Sent {
        to: to.to_owned(),
        text: text.to_owned(),
        template: template.to_owned(),
        from: sign.to_owned(),
        id: value("OutId").to_owned(),
    })
}

fn moment(text: &str) -> Result<(), Refused> {
    let at: jiff::Timestamp = text.parse().map_err(|_| (400, "InvalidTimeStamp.Format"))?;
    if (at.as_second() - wire::now()).abs() > WINDOW {
        return Err((400, "InvalidTimeStamp.Expired"));
    }
    Ok(())
}

fn action(action: &str, version: &str) -> Result<(), Refused> {
    match (action, version) {
        ("SendSms", "2017-05-25") => Ok(()),
        ("SendSms", _) => Err((400, "InvalidVersion")),
        _ => Err((404, "InvalidAction.NotFound")),
    }
}

fn rpc(
    request: &HttpRequest,
    parameters: &[(String, String)],
    taker: &Taker,
) -> Result<(), Refused> {
    let value = |name| wire::value(parameters, name);
    action(value("Action"), value("Version"))?;
    if value("AccessKeyId") != ALIYUN.0 {
        return Err((404, "InvalidAccessKeyId.NotFound"));
    }
    if value("SignatureMethod") != "HMAC-SHA1" || value("SignatureVersion") != "1.0" {
        return Err((400, "InvalidSignatureMethod"));
    }
    moment(value("Timestamp"))?;
    let unsigned: Vec<_> =
        parameters.iter().filter(|(name, _)| name != "Signature").cloned().collect();
    let text = [request.method().as_str(), "%2F", &wire::escaped(&wire::canonical(&unsigned))];
    let key = format!("{}&", ALIYUN.1);
    let expected = STANDARD.encode(wire::hmac_sha1(key.as_bytes(), &text.join("&")));
    if value("Signature") != expected {
        return Err((400, "SignatureDoesNotMatch"));
    }
    if !taker.is_new(value("SignatureNonce")) {
        return Err((400, "SignatureNonceUsed"));
    }
    Ok(())
}

fn acs3(request: &HttpRequest, body: &[u8], taker: &Taker) -> Result<(), Refused> {
    let header = |name| wire::header(request, name);
    let [key, names, signature] = wire::authorization(header("authorization"), ALGORITHM)
        .ok_or((400, "IncompleteSignature"))?;
    action(header("x-acs-action"), header("x-acs-version"))?;
    if key != ALIYUN.0 {
        return Err((404, "InvalidAccessKeyId.NotFound"));
    }
    moment(header("x-acs-date"))?;
    // What the vendor wants signed: the host, and all headers of its own that are there.
    let signed: Vec<_> = names.split(';').collect();
    let all_signed = request
        .headers()
        .keys()
        .map(actix_web::http::header::HeaderName::as_str)
        .filter(|it| it.starts_with("x-acs-") || *it == "host")
        .all(|it| signed.contains(&it));
    if !all_signed || !signed.is_sorted() || header("x-acs-signature-nonce").is_empty() {
        return Err((400, "IncompleteSignature"));
    }
    if header("x-acs-content-sha256") != wire::sha256(body) {
        return Err((400, "SignatureDoesNotMatch"));
    }
    let mut text = vec![
        request.method().as_str().to_owned(),
        request.path().to_owned(),
        wire::canonical(&wire::pairs(request.query_string())),
    ];
    text.extend(signed.iter().map(|it| [it, header(it).trim()].join(":")));
    text.extend([String::new(), names.to_owned(), header("x-acs-content-sha256").to_owned()]);
    let text = [ALGORITHM, &wire::sha256(text.join("\n").as_bytes())].join("\n");
    if signature != hex::encode(wire::hmac_sha256(ALIYUN.1.as_bytes(), &text)) {
        return Err((400, "SignatureDoesNotMatch"));
    }
    if !taker.is_new(header("x-acs-signature-nonce")) {
        return Err((400, "SignatureNonceUsed"));
    }
    Ok(())
}
