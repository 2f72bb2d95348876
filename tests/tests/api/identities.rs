//! `/v1/me/identities`: listed, linked, replaced, unlinked.

use serde_json::json;
use tests::{World, on_every_topology};

use crate::notices;

on_every_topology![
    ways_in_are_listed_and_masked,
    a_way_in_is_linked_and_logs_in,
    what_somebody_else_has_is_not_linked,
    a_phone_is_replaced,
    a_way_in_is_unlinked,
    an_old_proof_changes_nothing,
    a_wanted_phone_is_linked,
    of_two_users_who_link_one_identity_one_gets_it,
    of_the_last_two_ways_in_one_stays,
    a_login_during_an_unlink_leaves_nothing,
];

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

/// LINK-03: linked once, the second time told again; then it logs the same user in.
async fn a_way_in_is_linked_and_logs_in(world: World) {
    let node = world.node().await;
    let first = node.client.log_in("13800138000").await;
    let user = node.client.as_user(&first);
    let linked = user.link("ada@example.com").await;
    assert_eq!(linked.status, 201, "{}", linked.text);
    assert_eq!(linked.str("/identity/type"), "email");
    assert_eq!(linked.str("/identity/identifier"), "a***@example.com");
    assert!(linked.body["identity"]["verified_at"].is_string());
    let again = user.link("ada@example.com").await;
    assert_eq!(again.status, 200, "{}", again.text);
    assert_eq!(again.str("/identity/id"), linked.str("/identity/id"));
    assert_eq!(user.identities().await.len(), 2);
    let credential = node.client.code_for("ada@example.com", "login").await;
    let by_mail = node.client.login(&credential).await;
    assert_eq!(by_mail.str("/user/id"), first.str("/user/id"));
    assert_eq!(by_mail.body["session"]["amr"], json!(["email"]));
}

/// LINK-03, LINK-10: somebody else's is told only after the proof, and nothing changes.
async fn what_somebody_else_has_is_not_linked(world: World) {
    let node = world.node().await;
    node.client.log_in("13800138001").await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    let refused = user.link("13800138001").await;
    assert_eq!(refused.outcome(), (409, "identity_in_use".to_owned()));
    assert_eq!(refused.body["next"], json!(["merge"]));
    assert_eq!(user.identities().await.len(), 1);
    // A code of another verb links nothing, and a wrong one is a wrong one.
    let credential = node.client.code_for("13800138002", "login").await;
    let refused = user.post("/v1/me/identities", &json!({"credential": credential})).await;
    assert_eq!(refused.outcome(), (401, "code_invalid".to_owned()));
    let body = json!({"credential": {"type": "password", "identifier": "ada", "password": "x"}});
    let refused = user.post("/v1/me/identities", &body).await;
    assert_eq!(refused.outcome(), (401, "invalid_credentials".to_owned()));
}

/// LINK-09: swapped in one go; the old number is free, and both are told.
async fn a_phone_is_replaced(world: World) {
    let node = world.node_with(&[("POLICY__ONE_PER_TYPE", r#"["phone"]"#)]).await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    let [(_, old)] = user.identities().await.try_into().unwrap();
    let refused = user.link("13800138001").await;
    assert_eq!(refused.outcome(), (409, "limit_reached".to_owned()));
    let replace = async |target: &str, old: &str| {
        let credential = user.code_for(target, "link").await;
        let body = json!({"credential": credential, "replace": old});
        user.post("/v1/me/identities", &body).await
    };
    let refused = replace("ada@example.com", &old).await;
    assert_eq!(refused.outcome(), (422, "validation_failed".to_owned()));
    let nobody = "01890000-0000-7000-8000-000000000000";
    let credential = user.code_for("13800138002", "link").await;
    for _ in 0..2 {
        let body = json!({"credential": credential, "replace": nobody});
        let refused = user.post("/v1/me/identities", &body).await;
        assert_eq!(refused.outcome(), (404, "not_found".to_owned()), "the code is alive");
    }
    let refused = replace("13800138003", "nonsense").await;
    assert_eq!(refused.outcome(), (422, "validation_failed".to_owned()));
    let replaced = replace("13800138001", &old).await;
    assert_eq!(replaced.status, 201, "{}", replaced.text);
    let [(shown, _)] = user.identities().await.try_into().unwrap();
    assert_eq!(shown, "138****8001");
    for phone in ["13800138000", "13800138001"] {
        notices(&node.client, phone, &["identity_replaced"]).await;
    }
    let stranger = node.client.log_in("13800138000").await;
    assert_eq!(stranger.body["is_new_user"], true);
}

/// LINK-06, LINK-07: the last way in stays; the sessions of what goes end, but not the one that
/// asks.
async fn a_way_in_is_unlinked(world: World) {
    let node = world.node().await;
    let by_phone = node.client.as_user(&node.client.log_in("13800138000").await);
    let [(_, phone)] = by_phone.identities().await.try_into().unwrap();
    let path = format!("/v1/me/identities/{phone}");
    assert_eq!(by_phone.delete(&path).await.outcome(), (409, "last_method".to_owned()));
    assert_eq!(by_phone.link("ada@example.com").await.status, 201);
    let credential = node.client.code_for("ada@example.com", "login").await;
    let by_mail = node.client.as_user(&node.client.login(&credential).await);
    let credential = node.client.code_for("13800138000", "login").await;
    let other_phone = node.client.as_user(&node.client.login(&credential).await);
    let stranger = node.client.as_user(&node.client.log_in("13800138009").await);
    assert_eq!(stranger.delete(&path).await.status, 404);
    assert_eq!(by_phone.delete("/v1/me/identities/nonsense").await.status, 404);
    assert_eq!(by_phone.delete(&path).await.status, 204);
    assert_eq!(by_phone.delete(&path).await.status, 404);
    assert_eq!(by_phone.me().await.status, 200, "the session that asked goes on");
    assert_eq!(by_mail.me().await.status, 200);
    assert_eq!(other_phone.me().await.status, 401);
    for target in ["13800138000", "ada@example.com"] {
        notices(&node.client, target, &["identity_unlinked"]).await;
    }
    let stranger = node.client.log_in("13800138000").await;
    assert_eq!(stranger.body["is_new_user"], true, "the number is free");
}

/// LINK-01: what changes who comes in wants a fresh proof, and tells how to give one.
async fn an_old_proof_changes_nothing(world: World) {
    let node = world.node_with(&[("SESSIONS__FRESH_SECS", "2")]).await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    let link = json!({"credential": node.client.code_for("ada@example.com", "link").await});
    let merge = json!({"credential": node.client.code_for("bob@example.com", "merge").await});
    let [(_, phone)] = user.identities().await.try_into().unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    let refused = [
        user.post("/v1/me/identities", &link).await,
        user.delete(&format!("/v1/me/identities/{phone}")).await,
        user.post("/v1/me/merge", &merge).await,
        user.delete("/v1/me").await,
    ];
    for refused in refused {
        assert_eq!(refused.outcome(), (403, "reauth_required".to_owned()), "{}", refused.text);
        assert_eq!(refused.body["methods"], json!(["sms"]));
        assert_eq!(refused.body["next"], json!(["reauthenticate"]));
    }
    let credential = node.client.code_for("13800138000", "reauthenticate").await;
    let proof = user.post("/v1/reauthenticate", &json!({"credential": credential})).await;
    assert_eq!(proof.status, 200, "{}", proof.text);
    let user = node.client.as_user(&proof);
    let linked = user.post("/v1/me/identities", &link).await;
    assert_eq!(linked.status, 201, "the refusal left the code alive: {}", linked.text);
}

/// A user without a phone may link one where the service wants it, and is whole at once.
async fn a_wanted_phone_is_linked(world: World) {
    let node = world.node_with(&[("POLICY__REQUIRE_PHONE", "true")]).await;
    let body = json!({"username": "ada", "password": "correct horse battery"});
    let user = node.client.as_user(&node.client.post("/v1/register", &body).await);
    let refused = user.get("/v1/me/logins").await.unwrap();
    assert_eq!(refused.outcome(), (403, "phone_required".to_owned()));
    assert_eq!(user.link("13800138000").await.status, 201);
    assert_eq!(user.get("/v1/me/logins").await.unwrap().status, 200);
}

/// LINK-03: however many at once, one gets it.
async fn of_two_users_who_link_one_identity_one_gets_it(world: World) {
    let node = world.node().await;
    let mut users = Vec::new();
    for phone in ["13800138000", "13800138001"] {
        users.push(node.client.as_user(&node.client.log_in(phone).await));
    }
    for round in 0..5 {
        let mail = format!("round{round}@example.com");
        let mut bodies = Vec::new();
        for device in ["one", "two"] {
            let body = json!({
                "channel": "email", "target": mail, "purpose": "link", "device": {"id": device},
            });
            let mut sent = node.client.post("/v1/challenges", &body).await;
            if sent.status == 429 {
                tokio::time::sleep(std::time::Duration::from_millis(1_050)).await;
                sent = node.client.post("/v1/challenges", &body).await;
            }
            let code = node.client.code_of(&mail, sent.str("/challenge_id")).await;
            bodies.push(json!({"credential": code}));
        }
        let [one, two] = [0, 1].map(|it: usize| users[it].post("/v1/me/identities", &bodies[it]));
        let (one, two) = tokio::join!(one, two);
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "{} {}", one.text, two.text);
    }
}

/// LINK-06: of the last two that go at once one stays.
async fn of_the_last_two_ways_in_one_stays(world: World) {
    let node = world.node().await;
    for round in 0..5 {
        let phone = format!("1380013801{round}");
        let user = node.client.as_user(&node.client.log_in(&phone).await);
        assert_eq!(user.link(&format!("round{round}@example.com")).await.status, 201);
        let [(_, one), (_, two)] = user.identities().await.try_into().unwrap();
        let (one, two) = (format!("/v1/me/identities/{one}"), format!("/v1/me/identities/{two}"));
        let (one, two) = tokio::join!(user.delete(&one), user.delete(&two));
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409], "{} {}", one.text, two.text);
        assert_eq!(user.identities().await.len(), 1);
    }
}

/// LINK-11: a login by what is being unlinked leaves no session behind.
async fn a_login_during_an_unlink_leaves_nothing(world: World) {
    let node = world.node().await;
    for round in 0..5 {
        let phone = format!("1380013802{round}");
        let user = node.client.as_user(&node.client.log_in(&phone).await);
        assert_eq!(user.link(&format!("round{round}@example.com")).await.status, 201);
        let (_, id) = user.identities().await.remove(0);
        let path = format!("/v1/me/identities/{id}");
        let login = json!({"credential": node.client.code_for(&phone, "login").await});
        let (gone, entered) =
            tokio::join!(user.delete(&path), node.client.post("/v1/login", &login));
        assert_eq!(gone.status, 204, "{}", gone.text);
        assert_eq!(entered.status, 200, "{}", entered.text);
        // Either the login came first, and its session ended; or the number was free by then.
        let came = node.client.as_user(&entered);
        let is_new = entered.body["is_new_user"] == true;
        assert_eq!(came.me().await.status, if is_new { 200 } else { 401 });
    }
}
