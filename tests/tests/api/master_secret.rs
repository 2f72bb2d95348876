//! CFG-01: a master secret is followed by another one while nodes run, and nobody notices.

use tests::test_servers::Postgres;
use tests::{Topology, World};

/// Another one than the world's.
const NEXT: &str = "c1b6a80f3e5d79244f90ab13de6872c5104b3fe96d7c82a5f01e934b6da8c752";
const NEXT_ONE: [(&str, &str); 1] = [("SECRETS__KEY", NEXT)];

/// Nodes of the old and of the new one are one service; then the old one opens nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_master_secret_is_followed_by_another_while_nodes_run() {
    let world = World::new(Topology::PostgresRedis).await;
    let old = world.node().await;
    let login = old.client.log_in("13800138000").await;
    let file = world.folder().join("next.key");
    std::fs::write(&file, NEXT).unwrap();
    let file = file.to_str().unwrap();
    assert!(!world.run_with(&NEXT_ONE, &["master-secret", "add", "--file", file]).status.success());
    for _ in 0..2 {
        let _ = world.run(&["master-secret", "add", "--file", file]);
        assert_eq!(world.run(&["master-secret", "list"]).lines().count(), 2, "it is added once");
    }
    let new = world.node_with(&NEXT_ONE).await;
    // A session, a number, a code on its way: all of the old node, known by the new one.
    assert_eq!(new.client.as_user(&login).me().await.status, 200);
    let credential = old.client.code("13800138000").await;
    let again = new.client.login(&credential).await;
    assert_eq!((again.status, again.str("/user/id")), (200, login.str("/user/id")));
    let shown = new.client.as_user(&again).identities().await;
    assert_eq!(shown, old.client.as_user(&login).identities().await);
    // And the other way round.
    let newcomer = new.client.log_in("13800138001").await;
    let known = old.client.log_in("13800138001").await;
    assert_eq!(known.str("/user/id"), newcomer.str("/user/id"));
    drop(old);
    let retired = world.run_with(&NEXT_ONE, &["master-secret", "retire-others"]);
    assert_eq!(String::from_utf8_lossy(&retired.stdout), "retired 1\n");
    let refused = world.run_with(&[], &["keys", "rotate"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success());
    assert!(said.contains("secrets.key") && said.contains("retired"), "{said}");
    let listed = world.run(&["master-secret", "list"]);
    assert!(listed.contains("retired, and is this one\n2 "), "{listed}");
    drop(new);
    let new = world.node_with(&NEXT_ONE).await;
    assert_eq!(new.client.as_user(&login).me().await.status, 200);
    assert_eq!(new.client.log_in("13800138000").await.str("/user/id"), login.str("/user/id"));
}

/// A database whose master secret was its root secret goes on with it, and may then follow it by
/// another one; once a root secret is wrapped no migration takes it away.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_from_before_roots_were_wrapped_is_opened() {
    // Migrations run at the server itself, whatever stands before others.
    let postgres = Postgres::start().unwrap();
    let worlds = [World::new(Topology::Sqlite).await, World::without_redis(&postgres).await];
    for world in worlds {
        let is_sqlite = world.topology == Topology::Sqlite;
        let run = async |statement: &str| {
            if is_sqlite {
                world.sqlite(statement);
            } else {
                let _ = world.sql(statement).await;
            }
        };
        let refused = |arguments: &[&str], why: &str| {
            let refused = world.run_with(&NEXT_ONE, arguments);
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert!(!refused.status.success() && said.contains(why), "{arguments:?}: {said}");
        };
        drop(world.node().await);
        for verb in ["down", "redo"] {
            refused(&["migrate", verb], "wrapped_roots");
        }
        // As it was before: the master secret's name, and no root secret beside it.
        let empty = if is_sqlite { "x''" } else { "''" };
        run(&format!("UPDATE keyring SET wrapped = {empty}")).await;
        let _ = world.run(&["migrate", "down"]);
        let _ = world.run(&["migrate", "up"]);
        let node = world.node().await;
        let login = node.client.log_in("13800138000").await;
        drop(node);
        let _ = world.run(&["migrate", "redo"]);
        let file = world.folder().join("next.key");
        std::fs::write(&file, NEXT).unwrap();
        let _ = world.run(&["master-secret", "add", "--file", file.to_str().unwrap()]);
        let node = world.node_with(&NEXT_ONE).await;
        let again = node.client.log_in("13800138000").await;
        assert_eq!(again.str("/user/id"), login.str("/user/id"));
        drop(node);
        refused(&["migrate", "down"], "wrapped_roots");
        // What is lost is told, and not replaced.
        run("DELETE FROM keyring").await;
        refused(&["keys", "rotate"], "no root secret");
    }
}

/// Whatever cannot be a master secret is refused, and nothing is added.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_master_secret_is_not_added() {
    let world = World::new(Topology::Sqlite).await;
    drop(world.node().await);
    let file = world.folder().join("bad.key");
    for text in ["", "abcd", "no secret at all"] {
        std::fs::write(&file, text).unwrap();
        let arguments = ["master-secret", "add", "--file", file.to_str().unwrap()];
        let refused = world.run_with(&[], &arguments);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains("--file"), "{text}: {said}");
    }
    let absent = world.run_with(&[], &["master-secret", "add", "--file", "/nonexistent"]);
    assert!(!absent.status.success());
    assert_eq!(world.run(&["master-secret", "list"]).lines().count(), 1);
}
