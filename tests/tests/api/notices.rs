//! What people are told of their accounts without having asked (LOG-05).

use serde_json::{Value, json};
use tests::{World, on_every_topology};

use crate::notices;

on_every_topology![
    a_new_device_is_told_and_a_known_one_is_not,
    changes_are_told_at_every_address,
    a_notice_has_no_code,
];

const PASSWORD: &str = "correct horse battery";

async fn a_new_device_is_told_and_a_known_one_is_not(world: World) {
    let node = world.node().await;
    let login = async |device: &str| {
        let credential = node.client.code_for("13800138000", "login").await;
        let body = json!({"credential": credential, "device": {"id": device}});
        assert_eq!(node.client.post("/v1/login", &body).await.status, 200);
    };
    let told = async || {
        let kept = node.client.get("/dev/messages?to=13800138000").await.unwrap();
        let messages = kept.body["messages"].as_array().unwrap().clone();
        messages.iter().filter(|it| it["purpose"] == "new_device").count()
    };
    login("a phone").await;
    login("a phone").await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(told().await, 0, "the first device is not a new one");
    login("a tablet").await;
    notices(&node.client, "13800138000", &["new_device"]).await;
    login("a phone").await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(told().await, 1);
}

async fn changes_are_told_at_every_address(world: World) {
    let node = world.node().await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    assert_eq!(user.link("ada@example.com").await.status, 201);
    let put = async |user: &tests::Client, body: &Value| {
        let done = user.json(reqwest::Method::PUT, "/v1/me/password", body).await;
        assert_eq!(done.status, 200, "{}", done.text);
        node.client.as_user(&done)
    };
    let user = put(&user, &json!({"new_password": PASSWORD})).await;
    let body = json!({"current_password": PASSWORD, "new_password": "another good password"});
    put(&user, &body).await;
    for target in ["13800138000", "ada@example.com"] {
        let told = ["identity_linked", "password_set", "password_changed"];
        notices(&node.client, target, &told).await;
    }
}

async fn a_notice_has_no_code(world: World) {
    let node = world.node().await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    assert_eq!(user.link("ada@example.com").await.status, 201);
    notices(&node.client, "ada@example.com", &["identity_linked"]).await;
    let kept = node.client.get("/dev/messages?to=ada@example.com").await.unwrap();
    let messages = kept.body["messages"].as_array().unwrap().clone();
    let notice = messages.iter().find(|it| it["purpose"] == "identity_linked").unwrap();
    assert_eq!((&notice["code"], &notice["challenge_id"]), (&json!(null), &json!(null)));
    assert_eq!((&notice["channel"], &notice["to"]), (&json!("email"), &json!("ada@example.com")));
}
