//! A client that speaks JSON and keeps all of an answer.

use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// Speaks to one node.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    bearer: Option<String>,
    basic: Option<(String, String)>,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; `null` if it is not JSON.
    pub body: Value,
    /// The body as it came.
    pub text: String,
    /// How long it took.
    pub took: Duration,
}

impl Client {
    pub(crate) fn new(address: &str) -> Self {
        // Redirects are answers like any other.
        let http =
            reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let http = http.timeout(Duration::from_secs(30));
        let http = http.build().expect("an HTTP client");
        Self { http, base: format!("http://{address}"), bearer: None, basic: None }
    }

    /// The same client with a bearer token.
    #[must_use]
    pub fn bearing(&self, token: &str) -> Self {
        Self { bearer: Some(token.to_owned()), ..self.clone() }
    }

    /// The same client with a name and a secret.
    #[must_use]
    pub fn with_basic(&self, name: &str, secret: &str) -> Self {
        Self { basic: Some((name.to_owned(), secret.to_owned())), ..self.clone() }
    }

    /// Any request, for what the others do not do.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match (&self.bearer, &self.basic) {
            (Some(token), _) => request.bearer_auth(token),
            (None, Some((name, secret))) => request.basic_auth(name, Some(secret)),
            (None, None) => request,
        }
    }

    /// Sends a request and reads the answer; an error if the connection fails.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer, reqwest::Error> {
        let begun = Instant::now();
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, headers, body, text, took: begun.elapsed() })
    }

    /// GET; an error if the connection fails.
    pub async fn get(&self, path: &str) -> Result<Answer, reqwest::Error> {
        self.send(self.request(Method::GET, path)).await
    }

    /// A request with a JSON body.
    pub async fn json(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.send(self.request(method, path).json(body)).await.expect("an answer")
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.json(Method::POST, path, body).await
    }

    /// POST without a body.
    pub async fn post_nothing(&self, path: &str) -> Answer {
        self.send(self.request(Method::POST, path)).await.expect("an answer")
    }

    /// Asks for a login code.
    pub async fn ask(&self, phone: &str) -> Answer {
        self.post("/v1/challenges", &json!({"channel": "sms", "target": phone})).await
    }

    /// Asks for a login code and reads it where development keeps it; a credential.
    pub async fn code(&self, phone: &str) -> Value {
        self.code_for(phone, "login").await
    }

    /// Asks for a code for a verb and reads it where development keeps it; a credential. Waits
    /// where a code was asked for just now.
    pub async fn code_for(&self, target: &str, purpose: &str) -> Value {
        let channel = if target.contains('@') { "email" } else { "sms" };
        let body = json!({"channel": channel, "target": target, "purpose": purpose});
        for _ in 0..5 {
            let sent = self.post("/v1/challenges", &body).await;
            if sent.status == 429 {
                tokio::time::sleep(Duration::from_millis(1_050)).await;
                continue;
            }
            assert_eq!(sent.status, 202, "{}", sent.text);
            return self.code_of(target, sent.str("/challenge_id")).await;
        }
        panic!("no code for {target}");
    }

    /// POST /v1/me/identities with a code that was just sent.
    pub async fn link(&self, target: &str) -> Answer {
        let credential = self.code_for(target, "link").await;
        self.post("/v1/me/identities", &json!({"credential": credential})).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await.expect("an answer")
    }

    /// The caller's identities, by their masked identifiers.
    pub async fn identities(&self) -> Vec<(String, String)> {
        let answer = self.get("/v1/me/identities").await.expect("an answer");
        let identities = answer.body.pointer("/identities").and_then(Value::as_array);
        let text =
            |it: &Value, name| it.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        identities
            .unwrap_or_else(|| panic!("{}", answer.text))
            .iter()
            .map(|it| (text(it, "identifier"), text(it, "id")))
            .collect()
    }

    /// The code of a challenge, as a credential.
    pub async fn code_of(&self, phone: &str, challenge_id: &str) -> Value {
        let path = format!("/dev/messages?to={}", phone.replace('+', "%2B"));
        let kept = self.get(&path).await.expect("an answer");
        let messages =
            kept.body.pointer("/messages").and_then(Value::as_array).cloned().unwrap_or_default();
        let message = messages
            .into_iter()
            .find(|it| it.get("challenge_id").is_some_and(|it| it == challenge_id));
        let code = message
            .and_then(|mut it| it.get_mut("code").map(Value::take))
            .expect("a message of that challenge");
        json!({"type": "code", "challenge_id": challenge_id, "code": code})
    }

    /// POST /v1/login with a credential.
    pub async fn login(&self, credential: &Value) -> Answer {
        self.post("/v1/login", &json!({"credential": credential})).await
    }

    /// Logs a phone in by a code.
    pub async fn log_in(&self, phone: &str) -> Answer {
        let credential = self.code_for(phone, "login").await;
        let answer = self.login(&credential).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer
    }

    /// POST /v1/login with a password.
    pub async fn login_by_password(&self, identifier: &str, password: &str) -> Answer {
        let credential =
            json!({"type": "password", "identifier": identifier, "password": password});
        self.login(&credential).await
    }

    /// The client that an answer's token makes.
    #[must_use]
    pub fn as_user(&self, answer: &Answer) -> Self {
        self.bearing(answer.str("/access_token"))
    }

    /// GET /v1/me.
    pub async fn me(&self) -> Answer {
        self.get("/v1/me").await.expect("an answer")
    }
}

impl Answer {
    /// A text in the body, by its JSON pointer.
    #[must_use]
    pub fn str(&self, pointer: &str) -> &str {
        let found = self.body.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("no text at {pointer}: {}", self.text))
    }

    /// The error's code.
    #[must_use]
    pub fn code(&self) -> &str {
        self.str("/code")
    }

    /// A header; empty without it.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
    }

    /// Status and code, for a look at both.
    #[must_use]
    pub fn outcome(&self) -> (u16, String) {
        (self.status, self.body.get("code").and_then(Value::as_str).unwrap_or_default().to_owned())
    }
}
