//! `POST /v1/password-reset`: a new password by a code alone.

use serde_json::{Value, json};
use tests::{Answer, Client, World, on_every_topology};

use crate::notices;

on_every_topology![
    a_reset_sets_the_password_and_ends_all_sessions,
    a_reset_lifts_a_lock,
    a_reset_of_nobody_answers_alike_and_sends_nothing,
    a_change_makes_older_codes_worthless,
    a_bad_password_leaves_the_code_alive,
    of_racing_resets_one_wins,
    resets_are_capped,
];

const OLD: &str = "correct horse battery";
const NEW: &str = "another good password";

async fn registered(client: &Client, phone: &str) -> Client {
    let credential = client.code_for(phone, "login").await;
    let body = json!({"credential": credential, "password": OLD});
    client.as_user(&client.post("/v1/login", &body).await)
}

async fn reset(client: &Client, credential: &Value, password: &str) -> Answer {
    let body = json!({"credential": credential, "new_password": password});
    client.post("/v1/password-reset", &body).await
}

/// RST-04.
async fn a_reset_sets_the_password_and_ends_all_sessions(world: World) {
    let node = world.node().await;
    let user = registered(&node.client, "13800138000").await;
    let other = node
        .client
        .as_user(&node.client.login(&node.client.code_for("13800138000", "login").await).await);
    let code = node.client.code_for("13800138000", "reset_password").await;
    assert_eq!(node.client.login_by_password("13800138000", OLD).await.status, 200);
    let done = reset(&node.client, &code, NEW).await;
    assert_eq!((done.status, done.text.as_str()), (204, ""));
    assert_eq!((user.me().await.status, other.me().await.status), (401, 401));
    assert_eq!(node.client.login_by_password("13800138000", OLD).await.status, 401);
    assert_eq!(node.client.login_by_password("13800138000", NEW).await.status, 200);
    let again = reset(&node.client, &code, OLD).await;
    assert_eq!(again.outcome(), (401, "code_invalid".to_owned()));
    notices(&node.client, "13800138000", &["password_reset"]).await;
}

/// LOCK-02, RST: a lock ends with the reset.
async fn a_reset_lifts_a_lock(world: World) {
    let node = world.node_with(&[("LOCKOUT__THRESHOLD", "2")]).await;
    registered(&node.client, "13800138000").await;
    for status in [401, 401, 429] {
        let told = node.client.login_by_password("13800138000", "wrong").await;
        assert_eq!(told.status, status);
    }
    let code = node.client.code_for("13800138000", "reset_password").await;
    assert_eq!(reset(&node.client, &code, NEW).await.status, 204);
    assert_eq!(node.client.login_by_password("13800138000", NEW).await.status, 200);
}

/// RST-01: the answer tells nothing.
async fn a_reset_of_nobody_answers_alike_and_sends_nothing(world: World) {
    let node = world.node().await;
    registered(&node.client, "13800138000").await;
    tokio::time::sleep(std::time::Duration::from_millis(1_050)).await;
    let ask = async |phone: &str| {
        let body = json!({"channel": "sms", "target": phone, "purpose": "reset_password"});
        node.client.post("/v1/challenges", &body).await
    };
    let (known, unknown) = (ask("13800138000").await, ask("13800138001").await);
    assert_eq!((known.status, unknown.status), (202, 202));
    assert_eq!(known.text.len(), unknown.text.len());
    let sent = node.client.get("/dev/messages?to=13800138001").await.unwrap();
    assert_eq!(sent.body["messages"], json!([]));
    let guess = json!({
        "type": "code", "challenge_id": unknown.str("/challenge_id"), "code": "000000",
    });
    let refused = reset(&node.client, &guess, NEW).await;
    assert_eq!(refused.outcome(), (401, "code_invalid".to_owned()));
    let password = json!({"type": "password", "identifier": "13800138000", "password": OLD});
    let refused = reset(&node.client, &password, NEW).await;
    assert_eq!(refused.outcome(), (422, "validation_failed".to_owned()));
}

/// RST-05: a reset code made before the last change of password, phone or e-mail is a wrong one.
async fn a_change_makes_older_codes_worthless(world: World) {
    let node = world.node().await;
    let user = registered(&node.client, "13800138000").await;
    let code = node.client.code_for("13800138000", "reset_password").await;
    assert_eq!(user.link("ada@example.com").await.status, 201);
    let refused = reset(&node.client, &code, NEW).await;
    assert_eq!(refused.outcome(), (401, "code_invalid".to_owned()));
    let code = node.client.code_for("ada@example.com", "reset_password").await;
    let body = json!({"current_password": OLD, "new_password": NEW});
    let changed = user.json(reqwest::Method::PUT, "/v1/me/password", &body).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let refused = reset(&node.client, &code, "a third good password").await;
    assert_eq!(refused.outcome(), (401, "code_invalid".to_owned()));
    let code = node.client.code_for("ada@example.com", "reset_password").await;
    assert_eq!(reset(&node.client, &code, "a third good password").await.status, 204);
}

async fn a_bad_password_leaves_the_code_alive(world: World) {
    let node = world.node().await;
    registered(&node.client, "13800138000").await;
    let user = node.client.login_by_password("13800138000", OLD).await;
    let user = node.client.as_user(&user);
    assert_eq!(user.link("hildegard@example.com").await.status, 201);
    let code = node.client.code_for("13800138000", "reset_password").await;
    for (bad, why) in [
        ("short", "password_too_short"),
        ("13800138000", "password_context"),
        ("hildegard-99", "password_context"),
    ] {
        let refused = reset(&node.client, &code, bad).await;
        assert_eq!(refused.outcome(), (422, why.to_owned()));
        assert_eq!(refused.str("/errors/0/field"), "new_password");
    }
    assert_eq!(reset(&node.client, &code, NEW).await.status, 204);
}

/// RST-02: fifty finishes of one code, one wins.
async fn of_racing_resets_one_wins(world: World) {
    let node = world.node().await;
    registered(&node.client, "13800138000").await;
    let code = node.client.code_for("13800138000", "reset_password").await;
    let racing: Vec<_> = (0..50)
        .map(|number| {
            let (client, code) = (node.client.clone(), code.clone());
            tokio::spawn(async move {
                reset(&client, &code, &format!("good password {number:02}")).await.status
            })
        })
        .collect();
    let mut statuses = Vec::new();
    for racer in racing {
        statuses.push(racer.await.unwrap());
    }
    assert_eq!(statuses.iter().filter(|it| **it == 204).count(), 1, "{statuses:?}");
    // Who cannot be served now is told so, and has used nothing up.
    assert!(statuses.iter().all(|it| [204, 401, 503].contains(it)), "{statuses:?}");
}

/// RST-01: three an hour, known or not.
async fn resets_are_capped(world: World) {
    let node = world.node_with(&[("LIMITS__RESET_PER_TARGET_HOUR", "1")]).await;
    registered(&node.client, "13800138000").await;
    for phone in ["13800138000", "13800138001"] {
        tokio::time::sleep(std::time::Duration::from_millis(1_050)).await;
        let body = json!({"channel": "sms", "target": phone, "purpose": "reset_password"});
        assert_eq!(node.client.post("/v1/challenges", &body).await.status, 202);
        let refused = node.client.post("/v1/challenges", &body).await;
        assert_eq!(refused.outcome(), (429, "rate_limited".to_owned()));
        let wait: u64 = refused.header("retry-after").parse().unwrap();
        assert!(wait > 3_000, "{wait}");
    }
}
