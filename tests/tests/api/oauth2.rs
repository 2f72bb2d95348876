//! `/oauth2/token` and what its tokens open: the whole way of each kind of client.

use serde_json::json;
use tests::oauth::{CHALLENGE, ORIGIN, SECRET, VERIFIER, clients, exchange, login_body};
use tests::reqwest::Method;
use tests::{Node, World, on_every_topology};

on_every_topology![
    our_client_gets_the_sliding_session,
    a_trusted_client_gets_short_tokens_that_rotate,
    what_is_wrong_with_an_exchange_is_told_and_costs_no_code,
    a_login_is_checked_before_its_credential,
    tokens_are_revoked_by_whom_they_belong_to,
    a_client_looks_at_its_own_tokens_alone,
    the_keys_take_turns,
];

pub(crate) async fn node(world: &World) -> Node {
    let (key, clients) = clients();
    world.node_with(&[(key, &clients)]).await
}

/// The claims of a token, whose signature the real clients check.
pub(crate) fn claims(token: &str) -> serde_json::Value {
    let body = token.split('.').nth(1).expect("three parts");
    let script = "import base64, sys; t = sys.argv[1]; \
                  sys.stdout.buffer.write(base64.urlsafe_b64decode(t + '=' * (-len(t) % 4)))";
    let run = std::process::Command::new(tests::python()).args(["-c", script, body]).output();
    serde_json::from_slice(&run.expect("a Python").stdout).expect("JSON")
}

/// OP-06, EXT-09: the access token is the session, at home and at the user's claims.
async fn our_client_gets_the_sliding_session(world: World) {
    let node = node(&world).await;
    let code = node.client.login_for_code("13800138000", "web", "openid profile phone").await;
    let tokens = node.client.exchange(&code).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text);
    assert_eq!(tokens.body["token_type"], "Bearer");
    assert_eq!(tokens.body["expires_in"], 604_800);
    assert_eq!(tokens.body["scope"], "openid profile phone");
    assert!(tokens.body.get("refresh_token").is_none());
    assert_eq!(tokens.header("cache-control"), "no-store");
    let me = node.client.as_user(&tokens).me().await;
    assert_eq!(me.status, 200, "{}", me.text);
    let info = node.client.userinfo(tokens.str("/access_token")).await;
    assert_eq!(info.status, 200, "{}", info.text);
    let (sub, issuer) = (me.str("/user/id"), format!("http://{}", node.address));
    assert_eq!(
        info.body,
        json!({"sub": sub, "phone_number": "+8613800138000", "phone_number_verified": true})
    );
    let claims = claims(tokens.str("/id_token"));
    assert_eq!(claims["iss"], issuer);
    assert_eq!((claims["sub"].as_str(), claims["aud"].as_str()), (Some(sub), Some("web")));
    assert_eq!((&claims["nonce"], &claims["amr"]), (&json!("n-0S6_WzA2Mj"), &json!(["sms"])));
    // A session of a login shows everything that is the person's own.
    let plain = node.client.log_in("13800138000").await;
    let info = node.client.userinfo(plain.str("/access_token")).await;
    assert_eq!((info.status, info.str("/sub")), (200, sub));
}

/// OP-06, OP-07: short, rotated, never a session, never wider.
async fn a_trusted_client_gets_short_tokens_that_rotate(world: World) {
    let node = node(&world).await;
    let tokens = node.client.partner_tokens("13800138000", "openid email").await;
    assert_eq!(tokens.body["expires_in"], 600);
    let (access, refresh) = (tokens.str("/access_token"), tokens.str("/refresh_token"));
    assert_eq!(node.client.userinfo(access).await.status, 200);
    // Not interchangeable.
    let me = node.client.bearing(access).me().await;
    assert_eq!(me.outcome(), (401, "session_invalid".to_owned()));
    for other in [refresh, tokens.str("/id_token")] {
        let refused = node.client.userinfo(other).await;
        assert_eq!(refused.refusal(), (401, "invalid_token".to_owned()));
        assert!(refused.header("www-authenticate").contains("error=\"invalid_token\""));
        assert_eq!(node.client.bearing(other).me().await.status, 401);
    }
    let invalid = (400, "invalid_grant".to_owned());
    assert_eq!(node.client.refresh_as("partner", access).await.refusal(), invalid);
    assert_eq!(node.client.refresh_as("backend", refresh).await.refusal(), invalid);
    let wider = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh),
        ("scope", "openid email phone"),
    ];
    let refused = node.client.form_as("partner", "/oauth2/token", &wider).await;
    assert_eq!(refused.refusal(), (400, "invalid_scope".to_owned()));
    let next = node.client.refresh_as("partner", refresh).await;
    assert_eq!(next.status, 200, "{}", next.text);
    assert!(claims(next.str("/id_token")).get("nonce").is_none());
    assert_ne!(next.str("/refresh_token"), refresh);
    let again = node.client.refresh_as("partner", refresh).await;
    assert_eq!(again.str("/refresh_token"), next.str("/refresh_token"), "within the grace");
    assert_eq!(node.client.userinfo(next.str("/access_token")).await.status, 200);
}

/// OP-02 to OP-05: each mistake by its name; the code is for whoever makes none.
async fn what_is_wrong_with_an_exchange_is_told_and_costs_no_code(world: World) {
    let node = node(&world).await;
    let code = node.client.login_for_code("13800138000", "partner", "openid").await;
    let right = exchange(&code).to_vec();
    let with = |name: &'static str, value: Option<&'static str>| {
        let mut members = right.clone();
        members.retain(|(it, _)| *it != name);
        members.extend(value.map(|it| (name, it)));
        members
    };
    let send = async |members: &[(&str, &str)]| {
        node.client.form_as("partner", "/oauth2/token", members).await.refusal()
    };
    let told = |status, error: &str| (status, error.to_owned());
    let other = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl";
    for (members, error) in [
        (with("grant_type", None), "invalid_request"),
        (with("grant_type", Some("password")), "unsupported_grant_type"),
        (with("grant_type", Some("client_credentials")), "unsupported_grant_type"),
        (with("code", None), "invalid_request"),
        (with("code", Some("nothing")), "invalid_grant"),
        (with("redirect_uri", None), "invalid_request"),
        (with("redirect_uri", Some("https://app.example.com/cb/")), "invalid_grant"),
        (with("code_verifier", None), "invalid_grant"),
        (with("code_verifier", Some(other)), "invalid_grant"),
        (with("code_verifier", Some(CHALLENGE)), "invalid_grant"),
        (with("client_secret", Some(SECRET)), "invalid_request"),
        (with("client_id", Some("web")), "invalid_request"),
    ] {
        assert_eq!(send(&members).await, told(400, error), "{members:?}");
    }
    let twice = [right.clone(), vec![("code_verifier", VERIFIER)]].concat();
    assert_eq!(send(&twice).await, told(400, "invalid_request"));
    // Another client's code is nobody's.
    let foreign = node.client.exchange_as("backend", &code).await;
    assert_eq!(foreign.refusal(), told(400, "invalid_grant"));
    // Whoever has a secret has to show it, and whoever has none cannot.
    let path = "/oauth2/token";
    for (client, secret) in
        [("partner", Some("wrong")), ("partner", None), ("web", Some(SECRET)), ("nobody", None)]
    {
        let mut members = with("client_id", None);
        members.push(("client_id", client));
        members.extend(secret.map(|it| ("client_secret", it)));
        let refused = node.client.form(path, &members).await;
        assert_eq!(refused.refusal(), told(401, "invalid_client"), "{client}");
        assert!(refused.header("www-authenticate").starts_with("Basic "));
        let basic = node.client.with_basic(client, secret.unwrap_or("x"));
        let refused = basic.form(path, &right).await;
        assert_eq!(refused.refusal(), told(401, "invalid_client"), "{client}");
    }
    let refused = node.client.form(path, &right).await;
    assert_eq!(refused.refusal(), told(401, "invalid_client"));
    let by_post = [right.clone(), vec![("client_id", "partner"), ("client_secret", SECRET)]];
    let done = node.client.form(path, &by_post.concat()).await;
    assert_eq!(done.status, 200, "{}", done.text);
}

/// EXT-09: a mistake in the response is told before the credential is used up.
async fn a_login_is_checked_before_its_credential(world: World) {
    let node = node(&world).await;
    let credential = node.client.code_for("13800138000", "login").await;
    let right = login_body(&credential, "web", "openid");
    let send = async |pointer: &str, value: serde_json::Value| {
        let mut body = right.clone();
        *body.pointer_mut(pointer).expect("a member") = value;
        node.client.post("/v1/login", &body).await.outcome()
    };
    let told = |status, code: &str| (status, code.to_owned());
    for (pointer, value, status, code) in [
        ("/response/client_id", json!("nobody"), 403, "client_not_allowed"),
        ("/response/client_id", json!("other"), 403, "client_not_allowed"),
        ("/response/redirect_uri", json!("https://x.example/"), 400, "redirect_not_allowed"),
        ("/response/redirect_uri", json!("http://127.0.0.1:1/x"), 400, "redirect_not_allowed"),
        ("/response/code_challenge_method", json!("plain"), 422, "validation_failed"),
        ("/response/code_challenge", json!("x"), 422, "validation_failed"),
        ("/response/code_challenge", json!(null), 422, "validation_failed"),
        ("/response/type", json!("token"), 422, "validation_failed"),
        ("/response/scope", json!("a  b"), 422, "validation_failed"),
        ("/response/nonce", json!("a\nb"), 422, "validation_failed"),
    ] {
        assert_eq!(send(pointer, value.clone()).await, told(status, code), "{pointer} {value}");
    }
    // A native app takes the port that it gets (RFC 8252).
    let mut native = right.clone();
    native["response"]["redirect_uri"] = json!("http://127.0.0.1:53124/cb");
    let answer = node.client.post("/v1/login", &native).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.body.get("access_token").is_none() && answer.body.get("user").is_none());
    let mut members = exchange(answer.str("/code")).to_vec();
    members.push(("client_id", "web"));
    members[2].1 = "http://127.0.0.1:53124/cb";
    assert_eq!(node.client.form("/oauth2/token", &members).await.status, 200);
}

/// OP-08: a client ends what is its own, and whatever came of it.
async fn tokens_are_revoked_by_whom_they_belong_to(world: World) {
    let node = node(&world).await;
    let tokens = node.client.partner_tokens("13800138000", "openid").await;
    let (access, refresh) = (tokens.str("/access_token"), tokens.str("/refresh_token"));
    let revoke = async |client: &str, token: &str| {
        let answer = node.client.form_as(client, "/oauth2/revoke", &[("token", token)]).await;
        (answer.status, answer.text)
    };
    let done = (200, String::new());
    assert_eq!(revoke("backend", refresh).await, done, "it is not theirs");
    assert_eq!(revoke("partner", "unknown").await, done);
    assert_eq!(node.client.userinfo(access).await.status, 200);
    let next = node.client.refresh_as("partner", refresh).await;
    assert_eq!(revoke("partner", access).await, done);
    assert_eq!(node.client.userinfo(access).await.status, 401);
    assert_eq!(node.client.userinfo(next.str("/access_token")).await.status, 200);
    assert_eq!(revoke("partner", next.str("/refresh_token")).await, done);
    assert_eq!(node.client.userinfo(next.str("/access_token")).await.status, 401);
    let dead = node.client.refresh_as("partner", next.str("/refresh_token")).await;
    assert_eq!(dead.refusal(), (400, "invalid_grant".to_owned()));
    // A client of ours ends its session.
    let code = node.client.login_for_code("13800138000", "web", "openid").await;
    let session = node.client.exchange(&code).await;
    let token = session.str("/access_token");
    assert_eq!(node.client.as_user(&session).me().await.status, 200);
    let members = [("token", token), ("client_id", "web")];
    assert_eq!(node.client.form("/oauth2/revoke", &members).await.status, 200);
    assert_eq!(node.client.as_user(&session).me().await.status, 401);
    // A login's own session is no client's.
    let own = node.client.log_in("13800138000").await;
    let members = [("token", own.str("/access_token")), ("client_id", "web")];
    assert_eq!(node.client.form("/oauth2/revoke", &members).await.status, 200);
    assert_eq!(node.client.as_user(&own).me().await.status, 200);
    let refused = node.client.form("/oauth2/revoke", &[("token", token)]).await;
    assert_eq!(refused.refusal(), (401, "invalid_client".to_owned()));
}

/// OP-08: everything that is not active for this caller is one answer.
async fn a_client_looks_at_its_own_tokens_alone(world: World) {
    let node = node(&world).await;
    let tokens = node.client.partner_tokens("13800138000", "openid email").await;
    let (access, refresh) = (tokens.str("/access_token"), tokens.str("/refresh_token"));
    let look = async |client: &str, token: &str| {
        let answer = node.client.form_as(client, "/oauth2/introspect", &[("token", token)]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer
    };
    let seen = look("partner", access).await;
    let sub = node.client.userinfo(access).await.str("/sub").to_owned();
    assert_eq!((seen.body["active"].as_bool(), seen.str("/sub")), (Some(true), sub.as_str()));
    assert_eq!(seen.str("/client_id"), "partner");
    assert_eq!((seen.str("/scope"), seen.str("/token_type")), ("openid email", "Bearer"));
    assert!(seen.body["exp"].is_i64());
    let seen = look("partner", refresh).await;
    assert_eq!((seen.body["active"].as_bool(), seen.body.get("token_type")), (Some(true), None));
    node.client.refresh_as("partner", refresh).await;
    let own = node.client.log_in("13800138001").await;
    for (client, token) in [
        ("backend", access),
        ("partner", refresh),
        ("partner", "unknown"),
        ("partner", own.str("/access_token")),
        ("partner", tokens.str("/id_token")),
    ] {
        assert_eq!(look(client, token).await.text, r#"{"active":false}"#, "{client}");
    }
    let public = [("token", access), ("client_id", "web")];
    let refused = node.client.form("/oauth2/introspect", &public).await;
    assert_eq!(refused.refusal(), (401, "invalid_client".to_owned()));
}

/// OP-09: the next key is told before it signs, and what the former one signed can be checked.
async fn the_keys_take_turns(world: World) {
    let node = node(&world).await;
    let told = async || {
        let jwks = node.client.get("/oauth2/jwks").await.expect("an answer");
        assert_eq!(jwks.status, 200, "{}", jwks.text);
        jwks.body["keys"].as_array().cloned().expect("keys")
    };
    let first = told().await;
    assert_eq!(first.len(), 1);
    let members: Vec<_> = first[0].as_object().expect("a key").keys().cloned().collect();
    assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"], "nothing private");
    assert_eq!(first[0]["n"].as_str().map(str::len), Some(512), "3072 bits");
    let signed_by = async || {
        let code = node.client.login_for_code("13800138000", "web", "openid").await;
        let tokens = node.client.exchange(&code).await;
        let head = format!("x.{}", tokens.str("/id_token"));
        claims(&head)["kid"].as_str().expect("a kid").to_owned()
    };
    assert_eq!(signed_by().await, first[0]["kid"]);
    assert!(world.run(&["keys", "rotate"]).starts_with("made "));
    let both = told().await;
    assert_eq!((both.len(), &both[0]), (2, &first[0]));
    assert_eq!(signed_by().await, first[0]["kid"], "the next one signs tomorrow");
    assert!(world.run(&["keys", "rotate", "--now"]).starts_with("made "));
    let all = told().await;
    assert_eq!((all.len(), &all[0]), (3, &first[0]));
    assert_eq!(signed_by().await, all[2]["kid"]);
    assert_eq!(world.run(&["keys", "list"]).lines().count(), 3);
}

/// OP-13, EDGE-09: exact origins of public clients, and nobody else's.
#[tests::tokio::test(flavor = "multi_thread", crate = "tests::tokio")]
async fn browsers_of_registered_origins_may_call() {
    let world = World::new(tests::Topology::Sqlite).await;
    let node = node(&world).await;
    let allowed = "access-control-allow-origin";
    let form = "application/x-www-form-urlencoded";
    let post = async |path: &str, origin: &str, body: &'static str| {
        let request = node.client.request(Method::POST, path).header("origin", origin);
        let request = request.header("content-type", form).body(body);
        let answer = node.client.send(request).await.expect("an answer");
        assert!(answer.header("vary").contains("Origin"), "{:?}", answer.headers);
        answer.header(allowed).to_owned()
    };
    let web = "client_id=web&grant_type=x&token=x";
    for path in ["/oauth2/token", "/oauth2/revoke"] {
        assert_eq!(post(path, ORIGIN, web).await, ORIGIN, "{path}");
        for other in ["https://app.example.com.evil.example", "null", "https://evil.example"] {
            assert_eq!(post(path, other, web).await, "", "{path} {other}");
        }
        let spa = "client_id=spa&grant_type=x&token=x";
        assert_eq!(post(path, ORIGIN, spa).await, "", "another client's origin");
    }
    for path in ["/oauth2/userinfo", "/oauth2/jwks", "/.well-known/openid-configuration"] {
        for (origin, expected) in [(ORIGIN, ORIGIN), ("https://evil.example", "")] {
            let request = node.client.request(Method::GET, path).header("origin", origin);
            let answer = node.client.send(request).await.expect("an answer");
            assert_eq!(answer.header(allowed), expected, "{path}");
        }
    }
    for (origin, path, status) in [
        (ORIGIN, "/oauth2/token", 204),
        ("https://evil.example", "/oauth2/token", 405),
        (ORIGIN, "/oauth2/authorize", 405),
        (ORIGIN, "/oauth2/introspect", 405),
        (ORIGIN, "/v1/login", 405),
    ] {
        let request = node.client.request(Method::OPTIONS, path).header("origin", origin);
        let request = request.header("access-control-request-method", "POST");
        let answer = node.client.send(request).await.expect("an answer");
        assert_eq!(answer.status, status, "{origin} {path}");
        let expected = if status == 204 { ORIGIN } else { "" };
        assert_eq!(answer.header(allowed), expected, "{origin} {path}");
    }
}

/// EDGE-03: errors of this surface are those of the standards, whoever refuses.
#[tests::tokio::test(flavor = "multi_thread", crate = "tests::tokio")]
async fn the_two_surfaces_are_never_mixed() {
    let world = World::new(tests::Topology::Sqlite).await;
    let node = node(&world).await;
    let send = async |method: Method, path: &str, kind: &str, body: String| {
        let request = node.client.request(method, path).header("content-type", kind).body(body);
        let answer = node.client.send(request).await.expect("an answer");
        assert_eq!(answer.header("content-type"), "application/json", "{}", answer.text);
        assert!(answer.body["error_description"].is_string());
        assert!(answer.body.get("code").is_none());
        (answer.refusal(), answer.header("allow").to_owned())
    };
    let form = "application/x-www-form-urlencoded";
    let invalid = |status, allow: &str| ((status, "invalid_request".to_owned()), allow.to_owned());
    let path = "/oauth2/token";
    assert_eq!(send(Method::GET, "/oauth2/nothing", form, String::new()).await, invalid(404, ""));
    let lost = send(Method::GET, "/.well-known/nothing", form, String::new()).await;
    assert_eq!(lost, invalid(404, ""));
    assert_eq!(send(Method::GET, path, form, String::new()).await, invalid(405, "POST"));
    let json = send(Method::POST, path, "application/json", "{}".to_owned()).await;
    assert_eq!(json, invalid(415, ""));
    let large = format!("client_id=web&x={}", "x".repeat(17_000));
    assert_eq!(send(Method::POST, path, form, large).await, invalid(413, ""));
    for bad in ["a=%zz", "a=%00", "a=%ff"] {
        assert_eq!(send(Method::POST, path, form, bad.to_owned()).await, invalid(400, ""), "{bad}");
    }
    let in_query = "/oauth2/token?client_secret=x";
    assert_eq!(send(Method::POST, in_query, form, String::new()).await, invalid(400, ""));
    let problem = node.client.get("/v1/nothing").await.expect("an answer");
    assert_eq!(problem.header("content-type"), "application/problem+json");
    let bare = node.client.get("/oauth2/userinfo").await.expect("an answer");
    assert_eq!((bare.status, bare.header("www-authenticate")), (401, "Bearer realm=\"latchkey\""));
}

/// OP-09, EDGE-07: our name is the configured one, whatever the request says.
#[tests::tokio::test(flavor = "multi_thread", crate = "tests::tokio")]
async fn discovery_tells_the_configured_name() {
    let world = World::new(tests::Topology::Sqlite).await;
    let (key, clients) = clients();
    let name = ("SERVER__PUBLIC_URL", "https://id.example.com/auth");
    let node = world.node_with(&[(key, &clients), name]).await;
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        let request = node.client.request(Method::GET, path).header("host", "evil.example");
        let request = request.header("x-forwarded-host", "evil.example");
        let told = node.client.send(request).await.expect("an answer");
        assert_eq!(told.str("/issuer"), "https://id.example.com/auth");
        assert_eq!(told.str("/token_endpoint"), "https://id.example.com/auth/oauth2/token");
        assert_eq!(told.body["response_types_supported"], json!(["code"]));
        assert_eq!(told.body["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(told.body["authorization_response_iss_parameter_supported"], true);
    }
}

/// OP-05: whoever fails again and again waits, and others do not.
#[tests::tokio::test(flavor = "multi_thread", crate = "tests::tokio")]
async fn clients_that_fail_again_and_again_wait() {
    let world = World::new(tests::Topology::Sqlite).await;
    let node = node(&world).await;
    let wrong = node.client.with_basic("partner", "wrong");
    let members = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    for _ in 0..30 {
        assert_eq!(wrong.form("/oauth2/token", &members).await.status, 401);
    }
    let throttled = wrong.form("/oauth2/token", &members).await;
    assert_eq!(throttled.refusal(), (429, "temporarily_unavailable".to_owned()));
    assert!(throttled.header("retry-after").parse::<u64>().is_ok_and(|it| it > 0));
    let right = node.client.refresh_as("partner", "x").await;
    assert_eq!(right.refusal(), (400, "invalid_grant".to_owned()));
}
