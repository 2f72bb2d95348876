//! Alibaba Cloud's Dypnsapi of 2017-05-25, with both of its signatures.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::wire::{canonical, encoded, header, now, pairs, sha256};
use super::{Carriers, ID, SECRET, Spent, Why};

/// How far clocks may differ.
const SKEW_SECS: i64 = 15 * 60;

/// What the gateway refuses: a status and a code.
type Refusal = (u16, &'static str);

pub(super) async fn serve(
    request: HttpRequest,
    body: Bytes,
    carriers: Data<Carriers>,
) -> HttpResponse {
    let called = if request.headers().contains_key("x-acs-action") {
        acs3(&request, &body)
    } else {
        rpc(&request, &body)
    };
    let called = called.and_then(|it| {
        if carriers.is_new(&it.nonce) { Ok(it) } else { Err((400, "SignatureNonceUsed")) }
    });
    match called {
        Ok(call) => HttpResponse::Ok().json(answer(&call, &carriers)),
        Err((status, code)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            HttpResponse::build(status).json(json!({
                "RequestId": "F655A8D5-0000-4000-8000-000000000001", "HostId": "dypnsapi",
                "Code": code, "Message": code, "Recommend": "",
            }))
        }
    }
}

/// A call that was verified.
struct Call {
    action: String,
    parameters: BTreeMap<String, String>,
    nonce: String,
}

fn answer(call: &Call, carriers: &Carriers) -> Value {
    let get = |name: &str| call.parameters.get(name).map(String::as_str).unwrap_or_default();
    let (vendor, purpose, token) = match call.action.as_str() {
        "GetMobile" => ("aliyun", "login", get("AccessToken")),
        "VerifyMobile" => ("aliyun", "match", get("AccessCode")),
        "GetPhoneWithToken" => ("aliyun_h5", "login", get("SpToken")),
        "VerifyPhoneWithToken" => ("aliyun_h5", "match", get("SpToken")),
        _ => return json!({"Code": "InvalidAction.NotFound", "Message": "", "RequestId": "1"}),
    };
    carriers.count(vendor);
    let spent = carriers.spend(vendor, purpose, token);
    let mut answer = json!({"Code": "OK", "Message": "OK", "RequestId": "1"});
    let verdict = match spent {
        Spent::Number(number) if purpose == "match" => {
            Some(if number == get("PhoneNumber") { "PASS" } else { "REJECT" })
        }
        Spent::Number(number) => {
            let member = if vendor == "aliyun" { "GetMobileResultDTO" } else { "Data" };
            answer[member] = json!({"Mobile": number});
            None
        }
        Spent::Refused(Why::Unsure) => Some("UNKNOWN"),
        Spent::Refused(Why::Nothing) => None,
        Spent::Refused(why) => {
            answer["Code"] = code(why).into();
            answer["Message"] = "refused".into();
            None
        }
    };
    if let Some(verdict) = verdict {
        let member = if vendor == "aliyun" { "GateVerifyResultDTO" } else { "GateVerify" };
        answer[member] = json!({"VerifyId": "121343241", "VerifyResult": verdict});
    }
    answer
}

const fn code(why: Why) -> &'static str {
    match why {
        Why::Dead => "isv.TOKEN_INVALID",
        Why::Foreign => "isv.TOKEN_UNAUTHORIZED_USED",
        Why::WrongCarrier => "isv.PARAMETERS_MISMATCH",
        Why::Busy => "isp.OPERATOR_LIMIT",
        Why::Unpaid => "isv.OUT_OF_SERVICE",
        Why::Riddle | Why::Unsure | Why::Nothing => "isv.NEW_AND_UNHEARD_OF",
    }
}

/// ACS3-HMAC-SHA256: built anew from what came over the wire.
fn acs3(request: &HttpRequest, body: &Bytes) -> Result<Call, Refusal> {
    let given = header(request, "authorization");
    let given = given.strip_prefix("ACS3-HMAC-SHA256 ").ok_or((400, "IncompleteSignature"))?;
    let part = |name: &str| {
        let mut parts = given.split(',').filter_map(|it| it.split_once('='));
        parts
            .find(|(it, _)| *it == name)
            .map(|(_, value)| value)
            .ok_or((400, "IncompleteSignature"))
    };
    let (id, names, signature) = (part("Credential")?, part("SignedHeaders")?, part("Signature")?);
    if id != ID {
        return Err((404, "InvalidAccessKeyId.NotFound"));
    }
    let signed: Vec<&str> = names.split(';').collect();
    let is_to_be_signed = |it: &&str| {
        it.starts_with("x-acs-") || *it == "host" || (*it == "content-type" && !body.is_empty())
    };
    let mut to_be_signed = request.headers().keys().map(HeaderName::as_str).filter(is_to_be_signed);
    if !signed.is_sorted() || !to_be_signed.all(|it| signed.contains(&it)) {
        return Err((400, "IncompleteSignature"));
    }
    let hash = sha256(body);
    if header(request, "x-acs-content-sha256") != hash {
        return Err((400, "SignatureDoesNotMatch"));
    }
    let query = pairs(request.query_string());
    let lines: String =
        signed.iter().map(|it| format!("{it}:{}\n", header(request, it).trim())).collect();
    let (method, path, sorted) = (request.method(), request.path(), canonical(&query));
    let text = format!("{method}\n{path}\n{sorted}\n{lines}\n{names}\n{hash}");
    let to_sign = format!("ACS3-HMAC-SHA256\n{}", sha256(text.as_bytes()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let given = hex::decode(signature).unwrap_or_default();
    hmac::verify(&key, to_sign.as_bytes(), &given).map_err(|_| (400, "SignatureDoesNotMatch"))?;
    in_time(header(request, "x-acs-date"))?;
    if header(request, "x-acs-version") != "2017-05-25" {
        return Err((400, "InvalidVersion"));
    }
    let mut parameters = query;
    parameters.extend(pairs(&String::from_utf8_lossy(body)));
    let word = |name| header(request, name).to_owned();
    Ok(Call { action: word("x-acs-action"), parameters, nonce: word("x-acs-signature-nonce") })
}

/// HMAC-SHA1 over the parameters.
fn rpc(request: &HttpRequest, body: &Bytes) -> Result<Call, Refusal> {
    let mut parameters = pairs(request.query_string());
    parameters.extend(pairs(&String::from_utf8_lossy(body)));
    let signature = parameters.remove("Signature").ok_or((400, "MissingSignature"))?;
    let get = |name: &str| parameters.get(name).cloned().unwrap_or_default();
    if get("AccessKeyId") != ID {
        return Err((404, "InvalidAccessKeyId.NotFound"));
    }
    if get("SignatureMethod") != "HMAC-SHA1" || get("SignatureVersion") != "1.0" {
        return Err((400, "InvalidSignatureMethod"));
    }
    let text = format!("{}&%2F&{}", request.method(), encoded(&canonical(&parameters)));
    let key = format!("{SECRET}&");
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    let given = STANDARD.decode(signature).unwrap_or_default();
    hmac::verify(&key, text.as_bytes(), &given).map_err(|_| (400, "SignatureDoesNotMatch"))?;
    in_time(&get("Timestamp"))?;
    if get("Version") != "2017-05-25" {
        return Err((400, "InvalidVersion"));
    }
    Ok(Call { action: get("Action"), nonce: get("SignatureNonce"), parameters })
}

fn in_time(date: &str) -> Result<(), Refusal> {
    let is_formed = date.len() == 20 && date.ends_with('Z');
    let date: jiff::Timestamp =
        date.parse().ok().filter(|_| is_formed).ok_or((400, "InvalidTimeStamp.Format"))?;
    if (date.as_second() - now()).abs() > SKEW_SECS {
        return Err((400, "InvalidTimeStamp.Expired"));
    }
    Ok(())
}
