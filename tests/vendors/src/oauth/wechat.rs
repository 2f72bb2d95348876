//! WeChat: JSON as `text/plain`, and every error in an answer with status 200.

use actix_web::web::{Data, Query, ServiceConfig, get, scope};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::desk::{Desk, Grant, Person, Sent, Why};
use super::page::{Spelling, serve};
use super::wire::{Pairs, answer, of, put};

const VENDOR: &str = "wechat";
const PAGE: Spelling = Spelling {
    vendor: VENDOR,
    title: "WeChat",
    app: "appid",
    code: "code",
    // The person is sent back with the state alone.
    refusal: "",
    posts: false,
};

pub(super) fn routes(it: &mut ServiceConfig) {
    it.service(
        scope("/wechat")
            .route("/connect/qrconnect", get().to(page))
            .route("/connect/oauth2/authorize", get().to(page))
            .route("/sns/oauth2/access_token", get().to(access_token))
            .route("/sns/jscode2session", get().to(session))
            .route("/sns/auth", get().to(auth))
            .route("/sns/userinfo", get().to(userinfo)),
    );
}

/// The person's name in one app.
fn openid(person: &Person, app: &str) -> Value {
    person.called(format!("o{}-{app}", person.id))
}

fn unionid(person: &Person) -> Value {
    person.called(format!("u{}", person.id))
}

fn says(body: &Value) -> HttpResponse {
    answer(200, "text/plain", body)
}

/// A code and what it says.
type Refusal = (i64, &'static str);

fn refuses((code, message): Refusal) -> HttpResponse {
    says(&json!({"errcode": code, "errmsg": format!("{message}, rid: 63cf14c3-1af7da21-37efbc86")}))
}

async fn page(desk: Data<Desk>, request: HttpRequest, query: Query<Pairs>) -> HttpResponse {
    // The page inside the app compares the order of the parameters.
    let names: Vec<_> =
        request.query_string().split('&').filter_map(|it| it.split('=').next()).collect();
    let order = ["appid", "redirect_uri", "response_type", "scope", "state"];
    if !names.starts_with(&order) {
        return answer(200, "text/html", &json!("the link is not as it must be"));
    }
    serve(&desk, &request, &query, &PAGE)
}

/// Uses a code up for an app that proves itself.
fn exchange(desk: &Desk, query: &Pairs, code: &str) -> Result<Grant, Refusal> {
    let app = of(query, "appid");
    desk.count("exchange");
    if desk.app(VENDOR, app).is_none() {
        return Err((40013, "invalid appid"));
    }
    if !desk.knows(VENDOR, app, of(query, "secret")) {
        return Err((40125, "invalid appsecret"));
    }
    if of(query, "grant_type") != "authorization_code" {
        return Err((40002, "invalid grant_type"));
    }
    if code.is_empty() {
        return Err((41008, "missing code"));
    }
    // The address is not sent with the code, and so not compared.
    let answer = desk.redeem(VENDOR, code, app, Sent::Unasked, None);
    answer.map_err(|why| match why {
        Why::Used => (40163, "code been used"),
        Why::Expired => (42003, "code expired"),
        _ => (40029, "invalid code"),
    })
}

async fn access_token(desk: Data<Desk>, query: Query<Pairs>) -> HttpResponse {
    let grant = match exchange(&desk, &query, of(&query, "code")) {
        Ok(grant) => grant,
        Err(refusal) => return refuses(refusal),
    };
    let token = desk.token(VENDOR, &grant.app, &grant.person);
    let mut body = json!({
        "access_token": token,
        "expires_in": 7200,
        "refresh_token": format!("R{token}"),
        "openid": openid(&grant.person, &grant.app),
        "scope": "snsapi_login",
        "unionid": unionid(&grant.person),
        "a_new_member": {"of": "some later version"},
    });
    if desk.previews() {
        put(&mut body, "is_snapshotuser", 1);
    }
    says(&body)
}

async fn session(desk: Data<Desk>, query: Query<Pairs>) -> HttpResponse {
    match exchange(&desk, &query, of(&query, "js_code")) {
        Ok(grant) => says(&json!({
            "session_key": "HyVFkGl5F5OQWJZZaNzBBg==",
            "openid": openid(&grant.person, &grant.app),
            "unionid": unionid(&grant.person),
        })),
        Err(refusal) => refuses(refusal),
    }
}

/// Whose token it is; it never tells of which app.
fn held(desk: &Desk, query: &Pairs) -> Result<Grant, Refusal> {
    let grant = desk.held(VENDOR, of(query, "access_token")).map_err(|why| match why {
        Why::Expired => (42001, "access_token expired"),
        _ => (40001, "invalid credential, access_token is invalid or not latest"),
    })?;
    // A person whose name is no name has whichever is posted.
    let is_theirs = openid(&grant.person, &grant.app).as_str() == Some(of(query, "openid"));
    if is_theirs || grant.person.subject.is_some() {
        return Ok(grant);
    }
    Err((40003, "invalid openid"))
}

async fn auth(desk: Data<Desk>, query: Query<Pairs>) -> HttpResponse {
    match held(&desk, &query) {
        Ok(_) => says(&json!({"errcode": 0, "errmsg": "ok"})),
        Err(refusal) => refuses(refusal),
    }
}

async fn userinfo(desk: Data<Desk>, query: Query<Pairs>) -> HttpResponse {
    match held(&desk, &query) {
        Ok(grant) => {
            let person = grant.person.shown();
            says(&json!({
                "openid": openid(person, &grant.app),
                "nickname": person.nickname,
                "sex": 0, "language": "", "city": "", "province": "", "country": "",
                "headimgurl": person.avatar,
                "privilege": [],
                "unionid": unionid(person),
            }))
        }
        Err(refusal) => refuses(refusal),
    }
}
