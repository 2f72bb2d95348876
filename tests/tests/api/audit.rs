//! The audit log: who did what to which account, in the transaction that did it (LOG-03).

use reqwest::Method;
use serde_json::json;
use tests::tokio_postgres::SimpleQueryMessage;
use tests::{Topology, World};

const PASSWORD: &str = "correct horse battery";

#[tokio::test(flavor = "multi_thread")]
async fn every_change_leaves_one_line() {
    let world = World::new(Topology::PostgresRedis).await;
    let node = world.node().await;
    let first = node.client.log_in("13800138000").await;
    let user = node.client.as_user(&first);
    let put = async |user: &tests::Client, body| {
        let set = user.json(Method::PUT, "/v1/me/password", &body).await;
        assert_eq!(set.status, 200, "{}", set.text);
        node.client.as_user(&set)
    };
    let user = put(&user, json!({"new_password": PASSWORD})).await;
    let new = json!({"current_password": PASSWORD, "new_password": "another good password"});
    let user = put(&user, new).await;
    let linked = user.link("ada@example.com").await;
    let id = linked.str("/identity/id").to_owned();
    let credential = node.client.code_for("bob@example.com", "link").await;
    let body = json!({"credential": credential, "replace": id});
    let replaced = user.post("/v1/me/identities", &body).await;
    assert_eq!(replaced.status, 201, "{}", replaced.text);
    let path = format!("/v1/me/identities/{}", replaced.str("/identity/id"));
    assert_eq!(user.delete(&path).await.status, 204);
    let other = node.client.log_in("13800138001").await;
    let credential = node.client.code_for("13800138001", "merge").await;
    let merged = user.post("/v1/me/merge", &json!({"credential": credential})).await;
    assert_eq!(merged.status, 200, "{}", merged.text);
    let second = node.client.log_in("13800138000").await;
    let ended = format!("/v1/me/sessions/{}", second.str("/session/id"));
    assert_eq!(user.delete(&ended).await.status, 204);
    node.client.log_in("13800138000").await;
    assert_eq!(user.delete("/v1/me/sessions?scope=others").await.status, 204);
    assert_eq!(user.post_nothing("/v1/logout").await.status, 204);
    let code = node.client.code_for("13800138000", "reset_password").await;
    let body = json!({"credential": code, "new_password": PASSWORD});
    assert_eq!(node.client.post("/v1/password-reset", &body).await.status, 204);
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    assert_eq!(user.delete("/v1/me/sessions?scope=all").await.status, 204);
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    assert_eq!(user.delete("/v1/me").await.status, 204);
    let lines = async |id: &str| {
        let query = format!(
            "SELECT action FROM audit_events WHERE user_id = '{id}' AND host(ip) = '127.0.0.1' \
             ORDER BY at, id"
        );
        let rows = world.sql(&query).await;
        let rows = rows.iter().filter_map(|it| match it {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        rows.collect::<Vec<_>>()
    };
    assert_eq!(
        lines(first.str("/user/id")).await,
        [
            "password_set",
            "password_changed",
            "identity_linked",
            "identity_replaced",
            "identity_linked",
            "identity_unlinked",
            "merged",
            "session_ended",
            "others_logged_out",
            "logged_out",
            "password_reset",
            "all_logged_out",
            "deleted",
        ]
    );
    assert_eq!(lines(other.str("/user/id")).await, ["absorbed"]);
}

/// A wrong code is in the history of whom it was sent to, whoever tried it.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_code_is_in_the_history() {
    for topology in [Topology::Sqlite, Topology::PostgresRedis] {
        let world = World::new(topology).await;
        let node = world.node().await;
        let user = node.client.as_user(&node.client.log_in("13800138000").await);
        let mut wrong = node.client.code_for("13800138000", "login").await;
        wrong["code"] = json!(if wrong["code"] == "000000" { "000001" } else { "000000" });
        assert_eq!(node.client.login(&wrong).await.status, 401);
        let told = user.get("/v1/me/logins").await.unwrap();
        let logins = told.body["logins"].as_array().unwrap().clone();
        let outcomes: Vec<_> = logins.iter().map(|it| (&it["method"], &it["outcome"])).collect();
        assert_eq!(
            outcomes,
            [(&json!("sms"), &json!("failure")), (&json!("sms"), &json!("success"))]
        );
    }
}
