//! GitHub: errors of the exchange with status 200, the rest with real ones.

use actix_web::http::header::{AUTHORIZATION, USER_AGENT};
use actix_web::web::{Data, Form, Json, Path, Query, ServiceConfig, get, post, scope};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::desk::{Desk, Person, Sent, Why};
use super::page::{Spelling, serve};
use super::wire::{Pairs, answer, of, text};

const VENDOR: &str = "github";
const PAGE: Spelling = Spelling {
    vendor: VENDOR,
    title: "GitHub",
    app: "client_id",
    code: "code",
    refusal: "error=access_denied&error_description=The+user+has+denied+your+application+access.",
    posts: false,
};

pub(super) fn routes(it: &mut ServiceConfig) {
    it.service(
        scope("/github")
            .route("/login/oauth/authorize", get().to(page))
            .route("/login/oauth/access_token", post().to(access_token))
            .route("/user", get().to(user))
            .route("/applications/{id}/token", post().to(check)),
    );
}

fn about(person: &Person) -> Value {
    json!({
        "login": format!("user{}", person.id),
        "id": person.called(person.id + 500_000),
        "name": person.nickname,
        "avatar_url": person.avatar.replace("http:", "https:"),
        "email": null,
    })
}

async fn page(desk: Data<Desk>, request: HttpRequest, query: Query<Pairs>) -> HttpResponse {
    serve(&desk, &request, &query, &PAGE)
}

async fn access_token(desk: Data<Desk>, request: HttpRequest, form: Form<Pairs>) -> HttpResponse {
    desk.count("exchange");
    let says = |body: &Value| {
        let accept = request.headers().get("accept").and_then(|it| it.to_str().ok());
        if accept == Some("application/json") {
            return answer(200, "application/json", body);
        }
        let pair = |(name, value): (&String, &Value)| {
            format!("{name}={}", value.as_str().unwrap_or_default())
        };
        let pairs: Vec<_> = body.as_object().into_iter().flatten().map(pair).collect();
        text(200, "application/x-www-form-urlencoded", pairs.join("&"))
    };
    let refuses = |error: &str| says(&json!({"error": error, "error_description": "no"}));
    let app = of(&form, "client_id");
    if !desk.knows(VENDOR, app, of(&form, "client_secret")) {
        return refuses("incorrect_client_credentials");
    }
    let given = |name: &str| form.get(name).map(String::as_str);
    let redeemed = desk.redeem(
        VENDOR,
        of(&form, "code"),
        app,
        Sent::As(given("redirect_uri")),
        given("code_verifier"),
    );
    match redeemed {
        Ok(grant) => says(&json!({
            "access_token": desk.token(VENDOR, app, &grant.person),
            "scope": "", "token_type": "bearer",
        })),
        Err(Why::Redirect) => refuses("redirect_uri_mismatch"),
        Err(_) => refuses("bad_verification_code"),
    }
}

async fn user(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    let header = |name| request.headers().get(name).and_then(|it| it.to_str().ok());
    if header(USER_AGENT).is_none_or(str::is_empty) {
        return text(403, "text/plain", "Request forbidden by administrative rules".to_owned());
    }
    let token = header(AUTHORIZATION).and_then(|it| it.strip_prefix("Bearer "));
    match desk.held(VENDOR, token.unwrap_or_default()) {
        Ok(grant) => answer(200, "application/json", &about(grant.person.shown())),
        Err(_) => answer(401, "application/json", &json!({"message": "Bad credentials"})),
    }
}

async fn check(
    desk: Data<Desk>,
    request: HttpRequest,
    id: Path<String>,
    body: Json<Value>,
) -> HttpResponse {
    let header = request.headers().get(AUTHORIZATION).and_then(|it| it.to_str().ok());
    let pair = header.and_then(|it| it.strip_prefix("Basic "));
    let pair = pair.and_then(|it| STANDARD.decode(it).ok());
    let pair = pair.and_then(|it| String::from_utf8(it).ok()).unwrap_or_default();
    let (app, secret) = pair.split_once(':').unwrap_or_default();
    if app != *id || !desk.knows(VENDOR, app, secret) {
        return answer(401, "application/json", &json!({"message": "Bad credentials"}));
    }
    let token = body.get("access_token").and_then(Value::as_str).unwrap_or_default();
    match desk.held(VENDOR, token) {
        Ok(grant) if grant.app == app => answer(
            200,
            "application/json",
            &json!({
                "id": 1, "token": token, "scopes": [],
                "app": {"client_id": app, "name": "app", "url": "https://example.com"},
                "user": about(&grant.person),
            }),
        ),
        _ => answer(404, "application/json", &json!({"message": "Not Found"})),
    }
}
