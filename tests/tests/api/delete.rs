//! `DELETE /v1/me`: leaving for good.

use tests::{World, on_every_topology};

use crate::notices;

on_every_topology![
    a_deleted_account_is_gone_and_its_number_free,
    a_grace_keeps_the_number_from_others,
];

/// LINK-12: everything ends, and whoever registers with the number is somebody else.
async fn a_deleted_account_is_gone_and_its_number_free(world: World) {
    let node = world.node().await;
    let first = node.client.log_in("13800138000").await;
    let user = node.client.as_user(&first);
    assert_eq!(user.link("ada@example.com").await.status, 201);
    let credential = node.client.code_for("13800138000", "login").await;
    let other = node.client.as_user(&node.client.login(&credential).await);
    let gone = user.delete("/v1/me").await;
    assert_eq!((gone.status, gone.text.as_str()), (204, ""));
    assert_eq!((user.me().await.status, other.me().await.status), (401, 401));
    assert_eq!(user.delete("/v1/me").await.status, 401);
    let credential = node.client.code_for("13800138000", "login").await;
    let again = node.client.login(&credential).await;
    assert_eq!(again.body["is_new_user"], true);
    assert_ne!(again.str("/user/id"), first.str("/user/id"));
    for target in ["13800138000", "ada@example.com"] {
        notices(&node.client, target, &["account_deleted"]).await;
    }
}

/// LINK-12: until it is over nobody has the number, and nobody comes in.
async fn a_grace_keeps_the_number_from_others(world: World) {
    let node = world.node_with(&[("POLICY__DELETE_GRACE_DAYS", "7")]).await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    assert_eq!(user.delete("/v1/me").await.status, 204);
    assert_eq!(user.me().await.status, 401);
    let credential = node.client.code_for("13800138000", "login").await;
    let refused = node.client.login(&credential).await;
    assert_eq!(refused.outcome(), (403, "account_disabled".to_owned()));
    let other = node.client.as_user(&node.client.log_in("13800138001").await);
    assert_eq!(other.link("13800138000").await.outcome(), (409, "identity_in_use".to_owned()));
}
