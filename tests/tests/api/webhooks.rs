//! Events reach the team's other systems: signed, in order, again and again, and never before
//! their change.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tests::test_servers::Postgres;
use tests::tokio_postgres::SimpleQueryMessage;
use tests::{Manner, Node, Receiver, Topology, Webhook, World};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// A node that tells `receiver`.
async fn node(world: &World, receiver: &Receiver) -> Node {
    let url = receiver.url();
    world.node_with(&[("WEBHOOKS__URL", &url), ("WEBHOOKS__SECRET", SECRET)]).await
}

/// Registers a user and gives their id.
async fn registered(node: &Node, phone: &str) -> String {
    node.client.log_in(phone).await.str("/user/id").to_owned()
}

/// The `number`-th event of a user, as a change would write it: later numbers are later.
async fn write(world: &World, user_id: &str, number: u32) {
    let id = id(number);
    world
        .sql(&format!(
            "INSERT INTO outbox (id, user_id, destination, what, at, due_at) VALUES ('{id}', \
             '{user_id}', 'webhook', 'user.updated', now() + {number} * interval '1 ms', now())"
        ))
        .await;
}

fn id(number: u32) -> String {
    format!("00000000-0000-7000-8000-{number:012}")
}

/// The ids of those webhooks whose events the test wrote itself.
fn ours(got: &[Webhook]) -> Vec<&str> {
    let ids = got.iter().map(|it| it.header("webhook-id"));
    ids.filter(|it| it.starts_with("00000000-0000-7000-8000-")).collect()
}

/// Waits until so many of the test's own events came.
async fn wait_for_ours(receiver: &Receiver, count: usize) -> Vec<Webhook> {
    for _ in 0..800 {
        let got = receiver.got();
        if ours(&got).len() >= count {
            return got;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{count} webhooks were to come, and these came: {:#?}", receiver.got());
}

/// Waits until nothing is left to be told.
async fn settled(world: &World) {
    for _ in 0..800 {
        let rows =
            world.sql("SELECT id FROM outbox WHERE done_at IS NULL AND parked_at IS NULL").await;
        if !rows.iter().any(|it| matches!(it, SimpleQueryMessage::Row(_))) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("entries are left");
}

/// The reference library takes what came.
fn is_genuine(webhook: &Webhook) -> bool {
    let mut headers = http::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, webhook.header(name).parse().unwrap());
    }
    let reference = standardwebhooks::Webhook::new(SECRET).unwrap();
    reference.verify(webhook.text.as_bytes(), &headers).is_ok()
}

/// The reference library of another language takes what came as well.
fn is_genuine_in_python(webhook: &Webhook) -> bool {
    let script = "import sys\nfrom standardwebhooks import Webhook\n\
                  secret, text, *rest = sys.argv[1:]\n\
                  names = ['webhook-id', 'webhook-timestamp', 'webhook-signature']\n\
                  Webhook(secret).verify(text, dict(zip(names, rest)))";
    let mut command = std::process::Command::new(tests::python());
    command.args(["-c", script, SECRET, &webhook.text]);
    command.args(
        ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|it| webhook.header(it)),
    );
    command.output().expect("a Python").status.success()
}

/// Every event of a life comes, once, in its order, and both reference libraries take it.
#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_a_life_come_in_their_order() {
    for topology in [Topology::Sqlite, Topology::Postgres, Topology::PostgresRedis] {
        let world = World::new(topology).await;
        let receiver = Receiver::start().await;
        let url = receiver.url();
        let settings =
            [("WEBHOOKS__URL", &*url), ("WEBHOOKS__SECRET", SECRET), ("LOCKOUT__THRESHOLD", "1")];
        let node = world.node_with(&settings).await;
        let first = node.client.log_in("13800138000").await;
        let user = node.client.as_user(&first);
        let put = async |method, path: &str, body: serde_json::Value| {
            let done = user.json(method, path, &body).await;
            assert_eq!(done.status, 200, "{}", done.text);
            done
        };
        put(Method::PATCH, "/v1/me", json!({"nickname": "Ada"})).await;
        let linked = user.link("ada@example.com").await;
        assert_eq!(linked.status, 201, "{}", linked.text);
        let path = format!("/v1/me/identities/{}", linked.str("/identity/id"));
        assert_eq!(user.delete(&path).await.status, 204);
        let other = node.client.log_in("13800138001").await;
        let credential = node.client.code_for("13800138001", "merge").await;
        put(Method::POST, "/v1/me/merge", json!({"credential": credential})).await;
        let password = json!({"new_password": "correct horse battery"});
        let set = put(Method::PUT, "/v1/me/password", password).await;
        let user = node.client.as_user(&set);
        assert_eq!(node.client.login_by_password("13800138000", "wrong").await.status, 401);
        assert_eq!(user.delete("/v1/me").await.status, 204);
        let expected = [
            "user.registered",
            "user.logged_in",
            "user.updated",
            "identity.linked",
            "identity.unlinked",
            "user.merged",
            "password.changed",
            "user.locked",
            "user.deleted",
        ];
        let id = first.str("/user/id");
        let mine = || {
            let got = receiver.got();
            got.into_iter().filter(|it| it.data("user_id") == id).collect::<Vec<_>>()
        };
        for _ in 0..800 {
            if mine().len() >= expected.len() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let mine = mine();
        let names: Vec<_> = mine.iter().map(Webhook::name).collect();
        assert_eq!(names, expected, "{topology:?}");
        assert_eq!(mine[5].data("absorbed_user_id"), other.str("/user/id"));
        assert_eq!(mine[3].data("identity_id"), linked.str("/identity/id"));
        assert!(mine.iter().all(is_genuine) && mine.iter().all(is_genuine_in_python));
        assert!(mine.iter().all(|it| !it.text.contains("138001380") && !it.text.contains('@')));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_signed_and_in_their_order() {
    let world = World::new(Topology::Postgres).await;
    let receiver = Receiver::start().await;
    let node = node(&world, &receiver).await;
    let user_id = registered(&node, "13800138000").await;
    for number in [1, 2, 3] {
        write(&world, &user_id, number).await;
    }
    let got = wait_for_ours(&receiver, 3).await;
    assert_eq!(ours(&got), [id(1), id(2), id(3)]);
    for it in got.iter().filter(|it| it.header("webhook-id").starts_with("00000000-")) {
        assert_eq!(it.path, "/hooks");
        assert_eq!((it.name(), it.data("user_id")), ("user.updated", user_id.as_str()));
    }
    assert!(got.iter().all(is_genuine), "{got:#?}");
    settled(&world).await;
    // Nothing comes twice where everything went well.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(receiver.got().len(), got.len());
}

/// Whatever a receiver does, what was not taken comes again, and the later ones wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_is_told_when_it_is_back() {
    let world = World::new(Topology::Postgres).await;
    let mut receiver = Receiver::start().await;
    let node = node(&world, &receiver).await;
    let user_id = registered(&node, "13800138000").await;
    settled(&world).await;
    receiver.behave(Manner::Status(500));
    write(&world, &user_id, 1).await;
    write(&world, &user_id, 2).await;
    wait_for_ours(&receiver, 1).await;
    receiver.behave(Manner::Redirect);
    let got = wait_for_ours(&receiver, 2).await;
    assert_eq!(ours(&got), [id(1), id(1)]);
    receiver.go();
    receiver.behave(Manner::Status(200));
    receiver.come_back().await;
    let got = wait_for_ours(&receiver, 4).await;
    assert_eq!(ours(&got), [id(1), id(1), id(1), id(2)]);
    assert!(got.iter().all(|it| it.path == "/hooks"), "a redirect is not followed");
    assert!(got.iter().all(is_genuine), "each try is signed anew");
    assert!(!node.log().contains(SECRET) && !node.log().contains("/hooks"), "{}", node.log());
}

/// A receiver that hangs holds up neither logins nor the end of the process.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_holds_nothing_up() {
    let world = World::new(Topology::Postgres).await;
    let receiver = Receiver::start().await;
    let mut node = node(&world, &receiver).await;
    let user_id = registered(&node, "13800138000").await;
    settled(&world).await;
    receiver.behave(Manner::Hang);
    write(&world, &user_id, 1).await;
    wait_for_ours(&receiver, 1).await;
    let login = node.client.log_in("13800138001").await;
    assert!(login.took < Duration::from_secs(2), "{:?}", login.took);
    let begun = std::time::Instant::now();
    assert_eq!(node.terminate().await, Some(0));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// REL-14: what was given up is listed and replayed by an operator.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_is_listed_and_replayed() {
    let world = World::new(Topology::Postgres).await;
    let receiver = Receiver::start().await;
    let node = node(&world, &receiver).await;
    let user_id = registered(&node, "13800138000").await;
    settled(&world).await;
    receiver.behave(Manner::Status(410));
    write(&world, &user_id, 1).await;
    wait_for_ours(&receiver, 1).await;
    // As if it had been tried so often before: nobody waits minutes in a test.
    world.sql("UPDATE outbox SET tries = 4 WHERE what = 'user.updated'").await;
    settled(&world).await;
    assert!(node.log().contains("parked"), "{}", node.log());
    let parked = world.run(&["outbox", "parked"]);
    let words: Vec<_> = parked.split_whitespace().collect();
    let at = words.get(3).copied().unwrap_or_default();
    assert_eq!(words, [id(1).as_str(), "user.updated", &user_id, at], "{parked}");
    receiver.behave(Manner::Status(204));
    let before = ours(&receiver.got()).len();
    assert_eq!(world.run(&["outbox", "replay"]), "replayed 1\n");
    assert_eq!(ours(&wait_for_ours(&receiver, before + 1).await).len(), before + 1);
    settled(&world).await;
    assert_eq!(world.run(&["outbox", "parked"]), "");
    assert_eq!(world.run(&["outbox", "replay"]), "replayed 0\n");
    assert_eq!(world.run(&["outbox", "replay", &id(1)]), "replayed 1\n");
    wait_for_ours(&receiver, before + 2).await;
}

/// Two nodes share the work, and neither repeats it.
#[tokio::test(flavor = "multi_thread")]
async fn many_nodes_tell_each_event_once() {
    let world = World::new(Topology::PostgresRedis).await;
    let receiver = Receiver::start().await;
    let (a, b) = (node(&world, &receiver).await, node(&world, &receiver).await);
    let users = [registered(&a, "13800138000").await, registered(&b, "13800138001").await];
    for number in 1..=20 {
        write(&world, &users[number as usize % 2], number).await;
    }
    wait_for_ours(&receiver, 20).await;
    settled(&world).await;
    let got = receiver.got();
    for user_id in &users {
        let of_user: Vec<_> =
            got.iter().filter(|it| it.data("user_id") == user_id.as_str()).cloned().collect();
        let told = ours(&of_user);
        assert_eq!(told.len(), 10, "{told:?}");
        assert!(told.is_sorted(), "{told:?}");
    }
}

/// REL-02: what was committed is told although its node died on the way; REL-14: under its own id.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_outlives_the_node_that_held_it() {
    let world = World::new(Topology::PostgresRedis).await;
    let receiver = Receiver::start().await;
    let first = node(&world, &receiver).await;
    let user_id = registered(&first, "13800138000").await;
    settled(&world).await;
    receiver.behave(Manner::Hang);
    write(&world, &user_id, 1).await;
    wait_for_ours(&receiver, 1).await;
    // Killed, not asked to stop.
    drop(first);
    receiver.behave(Manner::Status(200));
    let _second = node(&world, &receiver).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(ours(&receiver.got()), [id(1)], "it is held for the one that is gone");
    // As if the minute of its hold were over.
    world.sql("UPDATE outbox SET due_at = now() WHERE what = 'user.updated'").await;
    let got = wait_for_ours(&receiver, 2).await;
    assert_eq!(ours(&got), [id(1), id(1)]);
    settled(&world).await;
}

/// REL-05: a database that goes and comes stops nothing for good.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_comes_back_is_told_of_again() {
    let mut postgres = Postgres::start().unwrap();
    let world = World::on(&postgres).await;
    let receiver = Receiver::start().await;
    let node = node(&world, &receiver).await;
    let user_id = registered(&node, "13800138000").await;
    settled(&world).await;
    postgres.stop().unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    postgres.restart().unwrap();
    write(&world, &user_id, 1).await;
    let begun = std::time::Instant::now();
    wait_for_ours(&receiver, 1).await;
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert_eq!(node.log().matches("the outbox cannot be read").count(), 1, "{}", node.log());
}

/// CFG-01, CFG-02: the key is named, the value is not.
#[test]
fn a_secret_that_signs_nothing_refuses_the_start() {
    let folder = tempfile::tempdir().unwrap();
    for (url, secret, key) in [
        ("https://example.com", "", "webhooks.secret"),
        ("", SECRET, "webhooks.url"),
        ("https://example.com", "hunter2-canary", "webhooks.secret"),
        ("https://example.com", "whsec_AAAA", "webhooks.secret"),
        ("canary://example.com", SECRET, "webhooks.url"),
    ] {
        #[expect(clippy::disallowed_methods, reason = "the test command tells where the binary is")]
        let binary = std::env::var("LATCHKEY_BIN").unwrap();
        let output = std::process::Command::new(binary)
            .current_dir(folder.path())
            .env("LATCHKEY_CONFIG_DIR", "/nonexistent")
            .env("LATCHKEY__WEBHOOKS__URL", url)
            .env("LATCHKEY__WEBHOOKS__SECRET", secret)
            .output()
            .unwrap();
        assert!(!output.status.success(), "{key}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(&format!("`{key}`")) && !said.contains("canary"), "{said}");
    }
}
