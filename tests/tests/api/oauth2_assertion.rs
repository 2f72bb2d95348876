//! Clients that prove themselves by a key, `private_key_jwt` (OP-05; RFC 7523).

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use test_vendors::oauth::{SigningKey, sign_by_text};
use tests::oauth::{CALLBACK, SECRET, clients, exchange};
use tests::{Answer, Node, Topology, World, on_every_topology};

on_every_topology![
    a_key_opens_what_a_secret_does,
    what_is_wrong_with_an_assertion_proves_nothing,
    of_racing_shows_of_one_assertion_one_is_heard,
    ways_are_not_mixed,
];

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A node, and the owner of the keys of its client `holder`.
struct Stage {
    node: Node,
    rsa: SigningKey,
    ec: SigningKey,
}

impl Stage {
    async fn of(world: &World) -> Self {
        let (rsa, ec) = (SigningKey::rsa("1"), SigningKey::ec("2"));
        let (key, known) = clients();
        let mut all: Value = serde_json::from_str(&known).unwrap();
        all.as_array_mut().unwrap().push(json!({
            "id": "holder",
            "trusted": true,
            "redirect_uris": [CALLBACK],
            "public_keys": [rsa.public_pem(), ec.public_pem()],
        }));
        let node = world.node_with(&[(key, &all.to_string())]).await;
        Self { node, rsa, ec }
    }

    fn issuer(&self) -> String {
        format!("http://{}", self.node.address)
    }

    /// What the client says, good for a minute, with changes; null takes a claim away.
    fn claims(&self, id: &str, changes: Value) -> Value {
        let mut claims = json!({
            "iss": "holder",
            "sub": "holder",
            "aud": format!("{}/oauth2/token", self.issuer()),
            "exp": now() + 60,
            "iat": now(),
            "jti": id,
        });
        let all = claims.as_object_mut().unwrap();
        let Value::Object(changes) = changes else { panic!("no changes") };
        all.extend(changes);
        all.retain(|_, it| !it.is_null());
        claims
    }

    /// A good assertion of this name.
    fn said(&self, id: &str) -> String {
        self.rsa.sign(&json!({"alg": "RS256", "typ": "JWT"}), &self.claims(id, json!({})))
    }

    /// Sends a form with an assertion.
    async fn send(&self, path: &str, assertion: &str, members: &[(&str, &str)]) -> Answer {
        let own = [("client_assertion_type", TYPE), ("client_assertion", assertion)];
        self.node.client.form(path, &[members, &own].concat()).await
    }

    /// Whether an assertion proves the client: then it may ask what a token is good for.
    async fn shows(&self, assertion: &str) -> (u16, String) {
        let answer = self.send("/oauth2/introspect", assertion, &[("token", "x")]).await;
        match answer.status {
            200 => (200, answer.text),
            _ => answer.refusal(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the client's clock is the machine's")]
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed()
}

fn heard() -> (u16, String) {
    (200, r#"{"active":false}"#.to_owned())
}

fn refused() -> (u16, String) {
    (401, "invalid_client".to_owned())
}

/// OP-05: at every endpoint, by each key, and as the discovery says.
async fn a_key_opens_what_a_secret_does(world: World) {
    let stage = Stage::of(&world).await;
    let client = &stage.node.client;
    let about = client.get("/.well-known/openid-configuration").await.unwrap().body;
    for endpoint in ["token", "revocation", "introspection"] {
        let methods = about[format!("{endpoint}_endpoint_auth_methods_supported")].as_array();
        assert!(methods.unwrap().contains(&json!("private_key_jwt")), "{about}");
        let algorithms = &about[format!("{endpoint}_endpoint_auth_signing_alg_values_supported")];
        assert_eq!(*algorithms, json!(["RS256", "PS256", "ES256"]));
    }
    let code = client.login_for_code("13800138000", "holder", "openid").await;
    let tokens = stage.send("/oauth2/token", &stage.said("1"), &exchange(&code)).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text);
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.str("/refresh_token")),
        ("client_id", "holder"),
    ];
    // By the other key, and meant for our name among others.
    let both = json!([stage.issuer(), format!("{}/oauth2/token", stage.issuer())]);
    let by_ec = stage.claims("2", json!({"aud": both, "nbf": now() - 5}));
    let by_ec = stage.ec.sign(&json!({"alg": "ES256", "kid": "any"}), &by_ec);
    let next = stage.send("/oauth2/token", &by_ec, &refresh).await;
    assert_eq!(next.status, 200, "{}", next.text);
    let access = [("token", next.str("/access_token"))];
    let seen = stage.send("/oauth2/introspect", &stage.said("3"), &access).await;
    assert_eq!((seen.status, seen.body["active"].as_bool()), (200, Some(true)), "{}", seen.text);
    let ended = stage.send("/oauth2/revoke", &stage.said("4"), &access).await;
    assert_eq!(ended.status, 200, "{}", ended.text);
    let seen = stage.send("/oauth2/introspect", &stage.said("5"), &access).await;
    assert_eq!(seen.body, json!({"active": false}));
    // Used is used at every endpoint.
    for (path, id) in [("/oauth2/token", "4"), ("/oauth2/revoke", "1")] {
        let again = stage.send(path, &stage.said(id), &access).await;
        assert_eq!(again.refusal(), refused(), "{path}");
    }
}

/// OP-05: each alone is enough, and none uses the name up.
async fn what_is_wrong_with_an_assertion_proves_nothing(world: World) {
    let stage = Stage::of(&world).await;
    let head = json!({"alg": "RS256"});
    let by_rsa = |claims: &Value| stage.rsa.sign(&head, claims);
    let claims = |changes: Value| stage.claims("1", changes);
    let good = claims(json!({}));
    let unsigned = |alg: &str| {
        let token = stage.rsa.sign(&json!({"alg": alg}), &good);
        format!("{}.", token.rsplit_once('.').unwrap().0)
    };
    let foreign = SigningKey::rsa("1");
    let issuer = stage.issuer();
    let with = |it: Value| stage.rsa.sign(&it, &good);
    let wrong = [
        ("expired", by_rsa(&claims(json!({"exp": now() - 1})))),
        ("too long", by_rsa(&claims(json!({"exp": now() + 360})))),
        ("endless", by_rsa(&claims(json!({"exp": null})))),
        ("to come", by_rsa(&claims(json!({"nbf": now() + 120, "exp": now() + 180})))),
        ("said later", by_rsa(&claims(json!({"iat": now() + 120, "exp": now() + 180})))),
        ("for another", by_rsa(&claims(json!({"aud": "https://other.example.com"})))),
        ("for another below", by_rsa(&claims(json!({"aud": format!("{issuer}/other")})))),
        ("for nobody", by_rsa(&claims(json!({"aud": []})))),
        ("of another", by_rsa(&claims(json!({"iss": "partner"})))),
        ("about another", by_rsa(&claims(json!({"sub": "partner"})))),
        ("without a name", by_rsa(&claims(json!({"jti": null})))),
        ("with a long name", by_rsa(&claims(json!({"jti": "a".repeat(256)})))),
        ("by another key", foreign.sign(&head, &good)),
        ("by a key of its own", {
            let own = json!({"alg": "RS256", "jwk": foreign.public(), "kid": "1"});
            foreign.sign(&own, &good)
        }),
        ("unsigned", unsigned("none")),
        ("signed by none", unsigned("RS256")),
        ("symmetric", sign_by_text(&stage.rsa.public_pem(), &json!({"alg": "HS256"}), &good)),
        ("of another algorithm", with(json!({"alg": "PS256"}))),
        ("of another kind", with(json!({"alg": "ES256"}))),
        ("critical", with(json!({"alg": "RS256", "crit": ["exp"]}))),
        ("nothing", "x".to_owned()),
    ];
    for (what, assertion) in &wrong {
        assert_eq!(stage.shows(assertion).await, refused(), "{what}");
    }
    let named = [("token", "x"), ("client_id", "partner")];
    let other = stage.send("/oauth2/introspect", &by_rsa(&good), &named).await;
    assert_eq!(other.refusal(), refused(), "in another's name");
    let saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer";
    let members =
        [("token", "x"), ("client_assertion", &by_rsa(&good)), ("client_assertion_type", saml)];
    let other = stage.node.client.form("/oauth2/introspect", &members).await;
    assert_eq!(other.refusal(), refused(), "of another type");
    assert_eq!(stage.shows(&by_rsa(&good)).await, heard());
    assert_eq!(stage.shows(&by_rsa(&good)).await, refused(), "again");
    let renewed = claims(json!({"exp": now() + 90}));
    assert_eq!(stage.shows(&by_rsa(&renewed)).await, refused(), "the name again");
}

/// OP-05: `jti` once, whoever is first.
async fn of_racing_shows_of_one_assertion_one_is_heard(world: World) {
    let stage = Stage::of(&world).await;
    let assertion = stage.said("1");
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (client, assertion) = (stage.node.client.clone(), assertion.clone());
            tests::tokio::spawn(async move {
                let members = [
                    ("token", "x"),
                    ("client_assertion_type", TYPE),
                    ("client_assertion", &assertion),
                ];
                client.form("/oauth2/introspect", &members).await.status
            })
        })
        .collect();
    let mut heard = 0;
    for task in tasks {
        let status = task.await.unwrap();
        assert!(status == 200 || status == 401, "{status}");
        heard += usize::from(status == 200);
    }
    assert_eq!(heard, 1);
}

/// OP-05: one way a request, and one way a client.
async fn ways_are_not_mixed(world: World) {
    let stage = Stage::of(&world).await;
    let client = &stage.node.client;
    let good = stage.said("1");
    let own = [("token", "x"), ("client_assertion_type", TYPE), ("client_assertion", &good)];
    let two = (400, "invalid_request".to_owned());
    let mixed = client.form_as("holder", "/oauth2/introspect", &own).await;
    assert_eq!(mixed.refusal(), two, "and a header");
    for id in [&[][..], &[("client_id", "holder")]] {
        let members = [&own, &[("client_secret", SECRET)][..], id].concat();
        let mixed = client.form("/oauth2/introspect", &members).await;
        assert_eq!(mixed.refusal(), two, "and a secret");
    }
    let twice = [&own[..], &[("client_assertion", good.as_str())]].concat();
    assert_eq!(client.form("/oauth2/introspect", &twice).await.refusal(), two);
    // A client with keys has no secret, and is not public.
    let basic = client.form_as("holder", "/oauth2/introspect", &[("token", "x")]).await;
    assert_eq!(basic.refusal(), refused());
    for path in ["/oauth2/introspect", "/oauth2/revoke", "/oauth2/token"] {
        let bare = client.form(path, &[("token", "x"), ("client_id", "holder")]).await;
        assert_eq!(bare.refusal(), refused(), "{path}");
    }
    // And one with a secret, or with nothing, has no keys.
    for other in ["partner", "web"] {
        let theirs = stage.claims("1", json!({"iss": other, "sub": other}));
        let theirs = stage.rsa.sign(&json!({"alg": "RS256"}), &theirs);
        assert_eq!(stage.shows(&theirs).await, refused(), "{other}");
    }
    assert_eq!(stage.shows(&good).await, heard(), "none of this used it up");
}

/// REL-04: what cannot be used up is not taken.
#[tests::tokio::test(flavor = "multi_thread", crate = "tests::tokio")]
async fn without_redis_an_assertion_is_not_taken() {
    let world = World::new(Topology::PostgresRedis).await;
    let stage = Stage::of(&world).await;
    assert_eq!(stage.shows(&stage.said("1")).await, heard());
    world.redis.lock().unwrap().as_mut().unwrap().stop().unwrap();
    let told = stage.send("/oauth2/introspect", &stage.said("2"), &[("token", "x")]).await;
    assert_eq!(told.refusal(), (503, "temporarily_unavailable".to_owned()), "{}", told.text);
    assert!(told.header("retry-after").parse::<u64>().unwrap() >= 1);
}
