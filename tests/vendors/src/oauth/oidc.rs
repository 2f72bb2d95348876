//! `OpenID` Connect: an issuer with discovery, and Google and Apple with addresses of their own.

use actix_web::http::header::{AUTHORIZATION, LOCATION};
use actix_web::web::{Data, Form, Query, ServiceConfig, get, post};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::desk::{Desk, Person, Sent};
use super::keys::{SigningKey, half_hash};
use super::page::{Spelling, escaped, serve};
use super::wire::{Pairs, answer, of, put, rfc_6749};

/// How a token differs from a good one.
#[derive(Debug, Clone, Default)]
pub struct Forgery {
    /// Members of the header that are others; `null` leaves one out.
    pub header: Value,
    /// Claims that are others; `null` leaves one out.
    pub claims: Value,
    /// The key that signs, where it is not the issuer's first.
    pub key: Option<SigningKey>,
}

const OIDC: Spelling = spelling("oidc", "OpenID Connect", "error=access_denied", false);
const GOOGLE: Spelling = spelling("google", "Google", "error=access_denied", false);
const APPLE: Spelling = spelling("apple", "Apple", "error=user_cancelled_authorize", true);

const fn spelling(
    vendor: &'static str,
    title: &'static str,
    refusal: &'static str,
    posts: bool,
) -> Spelling {
    Spelling { vendor, title, app: "client_id", code: "code", refusal, posts }
}

pub(super) fn routes(it: &mut ServiceConfig) {
    it.route("/oidc/.well-known/openid-configuration", get().to(discovery))
        .route("/oidc/authorize", get().to(page))
        .route("/oidc/token", post().to(token))
        .route("/oidc/jwks", get().to(jwks))
        .route("/oidc/userinfo", get().to(userinfo))
        .route("/google/o/oauth2/v2/auth", get().to(page))
        .route("/google/token", post().to(token))
        .route("/google/oauth2/v3/certs", get().to(jwks))
        .route("/google/v1/userinfo", get().to(userinfo))
        .route("/apple/auth/authorize", get().to(page))
        .route("/apple/auth/token", post().to(token))
        .route("/apple/auth/keys", get().to(jwks));
}

/// The vendor by its path.
fn vendor(request: &HttpRequest) -> &'static Spelling {
    match request.path().split('/').nth(1) {
        Some("google") => &GOOGLE,
        Some("apple") => &APPLE,
        _ => &OIDC,
    }
}

/// The issuer's name in its tokens.
fn issuer(request: &HttpRequest) -> String {
    match vendor(request).vendor {
        "google" => "https://accounts.google.com".to_owned(),
        "apple" => "https://appleid.apple.com".to_owned(),
        _ => {
            let host = request.headers().get("host").and_then(|it| it.to_str().ok());
            format!("http://{}/oidc", host.unwrap_or_default())
        }
    }
}

async fn discovery(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    desk.count("discovery");
    let issuer = issuer(&request);
    answer(
        200,
        "application/json",
        &json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/jwks"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
        }),
    )
}

async fn page(desk: Data<Desk>, request: HttpRequest, query: Query<Pairs>) -> HttpResponse {
    let spelling = vendor(&request);
    if spelling.vendor == "apple" && of(&query, "response_mode") != "form_post" {
        return rfc_6749("invalid_request");
    }
    let mut answer = serve(&desk, &request, &query, spelling);
    // It names itself in each answer, as it promises (RFC 9207).
    let back = answer.headers().get(LOCATION).and_then(|it| it.to_str().ok()).map(str::to_owned);
    if let Some(back) = back.filter(|_| spelling.vendor == "oidc")
        && let Ok(back) = format!("{back}&iss={}", escaped(&issuer(&request))).parse()
    {
        answer.headers_mut().insert(LOCATION, back);
    }
    answer
}

async fn jwks(desk: Data<Desk>) -> HttpResponse {
    desk.count("keys");
    let mut keys: Vec<_> = desk.keys().iter().map(SigningKey::public).collect();
    // Keys that are none of ours to use.
    keys.push(json!({"kty": "oct", "kid": "shared", "k": "c2VjcmV0", "alg": "HS256"}));
    keys.push(json!({"kty": "XYZ", "kid": "of-some-later-version"}));
    answer(200, "application/json", &json!({"keys": keys}))
}

/// Our id and secret, from the header or the form.
fn app(desk: &Desk, request: &HttpRequest, form: &Pairs) -> Option<String> {
    let vendor = vendor(request).vendor;
    let (id, secret) = match request.headers().get(AUTHORIZATION) {
        Some(header) => {
            let pair = STANDARD.decode(header.to_str().ok()?.strip_prefix("Basic ")?).ok()?;
            let pair = String::from_utf8(pair).ok()?;
            let (id, secret) = pair.split_once(':')?;
            // Both are encoded as in a form before they are joined (RFC 6749, 2.3.1).
            (unescaped(id)?, unescaped(secret)?)
        }
        None => (of(form, "client_id").to_owned(), of(form, "client_secret").to_owned()),
    };
    if vendor != "apple" {
        return desk.knows(vendor, &id, &secret).then_some(id);
    }
    let known = desk.app(vendor, &id)?;
    let (header, claims) = desk.apple().open(&secret)?;
    let is = |name: &str, wanted: &str| claims.get(name).and_then(Value::as_str) == Some(wanted);
    let moment = |name: &str| claims.get(name).and_then(Value::as_i64);
    let (team, key) = known.secret.split_once('/')?;
    let is_good = header.get("alg").and_then(Value::as_str) == Some("ES256")
        && header.get("kid").and_then(Value::as_str) == Some(key)
        && is("iss", team)
        && is("sub", &id)
        && is("aud", "https://appleid.apple.com")
        && moment("iat")? <= desk.now()
        && moment("exp")? > desk.now()
        && moment("exp")? - moment("iat")? <= 15_777_000;
    is_good.then_some(id)
}

async fn token(desk: Data<Desk>, request: HttpRequest, form: Form<Pairs>) -> HttpResponse {
    desk.count("exchange");
    let vendor = vendor(&request).vendor;
    let Some(app) = app(&desk, &request, &form) else { return rfc_6749("invalid_client") };
    if of(&form, "grant_type") != "authorization_code" {
        return rfc_6749("unsupported_grant_type");
    }
    let given = |name: &str| form.get(name).map(String::as_str);
    let sent = Sent::As(given("redirect_uri"));
    let redeemed = desk.redeem(vendor, of(&form, "code"), &app, sent, given("code_verifier"));
    let Ok(grant) = redeemed else { return rfc_6749("invalid_grant") };
    let access_token = desk.token(vendor, &app, &grant.person);
    let mut forgery = desk.forgery();
    if forgery.claims.is_null() {
        forgery.claims = json!({});
    }
    if let Value::Object(claims) = &mut forgery.claims {
        claims.entry("at_hash").or_insert_with(|| half_hash(&access_token).into());
        if vendor == "google" {
            claims.entry("name").or_insert_with(|| grant.person.nickname.clone().into());
            let picture = grant.person.avatar.replace("http:", "https:");
            claims.entry("picture").or_insert_with(|| picture.into());
        }
    }
    let nonce = grant.ask.nonce.as_deref();
    let id_token = desk.id_token(vendor, &issuer(&request), &app, &grant.person, nonce, &forgery);
    answer(
        200,
        "application/json",
        &json!({
            "access_token": access_token, "token_type": "Bearer", "expires_in": 3599,
            "id_token": id_token, "refresh_token": format!("R{access_token}"),
        }),
    )
}

async fn userinfo(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    let header = request.headers().get(AUTHORIZATION).and_then(|it| it.to_str().ok());
    let token = header.and_then(|it| it.strip_prefix("Bearer ")).unwrap_or_default();
    let vendor = vendor(&request).vendor;
    match desk.held(vendor, token) {
        Ok(grant) => {
            let person = grant.person.shown();
            answer(
                200,
                "application/json",
                &json!({
                    "sub": subject(vendor, person), "name": person.nickname,
                    "picture": person.avatar.replace("http:", "https:"),
                }),
            )
        }
        Err(_) => HttpResponse::Unauthorized()
            .insert_header(("WWW-Authenticate", "Bearer error=\"invalid_token\""))
            .finish(),
    }
}

fn subject(vendor: &str, person: &Person) -> Value {
    person.called(format!("{vendor}-{:06}", person.id))
}

impl Desk {
    /// An ID token, as an app's SDK would have it.
    #[must_use]
    pub fn id_token(
        &self,
        vendor: &str,
        issuer: &str,
        app: &str,
        person: &Person,
        nonce: Option<&str>,
        forgery: &Forgery,
    ) -> String {
        let key = forgery.key.clone().or_else(|| self.keys().into_iter().next());
        let Some(key) = key else { return String::new() };
        let mut header = json!({"alg": key.algorithm(), "kid": key.id, "typ": "JWT"});
        let now = self.now();
        let mut claims = json!({
            "iss": issuer, "aud": app, "sub": subject(vendor, person),
            "iat": now, "exp": now + 300,
        });
        if let Some(nonce) = nonce {
            put(&mut claims, "nonce", nonce);
        }
        change(&mut header, &forgery.header);
        change(&mut claims, &forgery.claims);
        key.sign(&header, &claims)
    }
}

fn unescaped(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(code, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

fn change(members: &mut Value, to: &Value) {
    let (Value::Object(members), Value::Object(to)) = (members, to) else { return };
    for (name, value) in to {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
}
