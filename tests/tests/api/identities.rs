//! GET /v1/me/identities.

use serde_json::json;
use tests::{World, on_every_topology};

on_every_topology![ways_in_are_listed_and_masked];

async fn ways_in_are_listed_and_masked(world: World) {
    let node = world.node().await;
    let by_phone = node.client.as_user(&node.client.log_in("13800138000").await);
    let body = json!({"username": "ada", "password": "correct horse battery"});
    let by_name = node.client.as_user(&node.client.post("/v1/register", &body).await);
    let cases = [(by_phone, "phone", "138****8000", true), (by_name, "username", "ada", false)];
    for (user, kind, identifier, is_verified) in cases {
        let answer = user.get("/v1/me/identities").await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text);
        let identities = answer.body["identities"].as_array().unwrap();
        assert_eq!(identities.len(), 1);
        let identity = &identities[0];
        assert_eq!(identity["type"], kind);
        assert_eq!(identity["identifier"], identifier);
        assert_eq!(identity["verified_at"].is_string(), is_verified);
        assert_eq!(identity["last_used_at"], identity["linked_at"]);
        assert_eq!(identity["last_ip"], "127.0.0.1");
        assert_eq!(identity["display_name"], json!(null));
    }
}
