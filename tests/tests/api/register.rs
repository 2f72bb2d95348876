//! POST /v1/register.

use serde_json::json;
use tests::{World, on_every_topology};

on_every_topology![
    a_user_name_and_a_password_register,
    a_name_that_looks_taken_is_taken,
    names_and_passwords_are_checked,
    user_names_can_be_switched_off,
];

async fn a_user_name_and_a_password_register(world: World) {
    let node = world.node().await;
    let body = json!({"username": "Ada.Lovelace", "password": "correct horse battery",
        "profile": {"nickname": "Ada"}});
    let new = node.client.post("/v1/register", &body).await;
    assert_eq!(new.status, 201, "{}", new.text);
    assert_eq!(new.body["is_new_user"], true);
    assert_eq!(new.body["user"]["nickname"], "Ada");
    assert_eq!(node.client.as_user(&new).me().await.status, 200);
    let again = node.client.login_by_password("ada.lovelace", "correct horse battery").await;
    assert_eq!(again.str("/user/id"), new.str("/user/id"));
}

/// ID-01.
async fn a_name_that_looks_taken_is_taken(world: World) {
    let node = world.node().await;
    let body = |name: &str| json!({"username": name, "password": "correct horse battery"});
    assert_eq!(node.client.post("/v1/register", &body("paypal_fan")).await.status, 201);
    for name in ["paypal_fan", "PayPal_Fan", "paypa1_fan", "ｐａｙｐａｌ_fan"] {
        let refused = node.client.post("/v1/register", &body(name)).await;
        assert_eq!(refused.outcome(), (409, "username_taken".to_owned()), "{name}");
    }
}

async fn names_and_passwords_are_checked(world: World) {
    let node = world.node().await;
    for name in ["ab", "13800138000", "a@b.example", "+ada", "admin", "a b c", "аda", ""] {
        let body = json!({"username": name, "password": "correct horse battery"});
        let refused = node.client.post("/v1/register", &body).await;
        assert_eq!(refused.outcome(), (422, "username_invalid".to_owned()), "{name}");
        assert_eq!(refused.body["errors"][0]["field"], "username");
    }
    for (password, code) in
        [("ada.lovelace1", "password_context"), ("password1", "password_breached")]
    {
        let body = json!({"username": "ada.lovelace", "password": password});
        let refused = node.client.post("/v1/register", &body).await;
        assert_eq!(refused.outcome(), (422, code.to_owned()), "{password}");
    }
}

async fn user_names_can_be_switched_off(world: World) {
    let node = world.node_with(&[("POLICY__ALLOW_USERNAME", "false")]).await;
    let body = json!({"username": "ada", "password": "correct horse battery"});
    assert_eq!(node.client.post("/v1/register", &body).await.status, 404);
}
