//! GET /metrics, on a listener of its own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use tests::{Topology, World};

/// A number and a password that stand nowhere else.
const PHONE: &str = "13817263545";
const PASSWORD: &str = "zebra-canary-quilt";

/// What a path of the metrics' listener answers.
pub(crate) async fn read(address: &str, path: &str) -> (u16, String) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.get(format!("http://{address}{path}")).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// The value of a series; `None` if there is none.
pub(crate) fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find_map(|it| it.strip_prefix(series)?.strip_prefix(' '));
    line.map(|it| it.parse().unwrap())
}

fn free_address() -> String {
    format!("127.0.0.1:{}", tests::test_servers::free_port().unwrap())
}

/// LOG-06, LOG-01: what happens is counted by its kind, and names nobody.
#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_counted_and_names_nobody() {
    let world = World::new(Topology::Sqlite).await;
    let address = free_address();
    let settings = [
        ("SERVER__METRICS_BIND", address.as_str()),
        ("LOCKOUT__THRESHOLD", "1"),
        ("LIMITS__GLOBAL_SENDS_HOUR", "1"),
        ("SMS__BUDGET__PER_DAY", "2.5"),
    ];
    let node = world.node_with(&settings).await;
    let code = node.client.code(PHONE).await;
    let wrong = if code["code"] == "000000" { "000001" } else { "000000" };
    let mut guess = code.clone();
    guess["code"] = json!(wrong);
    assert_eq!(node.client.login(&guess).await.outcome(), (401, "code_invalid".to_owned()));
    let body = json!({"credential": code.clone(), "password": PASSWORD});
    assert_eq!(node.client.post("/v1/login", &body).await.status, 200);
    assert_eq!(node.client.login_by_password(PHONE, PASSWORD).await.status, 200);
    let known = node.client.login_by_password(PHONE, PASSWORD).await;
    let known = node.client.as_user(&known);
    let proof = json!({"credential": {
        "type": "password", "identifier": PHONE, "password": PASSWORD,
    }});
    assert_eq!(known.post("/v1/me/identities", &proof).await.status, 200);
    assert_eq!(known.post("/v1/me/merge", &proof).await.status, 409);
    let proven = known.post("/v1/reauthenticate", &proof).await;
    assert_eq!(proven.status, 200, "{}", proven.text);
    let known = node.client.bearing(proven.str("/access_token"));
    let change = json!({"current_password": PASSWORD, "new_password": PASSWORD});
    let changed = known.json(reqwest::Method::PUT, "/v1/me/password", &change).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let taken = json!({"username": "maple.leaf", "password": "12345678"});
    assert_eq!(node.client.post("/v1/register", &taken).await.outcome().1, "password_breached");
    let reset = json!({"credential": code, "new_password": PASSWORD});
    assert_eq!(node.client.post("/v1/password-reset", &reset).await.status, 401);
    let bad = node.client.login_by_password(PHONE, "wrong-canary-quilt").await;
    assert_eq!(bad.outcome(), (401, "invalid_credentials".to_owned()));
    let spent = node.client.ask("13900139000").await;
    assert_eq!(spent.outcome(), (503, "sms_budget_exhausted".to_owned()));
    node.client.get(&format!("/nowhere/{PHONE}")).await.unwrap();

    let (status, text) = read(&address, "/metrics").await;
    assert_eq!(status, 200);
    for (operation, method, outcome, count) in [
        ("login", "code", "success", 1.0),
        ("login", "code", "code_invalid", 1.0),
        ("login", "password", "success", 2.0),
        ("login", "password", "invalid_credentials", 1.0),
        ("link", "password", "success", 1.0),
        ("merge", "password", "merge_conflict", 1.0),
        ("reauthenticate", "password", "success", 1.0),
        ("password_change", "password", "success", 1.0),
        ("register", "password", "password_breached", 1.0),
        ("password_reset", "code", "code_invalid", 1.0),
    ] {
        let series = tried(operation, method, outcome);
        assert_eq!(value(&text, &series), Some(count), "{series}:\n{text}");
    }
    for (series, count) in [
        ("latchkey_locks_total", 1.0),
        ("latchkey_codes_sent_total{channel=\"sms\",country=\"CN\"}", 1.0),
        ("latchkey_codes_verified_total{channel=\"sms\",country=\"CN\",vendor=\"log\"}", 1.0),
        ("latchkey_codes_budget", 1.0),
        ("latchkey_sms_budget", 2.5),
        ("latchkey_sms_spent", 0.0),
        ("latchkey_unavailable_total{code=\"sms_budget_exhausted\",dependency=\"—\"}", 1.0),
        ("latchkey_http_requests_total{route=\"/v1/login\",method=\"POST\",status=\"401\"}", 2.0),
        ("latchkey_http_requests_total{route=\"-\",method=\"GET\",status=\"404\"}", 1.0),
        ("latchkey_postbox_pending", 0.0),
    ] {
        assert_eq!(value(&text, series), Some(count), "{series}:\n{text}");
    }
    for secret in [PHONE, PASSWORD, "wrong-canary", "127.0.0.1", code["code"].as_str().unwrap()] {
        assert!(!text.contains(secret), "{secret}:\n{text}");
    }
    for (series, least) in [
        (
            "latchkey_http_request_seconds_count{route=\"/v1/login\",method=\"POST\",status=\"4xx\"}",
            2.0,
        ),
        (&called("database", "accounts.register", "ok"), 1.0),
        (&called("hasher", "verify", "ok"), 2.0),
        (&called("hasher", "reserve", "ok"), 2.0),
        (&called("sms", "log.send", "ok"), 1.0),
        ("latchkey_pool_most{pool=\"writer\"}", 1.0),
        ("latchkey_pool_connections{pool=\"readers\",state=\"idle\"}", 1.0),
        ("latchkey_hasher_threads", 1.0),
    ] {
        assert!(value(&text, series).is_some_and(|it| it >= least), "{series}:\n{text}");
    }
    assert_eq!(value(&text, "latchkey_hasher_busy"), Some(0.0), "{text}");
    assert_eq!(value(&text, "latchkey_hasher_waiting"), Some(0.0), "{text}");
    for (name, labels) in told(&text) {
        assert_eq!(documented().get(&name), Some(&labels), "{name}");
    }
}

/// The series of what came of credentials.
fn tried(operation: &str, method: &str, outcome: &str) -> String {
    format!(
        "latchkey_attempts_total{{operation=\"{operation}\",method=\"{method}\",\
         outcome=\"{outcome}\"}}"
    )
}

/// The series of how long calls took.
fn called(dependency: &str, operation: &str, outcome: &str) -> String {
    format!(
        "latchkey_dependency_seconds_count{{dependency=\"{dependency}\",operation=\"{operation}\",\
         outcome=\"{outcome}\"}}"
    )
}

/// The metrics of the documentation, with their labels.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let text = include_str!("../../../docs/observability.md");
    let rows = text.lines().filter(|it| it.starts_with("| `latchkey_"));
    rows.map(|row| {
        let column = |number| row.split('|').nth(number).unwrap().trim();
        let labels = column(3).split(", ").map(|it| it.trim_matches('`').to_owned());
        let labels = labels.filter(|it| !it.is_empty()).collect();
        (column(1).trim_matches('`').to_owned(), labels)
    })
    .collect()
}

/// The metrics that are told, with all labels that their series have; a histogram by its own name.
fn told(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut told = BTreeMap::new();
    let mut name = "";
    for line in text.lines() {
        if let Some(typed) = line.strip_prefix("# TYPE ") {
            name = typed.split(' ').next().unwrap();
        } else if line.starts_with(name) && !name.is_empty() {
            let labels: &mut BTreeSet<String> = told.entry(name.to_owned()).or_default();
            let inside = line.split_once('{').and_then(|(_, it)| it.split_once('}'));
            let pairs = inside.map_or("", |(it, _)| it).split(',');
            let names = pairs.filter_map(|it| Some(it.split_once('=')?.0.to_owned()));
            labels.extend(names.filter(|it| it != "le"));
        }
    }
    told
}

/// LOG-06: a code by mail has no country.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_by_mail_has_no_country() {
    let world = World::new(Topology::Sqlite).await;
    let address = free_address();
    let node = world.node_with(&[("SERVER__METRICS_BIND", &address)]).await;
    node.client.log_in("zebra-canary@example.com").await;
    let (_, text) = read(&address, "/metrics").await;
    for (what, vendor) in [("sent", ""), ("verified", ",vendor=\"inbox\"")] {
        let labels = format!("channel=\"email\",country=\"—\"{vendor}");
        let series = format!("latchkey_codes_{what}_total{{{labels}}}");
        assert_eq!(value(&text, &series), Some(1.0), "{text}");
    }
    assert!(!text.contains("canary") && !text.contains("example.com"), "{text}");
    assert_eq!(value(&text, "latchkey_codes_budget"), None, "nobody set one");
}

/// ADM-01: the numbers are not where people are, and people's routes not where the numbers are.
#[tokio::test(flavor = "multi_thread")]
async fn the_public_port_has_no_metrics() {
    let world = World::new(Topology::Sqlite).await;
    let address = free_address();
    let mut node = world.node_with(&[("SERVER__METRICS_BIND", &address)]).await;
    let public = node.client.get("/metrics").await.unwrap();
    assert_eq!(public.outcome(), (404, "not_found".to_owned()));
    assert_eq!(read(&address, "/metrics").await.0, 200);
    assert_eq!(read(&address, "/health/live").await.0, 404);
    assert_eq!(node.terminate().await, Some(0), "{}", node.log());
}
