//! PUT /v1/me/password.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, World, on_every_topology};

on_every_topology![
    a_password_set_later_logs_in,
    another_password_needs_the_current_one,
    a_first_password_needs_a_fresh_login,
];

async fn put(user: &Client, body: Value) -> Answer {
    user.json(Method::PUT, "/v1/me/password", &body).await
}

async fn a_password_set_later_logs_in(world: World) {
    let node = world.node().await;
    let first = node.client.log_in("13800138000").await;
    let user = node.client.as_user(&first);
    tokio::time::sleep(std::time::Duration::from_millis(1_050)).await;
    let other = node.client.as_user(&node.client.log_in("13800138000").await);
    let set = put(&user, json!({"new_password": "correct horse battery"})).await;
    assert_eq!(set.status, 200, "{}", set.text);
    assert!(set.body.get("is_new_user").is_none());
    assert_eq!(set.body["user"]["has_password"], true);
    assert_eq!(set.str("/session/id"), first.str("/session/id"));
    assert_eq!(user.me().await.outcome(), (401, "session_invalid".to_owned()));
    assert_eq!(other.me().await.outcome(), (401, "session_invalid".to_owned()));
    assert_eq!(node.client.as_user(&set).me().await.status, 200);
    let by_password = node.client.login_by_password("13800138000", "correct horse battery").await;
    assert_eq!(by_password.str("/user/id"), first.str("/user/id"));
}

async fn another_password_needs_the_current_one(world: World) {
    let node = world.node().await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    let set = put(&user, json!({"new_password": "correct horse battery"})).await;
    let user = node.client.as_user(&set);
    let without = put(&user, json!({"new_password": "another good one"})).await;
    assert_eq!(without.outcome(), (403, "reauth_required".to_owned()));
    let wrong =
        put(&user, json!({"current_password": "wrong", "new_password": "another good one"})).await;
    assert_eq!(wrong.outcome(), (401, "invalid_credentials".to_owned()));
    let short =
        put(&user, json!({"current_password": "correct horse battery", "new_password": "x"})).await;
    assert_eq!(short.outcome(), (422, "password_too_short".to_owned()));
    let right =
        json!({"current_password": "correct horse battery", "new_password": "another good one"});
    assert_eq!(put(&user, right).await.status, 200);
    let old = node.client.login_by_password("13800138000", "correct horse battery").await;
    assert_eq!(old.status, 401);
    let new = node.client.login_by_password("13800138000", "another good one").await;
    assert_eq!(new.status, 200);
}

/// LINK-01.
async fn a_first_password_needs_a_fresh_login(world: World) {
    let node = world.node_with(&[("SESSIONS__FRESH_SECS", "1")]).await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let late = put(&user, json!({"new_password": "correct horse battery"})).await;
    assert_eq!(late.outcome(), (403, "reauth_required".to_owned()));
}
