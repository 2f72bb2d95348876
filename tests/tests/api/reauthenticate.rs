//! POST /v1/reauthenticate, and what it opens.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, World, on_every_topology};

on_every_topology![
    a_code_proves_again_and_moves_the_session,
    a_password_proves_again,
    somebody_elses_credential_is_a_wrong_one,
];

async fn prove(user: &Client, credential: &Value) -> Answer {
    user.post("/v1/reauthenticate", &json!({"credential": credential})).await
}

/// A code of that purpose for a phone.
async fn code(client: &Client, phone: &str) -> Value {
    tokio::time::sleep(std::time::Duration::from_millis(1_050)).await;
    let body = json!({"channel": "sms", "target": phone, "purpose": "reauthenticate"});
    let sent = client.post("/v1/challenges", &body).await;
    assert_eq!(sent.status, 202, "{}", sent.text);
    client.code_of(phone, sent.str("/challenge_id")).await
}

/// RST-06, SES-02: the old token is dead, and the new one may change the password without it.
async fn a_code_proves_again_and_moves_the_session(world: World) {
    let node = world.node().await;
    let login = node.client.log_in("13800138000").await;
    let user = node.client.as_user(&login);
    let first = json!({"new_password": "correct horse"});
    let set = user.json(Method::PUT, "/v1/me/password", &first).await;
    let user = node.client.as_user(&set);
    let new = json!({"new_password": "another good one"});
    let early = user.json(Method::PUT, "/v1/me/password", &new).await;
    assert_eq!(early.outcome(), (403, "reauth_required".to_owned()));
    let proved = prove(&user, &code(&node.client, "13800138000").await).await;
    assert_eq!(proved.status, 200, "{}", proved.text);
    assert_eq!(proved.str("/session/id"), login.str("/session/id"));
    assert_ne!(proved.str("/session/auth_time"), login.str("/session/auth_time"));
    assert!(proved.body.get("is_new_user").is_none());
    assert_eq!(user.me().await.status, 401);
    let user = node.client.as_user(&proved);
    assert_eq!(user.me().await.status, 200);
    let changed = user.json(Method::PUT, "/v1/me/password", &new).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let login = node.client.login_by_password("13800138000", "another good one").await;
    assert_eq!(login.status, 200);
}

async fn a_password_proves_again(world: World) {
    let node = world.node().await;
    let body = json!({"username": "ada", "password": "correct horse battery"});
    let user = node.client.as_user(&node.client.post("/v1/register", &body).await);
    let with =
        |password: &str| json!({"type": "password", "identifier": "ada", "password": password});
    let wrong = prove(&user, &with("wrong")).await;
    assert_eq!(wrong.outcome(), (401, "invalid_credentials".to_owned()));
    assert_eq!(user.me().await.status, 200, "a wrong proof costs nothing but a try");
    let right = prove(&user, &with("correct horse battery")).await;
    assert_eq!(right.status, 200, "{}", right.text);
    assert_eq!(node.client.as_user(&right).me().await.status, 200);
}

async fn somebody_elses_credential_is_a_wrong_one(world: World) {
    let node = world.node().await;
    let body = json!({"username": "ada", "password": "correct horse battery"});
    node.client.post("/v1/register", &body).await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    let hers =
        json!({"type": "password", "identifier": "ada", "password": "correct horse battery"});
    let refused = prove(&user, &hers).await;
    assert_eq!(refused.outcome(), (401, "invalid_credentials".to_owned()));
    for phone in ["13800138001", "13800138002"] {
        let refused = prove(&user, &code(&node.client, phone).await).await;
        assert_eq!(refused.outcome(), (401, "code_invalid".to_owned()));
    }
    let of_login = node.client.code("13800138000").await;
    let refused = prove(&user, &of_login).await;
    assert_eq!(refused.outcome(), (401, "code_invalid".to_owned()), "another purpose");
    assert_eq!(user.me().await.status, 200);
}
