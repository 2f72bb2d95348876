//! POST /v1/logout, and how sessions end by themselves.

use std::time::Duration;

use tests::{World, on_every_topology};

on_every_topology![
    a_logout_ends_its_session_alone,
    a_session_lives_by_its_use,
    of_more_than_twenty_sessions_the_longest_unused_go,
    ended_is_ended_after_a_restart,
];

async fn a_logout_ends_its_session_alone(world: World) {
    let node = world.node().await;
    let one = node.client.as_user(&node.client.log_in("13800138000").await);
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    let other = node.client.as_user(&node.client.log_in("13800138000").await);
    let out = one.post_nothing("/v1/logout").await;
    assert_eq!((out.status, out.text.as_str()), (204, ""));
    assert_eq!(one.me().await.status, 401);
    assert_eq!(one.post_nothing("/v1/logout").await.status, 401);
    assert_eq!(other.me().await.status, 200);
}

/// SES-03, with times short enough to watch.
async fn a_session_lives_by_its_use(world: World) {
    let settings = [("SESSIONS__IDLE_SECS", "2"), ("SESSIONS__ABSOLUTE_SECS", "5")];
    let node = world.node_with(&settings).await;
    let begun = std::time::Instant::now();
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    while begun.elapsed() < Duration::from_millis(4_500) {
        assert_eq!(user.me().await.status, 200, "after {:?}", begun.elapsed());
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(user.me().await.status, 401, "the absolute end");
    let unused = node.client.as_user(&node.client.log_in("13800138001").await);
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(unused.me().await.status, 401, "the idle end");
}

/// SES-05.
async fn of_more_than_twenty_sessions_the_longest_unused_go(world: World) {
    let node = world.node().await;
    let body = serde_json::json!({"username": "ada", "password": "correct horse battery"});
    let first = node.client.as_user(&node.client.post("/v1/register", &body).await);
    let mut users = vec![first];
    for _ in 0..20 {
        let answer = node.client.login_by_password("ada", "correct horse battery").await;
        users.push(node.client.as_user(&answer));
    }
    assert_eq!(users[0].me().await.status, 401);
    for user in &users[1..] {
        assert_eq!(user.me().await.status, 200);
    }
}

/// REL-07.
async fn ended_is_ended_after_a_restart(world: World) {
    let mut node = world.node().await;
    let ended = node.client.log_in("13800138000").await.str("/access_token").to_owned();
    let kept = node.client.log_in("13800138001").await.str("/access_token").to_owned();
    assert_eq!(node.client.bearing(&ended).post_nothing("/v1/logout").await.status, 204);
    assert_eq!(node.terminate().await, Some(0));
    let node = world.node().await;
    assert_eq!(node.client.bearing(&ended).me().await.status, 401);
    assert_eq!(node.client.bearing(&kept).me().await.status, 200);
}
