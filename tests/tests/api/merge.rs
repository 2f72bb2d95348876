//! `POST /v1/me/merge`: one account out of two.

use serde_json::{Value, json};
use tests::{Answer, Client, World, on_every_topology};

use crate::notices;

on_every_topology![
    two_accounts_become_one,
    a_plan_is_shown_and_changes_nothing,
    what_cannot_be_merged_is_refused,
    the_other_profile_may_stay,
    of_opposite_merges_one_is_done,
    of_two_merges_of_one_account_one_is_done,
];

async fn merge(user: &Client, other: &str) -> Answer {
    let credential = user.code_for(other, "merge").await;
    user.post("/v1/me/merge", &json!({"credential": credential})).await
}

/// LINK-08: all ways in are mine, the other's sessions end, its password goes, both are told.
async fn two_accounts_become_one(world: World) {
    let node = world.node().await;
    let mine = node.client.log_in("13800138000").await;
    let user = node.client.as_user(&mine);
    let body = json!({"username": "ada", "password": "correct horse battery"});
    let other = node.client.as_user(&node.client.post("/v1/register", &body).await);
    assert_eq!(other.link("ada@example.com").await.status, 201);
    let merged = merge(&user, "ada@example.com").await;
    assert_eq!(merged.status, 200, "{}", merged.text);
    assert_eq!(merged.str("/user/id"), mine.str("/user/id"));
    assert_eq!(
        merged.body["moved"],
        json!([
            {"type": "username", "identifier": "ada"},
            {"type": "email", "identifier": "a***@example.com"},
        ])
    );
    assert_eq!(merged.body["dropped"], json!([{"type": "password", "identifier": null}]));
    assert_eq!(other.me().await.status, 401);
    assert_eq!(user.me().await.status, 200);
    assert_eq!(user.identities().await.len(), 3);
    let by_password = node.client.login_by_password("ada", "correct horse battery").await;
    assert_eq!(by_password.outcome(), (401, "invalid_credentials".to_owned()));
    let credential = node.client.code_for("ada@example.com", "login").await;
    assert_eq!(node.client.login(&credential).await.str("/user/id"), mine.str("/user/id"));
    for target in ["13800138000", "ada@example.com"] {
        notices(&node.client, target, &["accounts_merged"]).await;
    }
}

/// A plan leaves the code alive for the merge itself.
async fn a_plan_is_shown_and_changes_nothing(world: World) {
    let node = world.node().await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    let other = node.client.as_user(&node.client.log_in("13800138001").await);
    let credential = user.code_for("13800138001", "merge").await;
    let body = json!({"credential": credential, "dry_run": true});
    let plan = user.post("/v1/me/merge", &body).await;
    assert_eq!(plan.status, 200, "{}", plan.text);
    let moved = json!([{"type": "phone", "identifier": "138****8001"}]);
    assert_eq!((&plan.body["moved"], &plan.body["dropped"]), (&moved, &json!([])));
    assert_eq!(other.me().await.status, 200);
    assert_eq!(user.identities().await.len(), 1);
    let merged = user.post("/v1/me/merge", &json!({"credential": credential})).await;
    assert_eq!(merged.status, 200, "{}", merged.text);
    assert_eq!(merged.body["moved"], moved);
    assert_eq!(other.me().await.status, 401);
    let again = user.post("/v1/me/merge", &json!({"credential": credential})).await;
    assert_eq!(again.outcome(), (401, "code_invalid".to_owned()), "the code is used up");
}

async fn what_cannot_be_merged_is_refused(world: World) {
    let node = world.node_with(&[("POLICY__ONE_PER_TYPE", r#"["phone"]"#)]).await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    let conflict = (409, "merge_conflict".to_owned());
    assert_eq!(merge(&user, "13800138000").await.outcome(), conflict, "with myself");
    node.client.log_in("13800138001").await;
    assert_eq!(merge(&user, "13800138001").await.outcome(), conflict, "two phones");
    let wrong = (401, "code_invalid".to_owned());
    assert_eq!(merge(&user, "nobody@example.com").await.outcome(), wrong);
    let password = |name: &str| json!({"type": "password", "identifier": name, "password": "correct horse battery"});
    for name in ["ada", "bob"] {
        let body = json!({"username": name, "password": "correct horse battery"});
        assert_eq!(node.client.post("/v1/register", &body).await.status, 201);
    }
    let ada = node.client.login(&password("ada")).await;
    let ada = node.client.as_user(&ada);
    let refused = ada.post("/v1/me/merge", &json!({"credential": password("bob")})).await;
    assert_eq!(refused.outcome(), conflict, "two user names");
    let body = json!({"credential": password("ada"), "profile_from": "both"});
    let refused = user.post("/v1/me/merge", &body).await;
    assert_eq!(refused.outcome(), (422, "validation_failed".to_owned()));
    let mut nobody = password("nobody-here");
    nobody["password"] = json!("wrong");
    let refused = user.post("/v1/me/merge", &json!({"credential": nobody})).await;
    assert_eq!(refused.outcome(), (401, "invalid_credentials".to_owned()));
    let merged = user.post("/v1/me/merge", &json!({"credential": password("ada")})).await;
    assert_eq!(merged.status, 200, "{}", merged.text);
    assert_eq!(ada.me().await.status, 401);
}

async fn the_other_profile_may_stay(world: World) {
    let node = world.node().await;
    let new = async |phone: &str, name: &str| {
        let credential = node.client.code_for(phone, "login").await;
        let body = json!({"credential": credential, "profile": {"nickname": name}});
        node.client.as_user(&node.client.post("/v1/login", &body).await)
    };
    let user = new("13800138000", "Ada").await;
    for (phone, from, stays) in [("13800138001", "this", "Ada"), ("13800138002", "other", "Bob")] {
        new(phone, "Bob").await;
        let credential = user.code_for(phone, "merge").await;
        let body = json!({"credential": credential, "profile_from": from});
        let merged = user.post("/v1/me/merge", &body).await;
        assert_eq!(merged.str("/user/nickname"), stays);
        assert_eq!(user.me().await.str("/user/nickname"), stays);
    }
}

/// LINK-08: one survivor, no deadlock, nobody locked out.
async fn of_opposite_merges_one_is_done(world: World) {
    let node = world.node().await;
    for round in 0..5 {
        let phones = [format!("1380013810{round}"), format!("1380013820{round}")];
        let mut users = Vec::new();
        for phone in &phones {
            users.push(node.client.as_user(&node.client.log_in(phone).await));
        }
        let mut bodies = Vec::new();
        for phone in phones.iter().rev() {
            let credential = node.client.code_for(phone, "merge").await;
            bodies.push(json!({"credential": credential}));
        }
        let [one, two] = [0, 1].map(|it: usize| users[it].post("/v1/me/merge", &bodies[it]));
        let (one, two) = tokio::join!(one, two);
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401], "{} {}", one.text, two.text);
        let mut ids = Vec::new();
        for phone in &phones {
            let credential = node.client.code_for(phone, "login").await;
            let came = node.client.login(&credential).await;
            assert_eq!(came.body["is_new_user"], false);
            ids.push(came.str("/user/id").to_owned());
        }
        assert_eq!(ids[0], ids[1]);
    }
}

/// LINK-08: whoever is late is told that there is no such account any more, or that it is done.
async fn of_two_merges_of_one_account_one_is_done(world: World) {
    let node = world.node().await;
    let mut users = Vec::new();
    for phone in ["13800138000", "13800138001"] {
        users.push(node.client.as_user(&node.client.log_in(phone).await));
    }
    let body = json!({"username": "ada", "password": "correct horse battery"});
    assert_eq!(node.client.post("/v1/register", &body).await.status, 201);
    let credential =
        json!({"type": "password", "identifier": "ada", "password": "correct horse battery"});
    let body: Value = json!({"credential": credential});
    let (one, two) =
        tokio::join!(users[0].post("/v1/me/merge", &body), users[1].post("/v1/me/merge", &body));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401], "{} {}", one.text, two.text);
    let counts = [users[0].identities().await.len(), users[1].identities().await.len()];
    assert_eq!(counts.iter().sum::<usize>(), 3);
}
