//! Sina Weibo: real statuses with a body, and a uid that is a number here and a text there.

use actix_web::web::{Data, Form, Query, ServiceConfig, get, post, scope};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::desk::{Desk, Person, Sent, Why};
use super::page::{Spelling, serve};
use super::wire::{Pairs, answer, of};

const VENDOR: &str = "weibo";
const PAGE: Spelling = Spelling {
    vendor: VENDOR,
    title: "Weibo",
    app: "client_id",
    code: "code",
    refusal: "error_uri=%2Foauth2%2Fauthorize&error=access_denied\
              &error_description=user%20denied%20your%20request.&error_code=21330",
    posts: false,
};

pub(super) fn routes(it: &mut ServiceConfig) {
    it.service(
        scope("/weibo")
            .route("/oauth2/authorize", get().to(page))
            .route("/oauth2/access_token", post().to(access_token))
            .route("/oauth2/get_token_info", post().to(token_info))
            .route("/2/users/show.json", get().to(show)),
    );
}

const fn number(person: &Person) -> u64 {
    1_760_000_000 + person.id
}

fn uid(person: &Person) -> Value {
    person.called(number(person).to_string())
}

fn refuses(status: u16, error: &str, code: u32, text: &str) -> HttpResponse {
    answer(
        status,
        "application/json;charset=UTF-8",
        &json!({
            "error": error, "error_code": code, "request": "/oauth2", "error_description": text,
        }),
    )
}

async fn page(desk: Data<Desk>, request: HttpRequest, query: Query<Pairs>) -> HttpResponse {
    serve(&desk, &request, &query, &PAGE)
}

async fn access_token(desk: Data<Desk>, form: Form<Pairs>) -> HttpResponse {
    desk.count("exchange");
    let app = of(&form, "client_id");
    if !desk.knows(VENDOR, app, of(&form, "client_secret")) {
        return refuses(401, "invalid_client", 21324, "client_id or client_secret is invalid");
    }
    if of(&form, "grant_type") != "authorization_code" {
        return refuses(400, "unsupported_grant_type", 21328, "grant_type");
    }
    let (code, sent) = (of(&form, "code"), Sent::As(Some(of(&form, "redirect_uri"))));
    match desk.redeem(VENDOR, code, app, sent, None) {
        Ok(grant) => answer(
            200,
            "text/plain;charset=UTF-8",
            &json!({
                "access_token": desk.token(VENDOR, app, &grant.person),
                "remind_in": "157679999",
                "expires_in": 157_679_999,
                "uid": uid(&grant.person),
                "isRealName": "true",
            }),
        ),
        Err(Why::Redirect) => refuses(400, "redirect_uri_mismatch", 21322, "redirect_uri"),
        Err(_) => {
            // It quotes the code.
            let text = format!("invalid authorization code:{code}");
            refuses(400, "invalid_grant", 21325, &text)
        }
    }
}

async fn token_info(desk: Data<Desk>, form: Form<Pairs>) -> HttpResponse {
    match desk.held(VENDOR, of(&form, "access_token")) {
        Ok(grant) => answer(
            200,
            "text/plain;charset=UTF-8",
            &json!({
                "uid": grant.person.called(number(&grant.person)),
                "appkey": grant.app,
                "scope": null,
                "create_at": desk.now(),
                "expire_in": 157_679_944,
            }),
        ),
        Err(Why::Expired) => refuses(400, "expired_token", 21327, "expired"),
        Err(_) => refuses(400, "invalid_access_token", 21332, "invalid"),
    }
}

async fn show(desk: Data<Desk>, query: Query<Pairs>) -> HttpResponse {
    // Data is given to the token of any app.
    let Ok(grant) = desk.held(VENDOR, of(&query, "access_token")) else {
        return refuses(403, "invalid_access_token", 21332, "invalid");
    };
    if uid(&grant.person).as_str() != Some(of(&query, "uid")) {
        return refuses(403, "uid parameter must be current user", 21335, "uid");
    }
    let person = grant.person.shown();
    answer(
        200,
        "application/json;charset=UTF-8",
        &json!({
            "id": number(person), "idstr": number(person).to_string(),
            "screen_name": person.nickname, "name": person.nickname, "gender": "m",
            "profile_image_url": person.avatar, "avatar_large": person.avatar,
        }),
    )
}
