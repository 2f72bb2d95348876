//! `/v1/me/consents`, and the whole way of a program that nobody vouches for (OP-06, OP-10).

use serde_json::{Value, json};
use tests::reqwest::Method;
use tests::tokio_postgres::SimpleQueryMessage;
use tests::{Answer, Client, Topology, World, on_every_topology};

use crate::oauth2::{claims, node};

on_every_topology![
    a_program_comes_in_by_consent_and_goes_with_it,
    a_session_that_a_program_has_ends_with_the_consent,
    no_program_agrees_in_a_persons_name,
    an_answer_is_asked_for_again,
    what_is_wrong_is_told,
    a_phone_comes_first,
];

const CONSENTS: &str = "/v1/me/consents";

async fn agree(user: &Client, client: &str, scope: &str) -> Answer {
    user.json(Method::PUT, &format!("{CONSENTS}/{client}"), &json!({"scope": scope})).await
}

async fn withdraw(user: &Client, client: &str) -> Answer {
    user.delete(&format!("{CONSENTS}/{client}")).await
}

/// The clients and scopes that somebody agreed to, the last first.
async fn held(user: &Client) -> Vec<(String, String)> {
    let answer = user.get(CONSENTS).await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text);
    let text = |it: &Value, name: &str| it[name].as_str().expect("text").to_owned();
    let consents = answer.body["consents"].as_array().expect("consents");
    consents.iter().map(|it| (text(it, "client_id"), text(it, "scope"))).collect()
}

/// What a client that asks for a person's code gets: a code, or an error.
async fn asked(user: &Client, client: &str, scope: &str, prompt: &str) -> Result<String, String> {
    let changes = [("client_id", client), ("scope", scope), ("prompt", prompt)];
    let answer = user.authorize(&changes).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    assert_eq!(answer.redirected("state"), "a b&c=d/ä");
    let error = answer.redirected("error");
    if error.is_empty() { Ok(answer.redirected("code")) } else { Err(error) }
}

fn required(error: &str) -> Result<String, String> {
    Err(format!("{error}_required"))
}

/// OP-06, OP-10: refused, agreed, in, on, and out.
async fn a_program_comes_in_by_consent_and_goes_with_it(world: World) {
    let node = node(&world).await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    let scope = "openid phone";
    assert_eq!(asked(&user, "other", scope, "").await, required("consent"));
    assert_eq!(asked(&user, "other", scope, "none").await, required("consent"));
    let given = agree(&user, "other", "phone openid").await;
    assert_eq!(given.status, 200, "{}", given.text);
    assert_eq!((given.str("/client_id"), given.str("/scope")), ("other", scope));
    assert!(given.str("/granted_at").ends_with('Z'), "{}", given.text);
    assert_eq!(held(&user).await, [("other".to_owned(), scope.to_owned())]);
    let open = asked(&user, "other", scope, "none").await.expect("a code");
    let code = asked(&user, "other", scope, "").await.expect("a code");

    let first = node.client.exchange_as("other", &code).await;
    assert_eq!(first.status, 200, "{}", first.text);
    assert_eq!((&first.body["expires_in"], first.str("/scope")), (&json!(600), scope));
    assert_eq!(claims(first.str("/id_token"))["aud"], "other");
    let look = async |token: &str| {
        node.client.form_as("other", "/oauth2/introspect", &[("token", token)]).await
    };
    let seen = look(first.str("/access_token")).await;
    assert_eq!((seen.str("/client_id"), seen.str("/aud")), ("other", "other"));
    let info = node.client.userinfo(first.str("/access_token")).await;
    assert_eq!((info.status, info.str("/phone_number")), (200, "+8613800138000"));
    let next = node.client.refresh_as("other", first.str("/refresh_token")).await;
    assert_eq!(next.status, 200, "{}", next.text);

    // More than was agreed to, until that is agreed to as well.
    assert_eq!(asked(&user, "other", "openid email", "").await, required("consent"));
    assert_eq!(agree(&user, "other", "email").await.str("/scope"), "openid phone email");
    assert!(asked(&user, "other", "openid email", "").await.is_ok());

    assert_eq!(withdraw(&user, "other").await.status, 204);
    let invalid = (400, "invalid_grant".to_owned());
    let refused = node.client.refresh_as("other", next.str("/refresh_token")).await;
    assert_eq!(refused.refusal(), invalid);
    assert_eq!(node.client.exchange_as("other", &open).await.refusal(), invalid);
    for tokens in [&first, &next] {
        let token = tokens.str("/access_token");
        assert_eq!(node.client.userinfo(token).await.refusal(), (401, "invalid_token".to_owned()));
        assert_eq!(look(token).await.text, r#"{"active":false}"#);
        assert_eq!(look(tokens.str("/refresh_token")).await.text, r#"{"active":false}"#);
    }
    assert_eq!(asked(&user, "other", scope, "").await, required("consent"));
    assert_eq!(held(&user).await, []);
    assert_eq!(withdraw(&user, "other").await.status, 204, "trying again finishes it");
    assert_eq!(user.me().await.status, 200, "the session that asks");
}

/// SES-04: of a client that needs no consent as well, with the copy of its session.
async fn a_session_that_a_program_has_ends_with_the_consent(world: World) {
    let node = node(&world).await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    let code = asked(&user, "web", "openid", "").await.expect("a code, without a consent");
    let session = node.client.as_user(&node.client.exchange(&code).await);
    let partner = node.client.partner_tokens("13800138000", "openid").await;
    assert_eq!(session.me().await.status, 200, "from now on there is a copy");
    assert_eq!(agree(&user, "web", "openid").await.status, 200);
    assert_eq!(withdraw(&user, "web").await.status, 204);
    assert_eq!(session.me().await.status, 401);
    assert_eq!(node.client.userinfo(partner.str("/access_token")).await.status, 200);
    assert_eq!(withdraw(&user, "partner").await.status, 204);
    assert_eq!(node.client.userinfo(partner.str("/access_token")).await.status, 401);
    assert!(asked(&user, "web", "openid", "").await.is_ok(), "it may come again");
    assert_eq!(user.me().await.status, 200);
}

/// OP-06, OP-10: tokens of programs are no sessions, whatever the person agreed to.
async fn no_program_agrees_in_a_persons_name(world: World) {
    let node = node(&world).await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    assert_eq!(agree(&user, "other", "openid").await.status, 200);
    let code = asked(&user, "other", "openid", "").await.expect("a code");
    let other = node.client.exchange_as("other", &code).await;
    let partner = node.client.partner_tokens("13800138000", "openid").await;
    let refused = (401, "session_invalid".to_owned());
    for tokens in [&other, &partner] {
        for token in ["/access_token", "/refresh_token", "/id_token"] {
            let program = node.client.bearing(tokens.str(token));
            assert_eq!(agree(&program, "other", "openid email").await.outcome(), refused);
            assert_eq!(agree(&program, "partner", "openid").await.outcome(), refused);
            assert_eq!(withdraw(&program, "other").await.outcome(), refused);
            assert_eq!(program.get(CONSENTS).await.expect("an answer").outcome(), refused);
            let code = asked(&program, "other", "openid", "").await;
            assert_eq!(code, required("login"), "nor does it bring another code");
        }
    }
    assert_eq!(agree(&node.client, "other", "openid").await.outcome(), refused);
    assert_eq!(held(&user).await, [("other".to_owned(), "openid".to_owned())]);
    let stranger = node.client.as_user(&node.client.log_in("13800138001").await);
    assert_eq!(withdraw(&stranger, "other").await.outcome(), (404, "not_found".to_owned()));
    assert_eq!(node.client.userinfo(other.str("/access_token")).await.status, 200);
}

/// OP-10: `prompt=consent` takes a recent answer, whoever asks; the others come before it.
async fn an_answer_is_asked_for_again(world: World) {
    let node = node(&world).await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    for client in ["web", "partner", "other"] {
        assert_eq!(asked(&user, client, "openid", "consent").await, required("consent"));
        assert_eq!(agree(&user, client, "openid").await.status, 200);
        assert!(asked(&user, client, "openid", "consent").await.is_ok(), "{client}");
        let wider = asked(&user, client, "openid phone", "consent").await;
        assert_eq!(wider, required("consent"), "{client}");
    }
    assert_eq!(asked(&user, "other", "openid", "consent login").await, required("login"));
    let old = [("client_id", "other"), ("scope", "openid"), ("max_age", "0")];
    assert_eq!(user.authorize(&old).await.redirected("error"), "login_required");
    drop(node);
    let (key, clients) = tests::oauth::clients();
    let node = world.node_with(&[(key, &clients), ("SESSIONS__FRESH_SECS", "1")]).await;
    let user = node.client.as_user(&node.client.log_in("13800138001").await);
    assert_eq!(agree(&user, "other", "openid").await.status, 200);
    tests::tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_eq!(asked(&user, "other", "openid", "consent").await, required("consent"));
    assert!(asked(&user, "other", "openid", "").await.is_ok());
}

/// What nobody can agree to is named; what nobody knows is not found.
async fn what_is_wrong_is_told(world: World) {
    let node = node(&world).await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    let path = "/v1/me/consents/other";
    for body in [
        json!({"scope": "openid offline_access"}),
        json!({"scope": "openid  phone"}),
        json!({"scope": 1}),
        json!({"scope": "openid", "user_id": "x"}),
        json!({}),
    ] {
        let refused = user.json(Method::PUT, path, &body).await;
        assert_eq!(refused.outcome(), (422, "validation_failed".to_owned()), "{body}");
    }
    let unknown = (404, "not_found".to_owned());
    for client in ["nobody", "other%20"] {
        assert_eq!(agree(&user, client, "openid").await.outcome(), unknown, "{client}");
        assert_eq!(withdraw(&user, client).await.outcome(), unknown, "{client}");
    }
    assert_eq!(withdraw(&user, "other").await.outcome(), unknown, "there is nothing to take back");
    let posted = user.post(path, &json!({"scope": "openid"})).await;
    assert_eq!((posted.status, posted.header("allow")), (405, "PUT, DELETE"));
    // Without a scope a client still gets to know the person.
    assert_eq!(asked(&user, "other", "", "").await, required("consent"));
    assert_eq!(agree(&user, "other", "").await.str("/scope"), "");
    assert!(asked(&user, "other", "", "").await.is_ok());
}

/// EXT-09: where a phone is wanted, it is wanted first.
async fn a_phone_comes_first(world: World) {
    let (key, clients) = tests::oauth::clients();
    let node = world.node_with(&[(key, &clients), ("POLICY__REQUIRE_PHONE", "true")]).await;
    let user = node.client.as_user(&node.client.log_in("ada@example.com").await);
    let refused = (403, "phone_required".to_owned());
    assert_eq!(agree(&user, "other", "openid").await.outcome(), refused);
    assert_eq!(withdraw(&user, "other").await.outcome(), refused);
    assert_eq!(user.get(CONSENTS).await.expect("an answer").outcome(), refused);
    assert_eq!(asked(&user, "other", "openid", "").await, required("interaction"));
    assert_eq!(user.link("13800138000").await.status, 201);
    assert_eq!(agree(&user, "other", "openid").await.status, 200);
    assert!(asked(&user, "other", "openid", "").await.is_ok());
}

/// LOG-03, LINK-08, LINK-12: a line for each answer, and nothing left of an account that is gone.
#[tokio::test(flavor = "multi_thread")]
async fn the_database_knows_who_agreed_to_whom() {
    let world = World::new(Topology::PostgresRedis).await;
    let node = node(&world).await;
    let first = node.client.log_in("13800138000").await;
    let user = node.client.as_user(&first);
    for client in ["other", "partner"] {
        assert_eq!(agree(&user, client, "openid").await.status, 200);
    }
    assert_eq!(withdraw(&user, "other").await.status, 204);
    let survivor = node.client.as_user(&node.client.log_in("13800138001").await);
    assert_eq!(agree(&survivor, "other", "phone").await.status, 200);
    let credential = node.client.code_for("13800138000", "merge").await;
    let merged = survivor.post("/v1/me/merge", &json!({"credential": credential})).await;
    assert_eq!(merged.status, 200, "{}", merged.text);
    assert_eq!(held(&survivor).await, [("other".to_owned(), "phone".to_owned())]);
    let rows = async |query: &str| {
        let rows = world.sql(query).await;
        let rows = rows.iter().filter_map(|it| match it {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).filter_map(|it| row.get(it)).collect::<Vec<_>>().join(" "))
            }
            _ => None,
        });
        rows.collect::<Vec<_>>()
    };
    let lines = format!(
        "SELECT action, client_id, host(ip) FROM audit_events WHERE user_id = '{}' \
         AND client_id IS NOT NULL ORDER BY at, id",
        first.str("/user/id")
    );
    assert_eq!(
        rows(&lines).await,
        [
            "consent_given other 127.0.0.1",
            "consent_given partner 127.0.0.1",
            "consent_withdrawn other 127.0.0.1",
        ]
    );
    assert_eq!(rows("SELECT client_id FROM oauth_consents").await, ["other"]);
    assert_eq!(survivor.delete("/v1/me").await.status, 204);
    assert_eq!(rows("SELECT client_id FROM oauth_consents").await, [""; 0]);
}
