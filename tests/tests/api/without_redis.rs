//! What each route answers while Redis is away, as the table in `docs/operations.md` has it.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use test_vendors::carrier::{Case, Purpose, token};
use test_vendors::oauth::SigningKey;
use tests::oauth::{CALLBACK, CHALLENGE, SECRET, authorize, clients};
use tests::{Answer, Client, Node, World};

use crate::browser_flow::start;
use crate::deployment::read;
use crate::providers::Vendors;

/// A row of the table of what is answered without Redis.
struct Row {
    method: Method,
    path: String,
    status: u16,
    /// What it says beside the status: the way that is tried, and what came of it.
    said: String,
}

impl Row {
    fn parse(line: &str) -> Self {
        let (route, said) = line.trim_end_matches(" |").split_once("` | ").unwrap();
        let (method, path) = route.trim_start_matches("| `").split_once(' ').unwrap();
        let (status, said) = said.split_at(3);
        Self {
            method: method.parse().unwrap(),
            path: path.to_owned(),
            status: status.parse().unwrap(),
            said: said.to_owned(),
        }
    }

    fn by(&self, way: &str) -> bool {
        self.said.contains(&format!("by {way}"))
    }

    /// What is wrong with an answer; `after` is what the witness was answered afterwards.
    fn fault(&self, answer: &Answer, after: u16) -> Option<&'static str> {
        let text = |pointer: &str| answer.body.pointer(pointer).and_then(Value::as_str);
        let waits = answer.header("retry-after").parse().is_ok_and(|it: u64| it > 0);
        let is_told = match self.path.as_str() {
            "/health/ready" => text("/checks/redis") == Some("unavailable"),
            it if it.starts_with("/oauth2/") => text("/error") == Some("temporarily_unavailable"),
            _ => text("/code") == Some("dependency_unavailable"),
        };
        let over = if self.said.contains("ended") { 401 } else { 200 };
        match () {
            () if answer.status != self.status => Some("another status"),
            () if answer.took >= Duration::from_secs(3) => Some("too slow"),
            () if answer.status == 503 && !(is_told && waits) => Some("not told as it should be"),
            () if after != over => Some("the session is not as the row says"),
            () => None,
        }
    }
}

fn table() -> Vec<Row> {
    let documented = read("docs/operations.md");
    let (_, table) = documented.split_once("| route | without Redis |\n|---|---|\n").unwrap();
    table.lines().take_while(|it| it.starts_with('|')).map(Row::parse).collect()
}

/// A request of a row, and a session with a path that tells whether it is still good.
struct Try {
    request: RequestBuilder,
    witness: (Client, &'static str),
}

/// Who tries the rows. Each row has people of its own, since some end sessions.
struct Stage {
    node: Node,
    vendors: Vendors,
    key: SigningKey,
}

impl Stage {
    async fn of(world: &World) -> Self {
        let (vendors, key) = (Vendors::new().await, SigningKey::ec("1"));
        let (name, known) = clients();
        let mut known: Value = serde_json::from_str(&known).unwrap();
        let holder = json!({"id": "holder", "redirect_uris": [CALLBACK],
            "public_keys": [key.public_pem()]});
        known.as_array_mut().unwrap().push(holder);
        // Nobody listens there: whoever is asked before Redis is, is told by another code.
        let carrier = json!({"app_id": "a", "app_key": "kV8sQ2xN0pLr",
            "endpoint": "http://127.0.0.1:9"});
        let settings = [(name, &*known.to_string()), ("CARRIERS__CMCC", &*carrier.to_string())];
        let node = vendors.node(world, &settings).await;
        Self { node, vendors, key }
    }

    /// Makes what a row needs while all is there.
    async fn prepare(&self, row: &Row, number: u16) -> Try {
        let (client, phone) = (&self.node.client, format!("138001{number:05}"));
        if row.path.starts_with("/oauth2/") && row.method == Method::POST {
            return self.of_a_client(row, &phone).await;
        }
        let login = client.log_in(&phone).await;
        let user = client.as_user(&login);
        let mut witness = (user.clone(), "/v1/me");
        let path = match (row.method.as_str(), row.path.as_str()) {
            ("GET", "/oauth2/authorize") => format!("/oauth2/authorize?{}", authorize(&[])),
            ("GET", "/oauth2/userinfo") => {
                let tokens = client.partner_tokens(&phone.replacen('8', "9", 1), "openid").await;
                let program = client.as_user(&tokens);
                return Try { request: program.request(Method::GET, &row.path), witness };
            }
            ("GET", "/v1/providers/{provider}/start") => format!(
                "/v1/providers/wechat/start?client_id=web&redirect_uri={CALLBACK}\
                 &code_challenge={CHALLENGE}&code_challenge_method=S256"
            ),
            ("GET", "/v1/providers/{provider}/callback") => {
                let begun = start(client, "wechat", &[]).await;
                format!("/v1/providers/wechat/callback?code=1&state={}", begun.redirected("state"))
            }
            ("DELETE", "/v1/me/sessions") => {
                let scope = if row.said.contains("scope=others") { "others" } else { "all" };
                format!("/v1/me/sessions?scope={scope}")
            }
            ("DELETE", "/v1/me/consents/{client_id}") => {
                let scope = json!({"scope": "openid"});
                let agreed = user.json(Method::PUT, "/v1/me/consents/other", &scope).await;
                assert_eq!(agreed.status, 200, "{}", agreed.text);
                if !row.said.contains("without a session") {
                    let changes = [("client_id", "other"), ("scope", "openid")];
                    let code = user.authorize(&changes).await.redirected("code");
                    let tokens = client.exchange_as("other", &code).await;
                    witness = (client.as_user(&tokens), "/oauth2/userinfo");
                }
                "/v1/me/consents/other".to_owned()
            }
            ("DELETE", "/v1/me/identities/{id}") => {
                if !row.said.contains("last way in") {
                    assert_eq!(user.link(&format!("a{number}@example.com")).await.status, 201);
                }
                let identities = user.identities().await;
                format!("/v1/me/identities/{}", identities[0].1)
            }
            (_, path) => {
                path.replace("{id}", login.str("/session/id")).replace("{client_id}", "other")
            }
        };
        let request = user.request(row.method.clone(), &path);
        let body = self.body(row, number).await;
        Try { request: if body.is_null() { request } else { request.json(&body) }, witness }
    }

    /// What a program asks, for tokens that it has.
    async fn of_a_client(&self, row: &Row, phone: &str) -> Try {
        let client = &self.node.client;
        let tokens = client.partner_tokens(phone, "openid").await;
        let witness = (client.as_user(&tokens), "/oauth2/userinfo");
        let (access, refresh) = (tokens.str("/access_token"), tokens.str("/refresh_token"));
        let mut form = match row.path.as_str() {
            "/oauth2/token" => format!("grant_type=refresh_token&refresh_token={refresh}"),
            "/oauth2/revoke" if row.said.contains("refresh") => format!("token={refresh}"),
            _ => format!("token={access}"),
        };
        let asking = if row.by("`private_key_jwt`") {
            #[expect(clippy::disallowed_methods, reason = "a token's time is that of the machine")]
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            let claims = json!({"iss": "holder", "sub": "holder", "iat": now, "exp": now + 60,
                "aud": format!("http://{}/oauth2/token", self.node.address), "jti": phone});
            let said = self.key.sign(&json!({"alg": "ES256", "typ": "JWT"}), &claims);
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            form.extend(["&client_assertion_type=", kind, "&client_assertion=", &said]);
            client.clone()
        } else {
            client.with_basic("partner", if row.by("a wrong secret") { "wrong" } else { SECRET })
        };
        let request = asking.request(Method::POST, &row.path);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Try { request: request.body(form), witness }
    }

    async fn body(&self, row: &Row, number: u16) -> Value {
        let phone = format!("137001{number:05}");
        let password = "correct horse battery";
        match (row.method.as_str(), row.path.as_str()) {
            ("POST", "/v1/challenges") => json!({"channel": "sms", "target": phone}),
            ("POST", "/v1/register") => json!({"username": "ada_lovelace", "password": password}),
            ("PUT", "/v1/me/password") => json!({"new_password": password}),
            ("PUT", "/v1/me/consents/{client_id}") => json!({"scope": "openid"}),
            ("PATCH", "/v1/me") => json!({"nickname": "Ada"}),
            ("POST", "/v1/password-reset") => {
                json!({"credential": self.credential(row, &phone).await, "new_password": password})
            }
            ("POST", "/v1/login" | "/v1/reauthenticate" | "/v1/me/identities" | "/v1/me/merge") => {
                json!({"credential": self.credential(row, &phone).await})
            }
            _ => Value::Null,
        }
    }

    async fn credential(&self, row: &Row, phone: &str) -> Value {
        if row.by("a password") {
            return json!({"type": "password", "identifier": phone, "password": "wrong"});
        }
        if row.by("a provider") {
            return self.vendors.code("wechat", &self.vendors.person(1));
        }
        if row.by("a carrier") {
            let token = token("cmcc", Purpose::Login, Case::Good, phone);
            return json!({"type": "carrier_token", "vendor": "cmcc", "token": token});
        }
        let asked = self.node.client.ask(phone).await;
        json!({"type": "code", "challenge_id": asked.str("/challenge_id"), "code": "123456"})
    }
}

/// The table has the routes that there are, all of them; development's own are not run there.
#[test]
fn the_table_without_redis_has_all_routes() {
    let document: Value = serde_json::from_str(&read("docs/openapi.json")).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let there: BTreeSet<String> = paths
        .iter()
        .filter(|(path, _)| !path.starts_with("/dev/"))
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |it| format!("{} {path}", it.to_uppercase()))
        })
        .collect();
    let told: BTreeSet<String> =
        table().iter().map(|it| format!("{} {}", it.method, it.path)).collect();
    assert_eq!(told, there);
}

/// REL-04: what each route answers while Redis is away, as `docs/operations.md` has it.
#[tokio::test(flavor = "multi_thread")]
async fn without_redis_each_route_answers_as_the_table_says() {
    let world = World::new(tests::Topology::PostgresRedis).await;
    let stage = Stage::of(&world).await;
    let mut tries = Vec::new();
    for (number, row) in (0..).zip(table()) {
        let prepared = stage.prepare(&row, number).await;
        tries.push((row, prepared));
    }
    world.redis.lock().unwrap().as_mut().unwrap().stop().unwrap();
    let mut wrong = Vec::new();
    for (row, Try { request, witness }) in tries {
        let answer = stage.node.client.send(request).await.unwrap();
        let after = witness.0.get(witness.1).await.unwrap().status;
        if let Some(fault) = row.fault(&answer, after) {
            let Row { method, path, status, said } = row;
            wrong.push(format!(
                "{method} {path} {status}{said}: {fault}: {} in {:?}, then {after}: {}",
                answer.status, answer.took, answer.text
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
