//! What ends codes and tokens: whatever ends their session (OP-04, OP-07, LINK-11, REL-07).

use serde_json::json;
use tests::{Client, World, on_every_topology};

use crate::oauth2::node;

on_every_topology![
    a_reuse_of_a_code_ends_its_tokens,
    a_reuse_of_a_refresh_token_ends_its_family,
    an_end_of_all_sessions_ends_codes_and_tokens,
    a_reset_a_merge_and_a_deletion_end_codes_and_tokens,
    an_unlinked_way_in_takes_its_grants_along,
    used_is_used_after_a_restart,
];

/// OP-04.
async fn a_reuse_of_a_code_ends_its_tokens(world: World) {
    let node = node(&world).await;
    let invalid = (400, "invalid_grant".to_owned());
    let code = node.client.login_for_code("13800138000", "web", "openid").await;
    let session = node.client.as_user(&node.client.exchange(&code).await);
    assert_eq!(session.me().await.status, 200);
    assert_eq!(node.client.exchange(&code).await.refusal(), invalid);
    assert_eq!(session.me().await.status, 401, "at once");
    let code = node.client.login_for_code("13800138000", "partner", "openid").await;
    let tokens = node.client.exchange_as("partner", &code).await;
    // Whoever it is that comes with it.
    assert_eq!(node.client.exchange(&code).await.refusal(), invalid);
    assert_eq!(node.client.userinfo(tokens.str("/access_token")).await.status, 401);
    let refused = node.client.refresh_as("partner", tokens.str("/refresh_token")).await;
    assert_eq!(refused.refusal(), invalid);
}

/// OP-07.
async fn a_reuse_of_a_refresh_token_ends_its_family(world: World) {
    let node = node(&world).await;
    let first = node.client.partner_tokens("13800138000", "openid").await;
    let second = node.client.refresh_as("partner", first.str("/refresh_token")).await;
    assert_eq!(second.status, 200, "{}", second.text);
    tests::tokio::time::sleep(std::time::Duration::from_millis(10_100)).await;
    let invalid = (400, "invalid_grant".to_owned());
    let reused = node.client.refresh_as("partner", first.str("/refresh_token")).await;
    assert_eq!(reused.refusal(), invalid, "after the grace");
    assert_eq!(node.client.userinfo(second.str("/access_token")).await.status, 401);
    let dead = node.client.refresh_as("partner", second.str("/refresh_token")).await;
    assert_eq!(dead.refusal(), invalid);
}

/// An open code, and tokens of a client of ours and of a partner's, of one phone.
struct Held {
    code: String,
    session: Client,
    access: String,
    refresh: String,
}

impl Held {
    async fn of(client: &Client, phone: &str) -> Self {
        let code = client.login_for_code(phone, "web", "openid").await;
        let session = client.as_user(&client.exchange(&code).await);
        let tokens = client.partner_tokens(phone, "openid").await;
        let (access, refresh) = (tokens.str("/access_token"), tokens.str("/refresh_token"));
        let (access, refresh) = (access.to_owned(), refresh.to_owned());
        assert_eq!(session.me().await.status, 200);
        let code = client.login_for_code(phone, "web", "openid").await;
        Self { code, session, access, refresh }
    }

    async fn are_dead(&self, client: &Client) {
        let invalid = (400, "invalid_grant".to_owned());
        assert_eq!(client.exchange(&self.code).await.refusal(), invalid, "the open code");
        assert_eq!(self.session.me().await.status, 401, "the session");
        assert_eq!(client.userinfo(&self.access).await.status, 401, "the access token");
        let refused = client.refresh_as("partner", &self.refresh).await;
        assert_eq!(refused.refusal(), invalid, "the refresh token");
    }
}

/// SES-04, LINK-11.
async fn an_end_of_all_sessions_ends_codes_and_tokens(world: World) {
    let node = node(&world).await;
    let held = Held::of(&node.client, "13800138000").await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    let open = user.authorize(&[]).await.redirected("code");
    assert_eq!(user.delete("/v1/me/sessions?scope=all").await.status, 204);
    held.are_dead(&node.client).await;
    assert_eq!(node.client.exchange(&open).await.refusal(), (400, "invalid_grant".to_owned()));
}

/// LINK-11, RST-05: an open code of a user who was merged away is good for nothing.
async fn a_reset_a_merge_and_a_deletion_end_codes_and_tokens(world: World) {
    let node = node(&world).await;
    let held = Held::of(&node.client, "13800138000").await;
    let credential = node.client.code_for("13800138000", "reset_password").await;
    let body = json!({"credential": credential, "new_password": "correct horse battery"});
    assert_eq!(node.client.post("/v1/password-reset", &body).await.status, 204);
    held.are_dead(&node.client).await;

    let held = Held::of(&node.client, "13800138000").await;
    let other = node.client.as_user(&node.client.log_in("13800138001").await);
    let credential = node.client.code_for("13800138000", "merge").await;
    let merged = other.post("/v1/me/merge", &json!({"credential": credential})).await;
    // Both have a phone, which a service may have one of; here it may have two.
    assert_eq!(merged.status, 200, "{}", merged.text);
    held.are_dead(&node.client).await;

    let held = Held::of(&node.client, "13800138002").await;
    let user = node.client.as_user(&node.client.log_in("13800138002").await);
    assert_eq!(user.delete("/v1/me").await.status, 204);
    held.are_dead(&node.client).await;
}

/// LINK-07: what was born from an identity goes with it, in a client's hands as well.
async fn an_unlinked_way_in_takes_its_grants_along(world: World) {
    let node = node(&world).await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    assert_eq!(user.link("ada@example.com").await.status, 201);
    let held = Held::of(&node.client, "ada@example.com").await;
    let identities = user.identities().await;
    let (_, id) = identities.iter().find(|(it, _)| it.contains('@')).expect("an address");
    assert_eq!(user.delete(&format!("/v1/me/identities/{id}")).await.status, 204);
    held.are_dead(&node.client).await;
    assert_eq!(user.me().await.status, 200);
}

/// REL-07.
async fn used_is_used_after_a_restart(world: World) {
    let first = node(&world).await;
    let code = first.client.login_for_code("13800138000", "partner", "openid").await;
    let tokens = first.client.exchange_as("partner", &code).await;
    let next = first.client.refresh_as("partner", tokens.str("/refresh_token")).await;
    drop(first);
    let second = node(&world).await;
    assert_eq!(second.client.userinfo(next.str("/access_token")).await.status, 200);
    let going_on = second.client.refresh_as("partner", next.str("/refresh_token")).await;
    assert_eq!(going_on.status, 200, "{}", going_on.text);
    let invalid = (400, "invalid_grant".to_owned());
    assert_eq!(second.client.exchange_as("partner", &code).await.refusal(), invalid);
    let access = going_on.str("/access_token");
    assert_eq!(second.client.userinfo(access).await.status, 401, "a reuse is noticed");
}
