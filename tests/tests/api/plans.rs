//! How PostgreSQL finds what requests ask of it, in a database of many users: by an index, whatever
//! the route. The server itself tells the plan of every statement that it ran.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;
use tests::test_servers::Postgres;
use tests::{Client, Node, World};

use crate::providers::Vendors;

/// Twenty thousand rows of each kind, most of them of users of their own.
const MANY: &str = "
    CREATE TEMPORARY TABLE n AS SELECT md5(n::text)::uuid AS id, decode(md5(n::text) ||
            md5((-n)::text), 'hex') AS hash, now() - n * interval '1 second' AS t, n
        FROM generate_series(1, 20000) n;
    INSERT INTO users (id, state, created_at) SELECT id, 'active', t FROM n;
    INSERT INTO identities (id, user_id, kind, display, linked_at, last_used_at)
        SELECT id, id, 'phone', 'x', t, t FROM n;
    INSERT INTO identifiers (value, kind, namespace, identity_id, user_id)
        SELECT hash, 'phone', '', id, id FROM n;
    INSERT INTO passwords (user_id, hash, changed_at) SELECT id, 'x', t FROM n;
    INSERT INTO password_attempts (subject, failed, last_at) SELECT hash, 1, t FROM n;
    INSERT INTO sessions (id, user_id, identity_id, token_hash, method, auth_time, created_at,
            last_seen_at, idle_ends_at, ip, ended_at)
        SELECT id, id, id, hash, 'sms', t, t, t, t + interval '7 days', '192.0.2.7',
            CASE WHEN n % 2 = 0 THEN t END FROM n;
    INSERT INTO last_visits (user_id, at) SELECT id, t FROM n;
    INSERT INTO login_events (id, user_id, identifier, method, outcome, ip, at)
        SELECT id, id, hash, 'sms', 'success', '192.0.2.7', t FROM n;
    INSERT INTO audit_events (id, user_id, action, at) SELECT id, id, 'logged_out', t FROM n;
    INSERT INTO outbox (id, user_id, destination, what, at, due_at, done_at)
        SELECT id, id, 'webhook', 'user.updated', t, t, t FROM n;
    INSERT INTO spent_proofs (digest, until) SELECT hash, now() + interval '1 day' FROM n;
    INSERT INTO oauth_codes (code_hash, session_id, client_id, redirect_uri, challenge, scope,
            expires_at, kept_until)
        SELECT hash, id, 'web', 'x', hash, 'openid', t, now() + interval '1 day' FROM n;
    INSERT INTO oauth_refresh_tokens (token_hash, session_id, kept_until)
        SELECT hash, id, now() + interval '1 day' FROM n;
    INSERT INTO oauth_access_tokens (token_hash, session_id, scope, expires_at)
        SELECT hash, id, 'openid', now() + interval '1 day' FROM n;
    INSERT INTO oauth_consents (user_id, client_id, scope, granted_at)
        SELECT id, 'other', 'openid', t FROM n;
    ANALYZE";

/// Tables of a few rows, however many people there are: the keys that sign, the moment that nodes
/// write down.
const SMALL: [&str; 2] = ["oauth_keys", "latest_moment"];
const PHONE: &str = "13800138000";
const PASSWORD: &str = "correct horse battery";

/// A plan that is made for each request's own values.
#[tokio::test(flavor = "multi_thread")]
async fn no_request_reads_a_whole_table() {
    walk("force_custom_plan").await;
}

/// A plan that is made once: what a connection changes over to when it has run a statement often.
#[tokio::test(flavor = "multi_thread")]
async fn no_prepared_statement_reads_a_whole_table() {
    walk("force_generic_plan").await;
}

async fn walk(plans: &str) {
    let mode = format!("plan_cache_mode={plans}");
    let options = [
        mode.as_str(),
        "session_preload_libraries=auto_explain",
        "auto_explain.log_min_duration=0",
    ];
    let options: Vec<_> = options.into_iter().flat_map(|it| ["-c", it]).collect();
    let postgres = Postgres::start_with(&options).unwrap();
    let world = World::on(&postgres).await;
    let vendors = Vendors::new().await;
    let node = node(&vendors, &world).await;
    world.sql(MANY).await;
    let before = std::fs::read_to_string(postgres.log_path()).unwrap().len();
    let client = &node.client;

    ways_in(client).await;
    vendors_logins(client, &vendors).await;
    account(client).await;
    grants(client).await;

    let log = std::fs::read_to_string(postgres.log_path()).unwrap().split_off(before);
    let plans = plans_of(&log);
    for written in ["sessions", "identities", "passwords", "login_events", "oauth_refresh_tokens"] {
        assert!(plans.iter().any(|it| it.contains(&format!("Insert on {written}"))), "{written}");
    }
    assert!(plans.len() > 60, "only {} different plans", plans.len());
    let bad: Vec<_> = plans.iter().filter(|it| reads_a_whole_table(it)).collect();
    assert!(bad.is_empty(), "{}", bad.into_iter().cloned().collect::<Vec<_>>().join("\n\n"));
}

async fn node(vendors: &Vendors, world: &World) -> Node {
    let webhook = [
        ("WEBHOOKS__URL", "http://127.0.0.1:1/"),
        ("WEBHOOKS__SECRET", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
    ];
    vendors.node(world, &webhook).await
}

/// Codes, passwords, names; right ones and wrong ones.
async fn ways_in(client: &Client) {
    client.log_in(PHONE).await;
    let user = client.as_user(&client.log_in(PHONE).await);
    assert_eq!(user.me().await.status, 200);
    let set = user.json(Method::PUT, "/v1/me/password", &json!({"new_password": PASSWORD})).await;
    assert_eq!(set.status, 200, "{}", set.text);
    assert_eq!(client.login_by_password(PHONE, PASSWORD).await.status, 200);
    assert_eq!(client.login_by_password(PHONE, "wrong").await.status, 401);
    assert_eq!(client.login_by_password("13900139000", "wrong").await.status, 401);
    let mut wrong = client.code(PHONE).await;
    wrong["code"] = json!(if wrong["code"] == "000000" { "000001" } else { "000000" });
    assert_eq!(client.login(&wrong).await.status, 401);
    let name = json!({"username": "ada", "password": PASSWORD});
    assert_eq!(client.post("/v1/register", &name).await.status, 201);
    assert_eq!(client.login_by_password("ada", PASSWORD).await.status, 200);
    let code = client.code_for(PHONE, "reset_password").await;
    let reset = json!({"credential": code, "new_password": "another good password"});
    assert_eq!(client.post("/v1/password-reset", &reset).await.status, 204);
}

/// Third parties: with one name and with two, new and known.
async fn vendors_logins(client: &Client, vendors: &Vendors) {
    for vendor in ["wechat", "github", "wechat", "github"] {
        let credential = vendors.code(vendor, &vendors.person(1));
        let came = client.login(&credential).await;
        assert_eq!(came.status, 200, "{}", came.text);
    }
}

/// What a user does with their account, to its end.
async fn account(client: &Client) {
    let user = client.as_user(&client.log_in("13700137000").await);
    let name = user.json(Method::PATCH, "/v1/me", &json!({"nickname": "Ada"})).await;
    assert_eq!(name.status, 200, "{}", name.text);
    assert_eq!(user.link("ada@example.com").await.status, 201);
    let code = client.code_for("13700137000", "reauthenticate").await;
    let proved = user.post("/v1/reauthenticate", &json!({"credential": code})).await;
    assert_eq!(proved.status, 200, "{}", proved.text);
    let user = client.as_user(&proved);
    for path in ["/v1/me/sessions", "/v1/me/identities", "/v1/me/logins"] {
        assert_eq!(user.get(path).await.unwrap().status, 200, "{path}");
    }
    let other = client.log_in("13700137000").await;
    let session = format!("/v1/me/sessions/{}", other.str("/session/id"));
    assert_eq!(user.delete(&session).await.status, 204);
    client.log_in("13600136000").await;
    let credential = user.code_for("13600136000", "merge").await;
    let merged = user.post("/v1/me/merge", &json!({"credential": credential})).await;
    assert_eq!(merged.status, 200, "{}", merged.text);
    let (_, mailbox) = user
        .identities()
        .await
        .into_iter()
        .find(|(shown, _)| shown.contains('@'))
        .expect("the address is linked");
    assert_eq!(user.delete(&format!("/v1/me/identities/{mailbox}")).await.status, 204);
    assert_eq!(user.delete("/v1/me/sessions?scope=all").await.status, 204);
    let user = client.as_user(&client.log_in("13700137000").await);
    assert_eq!(user.post_nothing("/v1/logout").await.status, 204);
    let user = client.as_user(&client.log_in("13700137000").await);
    assert_eq!(user.delete("/v1/me").await.status, 204);
}

/// Programs that get their users from here.
async fn grants(client: &Client) {
    let code = client.login_for_code(PHONE, "web", "openid").await;
    assert_eq!(client.exchange(&code).await.status, 200);
    let tokens = client.partner_tokens(PHONE, "openid phone").await;
    let (access, refresh) = (tokens.str("/access_token"), tokens.str("/refresh_token"));
    assert_eq!(client.userinfo(access).await.status, 200);
    let asked = client.form_as("partner", "/oauth2/introspect", &[("token", access)]).await;
    assert_eq!(asked.body["active"], true, "{}", asked.text);
    let next = client.refresh_as("partner", refresh).await;
    assert_eq!(next.status, 200, "{}", next.text);
    let token = [("token", next.str("/refresh_token"))];
    assert_eq!(client.form_as("partner", "/oauth2/revoke", &token).await.status, 200);
    // A program that people have to agree to.
    let user = client.as_user(&client.log_in(PHONE).await);
    let (path, scope) = ("/v1/me/consents/other", json!({"scope": "openid"}));
    assert_eq!(user.json(Method::PUT, path, &scope).await.status, 200);
    let asked = user.authorize(&[("client_id", "other"), ("scope", "openid")]).await;
    assert!(!asked.redirected("code").is_empty(), "{}", asked.text);
    assert_eq!(user.get("/v1/me/consents").await.unwrap().status, 200);
    assert_eq!(user.delete(path).await.status, 204);
}

/// Each different plan in the log, with its statement, without what it was estimated to cost.
fn plans_of(log: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut plan: Option<Vec<String>> = None;
    for line in log.lines().chain([""]) {
        if let (Some(plan), Some(part)) = (&mut plan, line.strip_prefix('\t')) {
            plan.push(part.split("  (cost").next().unwrap_or(part).to_owned());
            continue;
        }
        found.extend(plan.take().map(|it| it.join("\n")));
        if line.contains("  plan:") {
            plan = Some(Vec::new());
        }
    }
    found
}

fn reads_a_whole_table(plan: &str) -> bool {
    plan.lines().skip(1).any(|line| {
        let table = line.split("Seq Scan on ").nth(1);
        table.is_some_and(|it| !SMALL.iter().any(|small| it.starts_with(small)))
    })
}
