//! `POST /v1/me/merge`: one account out of two.

use serde_json::{Value, json};
use tests::{Answer, Client, Topology, World, on_every_topology};

use crate::notices;

on_every_topology![
    two_accounts_become_one,
    a_plan_is_shown_and_changes_nothing,
    what_cannot_be_merged_is_refused,
    a_proof_from_before_a_change_merges_nothing,
    right_passwords_lock_nobody_out,
    the_other_profile_may_stay,
    of_opposite_merges_one_is_done,
    of_two_merges_of_one_account_one_is_done,
    a_merge_whose_node_is_killed_is_whole_or_nothing,
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
    let absorbed = node.client.post("/v1/register", &body).await;
    let other = node.client.as_user(&absorbed);
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
    let id = mine.str("/user/id");
    let shown = world.run(&["users", "show", absorbed.str("/user/id")]);
    assert!(shown.contains("state      merged") && shown.contains(&format!("means      {id}")));
    assert!(world.run(&["users", "show", id]).contains("identities phone username email"));
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

/// LINK-09, LINK-11: what the other account's owner did since then makes a proof worthless.
async fn a_proof_from_before_a_change_merges_nothing(world: World) {
    let node = world.node().await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    let other = node.client.as_user(&node.client.log_in("13800138001").await);
    let credential = user.code_for("13800138001", "merge").await;
    let reset = node.client.code_for("13800138001", "reset_password").await;
    let body = json!({"credential": reset, "new_password": "correct horse battery"});
    assert_eq!(node.client.post("/v1/password-reset", &body).await.status, 204);
    let refused = user.post("/v1/me/merge", &json!({"credential": credential})).await;
    assert_eq!(refused.outcome(), (401, "code_invalid".to_owned()));
    assert_eq!(other.me().await.status, 401);
    assert_eq!(user.identities().await.len(), 1);
}

/// LOCK-02: plans that are looked at by a right password lock nobody out.
async fn right_passwords_lock_nobody_out(world: World) {
    let node = world.node_with(&[("LOCKOUT__THRESHOLD", "2")]).await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    let body = json!({"username": "ada", "password": "correct horse battery"});
    assert_eq!(node.client.post("/v1/register", &body).await.status, 201);
    let credential =
        json!({"type": "password", "identifier": "ada", "password": "correct horse battery"});
    for _ in 0..4 {
        let body = json!({"credential": credential, "dry_run": true});
        assert_eq!(user.post("/v1/me/merge", &body).await.status, 200);
        let body = json!({"credential": credential});
        let refused = user.post("/v1/me/identities", &body).await;
        assert_eq!(refused.outcome(), (409, "identity_in_use".to_owned()));
    }
    assert_eq!(node.client.login(&credential).await.status, 200);
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

/// Lets whoever writes a table stand there for some seconds, and go on again.
async fn stand(world: &World, table: &str, stands: bool) {
    if world.topology == Topology::Sqlite {
        for event in ["INSERT", "UPDATE", "DELETE"] {
            world.sqlite(&if stands {
                // All that a trigger can do for long: count millions of combinations.
                format!(
                    "CREATE TRIGGER stand_{event} AFTER {event} ON {table} BEGIN SELECT count(*) \
                     FROM sqlite_master a, sqlite_master b, sqlite_master c, sqlite_master d, \
                     sqlite_master e; END"
                )
            } else {
                format!("DROP TRIGGER IF EXISTS stand_{event}")
            });
        }
    } else {
        world
            .sql(&if stands {
                format!(
                    "CREATE OR REPLACE FUNCTION stand() RETURNS trigger LANGUAGE plpgsql AS $$ \
                     BEGIN PERFORM pg_sleep(5); RETURN NULL; END $$; CREATE TRIGGER stand AFTER \
                     INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION stand()"
                )
            } else {
                format!("DROP TRIGGER IF EXISTS stand ON {table}")
            })
            .await;
    }
}

/// REL-01: whatever row a merge is at when its node is killed, there are both accounts or one.
async fn a_merge_whose_node_is_killed_is_whole_or_nothing(world: World) {
    // The tables that a merge writes, in the order in which it does.
    let steps =
        ["users", "sessions", "identities", "identifiers", "passwords", "audit_events", "outbox"];
    let mut killed_within = 0;
    for (number, table) in steps.into_iter().enumerate() {
        let (phone, name) = (format!("1380013840{number}"), format!("ada{number}"));
        let node = world.node().await;
        let mine = node.client.log_in(&phone).await;
        let user = node.client.as_user(&mine);
        let body = json!({"username": name, "password": "correct horse battery"});
        let other = node.client.post("/v1/register", &body).await;
        let body = json!({"credential": {
            "type": "password", "identifier": name, "password": "correct horse battery",
        }});
        stand(&world, table, true).await;
        let merging = tokio::spawn(async move {
            let request = user.request(reqwest::Method::POST, "/v1/me/merge").json(&body);
            user.send(request).await.is_err()
        });
        tokio::time::sleep(std::time::Duration::from_millis(900)).await;
        drop(node);
        killed_within += usize::from(merging.await.unwrap());
        stand(&world, table, false).await;
        let node = world.node().await;
        let owner = node.client.login_by_password(&name, "correct horse battery").await;
        let me = node.client.log_in(&phone).await;
        assert_eq!(me.str("/user/id"), mine.str("/user/id"), "{table}");
        let count = node.client.as_user(&me).identities().await.len();
        if owner.status == 200 {
            assert_eq!((owner.str("/user/id"), count), (other.str("/user/id"), 1), "{table}");
        } else {
            assert_eq!((owner.status, count), (401, 2), "{table}: {}", owner.text);
        }
    }
    assert!(killed_within >= steps.len() - 2, "the node was killed in {killed_within} merges");
}
