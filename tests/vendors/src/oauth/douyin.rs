//! Douyin: everything in `data`, errors with status 200, numbers as numbers and as text.

use actix_web::web::{Data, Form, Json, Query, ServiceConfig, get, post, scope};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::desk::{Desk, Person, Sent, Why};
use super::page::{Spelling, serve};
use super::wire::{Pairs, answer, of};

const VENDOR: &str = "douyin";
const PAGE: Spelling = Spelling {
    vendor: VENDOR,
    title: "Douyin",
    app: "client_key",
    code: "code",
    refusal: "error=access_denied",
    posts: false,
};

pub(super) fn routes(it: &mut ServiceConfig) {
    it.service(
        scope("/douyin")
            .route("/platform/oauth/connect/", get().to(page))
            .route("/oauth/access_token/", post().to(access_token))
            .route("/oauth/userinfo/", post().to(userinfo)),
    );
}

fn open_id(person: &Person, app: &str) -> Value {
    person.called(format!("d{}-{app}", person.id))
}

fn refuses(code: u32, text: &str) -> HttpResponse {
    answer(
        200,
        "application/json",
        &json!({
            "data": {"error_code": code, "description": text}, "message": "error",
            "extra": {"logid": "20260101000000"},
        }),
    )
}

async fn page(desk: Data<Desk>, request: HttpRequest, query: Query<Pairs>) -> HttpResponse {
    serve(&desk, &request, &query, &PAGE)
}

async fn access_token(desk: Data<Desk>, form: Form<Pairs>) -> HttpResponse {
    desk.count("exchange");
    let app = of(&form, "client_key");
    if !desk.knows(VENDOR, app, of(&form, "client_secret")) {
        return refuses(10003, "client_key or client_secret is wrong");
    }
    if of(&form, "grant_type") != "authorization_code" {
        return refuses(10005, "grant_type");
    }
    let code = of(&form, "code");
    let answered = desk.redeem(VENDOR, code, app, Sent::Unasked, None);
    match answered {
        Ok(grant) => {
            let token = desk.token(VENDOR, app, &grant.person);
            answer(
                200,
                "application/json",
                &json!({
                    "data": {
                        "access_token": token, "description": "", "error_code": "0",
                        "expires_in": 1_296_000, "open_id": open_id(&grant.person, app),
                        "refresh_expires_in": 2_592_000, "refresh_token": format!("R{token}"),
                        "scope": "user_info", "log_id": "2026",
                    },
                    "message": "success",
                }),
            )
        }
        Err(Why::OtherApp) => refuses(10014, "client_key is not that of the code"),
        Err(_) => refuses(10007, "code expired"),
    }
}

async fn userinfo(desk: Data<Desk>, body: Json<Value>) -> HttpResponse {
    let given = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let Ok(grant) = desk.held(VENDOR, given("access_token")) else {
        return refuses(28_001_003, "access_token is not valid");
    };
    if open_id(&grant.person, &grant.app).as_str() != Some(given("open_id")) {
        return refuses(28_001_007, "open_id is not valid");
    }
    let person = grant.person.shown();
    answer(
        200,
        "application/json",
        &json!({
            "data": {
                "open_id": open_id(person, &grant.app),
                "union_id": person.called(format!("du{}", person.id)),
                "nickname": person.nickname, "avatar": person.avatar, "gender": 0, "error_code": 0,
            },
            "message": "success",
        }),
    )
}
