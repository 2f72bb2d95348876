//! GET and PATCH /v1/me.

use reqwest::Method;
use serde_json::json;
use tests::{World, on_every_topology};

on_every_topology![
    a_profile_is_read_and_changed,
    a_profile_that_cannot_be_is_refused,
    without_a_good_token_there_is_one_answer,
];

async fn a_profile_is_read_and_changed(world: World) {
    let node = world.node().await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    let patch = json!({"nickname": "  Ada 😀 ", "avatar_url": "https://example.com/a.png"});
    let patched = user.json(Method::PATCH, "/v1/me", &patch).await;
    assert_eq!(patched.status, 200, "{}", patched.text);
    assert_eq!(patched.body["user"]["nickname"], "Ada 😀");
    assert_eq!(user.me().await.body["user"], patched.body["user"]);
    let cleared = user.json(Method::PATCH, "/v1/me", &json!({"avatar_url": null})).await;
    assert_eq!(cleared.body["user"]["avatar_url"], json!(null));
    assert_eq!(cleared.body["user"]["nickname"], "Ada 😀");
    assert_eq!(user.me().await.body["user"]["profile_complete"], true);
}

async fn a_profile_that_cannot_be_is_refused(world: World) {
    let node = world.node().await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    let cases = [
        (json!({"nickname": "x".repeat(65)}), "nickname"),
        (json!({"nickname": 7}), "nickname"),
        (json!({"avatar_url": "javascript:alert(1)"}), "avatar_url"),
        (json!({"id": "x"}), "id"),
        (json!({"state": "active"}), "state"),
    ];
    for (patch, field) in cases {
        let refused = user.json(Method::PATCH, "/v1/me", &patch).await;
        assert_eq!(refused.outcome(), (422, "validation_failed".to_owned()), "{patch}");
        assert_eq!(refused.body["errors"][0]["field"], field);
    }
}

/// SES-01.
async fn without_a_good_token_there_is_one_answer(world: World) {
    let node = world.node().await;
    let token = node.client.log_in("13800138000").await.str("/access_token").to_owned();
    let padded = format!("{token}=");
    let cut = token[..42].to_owned();
    let other = "A".repeat(43);
    for bad in [&padded, &cut, &other, &String::new(), &token.to_lowercase()] {
        let refused = node.client.bearing(bad).me().await;
        assert_eq!(refused.outcome(), (401, "session_invalid".to_owned()), "{bad}");
        assert_eq!(refused.header("www-authenticate"), "Bearer");
    }
    assert_eq!(node.client.me().await.outcome(), (401, "session_invalid".to_owned()));
    assert_eq!(node.client.bearing(&token).me().await.status, 200);
}
