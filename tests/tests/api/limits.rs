//! Caps and waits: on sending, on guessing codes, on guessing passwords.

use serde_json::json;
use tests::{Client, World, on_every_topology};

on_every_topology![
    a_phone_gets_so_many_codes,
    an_address_asks_for_so_many_codes,
    a_block_of_numbers_gets_so_many_codes,
    a_service_sends_so_many_codes,
    wrong_codes_are_capped_across_codes,
    wrong_passwords_make_known_and_unknown_wait_alike,
    an_address_fails_with_so_many_accounts,
    in_a_storm_passwords_are_for_known_devices,
    tries_during_a_wait_cost_the_address_nothing,
    registrations_of_an_address_are_capped,
    a_newer_code_ends_the_older_one_of_the_same_device,
];

async fn told(client: &Client, phone: &str, limit: &str) {
    let refused = client.ask(phone).await;
    assert_eq!(refused.outcome(), (429, "sms_rate_limited".to_owned()), "{limit}");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!(wait > 3_000, "{limit}: {wait}");
}

/// OTP-07: five an hour over all purposes.
async fn a_phone_gets_so_many_codes(world: World) {
    let settings = [("CODES__PER_PHONE_HOUR", "3"), ("CODES__RESEND_SECS", "1")];
    let node = world.node_with(&settings).await;
    for purpose in ["login", "link", "reauthenticate"] {
        let body = json!({"channel": "sms", "target": "13800138000", "purpose": purpose});
        assert_eq!(node.client.post("/v1/challenges", &body).await.status, 202);
        tokio::time::sleep(std::time::Duration::from_millis(1_050)).await;
    }
    told(&node.client, "13800138000", "per phone").await;
    assert_eq!(node.client.ask("13900139000").await.status, 202);
}

async fn an_address_asks_for_so_many_codes(world: World) {
    let node = world.node_with(&[("CODES__PER_IP_HOUR", "3")]).await;
    for number in 0..3 {
        assert_eq!(node.client.ask(&format!("138{number}0138000")).await.status, 202);
    }
    told(&node.client, "13900139000", "per address").await;
}

async fn a_block_of_numbers_gets_so_many_codes(world: World) {
    let node = world.node_with(&[("LIMITS__PREFIX_SENDS_HOUR", "3")]).await;
    for number in 0..3 {
        assert_eq!(node.client.ask(&format!("1380013800{number}")).await.status, 202);
    }
    told(&node.client, "13800138009", "per block").await;
    assert_eq!(node.client.ask("13900139000").await.status, 202);
}

async fn a_service_sends_so_many_codes(world: World) {
    for limit in ["LIMITS__COUNTRY_SENDS_HOUR", "LIMITS__GLOBAL_SENDS_HOUR"] {
        let fresh = World::new(world.topology).await;
        let node = fresh.node_with(&[(limit, "2")]).await;
        for number in 0..2 {
            assert_eq!(node.client.ask(&format!("138{number}0138000")).await.status, 202);
        }
        let refused = node.client.ask("13900139000").await;
        assert_eq!(refused.outcome(), (503, "sms_budget_exhausted".to_owned()), "{limit}");
        assert!(!refused.header("retry-after").is_empty());
    }
}

/// OTP-04: a new code never resets the wrong tries.
async fn wrong_codes_are_capped_across_codes(world: World) {
    let node = world.node_with(&[("LIMITS__PHONE_WRONG_HOUR", "6")]).await;
    let mut tries = 0;
    for _ in 0..2 {
        let mut credential = node.client.code("13800138000").await;
        credential["code"] =
            json!(if credential["code"] == "000000" { "000001" } else { "000000" });
        for _ in 0..5 {
            let refused = node.client.login(&credential).await;
            tries += 1;
            let expected =
                if tries <= 6 { (401, "code_invalid") } else { (429, "too_many_attempts") };
            assert_eq!(refused.outcome(), (expected.0, expected.1.to_owned()), "try {tries}");
        }
        tokio::time::sleep(std::time::Duration::from_millis(1_050)).await;
    }
    let right = node.client.code("13800138000").await;
    assert_eq!(node.client.login(&right).await.status, 429, "right or wrong");
}

/// LOCK-02.
async fn wrong_passwords_make_known_and_unknown_wait_alike(world: World) {
    let node = world.node_with(&[("LOCKOUT__BASE_SECS", "2")]).await;
    let body = json!({"username": "ada", "password": "correct horse battery"});
    assert_eq!(node.client.post("/v1/register", &body).await.status, 201);
    for name in ["ada", "nobody-here"] {
        for _ in 0..5 {
            let refused = node.client.login_by_password(name, "wrong").await;
            assert_eq!(refused.outcome(), (401, "invalid_credentials".to_owned()));
        }
        let waiting = node.client.login_by_password(name, "correct horse battery").await;
        assert_eq!(waiting.outcome(), (429, "too_many_attempts".to_owned()), "{name}");
        let wait: u64 = waiting.header("retry-after").parse().unwrap();
        assert!((1..=2).contains(&wait));
    }
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    assert_eq!(node.client.login_by_password("ada", "correct horse battery").await.status, 200);
}

/// LOCK-06: an address may go on with the accounts that it has tried.
async fn an_address_fails_with_so_many_accounts(world: World) {
    let node = world.node_with(&[("LIMITS__IP_FAILING_ACCOUNTS_HOUR", "3")]).await;
    for name in ["one-name", "two-name", "three-name"] {
        assert_eq!(node.client.login_by_password(name, "wrong").await.status, 401);
    }
    let refused = node.client.login_by_password("four-name", "wrong").await;
    assert_eq!(refused.outcome(), (429, "rate_limited".to_owned()));
    assert_eq!(node.client.login_by_password("two-name", "wrong").await.status, 401);
}

/// ID-07.
async fn registrations_of_an_address_are_capped(world: World) {
    let node = world.node_with(&[("LIMITS__IP_REGISTRATIONS_MINUTE", "2")]).await;
    let body = |name: &str| json!({"username": name, "password": "correct horse battery"});
    for name in ["first-one", "second-one"] {
        assert_eq!(node.client.post("/v1/register", &body(name)).await.status, 201);
    }
    let refused = node.client.post("/v1/register", &body("third-one")).await;
    assert_eq!(refused.outcome(), (429, "rate_limited".to_owned()));
}

/// OTP-03.
async fn a_newer_code_ends_the_older_one_of_the_same_device(world: World) {
    let node = world.node().await;
    let ask = async |device: &str| {
        let body = json!({"channel": "sms", "target": "13800138000", "device": {"id": device}});
        let sent = node.client.post("/v1/challenges", &body).await;
        assert_eq!(sent.status, 202, "{}", sent.text);
        tokio::time::sleep(std::time::Duration::from_millis(1_050)).await;
        node.client.code_of("13800138000", sent.str("/challenge_id")).await
    };
    let old = ask("one").await;
    let other = ask("two").await;
    let new = ask("one").await;
    assert_eq!(node.client.login(&old).await.status, 401);
    assert_eq!(node.client.login(&other).await.status, 200);
    assert_eq!(node.client.login(&new).await.status, 200);
}

/// LOCK-03: what is not evaluated is not counted, so nobody else at the address waits for it.
async fn tries_during_a_wait_cost_the_address_nothing(world: World) {
    let node = world.node_with(&[("LIMITS__IP_FAILURES_WINDOW", "8")]).await;
    let body = json!({"username": "ada", "password": "correct horse battery"});
    assert_eq!(node.client.post("/v1/register", &body).await.status, 201);
    for _ in 0..5 {
        assert_eq!(node.client.login_by_password("somebody", "wrong").await.status, 401);
    }
    for _ in 0..20 {
        let waiting = node.client.login_by_password("somebody", "wrong").await;
        assert_eq!(waiting.outcome(), (429, "too_many_attempts".to_owned()));
    }
    assert_eq!(node.client.login_by_password("ada", "correct horse battery").await.status, 200);
}

/// LOCK-06: failures of all addresses together close the password to new devices, and to them only.
async fn in_a_storm_passwords_are_for_known_devices(world: World) {
    let node = world.node_with(&[("LIMITS__GLOBAL_FAILURES_WINDOW", "3")]).await;
    let password = "correct horse battery";
    let body = json!({"username": "ada", "password": password, "device": {"id": "known"}});
    assert_eq!(node.client.post("/v1/register", &body).await.status, 201);
    let try_on = async |device: &str, name: &str, password: &str| {
        let credential = json!({"type": "password", "identifier": name, "password": password});
        let body = json!({"credential": credential, "device": {"id": device}});
        node.client.post("/v1/login", &body).await
    };
    for name in ["one-name", "two-name", "three-name"] {
        let refused = try_on("new", name, "wrong").await;
        assert_eq!(refused.outcome(), (401, "invalid_credentials".to_owned()));
    }
    for (name, password) in [("ada", password), ("ada", "wrong"), ("nobody-here", "wrong")] {
        let refused = try_on("new", name, password).await;
        assert_eq!(refused.outcome(), (403, "challenge_required".to_owned()), "{name}");
        let refused = node.client.login_by_password(name, password).await;
        assert_eq!(refused.outcome(), (403, "challenge_required".to_owned()), "{name}");
    }
    assert_eq!(try_on("known", "ada", password).await.status, 200);
    assert_eq!(node.client.log_in("13800138000").await.status, 200);
}
