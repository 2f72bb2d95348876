//! A client of the OAuth 2 routes, and what tests register.

use reqwest::Method;
use reqwest::header::LOCATION;
use serde_json::{Value, json};

use crate::{Answer, Client};

/// Where the codes of all registered clients go.
pub const CALLBACK: &str = "https://app.example.com/cb";
/// The verifier that tests use, and its challenge (RFC 7636, appendix B).
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// See [`VERIFIER`].
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// The secret of the clients that have one.
pub const SECRET: &str = "q1Rk7zXw0VbN3mTt5yLhJ8sPcUoGfEaD2iKvBxCnMzQ";
/// An origin that the client `web` registered.
pub const ORIGIN: &str = "https://app.example.com";

/// The public key of the client that has one: that of RFC 7515, A.3, of which everybody knows both
/// halves.
const KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n\
    6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n\
    -----END PUBLIC KEY-----\n";

/// Clients of each kind: `web` (ours, public), `partner` (trusted, with a secret), `other` (nobody's,
/// with a secret), `spa` (trusted, public), `backend` (ours, with a secret), `signer` (trusted, with
/// a key).
#[must_use]
pub fn clients() -> (&'static str, String) {
    // SHA-256 of the secret.
    let hash = "1570c148c23eab99e5d8dda0fb1547ab82df5520fdd82119265c1989cc26be90";
    let native = ["com.example.app:/cb", "http://127.0.0.1/cb"];
    let to = [&[CALLBACK][..], &native].concat();
    let value = json!([
        {"id": "web", "redirect_uris": to, "origins": [ORIGIN]},
        {"id": "partner", "trusted": true, "secret_hash": hash, "redirect_uris": [CALLBACK]},
        {"id": "other", "first_party": false, "secret_hash": hash, "redirect_uris": [CALLBACK]},
        {"id": "spa", "trusted": true, "redirect_uris": [CALLBACK]},
        {"id": "backend", "secret_hash": hash, "redirect_uris": [CALLBACK]},
        {"id": "signer", "trusted": true, "public_keys": [KEY], "redirect_uris": [CALLBACK]},
    ]);
    ("OAUTH2__CLIENTS", value.to_string())
}

impl Client {
    /// POST of a form.
    pub async fn form(&self, path: &str, members: &[(&str, &str)]) -> Answer {
        let pairs: Vec<_> =
            members.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let request = self.request(Method::POST, path);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(pairs.join("&"))).await.expect("an answer")
    }

    /// POST of a form by a client with a secret, which it shows in the header.
    pub async fn form_as(&self, client: &str, path: &str, members: &[(&str, &str)]) -> Answer {
        self.with_basic(client, SECRET).form(path, members).await
    }

    /// POST /v1/login with a code of a phone, asking for a code of a client.
    pub async fn login_for_code(&self, phone: &str, client: &str, scope: &str) -> String {
        let credential = self.code_for(phone, "login").await;
        let answer = self.post("/v1/login", &login_body(&credential, client, scope)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.body.pointer("/expires_in"), Some(&json!(60)), "{}", answer.text);
        answer.str("/code").to_owned()
    }

    /// Exchanges a code of the public client `web`.
    pub async fn exchange(&self, code: &str) -> Answer {
        let mut members = exchange(code).to_vec();
        members.push(("client_id", "web"));
        self.form("/oauth2/token", &members).await
    }

    /// Exchanges a code of a client with a secret.
    pub async fn exchange_as(&self, client: &str, code: &str) -> Answer {
        self.form_as(client, "/oauth2/token", &exchange(code)).await
    }

    /// Refreshes for a client with a secret.
    pub async fn refresh_as(&self, client: &str, token: &str) -> Answer {
        let members = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.form_as(client, "/oauth2/token", &members).await
    }

    /// A user's tokens of the client `partner`, fresh from a login.
    pub async fn partner_tokens(&self, phone: &str, scope: &str) -> Answer {
        let code = self.login_for_code(phone, "partner", scope).await;
        let tokens = self.exchange_as("partner", &code).await;
        assert_eq!(tokens.status, 200, "{}", tokens.text);
        tokens
    }

    /// GET /oauth2/userinfo with a token.
    pub async fn userinfo(&self, token: &str) -> Answer {
        self.bearing(token).get("/oauth2/userinfo").await.expect("an answer")
    }

    /// GET /oauth2/authorize: the request of `web` with changes; an empty value takes a member away.
    pub async fn authorize(&self, changes: &[(&str, &str)]) -> Answer {
        let query = authorize(changes);
        self.get(&format!("/oauth2/authorize?{query}")).await.expect("an answer")
    }
}

impl Answer {
    /// The parameters of the address that the answer sends to, decoded; the address comes first,
    /// under the empty name.
    #[must_use]
    pub fn redirect(&self) -> Vec<(String, String)> {
        let location = self.headers.get(LOCATION).and_then(|it| it.to_str().ok());
        let location = location.unwrap_or_else(|| panic!("no redirect: {}", self.text));
        let (address, query) = location.split_once('?').unwrap_or((location, ""));
        let mut parameters = vec![(String::new(), address.to_owned())];
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            parameters.push((name.to_owned(), decoded(value)));
        }
        parameters
    }

    /// One of them; empty without it.
    #[must_use]
    pub fn redirected(&self, name: &str) -> String {
        let found = self.redirect().into_iter().find(|(it, _)| it == name);
        found.map(|(_, value)| value).unwrap_or_default()
    }

    /// Status and `error`.
    #[must_use]
    pub fn refusal(&self) -> (u16, String) {
        let error = self.body.pointer("/error").and_then(Value::as_str);
        (self.status, error.unwrap_or_default().to_owned())
    }
}

/// The body of a login that asks for a code.
#[must_use]
pub fn login_body(credential: &Value, client: &str, scope: &str) -> Value {
    json!({"credential": credential, "response": {
        "type": "code",
        "client_id": client,
        "redirect_uri": CALLBACK,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "scope": scope,
        "nonce": "n-0S6_WzA2Mj",
    }})
}

/// The members of an exchange.
#[must_use]
pub fn exchange(code: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

/// The query of an authorization request of `web`, with changes.
#[must_use]
pub fn authorize(changes: &[(&str, &str)]) -> String {
    let mut members = vec![
        ("client_id", "web"),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("state", "a b&c=d/ä"),
    ];
    members.retain(|(name, _)| !changes.iter().any(|(it, _)| it == name));
    members.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    let pairs: Vec<_> =
        members.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    pairs.join("&")
}

fn encoded(text: &str) -> String {
    let plain = |it: u8| it.is_ascii_alphanumeric() || b"-._~".contains(&it);
    let encode = |it| if plain(it) { char::from(it).to_string() } else { format!("%{it:02X}") };
    text.bytes().map(encode).collect::<Vec<_>>().concat()
}

fn decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |it: Option<u8>| it.and_then(|it| char::from(it).to_digit(16));
            let pair = (digit(bytes.next()), digit(bytes.next()));
            let (Some(high), Some(low)) = pair else { panic!("not encoded: {text}") };
            decoded.push(u8::try_from(high * 16 + low).expect("a byte"));
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).expect("text")
}
