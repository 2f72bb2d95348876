//! No code, password, token, full phone number or mail address in any log line, metric or trace, nor
//! in clear in any store.

use std::path::Path;

use serde_json::json;
use tests::{Receiver, Topology, World, on_every_topology};

use crate::{metrics, traces};

on_every_topology![secrets_are_nowhere_in_clear];

/// Everything that a store or a log holds, as bytes.
pub(crate) async fn everything(world: &World) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    files(world.folder(), &mut found);
    if world.topology != Topology::Sqlite {
        for table in [
            "users",
            "identities",
            "identifiers",
            "passwords",
            "password_attempts",
            "sessions",
            "login_events",
            "outbox",
        ] {
            let rows = world.sql(&format!("SELECT t::text FROM {table} t")).await;
            let text: String = rows
                .iter()
                .filter_map(|it| match it {
                    tests::tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
                    _ => None,
                })
                .collect();
            // Bytes stand there as hexadecimal digits: look at what they say as well.
            found.push((format!("{table} as bytes"), unhex(&text)));
            found.push((table.to_owned(), text.into_bytes()));
        }
    }
    for url in world.redis_masters() {
        let client = tests::redis::Client::open(url).unwrap();
        let mut connection = client.get_connection().unwrap();
        // A compressed dump would hide what it holds.
        let plain = tests::redis::cmd("CONFIG").arg(&["SET", "rdbcompression", "no"]).clone();
        plain.exec(&mut connection).unwrap();
        let keys: Vec<Vec<u8>> = tests::redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
        for key in keys {
            let dump: Vec<u8> = tests::redis::cmd("DUMP").arg(&key).query(&mut connection).unwrap();
            found.push((String::from_utf8_lossy(&key).into_owned(), [key.clone(), dump].concat()));
        }
    }
    found
}

fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter_map(|it| it.to_digit(16)).map(|it| u8::try_from(it).unwrap()).collect();
    digits.chunks_exact(2).map(|it| it[0] * 16 + it[1]).collect()
}

async fn secrets_are_nowhere_in_clear(world: World) {
    // The sender of development, which prints messages, is the one exception: leave it out.
    let collector = Receiver::start().await;
    let numbers = format!("127.0.0.1:{}", tests::test_servers::free_port().unwrap());
    let (base, numbers) = (collector.base(), numbers.as_str());
    let settings = [("TELEMETRY__OTLP_ENDPOINT", base.as_str()), ("SERVER__METRICS_BIND", numbers)];
    let mut node = world.node_with(&settings).await;
    let client = &node.client;
    let phone = "13817263545";
    let password = "zebra-canary-quilt";
    let wrong = "wrong-canary-quilt";
    let code = client.code(phone).await;
    let profile = json!({"nickname": "control-canary"});
    let body = json!({"credential": code, "password": password, "profile": profile});
    let login = client.post("/v1/login", &body).await;
    assert_eq!(login.status, 200, "{}", login.text);
    assert_eq!(client.login(&code).await.status, 401);
    client.login_by_password(phone, wrong).await;
    let again = client.login_by_password(phone, password).await;
    client.as_user(&again).me().await;
    tokio::time::sleep(std::time::Duration::from_millis(1_050)).await;
    let unused = client.code(phone).await;
    let token = login.str("/access_token").to_owned();
    let other = again.str("/access_token").to_owned();
    let mailbox = "zebra-canary@example.com";
    let body = json!({"channel": "email", "target": mailbox});
    let sent = client.post("/v1/challenges", &body).await;
    let by_mail = client.code_of(mailbox, sent.str("/challenge_id")).await;
    assert_eq!(client.login(&by_mail).await.status, 200);
    let secrets = [
        phone,
        mailbox,
        password,
        wrong,
        &token,
        &other,
        code["code"].as_str().unwrap(),
        unused["code"].as_str().unwrap(),
        by_mail["code"].as_str().unwrap(),
    ];
    // What a client says of itself is a text like any other, and goes no further than the log.
    let request = client.request(reqwest::Method::GET, "/v1/providers");
    let named = request.header("traceparent", phone).header("x-request-id", "canary-of-a-client");
    assert_eq!(client.send(named).await.unwrap().status, 200);
    let mut control = Vec::new();
    let mut everything = everything(&world).await;
    let (_, text) = metrics::read(numbers, "/metrics").await;
    node.terminate().await;
    let spans = traces::spans(&collector);
    for kind in ["login", "database ", "hasher verify", "sms log.send"] {
        assert!(spans.iter().any(|it| it.name.starts_with(kind)), "no span of {kind}");
    }
    let told = [("metrics", text), ("traces", format!("{spans:?}"))];
    for (place, text) in &told {
        assert!(!text.contains("canary"), "{place}: {text}");
    }
    everything.extend(told.map(|(place, text)| (place.to_owned(), text.into_bytes())));
    for (place, bytes) in everything {
        let is_log = place.contains("node-");
        let text = String::from_utf8_lossy(&bytes);
        let text: String = if is_log {
            text.lines().filter(|it| !it.contains("latchkey::sms")).collect::<Vec<_>>().join("\n")
        } else {
            text.into_owned()
        };
        if text.contains("control-canary") {
            control.push(place.clone());
        }
        for secret in secrets {
            // Six digits stand somewhere in any heap of numbers: codes are looked for in logs, as
            // words, and in stores where text is.
            let is_code = secret.len() == 6;
            let hit = if is_code {
                text.split(|it: char| !it.is_ascii_alphanumeric()).any(|it| it == secret)
                    && (is_log || !place.contains("bytes") && !place.contains("latchkey.db"))
            } else {
                text.contains(secret)
            };
            assert!(!hit, "{secret} stands in {place}");
        }
    }
    // What may stand in clear is found in each store, so what is not found is not there.
    let stores = if world.redis_url().is_empty() { 1 } else { 2 };
    assert!(control.len() >= stores, "{control:?}");
}
