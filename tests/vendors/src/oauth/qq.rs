//! QQ Connect: JSONP and query strings as `text/html`, JSON where `fmt` asks for it, numbers as
//! text.

use actix_web::web::{Data, Query, ServiceConfig, get, scope};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::desk::{Desk, Person, Sent, Why};
use super::page::{Spelling, serve};
use super::wire::{Pairs, answer, of, put, text};

const VENDOR: &str = "qq";
const PAGE: Spelling = Spelling {
    vendor: VENDOR,
    title: "QQ",
    app: "client_id",
    code: "code",
    // Closing the page is all that one can do; the stand-in sends back without a code.
    refusal: "",
    posts: false,
};

pub(super) fn routes(it: &mut ServiceConfig) {
    it.service(
        scope("/qq")
            .route("/oauth2.0/authorize", get().to(page))
            .route("/oauth2.0/token", get().to(token))
            .route("/oauth2.0/me", get().to(me))
            .route("/user/get_user_info", get().to(user_info)),
    );
}

fn openid(person: &Person, app: &str) -> Value {
    person.called(format!("{:032X}", u128::from(person.id) * 1_000_003 + app.len() as u128))
}

fn says(query: &Pairs, body: &Value) -> HttpResponse {
    if of(query, "fmt") == "json" {
        return answer(200, "text/html", body);
    }
    text(200, "text/html", format!("callback( {body} );\n"))
}

fn refuses(query: &Pairs, code: i64, message: &str) -> HttpResponse {
    says(query, &json!({"error": code, "error_description": message}))
}

async fn page(desk: Data<Desk>, request: HttpRequest, query: Query<Pairs>) -> HttpResponse {
    if of(&query, "state").is_empty() {
        return refuses(&query, 100_000, "no state");
    }
    serve(&desk, &request, &query, &PAGE)
}

async fn token(desk: Data<Desk>, query: Query<Pairs>) -> HttpResponse {
    desk.count("exchange");
    let app = of(&query, "client_id");
    if desk.app(VENDOR, app).is_none() {
        return refuses(&query, 100_008, "client_id is not exist");
    }
    if !desk.knows(VENDOR, app, of(&query, "client_secret")) {
        return refuses(&query, 100_009, "client_secret error");
    }
    if of(&query, "grant_type") != "authorization_code" {
        return refuses(&query, 100_004, "param grant_type is wrong or lost");
    }
    let sent = Sent::As(Some(of(&query, "redirect_uri")));
    let grant = match desk.redeem(VENDOR, of(&query, "code"), app, sent, None) {
        Ok(grant) => grant,
        Err(Why::Used) => return refuses(&query, 100_020, "code is reused error"),
        Err(_) => return refuses(&query, 100_019, "code to access token error"),
    };
    let token = desk.token(VENDOR, app, &grant.person);
    if of(&query, "fmt") != "json" {
        let body = format!("access_token={token}&expires_in=5184000&refresh_token=R{token}");
        return text(200, "text/html", body);
    }
    let mut body = json!({
        "access_token": token, "expires_in": "5184000", "refresh_token": format!("R{token}"),
    });
    if of(&query, "need_openid") == "1" {
        put(&mut body, "openid", openid(&grant.person, app));
    }
    says(&query, &body)
}

async fn me(desk: Data<Desk>, query: Query<Pairs>) -> HttpResponse {
    let Ok(grant) = desk.held(VENDOR, of(&query, "access_token")) else {
        return refuses(&query, 100_016, "access token check failed");
    };
    let mut body = json!({"client_id": grant.app, "openid": openid(&grant.person, &grant.app)});
    if of(&query, "unionid") == "1" {
        // An app without the right to unionids is one whose secret says so.
        let app = desk.app(VENDOR, &grant.app);
        if app.is_some_and(|it| it.secret.starts_with("no-unionid")) {
            return refuses(&query, 100_048, "companyid not set");
        }
        let unionid = format!("UID_{:032X}", grant.person.id);
        put(&mut body, "unionid", grant.person.called(unionid));
    }
    says(&query, &body)
}

async fn user_info(desk: Data<Desk>, query: Query<Pairs>) -> HttpResponse {
    let Ok(grant) = desk.held(VENDOR, of(&query, "access_token")) else {
        return says(&query, &json!({"ret": 100_016, "msg": "access token check failed"}));
    };
    let is_theirs = openid(&grant.person, &grant.app).as_str() == Some(of(&query, "openid"))
        && of(&query, "oauth_consumer_key") == grant.app;
    if !is_theirs {
        return says(
            &query,
            &json!({"ret": -1, "msg": "client request's parameters are invalid, invalid openid"}),
        );
    }
    let person = grant.person.shown();
    answer(
        200,
        "text/html",
        &json!({
            "ret": 0, "msg": "", "is_lost": 0, "nickname": person.nickname, "gender": "女",
            "figureurl_qq_1": person.avatar, "figureurl_qq_2": person.avatar, "year": "1998",
        }),
    )
}
