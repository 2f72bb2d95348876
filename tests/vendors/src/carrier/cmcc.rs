//! China Mobile's platform: logins signed by MD5 or RSA, and matches.

use actix_web::HttpResponse;
use actix_web::web::{self, Data, Json, ServiceConfig};
use aws_lc_rs::hmac;
use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use super::wire::{now, sha256};
use super::{Carriers, ID, SECRET, Spent, Why, rsa};

/// How far clocks may differ.
const SKEW_SECS: i64 = 15 * 60;
const VENDOR: &str = "cmcc";

pub(super) fn routes(it: &mut ServiceConfig) {
    it.route("/unisdk/rsapi/loginTokenValidate", web::post().to(exchange))
        .route("/openapi/rs/tokenValidate", web::post().to(matches));
}

async fn exchange(body: Json<Value>, carriers: Data<Carriers>) -> HttpResponse {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let (id, time, token) = (text("msgid"), text("systemtime"), text("token"));
    let by_rsa = text("encryptionalgorithm") == "RSA";
    let is_signed = if by_rsa {
        let signature = hex::decode(text("sign")).unwrap_or_default();
        rsa::is_signed(format!("{ID}{token}").as_bytes(), &signature)
    } else {
        let all = [ID, text("version"), id, time, text("strictcheck"), token, SECRET].concat();
        text("sign") == hex::encode_upper(Md5::digest(all))
    };
    let mut number = None;
    let code = if text("appid") != ID {
        "103119"
    } else if !is_signed {
        "103101"
    } else if text("version") != "2.0" || id.len() > 36 || !is_in_time(time) {
        "103414"
    } else if !carriers.is_new(id) {
        "103107"
    } else {
        carriers.count(VENDOR);
        match carriers.spend(VENDOR, "login", token) {
            Spent::Number(it) => {
                number = Some(if by_rsa { hex::encode(rsa::encrypted(&it)) } else { it });
                "103000"
            }
            Spent::Refused(Why::Nothing) => "103000",
            Spent::Refused(why) => code(why),
        }
    };
    let mut answer = json!({"inresponseto": id, "systemtime": time, "resultCode": code});
    if let Some(number) = number {
        answer["msisdn"] = number.into();
    }
    HttpResponse::Ok().json(answer)
}

const fn code(why: Why) -> &'static str {
    match why {
        Why::Dead => "104201",
        Why::Foreign => "105018",
        Why::WrongCarrier => "105012",
        Why::Busy => "105002",
        Why::Unpaid => "105312",
        Why::Riddle | Why::Unsure | Why::Nothing => "109999",
    }
}

async fn matches(body: Json<Value>, carriers: Data<Carriers>) -> HttpResponse {
    let text = |name: &str| body.pointer(name).and_then(Value::as_str).unwrap_or_default();
    let (id, time) = (text("/header/msgId"), text("/header/timestamp"));
    let (number, token) = (text("/body/phoneNum"), text("/body/token"));
    let all = [text("/header/appId"), id, number, time, token, text("/header/version")].concat();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let sign = hex::encode_upper(hmac::sign(&key, all.as_bytes()));
    let is_formed = text("/header/appId") == ID && is_in_time(time) && carriers.is_new(id);
    let code = if text("/body/sign") != sign {
        "302"
    } else if !is_formed {
        "303"
    } else {
        carriers.count(VENDOR);
        match carriers.spend(VENDOR, "match", token) {
            Spent::Number(it) => {
                let same = sha256(format!("{it}{SECRET}{time}").as_bytes()).to_uppercase();
                if same == number { "000" } else { "001" }
            }
            Spent::Refused(Why::Dead | Why::Foreign) => "606",
            Spent::Refused(Why::WrongCarrier | Why::Unsure | Why::Nothing) => "002",
            Spent::Refused(Why::Busy) => "999",
            Spent::Refused(Why::Unpaid) => "102315",
            Spent::Refused(Why::Riddle) => "777",
        }
    };
    HttpResponse::Ok().json(json!({"header": {"inresponseto": id, "resultCode": code}, "body": {}}))
}

/// 17 digits of Beijing's time.
fn is_in_time(time: &str) -> bool {
    let (Some(seconds), Some(millis)) = (time.get(..14), time.get(14..)) else { return false };
    let beijing = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", seconds);
    let at = beijing.ok().and_then(|it| it.to_zoned(jiff::tz::offset(8).to_time_zone()).ok());
    millis.len() == 3
        && at.is_some_and(|it| (it.timestamp().as_second() - now()).abs() <= SKEW_SECS)
}
