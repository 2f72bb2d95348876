//! A browser's way to a third-party provider and back.

use reqwest::Method;
use reqwest::header::{COOKIE, SET_COOKIE};
use serde_json::json;
use test_vendors::Fault;
use tests::oauth::{CALLBACK, CHALLENGE};
use tests::{Answer, Client, World, on_every_topology};

use crate::providers::{VENDORS, Vendors};

on_every_topology![
    a_browser_goes_there_and_comes_back_with_a_code,
    a_state_is_good_once_in_its_browser_at_its_provider,
    what_a_browser_brings_back_is_told_to_the_client,
];

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

pub(crate) async fn start(client: &Client, provider: &str, changes: &[(&str, &str)]) -> Answer {
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
    // An issuer that promised to name itself does.
    let back = through(client, &mut other, "oidc", "login_as=501").await;
    let (unnamed, _) = back.0.split_once("&iss=").unwrap();
    let unnamed = came_back(client, &(unnamed.to_owned(), None));
    let mismatch = other.go(client, unnamed).await;
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
