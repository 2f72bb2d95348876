//! Third-party login: by what an app holds, and by a browser's way to the provider and back.

use std::time::{Duration, SystemTime};

use reqwest::Method;
use reqwest::header::{COOKIE, SET_COOKIE};
use serde_json::{Value, json};
use test_vendors::oauth::{App, Ask, Demo, Desk, Forgery, Person};
use test_vendors::{Fault, StandIn};
use tests::oauth::{CALLBACK, CHALLENGE, clients, login_body};
use tests::{Answer, Client, Node, Topology, World, on_every_topology};

use crate::canary::everything;

on_every_topology![
    every_provider_registers_and_logs_in_by_its_code,
    a_token_and_an_id_token_are_looked_at_for_whose_they_are,
    what_is_refused_has_its_answer_and_makes_nobody,
    what_is_no_credential_is_told_by_its_field,
    a_third_party_account_is_linked_proves_again_and_merges,
    a_browser_goes_there_and_comes_back_with_a_code,
    a_state_is_good_once_in_its_browser_at_its_provider,
    what_a_browser_brings_back_is_told_to_the_client,
    a_provider_that_hangs_holds_nobody_else_up,
    what_speaks_for_a_user_is_kept_sealed,
    who_has_no_phone_gets_no_tokens_of_a_partner,
];

const VENDORS: [&str; 10] =
    ["wechat", "qq", "weibo", "netease", "alipay", "douyin", "apple", "google", "github", "oidc"];
/// The app that is ours with every vendor.
const APP: &str = "demo-app";
const REDIRECT: &str = "https://app.example.com/provider";

/// The vendors of one test.
pub(crate) struct Vendors {
    stand_in: StandIn,
    desk: Desk,
    settings: Vec<(String, String)>,
}

impl Vendors {
    pub(crate) async fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the vendors' clock is that of the machine")]
        let now = || {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            i64::try_from(since.as_secs()).unwrap()
        };
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

/// A browser: it keeps the one cookie that it is given.
#[derive(Default)]
struct Browser(Option<String>);

impl Browser {
    async fn go(&mut self, client: &Client, request: reqwest::RequestBuilder) -> Answer {
        let request = match &self.0 {
            Some(cookie) => request.header(COOKIE, cookie),
            None => request,
        };
        let answer = client.send(request).await.unwrap();
        if let Some(set) = answer.headers.get(SET_COOKIE) {
            let set = set.to_str().unwrap();
            for part in ["__Host-", "HttpOnly", "Secure", "Path=/", "SameSite=None"] {
                assert!(set.contains(part), "{set}");
            }
            self.0 = set.split(';').next().map(str::to_owned);
        }
        answer
    }
}

fn start_path(provider: &str, changes: &[(&str, &str)]) -> String {
    let mut members = vec![
        ("client_id", "web"),
        ("redirect_uri", CALLBACK),
        ("state", "mine"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        members.retain(|(it, _)| it != name);
        if !value.is_empty() {
            members.push((name, value));
        }
    }
    let query: Vec<_> = members.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("/v1/providers/{provider}/start?{}", query.join("&"))
}

async fn start(client: &Client, provider: &str, changes: &[(&str, &str)]) -> Answer {
    client.get(&start_path(provider, changes)).await.unwrap()
}

/// Begins at the service and agrees, or whatever `does`, on the vendor's page. Gives the request
/// that comes back: its path with the query, and the body where the page posts one.
async fn through(
    client: &Client,
    browser: &mut Browser,
    provider: &str,
    does: &str,
) -> (String, Option<String>) {
    let begun = browser.go(client, client.request(Method::GET, &start_path(provider, &[]))).await;
    assert_eq!(begun.status, 303, "{provider}: {}", begun.text);
    let page = begun.header("location").split('#').next().unwrap().to_owned();
    let there =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let agreed = there.get(format!("{page}&{does}")).send().await.unwrap();
    let path = |address: &str| {
        let at = address.find("/v1/providers/").unwrap_or_else(|| panic!("{address}"));
        address[at..].to_owned()
    };
    if let Some(location) = agreed.headers().get("location") {
        return (path(location.to_str().unwrap()), None);
    }
    let page = agreed.text().await.unwrap();
    let attributes = |name: &str| -> Vec<String> {
        let begins = format!("{name}=\"");
        let parts = page.split(&begins).skip(1);
        parts.map(|it| it.split('"').next().unwrap().replace("&quot;", "\"")).collect()
    };
    let action = attributes("action").remove(0);
    let pairs = attributes("name").into_iter().zip(attributes("value"));
    let body: Vec<_> = pairs.map(|(name, value)| format!("{name}={}", encoded(&value))).collect();
    (path(&action), Some(body.join("&")))
}

fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn came_back(client: &Client, (path, body): &(String, Option<String>)) -> reqwest::RequestBuilder {
    match body {
        None => client.request(Method::GET, path),
        Some(body) => client
            .request(Method::POST, path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.clone()),
    }
}

/// EXT-09: the way ends with a code for the client, in whose hands it becomes a session.
async fn a_browser_goes_there_and_comes_back_with_a_code(world: World) {
    let vendors = Vendors::new().await;
    let node = vendors.node(&world, &[]).await;
    let client = &node.client;
    vendors.person(500);
    for vendor in VENDORS {
        let mut browser = Browser::default();
        let back = through(client, &mut browser, vendor, "login_as=500").await;
        assert_eq!(back.1.is_some(), vendor == "apple", "only Apple posts");
        let done = browser.go(client, came_back(client, &back)).await;
        assert_eq!(done.status, 303, "{vendor}: {}", done.text);
        assert_eq!(done.redirected(""), CALLBACK, "{vendor}");
        assert_eq!(done.redirected("state"), "mine", "{vendor}: {:?}", done.redirect());
        assert!(done.redirected("iss").starts_with("http://127.0.0.1:"));
        let session = client.exchange(&done.redirected("code")).await;
        assert_eq!(session.status, 200, "{vendor}: {}", session.text);
        let me = client.bearing(session.str("/access_token")).me().await;
        assert_eq!(me.status, 200, "{vendor}: {}", me.text);
        assert_eq!(me.body["session"]["amr"], json!(["fed"]));
    }
}

/// EXT-01, EXT-03.
async fn a_state_is_good_once_in_its_browser_at_its_provider(world: World) {
    let vendors = Vendors::new().await;
    let node = vendors.node(&world, &[]).await;
    let client = &node.client;
    vendors.person(501);
    let invalid = |answer: &Answer| {
        assert_eq!(answer.outcome(), (400, "state_invalid".to_owned()), "{}", answer.text);
    };
    let mut browser = Browser::default();
    let back = through(client, &mut browser, "weibo", "login_as=501").await;
    assert_eq!(browser.go(client, came_back(client, &back)).await.status, 303);
    invalid(&browser.go(client, came_back(client, &back)).await);
    // Another browser is sent with what this one got: nobody is logged in as somebody else.
    let back = through(client, &mut browser, "weibo", "login_as=501").await;
    invalid(&Browser::default().go(client, came_back(client, &back)).await);
    invalid(&browser.go(client, came_back(client, &back)).await);
    let back = through(client, &mut browser, "weibo", "login_as=501").await;
    let elsewhere = (back.0.replace("/weibo/", "/qq/"), None);
    invalid(&browser.go(client, came_back(client, &elsewhere)).await);
    let asked = vendors.desk.asked("/weibo/oauth2/access_token");
    for path in ["?state=unknown&code=c", "?code=c", ""] {
        let path = (format!("/v1/providers/weibo/callback{path}"), None);
        invalid(&browser.go(client, came_back(client, &path)).await);
    }
    assert_eq!(vendors.desk.asked("/weibo/oauth2/access_token"), asked, "nobody is asked");
    // Whoever names itself is who was asked; GitHub does so.
    let mut other = Browser::default();
    let back = through(client, &mut other, "github", "login_as=501").await;
    let named = (format!("{}&iss=https%3A%2F%2Fgithub.com%2Flogin%2Foauth", back.0), None);
    let head = client.request(Method::HEAD, &named.0);
    assert_eq!(other.go(client, head).await.status, 405, "a look uses nothing up");
    assert_eq!(other.go(client, came_back(client, &named)).await.status, 303);
    let back = through(client, &mut other, "github", "login_as=501").await;
    let named = (format!("{}&iss=https%3A%2F%2Fevil.example.com", back.0), None);
    let mismatch = other.go(client, came_back(client, &named)).await;
    assert_eq!(mismatch.outcome(), (400, "issuer_mismatch".to_owned()), "{}", mismatch.text);
    // Many at once: one of them is in.
    let back = through(client, &mut browser, "weibo", "login_as=501").await;
    let cookie = browser.0.clone().unwrap();
    let tries: Vec<_> = (0..20)
        .map(|_| {
            let request = came_back(client, &back).header(COOKIE, &cookie);
            let client = client.clone();
            tokio::spawn(async move { client.send(request).await.unwrap().status })
        })
        .collect();
    let mut came = 0;
    for it in tries {
        came += usize::from(it.await.unwrap() == 303);
    }
    assert_eq!(came, 1);
}

/// EXT-02, EXT-11, EXT-12: a wrong client is told nothing elsewhere; what went wrong has two names.
async fn what_a_browser_brings_back_is_told_to_the_client(world: World) {
    let vendors = Vendors::new().await;
    let node = vendors.node(&world, &[]).await;
    let client = &node.client;
    for changes in [
        [("client_id", "nobody")],
        [("client_id", "")],
        [("redirect_uri", "https://evil.example.com/cb")],
        [("redirect_uri", "")],
    ] {
        let answer = start(client, "weibo", &changes).await;
        assert_eq!(answer.outcome(), (400, "redirect_not_allowed".to_owned()), "{changes:?}");
    }
    for (changes, field) in [
        ([("code_challenge", "")], "code_challenge"),
        ([("code_challenge_method", "plain")], "code_challenge_method"),
        ([("state", "%E5%90%8D")], "state"),
    ] {
        let answer = start(client, "weibo", &changes).await;
        assert_eq!(answer.outcome(), (422, "validation_failed".to_owned()), "{}", answer.text);
        assert_eq!(answer.body["errors"][0]["field"], field, "{}", answer.text);
    }
    let other = start(client, "weibo", &[("client_id", "other")]).await;
    assert_eq!(other.outcome(), (403, "client_not_allowed".to_owned()));
    for vendor in ["wechat", "weibo", "apple", "github"] {
        let mut browser = Browser::default();
        let back = through(client, &mut browser, vendor, "refuse=1").await;
        let done = browser.go(client, came_back(client, &back)).await;
        assert_eq!(done.status, 303, "{vendor}: {}", done.text);
        assert_eq!(done.redirected("error"), "access_denied", "{vendor}");
        assert_eq!(done.redirected("state"), "mine");
    }
    vendors.person(502);
    let mut browser = Browser::default();
    let back = through(client, &mut browser, "weibo", "login_as=502").await;
    vendors.stand_in.faults().set("/weibo", Fault::Status(500));
    let done = browser.go(client, came_back(client, &back)).await;
    vendors.stand_in.faults().clear();
    assert_eq!(done.redirected("error"), "provider_error");
    assert!(!done.header("location").contains("500"), "{}", done.header("location"));
    // The secret that the callback brings stays out of the log.
    let code = back.0.split("code=").nth(1).unwrap().split('&').next().unwrap();
    assert!(!node.log().contains(code), "a code is in the log");
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
