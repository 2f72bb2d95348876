//! One tap: logging in and linking by the carrier of a SIM.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use test_vendors::carrier::{
    Carriers, Case, ID, Purpose, REDIRECT_URI, SECRET, private_key_pem, token,
};
use test_vendors::{Fault, StandIn};
use tests::{Answer, Client, Node, Topology, World, on_every_topology};

use crate::notices;

on_every_topology![
    every_vendor_registers_and_logs_in_without_a_message,
    what_proves_nothing_is_told_and_a_message_takes_its_place,
    fifty_uses_of_a_token_are_one_call,
    a_token_is_not_tried_again_after_a_restart,
    a_number_is_matched_by_the_carriers_yes_alone,
    a_carrier_links_a_phone_or_a_message_does,
    a_carrier_proves_too_little_for_what_matters,
    what_is_no_credential_costs_no_call,
    calls_are_counted,
    a_new_user_may_bring_a_password_and_a_new_device_is_told,
];

const PHONE: &str = "13800138000";
const VENDORS: [&str; 6] = ["aliyun", "aliyun_h5", "jverify", "jverify_h5", "cmcc", "camara"];

/// The vendors of one test, and how a node finds them.
struct Vendors {
    stand_in: StandIn,
    carriers: Carriers,
    settings: Vec<(String, String)>,
}

async fn vendors(world: &World) -> Vendors {
    let carriers = Carriers::default();
    let stand_in = StandIn::start(carriers.routes()).await.unwrap();
    let file = world.folder().join("carrier.pem");
    std::fs::write(&file, private_key_pem()).unwrap();
    let at = |vendor: &str| stand_in.url(&format!("/{}", vendor.trim_end_matches("_h5")));
    let settings = VENDORS.map(|vendor| {
        let endpoint = at(vendor);
        let section = match vendor.trim_end_matches("_h5") {
            "aliyun" => {
                json!({"access_key_id": ID, "access_key_secret": SECRET, "endpoint": endpoint})
            }
            "jverify" => json!({"app_key": ID, "master_secret": SECRET, "private_key_file": file,
                "endpoint": endpoint}),
            "cmcc" => json!({"app_id": ID, "app_key": SECRET, "endpoint": endpoint}),
            _ => json!({"client_id": ID, "client_secret": SECRET, "redirect_uri": REDIRECT_URI,
                "endpoint": endpoint}),
        };
        (format!("CARRIERS__{}", vendor.to_uppercase()), section.to_string())
    });
    Vendors { stand_in, carriers, settings: settings.to_vec() }
}

impl Vendors {
    async fn node(&self, world: &World, more: &[(&str, &str)]) -> Node {
        let mut all: Vec<(&str, &str)> =
            self.settings.iter().map(|(key, it)| (key.as_str(), it.as_str())).collect();
        all.extend_from_slice(more);
        world.node_with(&all).await
    }
}

fn good(vendor: &str, phone: &str) -> Value {
    by_token(vendor, &token(vendor, Purpose::Login, Case::Good, phone))
}

fn by_token(vendor: &str, token: &str) -> Value {
    json!({"type": "carrier_token", "vendor": vendor, "token": token})
}

fn by_match(vendor: &str, token: &str, phone: &str) -> Value {
    json!({"type": "carrier_match", "vendor": vendor, "token": token, "phone": phone})
}

async fn login(client: &Client, credential: &Value, more: &Value) -> Answer {
    let mut body = json!({"credential": credential});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    client.post("/v1/login", &body).await
}

fn fallback(phone: &str) -> Value {
    json!({"fallback": {"channel": "sms", "target": phone}})
}

/// How many codes went to a number.
async fn codes(client: &Client, phone: &str) -> usize {
    let kept = client.get(&format!("/dev/messages?to={phone}")).await.unwrap();
    let messages = kept.body["messages"].as_array().unwrap();
    messages.iter().filter(|it| !it["code"].is_null()).count()
}

fn told(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.outcome(), (status, code.to_owned()), "{}", answer.text);
    assert_eq!(answer.body["next"], json!(["sms"]), "{}", answer.text);
}

/// OTP-12, TAP-01, LOG-01: by every vendor, also with the number of somebody who came by a code.
async fn every_vendor_registers_and_logs_in_without_a_message(world: World) {
    let vendors = vendors(&world).await;
    let node = vendors.node(&world, &[("POLICY__REQUIRE_PHONE", "true")]).await;
    for (number, vendor) in VENDORS.into_iter().enumerate() {
        let phone = format!("1380013800{number}");
        let first = login(&node.client, &good(vendor, &phone), &json!({})).await;
        assert_eq!(first.status, 200, "{vendor}: {}", first.text);
        assert_eq!(first.body["is_new_user"], true);
        assert_eq!(first.body["session"]["amr"], json!(["carrier"]));
        assert_eq!(
            first.body["next_steps"],
            json!(["complete_profile"]),
            "no password is asked for"
        );
        assert_eq!(codes(&node.client, &phone).await, 0);
        let user = node.client.as_user(&first);
        let masked = format!("138****800{number}");
        assert_eq!(user.identities().await[0].0, masked);
        let history = user.get("/v1/me/logins").await.unwrap();
        assert_eq!(history.body["logins"][0]["method"], "carrier");
        let again = login(&node.client, &good(vendor, &phone), &json!({})).await;
        assert_eq!(again.body["is_new_user"], false);
        // Before a message prints it, as only development does.
        let log = node.log();
        assert!(!log.contains(&phone) && !log.contains(".login.good."), "{log}");
        let by_code = node.client.log_in(&phone).await;
        assert_eq!(by_code.str("/user/id"), first.str("/user/id"));
    }
}

/// TAP-01, TAP-02, TAP-04: each way to prove nothing has its answer and costs no message; with a
/// fallback it costs one, whose code logs in.
async fn what_proves_nothing_is_told_and_a_message_takes_its_place(world: World) {
    let vendors = vendors(&world).await;
    let node = vendors.node(&world, &[]).await;
    let client = &node.client;
    let of = |case| by_token("aliyun", &token("aliyun", Purpose::Login, case, PHONE));
    let dead = (401, "carrier_token_invalid");
    let down = (503, "provider_unavailable");
    let nonsense = (502, "provider_bad_response");
    for (case, (status, code)) in [
        (Case::Expired, dead),
        (Case::Used, dead),
        (Case::OtherApp, dead),
        (Case::WrongCarrier, dead),
        (Case::Masked, nonsense),
        (Case::Foreign, nonsense),
        (Case::Malformed, nonsense),
        (Case::Nothing, nonsense),
        (Case::Busy, down),
        (Case::Unpaid, down),
        (Case::Riddle, down),
    ] {
        told(&login(client, &of(case), &json!({})).await, status, code);
    }
    // A token of one vendor is nothing at another.
    let elsewhere = by_token("jverify", &token("aliyun", Purpose::Login, Case::Good, PHONE));
    told(&login(client, &elsewhere, &json!({})).await, 401, "carrier_token_invalid");
    // A number of a region that is not allowed here, from a vendor that serves the world.
    let foreign = by_token("camara", &token("camara", Purpose::Login, Case::Foreign, PHONE));
    told(&login(client, &foreign, &json!({})).await, 502, "provider_bad_response");
    for (fault, (status, code)) in [
        (Fault::Status(500), down),
        (Fault::Slow(Duration::from_secs(4)), down),
        (Fault::Html, nonsense),
        (Fault::Truncated, nonsense),
    ] {
        vendors.stand_in.faults().set("/aliyun", fault);
        let begun = Instant::now();
        told(&login(client, &of(Case::Good), &json!({})).await, status, code);
        assert!(begun.elapsed() < Duration::from_secs(5));
        vendors.stand_in.faults().clear();
    }
    assert_eq!(codes(client, PHONE).await, 0);

    for (number, case) in [Case::Expired, Case::Masked, Case::Busy].into_iter().enumerate() {
        let phone = format!("1390013900{number}");
        let sent = login(client, &of(case), &fallback(&phone)).await;
        assert_eq!(sent.status, 202, "{}", sent.text);
        assert_eq!(sent.body["expires_in"], 300);
        assert!(sent.body["resend_in"].is_u64());
        assert_eq!(codes(client, &phone).await, 1);
        let credential = client.code_of(&phone, sent.str("/challenge_id")).await;
        let came = client.login(&credential).await;
        assert_eq!(came.status, 200, "{}", came.text);
        assert_eq!(came.body["session"]["amr"], json!(["sms"]));
    }
    // The message has the limits of any other.
    let phone = "13900139000";
    let sent = login(client, &of(Case::Expired), &fallback(phone)).await;
    let again = login(client, &of(Case::Expired), &fallback(phone)).await;
    let limited = if sent.status == 429 { &sent } else { &again };
    assert_eq!(limited.outcome(), (429, "sms_rate_limited".to_owned()), "{}", limited.text);
    // Nothing is sent where the carrier is well.
    let before = codes(client, PHONE).await;
    assert_eq!(login(client, &of(Case::Good), &fallback(PHONE)).await.status, 200);
    assert_eq!(codes(client, PHONE).await, before);
}

/// TAP-02: fifty at once.
async fn fifty_uses_of_a_token_are_one_call(world: World) {
    let vendors = vendors(&world).await;
    let node = vendors.node(&world, &[]).await;
    let credential = Arc::new(good("aliyun", PHONE));
    let uses: Vec<_> = (0..50)
        .map(|_| {
            let (client, credential) = (node.client.clone(), Arc::clone(&credential));
            tokio::spawn(async move { login(&client, &credential, &json!({})).await })
        })
        .collect();
    let mut came = 0;
    for it in uses {
        let answer = it.await.unwrap();
        match answer.status {
            200 => came += 1,
            _ => told(&answer, 401, "carrier_token_invalid"),
        }
    }
    assert_eq!((came, vendors.carriers.exchanges("aliyun")), (1, 1));
}

/// TAP-02: with Redis the reservation outlives the node; without it the vendor's single use decides.
async fn a_token_is_not_tried_again_after_a_restart(world: World) {
    let vendors = vendors(&world).await;
    let node = vendors.node(&world, &[]).await;
    let (used, lost) = (good("aliyun", PHONE), good("aliyun", PHONE));
    assert_eq!(login(&node.client, &used, &json!({})).await.status, 200);
    vendors.stand_in.faults().set("/aliyun", Fault::Cut);
    told(&login(&node.client, &lost, &json!({})).await, 503, "provider_unavailable");
    vendors.stand_in.faults().clear();
    drop(node);
    let node = vendors.node(&world, &[]).await;
    told(&login(&node.client, &used, &json!({})).await, 401, "carrier_token_invalid");
    if world.topology == Topology::PostgresRedis {
        told(&login(&node.client, &lost, &json!({})).await, 401, "carrier_token_invalid");
        assert_eq!(vendors.carriers.exchanges("aliyun"), 1);
    }
}

/// TAP-01, LOG-03: a no is written down where the number's owner looks for it.
async fn a_number_is_matched_by_the_carriers_yes_alone(world: World) {
    let vendors = vendors(&world).await;
    let node = vendors.node(&world, &[]).await;
    let token_of = |vendor, case| token(vendor, Purpose::Match, case, PHONE);
    for vendor in VENDORS {
        let yes = by_match(vendor, &token_of(vendor, Case::Good), "+86 138-0013-8000");
        let came = login(&node.client, &yes, &json!({})).await;
        assert_eq!(came.status, 200, "{vendor}: {}", came.text);
        assert_eq!(came.body["session"]["amr"], json!(["carrier"]));
        let no = by_match(vendor, &token_of(vendor, Case::Good), "13800138001");
        told(&login(&node.client, &no, &json!({})).await, 401, "carrier_token_invalid");
        let unsure = by_match(vendor, &token_of(vendor, Case::Unsure), PHONE);
        assert_ne!(login(&node.client, &unsure, &json!({})).await.status, 200);
        let other = by_match(vendor, &token(vendor, Purpose::Login, Case::Good, PHONE), PHONE);
        told(&login(&node.client, &other, &json!({})).await, 401, "carrier_token_invalid");
    }
    let owner = node.client.log_in(PHONE).await;
    let history = node.client.as_user(&owner).get("/v1/me/logins?limit=100").await.unwrap();
    let logins = history.body["logins"].as_array().unwrap();
    assert!(logins.iter().any(|it| it["method"] == "carrier" && it["outcome"] == "failure"));
    assert_eq!(codes(&node.client, "13800138001").await, 0);
}

/// LINK-01, LINK-03: and somebody else's number stays theirs.
async fn a_carrier_links_a_phone_or_a_message_does(world: World) {
    let vendors = vendors(&world).await;
    let node = vendors.node(&world, &[]).await;
    let user = node.client.as_user(&node.client.log_in("ada@example.com").await);
    let link = async |user: &Client, credential: &Value, more: &Value| {
        let mut body = json!({"credential": credential});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        user.post("/v1/me/identities", &body).await
    };
    let linked = link(&user, &good("aliyun", PHONE), &json!({})).await;
    assert_eq!((linked.status, linked.str("/identity/type")), (201, "phone"), "{}", linked.text);
    assert_eq!(link(&user, &good("aliyun", PHONE), &json!({})).await.status, 200, "already mine");
    assert_eq!(codes(&node.client, PHONE).await, 0);

    let dead = by_token("aliyun", &token("aliyun", Purpose::Login, Case::Expired, PHONE));
    told(&link(&user, &dead, &json!({})).await, 401, "carrier_token_invalid");
    let sent = link(&user, &dead, &fallback("13900139001")).await;
    assert_eq!(sent.status, 202, "{}", sent.text);
    assert_eq!(codes(&node.client, "13900139001").await, 1);
    let credential = node.client.code_of("13900139001", sent.str("/challenge_id")).await;
    assert_eq!(node.client.login(&credential).await.status, 401, "the code is for linking");
    let linked = link(&user, &credential, &json!({})).await;
    assert_eq!(linked.status, 201, "{}", linked.text);

    let other = node.client.as_user(&node.client.log_in("bob@example.com").await);
    let taken = link(&other, &good("aliyun", PHONE), &json!({})).await;
    assert_eq!(taken.outcome(), (409, "identity_in_use".to_owned()), "{}", taken.text);
}

/// TAP-03: no re-authentication, no merge, no change; a fresh login by carrier is no fresh proof.
async fn a_carrier_proves_too_little_for_what_matters(world: World) {
    let vendors = vendors(&world).await;
    let node = vendors.node(&world, &[]).await;
    let by_code = node.client.as_user(&node.client.log_in(PHONE).await);
    let calls = vendors.carriers.exchanges("aliyun");
    let refused = |answer: Answer| {
        assert_eq!(answer.outcome(), (403, "reauth_required".to_owned()), "{}", answer.text);
        assert!(answer.body["methods"].as_array().is_some_and(|it| it.contains(&json!("sms"))));
    };
    for credential in [
        good("aliyun", PHONE),
        by_match("aliyun", &token("aliyun", Purpose::Match, Case::Good, PHONE), PHONE),
    ] {
        let body = json!({"credential": credential});
        refused(by_code.post("/v1/reauthenticate", &body).await);
        refused(by_code.post("/v1/me/merge", &body).await);
        let body = json!({"credential": credential, "new_password": "correct horse battery"});
        assert_eq!(node.client.post("/v1/password-reset", &body).await.status, 422);
    }
    assert_eq!(vendors.carriers.exchanges("aliyun"), calls, "no token was spent");

    let came = login(&node.client, &good("aliyun", PHONE), &json!({})).await;
    let user = node.client.as_user(&came);
    refused(user.delete("/v1/me").await);
    let body = json!({"new_password": "correct horse battery"});
    refused(user.json(Method::PUT, "/v1/me/password", &body).await);
    let credential = node.client.code_for("ada@example.com", "link").await;
    refused(user.post("/v1/me/identities", &json!({"credential": credential})).await);
    let (_, id) = user.identities().await.remove(0);
    refused(user.delete(&format!("/v1/me/identities/{id}")).await);
    // What proves more opens them.
    let credential = node.client.code_for(PHONE, "reauthenticate").await;
    let proved = user.post("/v1/reauthenticate", &json!({"credential": credential})).await;
    assert_eq!(proved.status, 200, "{}", proved.text);
    let user = node.client.as_user(&proved);
    assert_eq!(user.delete("/v1/me").await.status, 204);
}

async fn what_is_no_credential_costs_no_call(world: World) {
    let vendors = vendors(&world).await;
    let node =
        world.node_with(&[(vendors.settings[0].0.as_str(), vendors.settings[0].1.as_str())]).await;
    let good = good("aliyun", PHONE);
    let long = by_token("aliyun", &"a".repeat(4097));
    let with_phone =
        json!({"type": "carrier_token", "vendor": "aliyun", "token": "a", "phone": PHONE});
    let without_phone = json!({"type": "carrier_match", "vendor": "aliyun", "token": "a"});
    let by_password = json!({"type": "password", "identifier": PHONE, "password": "x"});
    for (credential, more, field) in [
        (by_token("pigeon", "a"), json!({}), "credential.vendor"),
        (by_token("jverify", "a"), json!({}), "credential.vendor"),
        (by_token("aliyun", ""), json!({}), "credential.token"),
        (by_token("aliyun", "a\u{7f}"), json!({}), "credential.token"),
        (by_token("aliyun", "tökén"), json!({}), "credential.token"),
        (long, json!({}), "credential.token"),
        (with_phone, json!({}), "credential.phone"),
        (without_phone, json!({}), "credential.phone"),
        (by_match("aliyun", "a", "12345"), json!({}), "credential.phone"),
        (by_password, fallback(PHONE), "fallback"),
        (
            good.clone(),
            json!({"fallback": {"channel": "email", "target": PHONE}}),
            "fallback.channel",
        ),
        (
            good.clone(),
            json!({"fallback": {"channel": "sms", "target": "12345"}}),
            "fallback.target",
        ),
        (good.clone(), json!({"fallback": {"channel": "sms"}}), "fallback.target"),
        (good.clone(), json!({"password": "short"}), "password"),
    ] {
        let refused = login(&node.client, &credential, &more).await;
        assert_eq!(refused.status, 422, "{field}: {}", refused.text);
        assert_eq!(refused.str("/errors/0/field"), field, "{}", refused.text);
    }
    let abroad = by_match("aliyun", "a", "+85251234567");
    let refused = login(&node.client, &abroad, &json!({})).await;
    assert_eq!(refused.outcome(), (403, "phone_region_denied".to_owned()), "{}", refused.text);
    assert_eq!(vendors.carriers.exchanges("aliyun"), 0);
    assert_eq!(codes(&node.client, PHONE).await, 0);
    // A 422 leaves the token alive.
    assert_eq!(login(&node.client, &good, &json!({})).await.status, 200);
}

/// TAP-04: ten a minute from one address, five from one device; no message takes the place of a 429.
async fn calls_are_counted(world: World) {
    let vendors = vendors(&world).await;
    let node = vendors.node(&world, &[("LIMITS__IP_CARRIER_MINUTE", "10")]).await;
    let tried = async |device: Option<&str>| {
        let mut more = fallback(PHONE);
        if let Some(device) = device {
            more["device"] = json!({"id": device});
        }
        login(&node.client, &good("aliyun", PHONE), &more).await
    };
    for _ in 0..5 {
        assert_eq!(tried(Some("a phone")).await.status, 200);
    }
    let limited = tried(Some("a phone")).await;
    assert_eq!(limited.outcome(), (429, "rate_limited".to_owned()), "{}", limited.text);
    assert!((1..=60).contains(&limited.header("retry-after").parse::<u64>().unwrap()));
    for _ in 0..5 {
        assert_eq!(tried(None).await.status, 200, "what was refused was not counted");
    }
    assert_eq!(tried(None).await.outcome(), (429, "rate_limited".to_owned()));
    assert_eq!(vendors.carriers.exchanges("aliyun"), 10);
    assert_eq!(codes(&node.client, PHONE).await, 0);
}

/// TAP-03, LOG-05.
async fn a_new_user_may_bring_a_password_and_a_new_device_is_told(world: World) {
    let vendors = vendors(&world).await;
    let node = vendors.node(&world, &[]).await;
    let password = "correct horse battery";
    let more = json!({"password": password, "device": {"id": "a phone"}});
    let first = login(&node.client, &good("aliyun", PHONE), &more).await;
    assert_eq!(first.status, 200, "{}", first.text);
    assert_eq!(first.body["user"]["has_password"], true);
    assert_eq!(node.client.login_by_password(PHONE, password).await.status, 200);
    let leaning = by_match("aliyun", &token("aliyun", Purpose::Match, Case::Good, PHONE), PHONE);
    let refused = login(&node.client, &leaning, &json!({"password": "x13800138000"})).await;
    assert_eq!(refused.outcome(), (422, "password_context".to_owned()), "{}", refused.text);
    let more = json!({"device": {"id": "a tablet"}});
    assert_eq!(login(&node.client, &good("aliyun", PHONE), &more).await.status, 200);
    notices(&node.client, PHONE, &["new_device"]).await;
}

/// OTP-13: a number that nobody used for half a year opens no account by the carrier alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_dormant_account_wants_more_than_its_sim() {
    let world = World::new(Topology::Postgres).await;
    let vendors = vendors(&world).await;
    let node = vendors.node(&world, &[]).await;
    let first = node.client.log_in(PHONE).await;
    assert_eq!(node.client.as_user(&first).link("ada@example.com").await.status, 201);
    for (table, column) in
        [("users", "created_at"), ("identities", "last_used_at"), ("sessions", "last_seen_at")]
    {
        world.sql(&format!("UPDATE {table} SET {column} = {column} - interval '181 days'")).await;
    }
    let refused = login(&node.client, &good("aliyun", PHONE), &json!({})).await;
    assert_eq!(refused.outcome(), (403, "extra_proof_required".to_owned()), "{}", refused.text);
    assert_eq!(refused.body["methods"], json!(["email"]));
}

/// REL-04: what cannot be reserved is not tried, and no message takes its place.
#[tokio::test(flavor = "multi_thread")]
async fn without_redis_no_token_is_tried() {
    let world = World::new(Topology::PostgresRedis).await;
    let vendors = vendors(&world).await;
    let node = vendors.node(&world, &[]).await;
    world.redis.lock().unwrap().as_mut().unwrap().stop().unwrap();
    let credential = good("aliyun", PHONE);
    let refused = login(&node.client, &credential, &fallback(PHONE)).await;
    assert_eq!(refused.outcome(), (503, "dependency_unavailable".to_owned()), "{}", refused.text);
    assert!(refused.took < Duration::from_secs(3), "{:?}", refused.took);
    assert_eq!(vendors.carriers.exchanges("aliyun"), 0);
    assert_eq!(codes(&node.client, PHONE).await, 0);
}
