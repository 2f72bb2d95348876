//! NetEase passport: nothing in an answer names the app.

use actix_web::web::{Data, Form, Query, ServiceConfig, get, post, scope};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::desk::{Desk, Sent};
use super::page::{Spelling, serve};
use super::wire::{Pairs, answer, of, rfc_6749};

const VENDOR: &str = "netease";
const PAGE: Spelling = Spelling {
    vendor: VENDOR,
    title: "NetEase",
    app: "client_id",
    code: "code",
    refusal: "error=access_denied&error_description=no",
    posts: false,
};

pub(super) fn routes(it: &mut ServiceConfig) {
    it.service(
        scope("/netease/open/oauth2")
            .route("/authorize.do", get().to(page))
            .route("/token.do", post().to(token))
            .route("/getUserInfo.do", get().to(user)),
    );
}

async fn page(desk: Data<Desk>, request: HttpRequest, query: Query<Pairs>) -> HttpResponse {
    serve(&desk, &request, &query, &PAGE)
}

async fn token(desk: Data<Desk>, form: Form<Pairs>) -> HttpResponse {
    desk.count("exchange");
    let app = of(&form, "client_id");
    if !desk.knows(VENDOR, app, of(&form, "client_secret")) {
        return rfc_6749("invalid_client");
    }
    if of(&form, "grant_type") != "authorization_code" {
        return rfc_6749("unsupported_grant_type");
    }
    let sent = Sent::As(Some(of(&form, "redirect_uri")));
    match desk.redeem(VENDOR, of(&form, "code"), app, sent, None) {
        Ok(grant) => answer(
            200,
            "text/html;charset=UTF-8",
            &json!({
                "expires_in": "5184000", "access_token": desk.token(VENDOR, app, &grant.person),
            }),
        ),
        Err(_) => rfc_6749("invalid_grant"),
    }
}

async fn user(desk: Data<Desk>, query: Query<Pairs>) -> HttpResponse {
    match desk.held(VENDOR, of(&query, "access_token")) {
        Ok(grant) => answer(
            200,
            "text/html;charset=UTF-8",
            &json!({
                "username": grant.person.nickname,
                "userId": grant.person.called((820_000_000 + grant.person.id).to_string()),
            }),
        ),
        Err(_) => rfc_6749("invalid_token"),
    }
}
