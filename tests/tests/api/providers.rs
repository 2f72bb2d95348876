//! Third-party login: by what an app holds, and by a browser's way to the provider and back.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use test_vendors::oauth::{App, Ask, Demo, Desk, Forgery, Person};
use test_vendors::{Fault, StandIn};
use tests::oauth::{clients, login_body};
use tests::{Client, Node, Topology, World, on_every_topology};

use crate::browser_flow::start;
use crate::canary::everything;

on_every_topology![
    every_provider_registers_and_logs_in_by_its_code,
    a_token_and_an_id_token_are_looked_at_for_whose_they_are,
    what_is_refused_has_its_answer_and_makes_nobody,
    what_is_no_credential_is_told_by_its_field,
    a_third_party_account_is_linked_proves_again_and_merges,
    every_way_of_every_provider_serves_every_verb,
    a_provider_that_hangs_holds_nobody_else_up,
    what_speaks_for_a_user_is_kept_sealed,
    who_has_no_phone_gets_no_tokens_of_a_partner,
];

pub(crate) const VENDORS: [&str; 10] =
    ["wechat", "qq", "weibo", "netease", "alipay", "douyin", "apple", "google", "github", "oidc"];
/// The app that is ours with every vendor.
const APP: &str = "demo-app";
const REDIRECT: &str = "https://app.example.com/provider";

/// The vendors of one test.
pub(crate) struct Vendors {
    pub(crate) stand_in: StandIn,
    pub(crate) desk: Desk,
    settings: Vec<(String, String)>,
}

#[expect(clippy::disallowed_methods, reason = "the vendors' clock is that of the machine")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

impl Vendors {
    pub(crate) async fn new() -> Self {
        // The address is known once it listens, and the routes are made before.
        let desk = Demo::new("", "", now).desk;
        let stand_in = StandIn::start(test_vendors::oauth::routes(&desk)).await.unwrap();
        let demo = Demo { here: stand_in.url(""), service: String::new(), desk: desk.clone() };
        let ours = demo.environment().into_iter().filter_map(|(name, value)| {
            let name = name.strip_prefix("LATCHKEY__")?;
            name.starts_with("PROVIDERS__").then(|| (name.to_owned(), value))
        });
        let mut settings: Vec<_> = ours.collect();
        settings.push(("PROVIDERS__WECHAT__PLATFORM".to_owned(), "team".to_owned()));
        let wechat = stand_in.url("/wechat");
        let mini = json!({"kind": "wechat_mini", "app_id": "mini-app", "app_secret": "demo-secret",
            "platform": "team", "api_url": wechat});
        settings.push(("PROVIDERS__WECHAT_MINI".to_owned(), mini.to_string()));
        for vendor in VENDORS {
            let secret = if vendor == "apple" { "DEMOTEAM/DEMOKEY" } else { "demo-secret" };
            for app in [APP, "mini-app", "another-app"] {
                // No address is registered: any will do.
                let app_of = App { secret: secret.to_owned(), redirect_uris: Vec::new() };
                desk.add_app(vendor, app, app_of);
            }
        }
        Self { stand_in, desk, settings }
    }

    pub(crate) async fn node(&self, world: &World, more: &[(&str, &str)]) -> Node {
        let (key, clients) = clients();
        let mut all = vec![(key, clients.as_str())];
        all.extend(self.settings.iter().map(|(key, it)| (key.as_str(), it.as_str())));
        all.extend_from_slice(more);
        world.node_with(&all).await
    }

    pub(crate) fn person(&self, id: u64) -> Person {
        let person = Person::new(id);
        self.desk.add_person(person.clone());
        person
    }

    pub(crate) fn code(&self, vendor: &str, of: &Person) -> Value {
        self.code_for(vendor, APP, of)
    }

    fn code_for(&self, vendor: &str, app: &str, of: &Person) -> Value {
        let ask = Ask { redirect_uri: Some(REDIRECT.to_owned()), challenge: None, nonce: None };
        by_code(vendor, &self.desk.code(vendor, app, of, ask))
    }

    fn issuer(&self, vendor: &str) -> String {
        match vendor {
            "google" => "https://accounts.google.com".to_owned(),
            "apple" => "https://appleid.apple.com".to_owned(),
            _ => self.stand_in.url("/oidc"),
        }
    }

    fn id_token(&self, vendor: &str, app: &str, of: &Person, forgery: &Forgery) -> String {
        self.desk.id_token(vendor, &self.issuer(vendor), app, of, Some("n1"), forgery)
    }
}

fn by_code(provider: &str, code: &str) -> Value {
    json!({"type": "provider_code", "provider": provider, "code": code,
        "redirect_uri": REDIRECT})
}

fn by_token(provider: &str, token: &str, openid: Option<&str>) -> Value {
    let mut credential =
        json!({"type": "provider_token", "provider": provider, "access_token": token});
    if let Some(openid) = openid {
        credential["openid"] = openid.into();
    }
    credential
}

fn by_id_token(provider: &str, token: &str) -> Value {
    json!({"type": "provider_id_token", "provider": provider, "id_token": token, "nonce": "n1"})
}

async fn refused(client: &Client, credential: &Value, status: u16, code: &str) {
    let answer = client.login(credential).await;
    assert_eq!(answer.outcome(), (status, code.to_owned()), "{credential}: {}", answer.text);
}

async fn every_provider_registers_and_logs_in_by_its_code(world: World) {
    let vendors = Vendors::new().await;
    let node = vendors.node(&world, &[]).await;
    let client = &node.client;
    let listed = client.get("/v1/providers").await.unwrap();
    let listed = listed.body["providers"].as_array().unwrap().clone();
    assert_eq!(listed.len(), VENDORS.len() + 1, "{listed:?}");
    for (id, vendor) in (100..).zip(VENDORS) {
        let person = vendors.person(id);
        let first = client.login(&vendors.code(vendor, &person)).await;
        assert_eq!(first.status, 200, "{vendor}: {}", first.text);
        assert_eq!(first.body["is_new_user"], true, "{vendor}");
        assert_eq!(first.body["session"]["amr"], json!(["fed"]));
        let again = client.login(&vendors.code(vendor, &person)).await;
        assert_eq!(again.body["is_new_user"], false, "{vendor}: {}", again.text);
        assert_eq!(again.body["user"]["id"], first.body["user"]["id"]);
        let user = client.as_user(&again);
        let identities = user.get("/v1/me/identities").await.unwrap();
        assert_eq!(identities.body["identities"][0]["type"], vendor, "{}", identities.text);
        let logins = user.get("/v1/me/logins").await.unwrap();
        assert_eq!(logins.body["logins"][0]["method"], vendor, "{}", logins.text);
        // What the vendor tells of its user is taken for a new one.
        if ["wechat", "qq", "weibo", "douyin"].contains(&vendor) {
            assert_eq!(first.body["user"]["nickname"], person.nickname, "{vendor}");
            assert_eq!(identities.body["identities"][0]["display_name"], person.nickname);
        }
    }
    // The mini program's openid is another one, and its unionid is not.
    let person = vendors.person(100);
    let site = client.login(&vendors.code("wechat", &person)).await;
    let code = vendors.code_for("wechat", "mini-app", &person);
    let mini = by_code("wechat_mini", code["code"].as_str().unwrap());
    let mini = client.login(&mini).await;
    assert_eq!(mini.body["is_new_user"], false, "{}", mini.text);
    assert_eq!(mini.body["user"]["id"], site.body["user"]["id"]);
}

/// SDK-01, SDK-02, SDK-04: only a proof that was made for our app, and an ID token once.
async fn a_token_and_an_id_token_are_looked_at_for_whose_they_are(world: World) {
    let vendors = Vendors::new().await;
    let node = vendors.node(&world, &[]).await;
    let client = &node.client;
    let desk = &vendors.desk;
    for (id, vendor) in (200..).zip(["qq", "weibo", "github"]) {
        let person = vendors.person(id);
        for is_new in [true, false] {
            let token = desk.token(vendor, APP, &person);
            let came = client.login(&by_token(vendor, &token, None)).await;
            assert_eq!(came.status, 200, "{vendor}: {}", came.text);
            assert_eq!(came.body["is_new_user"], is_new, "{vendor}");
        }
        let foreign = desk.token(vendor, "another-app", &person);
        refused(client, &by_token(vendor, &foreign, None), 401, "provider_identity_invalid").await;
        let token = desk.token(vendor, APP, &person);
        let posted = by_token(vendor, &token, Some("somebody-else"));
        refused(client, &posted, 401, "provider_identity_invalid").await;
        desk.expire(&token);
        refused(client, &by_token(vendor, &token, None), 401, "provider_identity_invalid").await;
    }
    for (id, vendor) in (210..).zip(["google", "apple", "oidc"]) {
        let person = vendors.person(id);
        let good = vendors.id_token(vendor, APP, &person, &Forgery::default());
        let came = client.login(&by_id_token(vendor, &good)).await;
        assert_eq!(came.status, 200, "{vendor}: {}", came.text);
        refused(client, &by_id_token(vendor, &good), 401, "provider_identity_invalid").await;
        // What is bound to a nonce is shown with it.
        let unseen = Forgery { claims: json!({"jti": "unseen"}), ..Forgery::default() };
        let bound = vendors.id_token(vendor, APP, &person, &unseen);
        let alone = json!({"type": "provider_id_token", "provider": vendor, "id_token": bound});
        refused(client, &alone, 401, "provider_identity_invalid").await;
        assert_eq!(client.login(&by_id_token(vendor, &bound)).await.status, 200, "with it");
        let foreign = vendors.id_token(vendor, "another-app", &person, &Forgery::default());
        refused(client, &by_id_token(vendor, &foreign), 401, "provider_identity_invalid").await;
        let unsigned = Forgery { header: json!({"alg": "none"}), ..Forgery::default() };
        let unsigned = vendors.id_token(vendor, APP, &person, &unsigned);
        refused(client, &by_id_token(vendor, &unsigned), 401, "provider_identity_invalid").await;
    }
    // One ID token, shown by many at the same time, is one session.
    let person = vendors.person(220);
    let shared =
        by_id_token("google", &vendors.id_token("google", APP, &person, &Forgery::default()));
    let tries: Vec<_> = (0..50)
        .map(|_| {
            let (client, credential) = (client.clone(), shared.clone());
            tokio::spawn(async move { client.login(&credential).await.status })
        })
        .collect();
    let mut came = 0;
    for it in tries {
        let status = it.await.unwrap();
        assert!(status == 200 || status == 401, "{status}");
        came += usize::from(status == 200);
    }
    assert_eq!(came, 1);
}

/// EXT-05: whatever a provider answers, it is told, and no user is made by it.
async fn what_is_refused_has_its_answer_and_makes_nobody(world: World) {
    let vendors = Vendors::new().await;
    let node = vendors.node(&world, &[]).await;
    let client = &node.client;
    for (id, vendor) in (300..).zip(VENDORS) {
        let person = vendors.person(id);
        let used = vendors.code(vendor, &vendors.person(id + 50));
        assert_eq!(client.login(&used).await.status, 200, "{vendor}");
        refused(client, &used, 401, "provider_identity_invalid").await;
        let expired = vendors.code(vendor, &person);
        vendors.desk.expire(expired["code"].as_str().unwrap());
        refused(client, &expired, 401, "provider_identity_invalid").await;
        let foreign = vendors.code_for(vendor, "another-app", &person);
        refused(client, &foreign, 401, "provider_identity_invalid").await;
        refused(client, &by_code(vendor, "unknown"), 401, "provider_identity_invalid").await;
        for nobody in [json!(""), json!(null)] {
            let nobody = Person { subject: Some(nobody), ..person.clone() };
            let answer = client.login(&vendors.code(vendor, &nobody)).await;
            let (status, code) = answer.outcome();
            assert!([401, 502].contains(&status), "{vendor}: {status} {code}");
        }
        let path = format!("/{vendor}");
        for (fault, status, code) in [
            (Fault::Html, 502, "provider_bad_response"),
            (Fault::Truncated, 502, "provider_bad_response"),
            (Fault::Status(500), 503, "provider_unavailable"),
        ] {
            // An issuer's keys and addresses are known from before: its other answers fail.
            vendors.stand_in.faults().set(&path, fault);
            let answer = client.login(&vendors.code(vendor, &person)).await;
            vendors.stand_in.faults().clear();
            assert_eq!(answer.outcome(), (status, code.to_owned()), "{vendor}: {fault:?}");
            assert_eq!(answer.header("retry-after").is_empty(), status != 503);
        }
        let first = client.login(&vendors.code(vendor, &person)).await;
        assert_eq!(first.status, 200, "{vendor}: {}", first.text);
        assert_eq!(first.body["is_new_user"], true, "{vendor}: a refusal made a user");
    }
}

async fn what_is_no_credential_is_told_by_its_field(world: World) {
    let vendors = Vendors::new().await;
    let node = vendors.node(&world, &[("PROVIDERS__WEIBO__ENABLED", "false")]).await;
    let client = &node.client;
    for (credential, field) in [
        (by_code("unknown", "c"), "credential.provider"),
        (
            json!({"type": "provider_code", "provider": "qq", "code": "c"}),
            "credential.redirect_uri",
        ),
        (by_token("wechat", "t", None), "credential.openid"),
        (by_token("netease", "t", None), "credential.type"),
        (by_id_token("qq", "t"), "credential.type"),
        (by_code("qq", ""), "credential.code"),
        (
            json!({"type": "provider_code", "provider": "qq", "code": "c", "redirect_uri": REDIRECT,
            "client_id": "mine"}),
            "credential.client_id",
        ),
    ] {
        let answer = client.login(&credential).await;
        assert_eq!(answer.outcome(), (422, "validation_failed".to_owned()), "{}", answer.text);
        assert_eq!(answer.body["errors"][0]["field"], field, "{}", answer.text);
    }
    refused(client, &by_code("weibo", "c"), 403, "provider_disabled").await;
    let start = start(client, "weibo", &[]).await;
    assert_eq!(start.outcome(), (403, "provider_disabled".to_owned()));
    for path in ["/v1/providers/unknown/start", "/v1/providers/wechat_mini/start"] {
        let answer = client.get(&format!("{path}?client_id=web")).await.unwrap();
        assert_eq!(answer.status, 404, "{}", answer.text);
    }
}

async fn a_third_party_account_is_linked_proves_again_and_merges(world: World) {
    let vendors = Vendors::new().await;
    let node = vendors.node(&world, &[]).await;
    let client = &node.client;
    let (person, other) = (vendors.person(400), vendors.person(401));
    let me = client.as_user(&client.log_in("13800138000").await);
    let link = async |credential: Value| {
        me.post("/v1/me/identities", &json!({"credential": credential})).await
    };
    let linked = link(vendors.code("qq", &person)).await;
    assert_eq!(linked.status, 201, "{}", linked.text);
    assert_eq!(link(vendors.code("qq", &person)).await.status, 200, "mine already");
    let theirs = client.login(&vendors.code("qq", &other)).await;
    let taken = link(vendors.code("qq", &other)).await;
    assert_eq!(taken.outcome(), (409, "identity_in_use".to_owned()));
    assert_eq!(taken.body["next"], json!(["merge"]));
    let again = json!({"credential": vendors.code("qq", &person)});
    let again = me.post("/v1/reauthenticate", &again).await;
    assert_eq!(again.status, 200, "{}", again.text);
    let me = client.as_user(&again);
    let wrong = json!({"credential": vendors.code("qq", &other)});
    let wrong = me.post("/v1/reauthenticate", &wrong).await;
    assert_eq!(wrong.outcome(), (401, "provider_identity_invalid".to_owned()));
    let merged = json!({"credential": vendors.code("qq", &other)});
    let merged = me.post("/v1/me/merge", &merged).await;
    assert_eq!(merged.status, 200, "{}", merged.text);
    assert_eq!(merged.body["moved"][0]["type"], "qq");
    assert_eq!(client.as_user(&theirs).me().await.status, 401, "an absorbed session has ended");
    let came = client.login(&vendors.code("qq", &other)).await;
    assert_eq!(came.body["user"]["id"], merged.body["user"]["id"]);
    // An ID token that links what is mine already is used up all the same.
    let shown = |number: u8| {
        // Two of one second would be one token.
        let named = Forgery { claims: json!({"jti": number.to_string()}), ..Forgery::default() };
        by_id_token("google", &vendors.id_token("google", APP, &person, &named))
    };
    let link = async |credential: &Value| {
        me.post("/v1/me/identities", &json!({"credential": credential})).await
    };
    assert_eq!(link(&shown(1)).await.status, 201);
    let again = shown(2);
    assert_eq!(link(&again).await.status, 200);
    refused(client, &again, 401, "provider_identity_invalid").await;
}

/// What proves an account at a vendor serves every verb, whichever way it comes.
async fn every_way_of_every_provider_serves_every_verb(world: World) {
    let vendors = Vendors::new().await;
    let node = vendors.node(&world, &[]).await;
    let client = &node.client;
    let token = |vendor: &str, of: &Person| {
        let openid = (vendor == "wechat").then(|| format!("o{}-{APP}", of.id));
        by_token(vendor, &vendors.desk.token(vendor, APP, of), openid.as_deref())
    };
    let made = Cell::new(0);
    let id_token = |vendor: &str, of: &Person, age: i64| {
        made.set(made.get() + 1);
        // Two of one second would be one token.
        let claims = json!({"jti": made.get().to_string(), "iat": now() - age, "exp": now() + 300});
        let aged = Forgery { claims, ..Forgery::default() };
        by_id_token(vendor, &vendors.id_token(vendor, APP, of, &aged))
    };
    let mut ids = 900..;
    let mut serves = async |name: &str, of: &dyn Fn(&Person) -> Value| {
        let mut person = || vendors.person(ids.next().unwrap());
        let (mine, other) = (person(), person());
        let me = client.as_user(&client.log_in(&format!("13800138{}", mine.id)).await);
        let ask = async |me: &Client, path: &str, of: Value| {
            me.post(path, &json!({"credential": of})).await
        };
        let linked = ask(&me, "/v1/me/identities", of(&mine)).await;
        assert_eq!(linked.status, 201, "{name}: {}", linked.text);
        let again = ask(&me, "/v1/reauthenticate", of(&mine)).await;
        assert_eq!(again.status, 200, "{name}: {}", again.text);
        let me = client.as_user(&again);
        let wrong = ask(&me, "/v1/reauthenticate", of(&other)).await;
        assert_eq!(wrong.outcome(), (401, "provider_identity_invalid".to_owned()), "{name}");
        let came = client.login(&of(&other)).await;
        assert_eq!(came.body["is_new_user"], true, "{name}: {}", came.text);
        let merged = ask(&me, "/v1/me/merge", of(&other)).await;
        assert_eq!(merged.status, 200, "{name}: {}", merged.text);
        let came = client.login(&of(&other)).await;
        assert_eq!(came.body["user"]["id"], merged.body["user"]["id"], "{name}");
        (me, mine)
    };
    for vendor in VENDORS {
        serves(vendor, &|of| vendors.code(vendor, of)).await;
    }
    for vendor in ["wechat", "qq", "weibo", "github"] {
        serves(vendor, &|of| token(vendor, of)).await;
    }
    for vendor in ["google", "apple", "oidc"] {
        let (me, mine) = serves(vendor, &|of| id_token(vendor, of, 0)).await;
        // Who shows an old one was there when it was made (LINK-01).
        let old = json!({"credential": id_token(vendor, &mine, 601)});
        for path in ["/v1/reauthenticate", "/v1/me/merge"] {
            let stale = me.post(path, &old).await;
            assert_eq!(stale.outcome(), (401, "provider_identity_invalid".to_owned()), "{path}");
        }
        let me = client.as_user(&client.login(&id_token(vendor, &mine, 601)).await);
        let stale = me.delete("/v1/me").await;
        assert_eq!(stale.outcome(), (403, "reauth_required".to_owned()), "{vendor}");
    }
}

/// SDK-05: whoever waits for one provider is in nobody's way.
async fn a_provider_that_hangs_holds_nobody_else_up(world: World) {
    let vendors = Vendors::new().await;
    let node = vendors.node(&world, &[]).await;
    let client = &node.client;
    let person = vendors.person(600);
    let alone = times(client, &vendors, &person).await;
    vendors.stand_in.faults().set("/qq", Fault::Slow(Duration::from_secs(30)));
    let stuck: Vec<_> = (0..50)
        .map(|_| {
            let (client, credential) = (client.clone(), vendors.code("qq", &person));
            tokio::spawn(async move { client.login(&credential).await.outcome() })
        })
        .collect();
    // The first ones share the processor with the rush of those who then only wait.
    times(client, &vendors, &person).await;
    let beside = times(client, &vendors, &person).await;
    assert!(stuck.iter().any(|it| !it.is_finished()), "the others were faster than who hangs");
    for it in stuck {
        assert_eq!(it.await.unwrap(), (503, "provider_unavailable".to_owned()));
    }
    println!("a login by weibo, p50 and p99: alone {alone:?}, beside {beside:?}");
}

/// How long logins by Weibo take: the median and the 99th of 100.
async fn times(client: &Client, vendors: &Vendors, person: &Person) -> (Duration, Duration) {
    let mut took = Vec::new();
    for _ in 0..100 {
        let came = client.login(&vendors.code("weibo", person)).await;
        assert_eq!(came.status, 200, "{}", came.text);
        took.push(came.took);
    }
    took.sort_unstable();
    (took[50], took[98])
}

/// SDK-04, LOG-01: a provider's tokens are kept sealed, the last ones; nothing of them, nor of the
/// account's name there, is in clear anywhere.
async fn what_speaks_for_a_user_is_kept_sealed(world: World) {
    let vendors = Vendors::new().await;
    let node = vendors.node(&world, &[]).await;
    let client = &node.client;
    let person = Person { subject: Some(json!("OPENIDCANARY0123456789")), ..Person::new(700) };
    vendors.desk.add_person(person.clone());
    let mut kept = std::collections::BTreeSet::new();
    let mut secrets = vec!["OPENIDCANARY0123456789".to_owned()];
    for _ in 0..2 {
        let token = vendors.desk.token("qq", APP, &person);
        let came = client.login(&by_token("qq", &token, None)).await;
        assert_eq!(came.status, 200, "{}", came.text);
        secrets.push(token);
        if world.topology != Topology::Sqlite {
            let rows = world.sql("SELECT encode(tokens, 'hex') FROM identities").await;
            kept.extend(rows.iter().filter_map(|it| match it {
                tests::tokio_postgres::SimpleQueryMessage::Row(row) => {
                    row.get(0).map(str::to_owned)
                }
                _ => None,
            }));
        }
    }
    assert!(world.topology == Topology::Sqlite || kept.len() == 2, "kept, and then others");
    let code = vendors.code("qq", &person);
    assert_eq!(client.login(&code).await.status, 200);
    secrets.push(code["code"].as_str().unwrap().to_owned());
    for (place, bytes) in everything(&world).await {
        let text = String::from_utf8_lossy(&bytes);
        for secret in &secrets {
            assert!(!text.contains(secret), "{secret} stands in {place}");
        }
    }
}

/// A partner's tokens never meet the routes that ask for a phone: without one there is no code.
async fn who_has_no_phone_gets_no_tokens_of_a_partner(world: World) {
    let vendors = Vendors::new().await;
    let node = vendors.node(&world, &[("POLICY__REQUIRE_PHONE", "true")]).await;
    let client = &node.client;
    let person = vendors.person(800);
    let ask = async |of: &str| {
        let body = login_body(&vendors.code("weibo", &person), of, "openid");
        client.post("/v1/login", &body).await
    };
    let partner = ask("spa").await;
    assert_eq!(partner.outcome(), (403, "phone_required".to_owned()), "{}", partner.text);
    let ours = ask("web").await;
    assert_eq!(ours.status, 200, "{}", ours.text);
    let session = client.exchange(ours.str("/code")).await;
    let me = client.bearing(session.str("/access_token"));
    assert_eq!(me.me().await.status, 200);
    let sessions = me.get("/v1/me/sessions").await.unwrap();
    assert_eq!(sessions.outcome(), (403, "phone_required".to_owned()));
}
