//! Phone numbers that carriers give to somebody else (OTP-13).

use serde_json::{Value, json};
use tests::{Answer, Client, Topology, World};

use crate::notices;

/// Lets everything about the account of a test be as old as half a year and more.
async fn age(world: &World) {
    let past = "interval '181 days'";
    for (table, column) in
        [("users", "created_at"), ("identities", "last_used_at"), ("sessions", "last_seen_at")]
    {
        world.sql(&format!("UPDATE {table} SET {column} = {column} - {past}")).await;
    }
}

async fn come(client: &Client, phone: &str, more: &Value) -> Answer {
    let mut body = json!({"credential": client.code_for(phone, "login").await});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    client.post("/v1/login", &body).await
}

/// The number alone opens a dormant account no more; another way in does, and wakes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_dormant_account_wants_more_than_its_number() {
    let world = World::new(Topology::PostgresRedis).await;
    let node = world.node().await;
    let first = node.client.log_in("13800138000").await;
    assert_eq!(node.client.as_user(&first).link("ada@example.com").await.status, 201);
    age(&world).await;
    let refused = come(&node.client, "13800138000", &json!({})).await;
    assert_eq!(refused.outcome(), (403, "extra_proof_required".to_owned()), "{}", refused.text);
    assert_eq!(refused.body["methods"], json!(["email"]));
    assert_eq!(refused.body["next"], json!(["new_account"]));
    let credential = node.client.code_for("ada@example.com", "login").await;
    let by_mail = node.client.login(&credential).await;
    assert_eq!(by_mail.str("/user/id"), first.str("/user/id"));
    let awake = come(&node.client, "13800138000", &json!({})).await;
    assert_eq!(awake.str("/user/id"), first.str("/user/id"));
}

/// Whoever has the number now takes it into an account of their own; the old owner keeps the rest
/// and is told there.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_taken_into_a_new_account() {
    let world = World::new(Topology::Postgres).await;
    let node = world.node().await;
    let first = node.client.log_in("13800138000").await;
    assert_eq!(node.client.as_user(&first).link("ada@example.com").await.status, 201);
    let early = come(&node.client, "13800138000", &json!({"new_account": true})).await;
    assert_eq!(early.str("/user/id"), first.str("/user/id"), "nothing is taken that is in use");
    age(&world).await;
    let new = come(&node.client, "13800138000", &json!({"new_account": true})).await;
    assert_eq!((new.status, &new.body["is_new_user"]), (200, &json!(true)), "{}", new.text);
    assert_ne!(new.str("/user/id"), first.str("/user/id"));
    let credential = node.client.code_for("ada@example.com", "login").await;
    let old = node.client.login(&credential).await;
    assert_eq!(old.str("/user/id"), first.str("/user/id"));
    assert_eq!(node.client.as_user(&old).identities().await.len(), 1);
    notices(&node.client, "ada@example.com", &["number_taken"]).await;
}

/// A number that is all there is goes on opening its account; and the rule may be off.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_all_there_is_opens_its_account() {
    let world = World::new(Topology::Postgres).await;
    for (node, phone) in [
        (world.node().await, "13800138000"),
        (world.node_with(&[("POLICY__DORMANT_DAYS", "0")]).await, "13800138001"),
    ] {
        let first = node.client.log_in(phone).await;
        if phone.ends_with('1') {
            assert_eq!(node.client.as_user(&first).link("ada@example.com").await.status, 201);
        }
        age(&world).await;
        let again = come(&node.client, phone, &json!({})).await;
        assert_eq!(again.str("/user/id"), first.str("/user/id"), "{}", again.text);
    }
}
