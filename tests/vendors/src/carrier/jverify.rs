//! Jiguang's JVerification.

use actix_web::web::{self, Data, Json, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::wire::header;
use super::{Carriers, ID, SECRET, Spent, Why, rsa};

pub(super) fn routes(it: &mut ServiceConfig) {
    for (path, vendor) in [("/v1/web", "jverify"), ("/v1/web/h5", "jverify_h5")] {
        let exchange = move |request: HttpRequest, body: Json<Value>, carriers: Data<Carriers>| async move {
            serve(&request, &body, &carriers, vendor, "login", "loginToken")
        };
        let matches = move |request: HttpRequest, body: Json<Value>, carriers: Data<Carriers>| async move {
            serve(&request, &body, &carriers, vendor, "match", "token")
        };
        it.route(&format!("{path}/loginTokenVerify"), web::post().to(exchange))
            .route(&format!("{path}/verify"), web::post().to(matches));
    }
}

fn serve(
    request: &HttpRequest,
    body: &Value,
    carriers: &Carriers,
    vendor: &str,
    purpose: &str,
    member: &str,
) -> HttpResponse {
    let expected = format!("Basic {}", STANDARD.encode(format!("{ID}:{SECRET}")));
    if header(request, "authorization") != expected {
        return HttpResponse::Unauthorized().json(json!({"code": 1802, "content": "auth failed"}));
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    carriers.count(vendor);
    let spent = carriers.spend(vendor, purpose, text(member));
    let mut answer = json!({"id": 100_000_000_000_000_001_u64, "exID": ""});
    let code = match spent {
        Spent::Number(number) if purpose == "match" => {
            if number == text("phone") {
                9000
            } else {
                9001
            }
        }
        Spent::Number(number) => {
            answer["phone"] = STANDARD.encode(rsa::encrypted(&number)).into();
            8000
        }
        Spent::Refused(Why::Nothing) if purpose == "login" => 8000,
        Spent::Refused(Why::Nothing | Why::Unsure | Why::WrongCarrier) => 9002,
        Spent::Refused(Why::Dead | Why::Foreign) if purpose == "login" => 8001,
        Spent::Refused(Why::Dead | Why::Foreign) => 9003,
        Spent::Refused(Why::Busy) => 9099,
        Spent::Refused(Why::Unpaid) => 9018,
        Spent::Refused(Why::Riddle) => 9876,
    };
    answer["code"] = code.into();
    answer["content"] = "as the code says".into();
    HttpResponse::Ok().json(answer)
}
