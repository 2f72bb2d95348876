//! Two nodes on one PostgreSQL and one Redis are one service.

use std::time::Duration;

use serde_json::json;
use tests::{Topology, World};

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_begins_the_other_knows() {
    let world = World::new(Topology::PostgresRedis).await;
    let (a, b) = (world.node().await, world.node().await);
    // Asked for at A, answered at B.
    let credential = a.client.code("13800138000").await;
    let login = b.client.login(&credential).await;
    assert_eq!(login.status, 200, "{}", login.text);
    assert_eq!(a.client.login(&credential).await.status, 401, "used is used everywhere");
    let (at_a, at_b) = (a.client.as_user(&login), b.client.as_user(&login));
    assert_eq!(at_a.me().await.status, 200);
    // A change at B is seen at A.
    let patch = json!({"nickname": "Ada"});
    at_b.json(reqwest::Method::PATCH, "/v1/me", &patch).await;
    assert_eq!(at_a.me().await.body["user"]["nickname"], "Ada");
    // A logout at B ends it at A, at once.
    assert_eq!(at_b.post_nothing("/v1/logout").await.status, 204);
    assert_eq!(at_a.me().await.status, 401);
}

/// SES-04: no interleaving of checks keeps an ended session alive for a second.
#[tokio::test(flavor = "multi_thread")]
async fn a_logout_beside_a_storm_of_checks_holds_on_both_nodes() {
    let world = World::new(Topology::PostgresRedis).await;
    let (a, b) = (world.node().await, world.node().await);
    for round in 0..10 {
        let login = a.client.log_in(&format!("1380013800{round}")).await;
        let (at_a, at_b) = (a.client.as_user(&login), b.client.as_user(&login));
        let storm: Vec<_> = (0..16)
            .map(|number| {
                let user = if number % 2 == 0 { at_a.clone() } else { at_b.clone() };
                tokio::spawn(async move {
                    for _ in 0..20 {
                        user.me().await;
                    }
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(at_b.post_nothing("/v1/logout").await.status, 204);
        for checks in storm {
            checks.await.unwrap();
        }
        assert_eq!(at_a.me().await.status, 401, "round {round}");
        assert_eq!(at_b.me().await.status, 401, "round {round}");
    }
}

/// OTP-07: caps are exact over nodes.
#[tokio::test(flavor = "multi_thread")]
async fn a_cap_is_one_over_all_nodes() {
    let world = World::new(Topology::PostgresRedis).await;
    let settings = [("CODES__PER_IP_HOUR", "10")];
    let (a, b) = (world.node_with(&settings).await, world.node_with(&settings).await);
    let running: Vec<_> = (0..40)
        .map(|number| {
            let client = if number % 2 == 0 { a.client.clone() } else { b.client.clone() };
            let phone = format!("138{number:04}8000");
            tokio::spawn(async move { client.ask(&phone).await.status })
        })
        .collect();
    let mut sent = 0;
    for status in running {
        sent += usize::from(status.await.unwrap() == 202);
    }
    assert_eq!(sent, 10);
}
