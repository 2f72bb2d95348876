//! Start, stop and the command line.

use std::time::{Duration, Instant};

use tests::{Topology, World};

/// REL-09: SIGTERM ends the process with 0, after ready has said so.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_says_that_it_goes_and_goes() {
    let world = World::new(Topology::Sqlite).await;
    let mut node = world.node_with(&[("SERVER__DRAIN_SECS", "1")]).await;
    let client = node.client.clone();
    let watching = tokio::spawn(async move {
        for _ in 0..200 {
            match client.get("/health/ready").await {
                Ok(answer) if answer.status == 503 => return true,
                Ok(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(_) => return false,
            }
        }
        false
    });
    assert_eq!(node.terminate().await, Some(0));
    assert!(watching.await.unwrap(), "ready is 503 before the end");
}

/// Typos do not go unnoticed.
#[test]
fn an_unknown_key_refuses_the_start_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for (key, name) in [
        ("LATCHKEY__SERVER__BINDD", "bindd"),
        ("LATCHKEY__NONSENSE", "nonsense"),
        ("LATCHKEY__CODES__LENGTH", "codes.length"),
    ] {
        #[expect(clippy::disallowed_methods, reason = "the test command tells where the binary is")]
        let binary = std::env::var("LATCHKEY_BIN").unwrap();
        let output = std::process::Command::new(binary)
            .current_dir(folder.path())
            .env("LATCHKEY_CONFIG_DIR", "/nonexistent")
            .env(key, "abc")
            .output()
            .unwrap();
        assert!(!output.status.success(), "{key}");
        let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
        assert!(said.contains(name), "{key}: {said}");
    }
}

/// CFG-01: with another master secret nobody would be found, so no node starts.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_belongs_to_its_master_secret() {
    let world = World::new(Topology::Postgres).await;
    drop(world.node().await);
    let start = |key: &str| {
        #[expect(clippy::disallowed_methods, reason = "the test command tells where the binary is")]
        let binary = std::env::var("LATCHKEY_BIN").unwrap();
        std::process::Command::new(binary)
            .current_dir(world.folder())
            .env("LATCHKEY_CONFIG_DIR", "/nonexistent")
            .env("LATCHKEY_ENV", "production")
            .env("LATCHKEY__SERVER__PUBLIC_URL", "https://id.example.com")
            .env("LATCHKEY__SERVER__BIND", "127.0.0.1:0")
            .env("LATCHKEY__STORE__DATABASE_URL", world.database_url())
            .env("LATCHKEY__SMS__SENDERS", "[]")
            .env("LATCHKEY__SECRETS__KEY", key)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    };
    let other = start("6f1d2c3b4a59687706152433425160718293a4b5c6d7e8f90112233445566778");
    let output = other.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("secrets.key"), "{said}");
    let mut right = start("7b1d9c40e2a86f5533c1047e98fd26ba0e4c71d285963fab5de8104729b6c3f0");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let ended = right.try_wait().unwrap();
    right.kill().unwrap();
    right.wait().unwrap();
    assert_eq!(ended, None, "it serves");
}

/// CFG-02: production refuses what only development may have, naming the key and not its value.
#[test]
fn production_refuses_what_is_for_development() {
    let folder = tempfile::tempdir().unwrap();
    let good = [
        ("LATCHKEY_ENV", "production"),
        ("LATCHKEY__SERVER__PUBLIC_URL", "https://id.example.com"),
        (
            "LATCHKEY__SECRETS__KEY",
            "6f1d2c3b4a59687706152433425160718293a4b5c6d7e8f90112233445566778",
        ),
        ("LATCHKEY__SMS__SENDERS", "[]"),
    ];
    for (key, value, name) in [
        ("LATCHKEY__SMS__SENDERS", "[\"log\"]", "sms.senders"),
        ("LATCHKEY__SECRETS__KEY", "", "secrets.key"),
        ("LATCHKEY__SECRETS__KEY", "abcd", "secrets.key"),
        ("LATCHKEY__PASSWORD__MEMORY_KIB", "8", "password.memory_kib"),
        ("LATCHKEY__LIMITS__IP_SENDS_DAY", "0", "limits.ip_sends_day"),
        ("LATCHKEY__SERVER__PUBLIC_URL", "http://id.example.com", "server.public_url"),
        ("LATCHKEY__SERVER__FORWARDED_HEADER", "x-forwarded-for", "server.trusted_proxies"),
        ("LATCHKEY__SERVER__TRUSTED_PROXIES", r#"["0.0.0.0/0"]"#, "server.trusted_proxies"),
        ("LATCHKEY__SECRETS__KEY", &"0".repeat(64), "secrets.key"),
        ("LATCHKEY__STORE__REDIS_URL", "redis://:changeme@127.0.0.1", "store.redis_url"),
        ("LATCHKEY__STORE__NODES", "2", "store.redis_url"),
        (
            "LATCHKEY__OAUTH2__CLIENTS",
            r#"[{"id":"web","redirect_uris":["https://*.example.com/"]}]"#,
            "oauth2.clients[0].redirect_uris",
        ),
        (
            "LATCHKEY__PROVIDERS__QQ",
            r#"{"app_id":"1","app_secret":"k8","api_url":"http://127.0.0.1:9900/qq"}"#,
            "providers.qq.api_url",
        ),
    ] {
        #[expect(clippy::disallowed_methods, reason = "the test command tells where the binary is")]
        let binary = std::env::var("LATCHKEY_BIN").unwrap();
        let begun = Instant::now();
        let output = std::process::Command::new(binary)
            .current_dir(folder.path())
            .env("LATCHKEY_CONFIG_DIR", "/nonexistent")
            .envs(good)
            .env(key, value)
            .output()
            .unwrap();
        assert!(!output.status.success(), "{key}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(begun.elapsed() < Duration::from_secs(5), "{key}: {:?}", begun.elapsed());
        assert!(said.contains(name), "{key}: {said}");
        assert!(value.len() < 4 || !said.contains(value), "{key}: {said}");
    }
}
