//! The edge: what no handler should have to look at.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tests::{Topology, World};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends bytes and gives the status of what comes back; 0 if the connection closes without.
async fn raw(address: &str, bytes: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may have answered and closed before all is written.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    let _ = tokio::time::timeout(Duration::from_secs(8), reading).await;
    let text = String::from_utf8_lossy(&answer);
    text.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or(0)
}

/// EDGE-01, EDGE-02, EDGE-03, EDGE-04, EDGE-11.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_off_are_told_why() {
    let world = World::new(Topology::Sqlite).await;
    let node = world.node().await;
    let client = &node.client;
    let login = |body: Vec<u8>| {
        client
            .request(Method::POST, "/v1/login")
            .header("content-type", "application/json")
            .body(body)
    };
    let deep = format!("{}1{}", "{\"a\":".repeat(17), "}".repeat(17));
    let long = " ".repeat(16_385);
    let bodies: [(&[u8], u16, &str); 11] = [
        (b"{", 400, "malformed_request"),
        (b"[]", 400, "malformed_request"),
        (b"", 400, "malformed_request"),
        (b"{\"a\":1,\"a\":2}", 400, "malformed_request"),
        (b"{\"credential\":{\"type\":\"code\",\"type\":\"code\"}}", 400, "malformed_request"),
        (b"{\"a\":\"\\u0000\"}", 400, "malformed_request"),
        (b"{\"a\":\"\\ud800\"}", 400, "malformed_request"),
        (b"\xef\xbb\xbf{}", 400, "malformed_request"),
        (b"{\"a\":\"\xff\"}", 400, "malformed_request"),
        (deep.as_bytes(), 400, "malformed_request"),
        (long.as_bytes(), 413, "payload_too_large"),
    ];
    for (body, status, code) in bodies {
        let told = client.send(login(body.to_vec())).await.unwrap();
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(told.outcome(), (status, code.to_owned()), "{shown}");
    }
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"]
    {
        let told = client
            .send(client.request(Method::POST, "/v1/login").header("content-type", kind).body("{}"))
            .await
            .unwrap();
        assert_eq!(told.outcome(), (415, "unsupported_media_type".to_owned()), "{kind}");
    }
    let utf8 = client
        .request(Method::POST, "/v1/login")
        .header("content-type", "application/json; charset=utf-8")
        .body("{}");
    assert_eq!(client.send(utf8).await.unwrap().status, 422);
    for (method, path) in
        [(Method::GET, "/v1/login"), (Method::DELETE, "/v1/login"), (Method::TRACE, "/v1/me")]
    {
        let told = client.send(client.request(method.clone(), path)).await.unwrap();
        assert_eq!(told.status, 405, "{method} {path}");
        assert!(!told.header("allow").is_empty(), "{method} {path}");
    }
    for path in ["/nowhere", "/v1/me;x=1", "/v1//me", "/v1/%2e%2e/me", "/v1%2fme", "/v1/me%00"] {
        let told = client.get(path).await.unwrap();
        assert_eq!(told.outcome(), (404, "not_found".to_owned()), "{path}");
    }
    for name in ["password", "token", "code", "access_token"] {
        let told = client.get(&format!("/v1/me?{name}=x")).await.unwrap();
        assert_eq!(told.outcome(), (400, "credentials_in_url".to_owned()), "{name}");
    }
    let head = client.send(client.request(Method::HEAD, "/health/live")).await.unwrap();
    assert_eq!((head.status, head.text.as_str()), (200, ""));
}

/// EDGE-08, EDGE-09, and the request's id.
#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_its_headers() {
    let world = World::new(Topology::Sqlite).await;
    let node = world.node().await;
    for path in ["/health/live", "/v1/me", "/nowhere"] {
        let request = node
            .client
            .request(Method::GET, path)
            .header("origin", "https://evil.example")
            .header("x-request-id", "abc-123");
        let answer = node.client.send(request).await.unwrap();
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cache-control"), "no-store");
        let policy = answer.header("content-security-policy");
        assert_eq!(policy, "default-src 'none'; frame-ancestors 'none'");
        assert_eq!(answer.header("server"), "");
        assert_eq!(answer.header("access-control-allow-origin"), "");
        assert_eq!(answer.header("x-request-id"), "abc-123");
    }
    let bad = node.client.request(Method::GET, "/v1/me").header("x-request-id", "a b");
    let answer = node.client.send(bad).await.unwrap();
    assert_ne!(answer.header("x-request-id"), "a b");
    assert_eq!(answer.header("x-request-id"), answer.str("/request_id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_speak_english_and_chinese() {
    let world = World::new(Topology::Sqlite).await;
    let node = world.node().await;
    let mut titles = Vec::new();
    for language in ["en", "zh-CN", "zh", "fr", "fr;q=0.9, zh-CN;q=0.8"] {
        let request =
            node.client.request(Method::GET, "/v1/me").header("accept-language", language);
        let answer = node.client.send(request).await.unwrap();
        assert_eq!(answer.code(), "session_invalid");
        titles.push(answer.str("/title").to_owned());
    }
    assert!(titles[0].is_ascii() && !titles[1].is_ascii());
    assert_eq!(titles[1], titles[2]);
    assert_eq!(titles[0], titles[3]);
    assert_eq!(titles[1], titles[4]);
}

/// EDGE-01, EDGE-14: framing that two servers could read differently.
#[tokio::test(flavor = "multi_thread")]
async fn framing_that_can_be_read_two_ways_is_refused() {
    let world = World::new(Topology::Sqlite).await;
    let node = world.node().await;
    let head = "POST /v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    let cases = [
        (format!("{head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400),
        (format!("{head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}"), 400),
        (format!("{head}Content-Length: +2\r\n\r\n{{}}"), 400),
        ("GET /health/live HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c\r\n\r\n".to_owned(), 400),
        ("GET /health/live HTTP/1.1\nHost: x\n\n".to_owned(), 400),
        ("GET /health/live HTTP/1.1\r\nHost: x\nX-A: b\r\n\r\n".to_owned(), 400),
        (
            format!("GET /{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "a".repeat(8_200)),
            414,
        ),
        (
            format!(
                "GET /health/live HTTP/1.1\r\nHost: x\r\nX-A: {}\r\nConnection: close\r\n\r\n",
                "a".repeat(17_000)
            ),
            431,
        ),
    ];
    for (request, status) in cases {
        let shown: String = request.chars().take(90).collect();
        assert_eq!(raw(&node.address, request.as_bytes()).await, status, "{shown:?}");
    }
}

/// EDGE-05: a connection that says nothing, or too slowly, does not stay.
#[tokio::test(flavor = "multi_thread")]
async fn slow_connections_do_not_stay() {
    let world = World::new(Topology::Sqlite).await;
    let node = world.node().await;
    let silent = raw(&node.address, b"");
    let half = raw(&node.address, b"GET /health/live HTTP/1.1\r\nHost:");
    let (silent, half) = tokio::join!(silent, half);
    assert!([0, 408].contains(&silent) && [0, 408].contains(&half), "{silent} {half}");
}

/// EDGE-14: what would make a tunnel of the connection is refused, and the connection ends.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_becomes_a_tunnel() {
    let world = World::new(Topology::Sqlite).await;
    let node = world.node().await;
    let hidden = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
    for request in [
        "CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT /v1/me HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        "GET /health/live HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n\r\n",
    ] {
        let answer = until_closed(&node.address, &format!("{request}{hidden}")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{request:?}: {answer}");
    }
}

/// A body that nobody asked for ends the connection where the answer says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_said_to_close_closes() {
    let world = World::new(Topology::Sqlite).await;
    let node = world.node().await;
    let next = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
    for body in ["{}", "{", "", &format!("{{}}{next}")] {
        let request = format!("GET /v1/me HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{body}");
        let answer = until_closed(&node.address, &request).await;
        assert!(answer.contains("connection: close"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    }
}

/// What comes after a body that was read is answered in its turn.
#[tokio::test(flavor = "multi_thread")]
async fn requests_may_come_all_at_once() {
    let world = World::new(Topology::Sqlite).await;
    let node = world.node().await;
    let body = "{\"channel\":\"sms\",\"target\":\"13800138000\"}";
    let ask = format!(
        "POST /v1/challenges HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let last = "GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answers = until_closed(&node.address, &format!("{ask}{ask}{last}")).await;
    let statuses: Vec<_> = answers.split("HTTP/1.1 ").skip(1).map(|it| &it[..3]).collect();
    assert_eq!(statuses, ["202", "429", "200"], "{answers}");
}

/// Sends a text and reads until the server closes, which must be soon.
async fn until_closed(address: &str, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(text.as_bytes()).await;
    let mut answer = Vec::new();
    let reading = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer));
    let closed = reading.await.is_ok();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(closed, "still open: {answer}");
    answer
}

/// EDGE-06.
#[tokio::test(flavor = "multi_thread")]
async fn the_address_is_the_peers_unless_a_trusted_proxy_says_otherwise() {
    for (trusted, told_apart) in [("[]", false), ("[\"127.0.0.0/8\"]", true)] {
        let world = World::new(Topology::Sqlite).await;
        let settings = [("CODES__PER_IP_HOUR", "1"), ("SERVER__TRUSTED_PROXIES", trusted)];
        let node = world.node_with(&settings).await;
        let mut sent = 0;
        for number in 0..3 {
            let request = node
                .client
                .request(Method::POST, "/v1/challenges")
                .header("x-forwarded-for", format!("203.0.113.{number}"))
                .json(&json!({"channel": "sms", "target": format!("138{number}0138000")}));
            sent += usize::from(node.client.send(request).await.unwrap().status == 202);
        }
        assert_eq!(sent, if told_apart { 3 } else { 1 }, "{trusted}");
    }
}
