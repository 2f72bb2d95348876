//! `/oauth2/authorize`: a code for somebody who holds a session, or what is wrong (OP-01, OP-10).

use tests::oauth::{CALLBACK, VERIFIER, authorize};
use tests::reqwest::Method;
use tests::{World, on_every_topology};

use crate::oauth2::node;

on_every_topology![a_session_gives_a_code_and_goes_on, whoever_has_no_session_is_told];

/// OP-10: 303, the state to the letter, and who we are.
async fn a_session_gives_a_code_and_goes_on(world: World) {
    let node = node(&world).await;
    let login = node.client.log_in("13800138000").await;
    let user = node.client.as_user(&login);
    let answer = user.authorize(&[("scope", "openid phone")]).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    assert_eq!(answer.redirected(""), CALLBACK);
    assert_eq!(answer.redirected("state"), "a b&c=d/ä");
    assert_eq!(answer.redirected("iss"), format!("http://{}", node.address));
    let tokens = node.client.exchange(&answer.redirected("code")).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text);
    assert_ne!(tokens.str("/access_token"), login.str("/access_token"));
    let (mine, theirs) = (user.me().await, node.client.as_user(&tokens).me().await);
    assert_eq!(mine.str("/user/id"), theirs.str("/user/id"));
    assert_eq!(mine.str("/session/auth_time"), theirs.str("/session/auth_time"));
    assert_ne!(mine.str("/session/id"), theirs.str("/session/id"));
    // The person sees the client's session, and can end it alone.
    let path = format!("/v1/me/sessions/{}", theirs.str("/session/id"));
    assert_eq!(user.delete(&path).await.status, 204);
    let after = (user.me().await.status, node.client.as_user(&tokens).me().await.status);
    assert_eq!(after, (200, 401));
    // By a form, and into a form.
    let request = user.request(Method::POST, "/oauth2/authorize");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let posted = user.send(request.body(authorize(&[]))).await.expect("an answer");
    assert_eq!((posted.status, posted.redirected("code").len()), (303, 43));
    let page = user.authorize(&[("response_mode", "form_post"), ("state", "\"><b>")]).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.text.contains("value=\"&quot;&gt;&lt;b&gt;\""), "{}", page.text);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("form-action https://app.example.com;"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
}

/// OP-02, OP-10: everything but client and address is told to the client.
async fn whoever_has_no_session_is_told(world: World) {
    let node = node(&world).await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    let nobody = node.client.bearing("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    for (client, changes, error) in [
        (&node.client, &[][..], "login_required"),
        (&nobody, &[], "login_required"),
        (&node.client, &[("prompt", "none")], "login_required"),
        (&user, &[("prompt", "login")], "login_required"),
        (&user, &[("client_id", "other")], "consent_required"),
        (&user, &[("response_type", "token")], "unsupported_response_type"),
        (&user, &[("code_challenge", "")], "invalid_request"),
        (&user, &[("code_challenge_method", "plain")], "invalid_request"),
        (&user, &[("request", "x")], "request_not_supported"),
        (&user, &[("request_uri", "https://x.example/")], "request_uri_not_supported"),
        (&user, &[("scope", "a  b")], "invalid_scope"),
        (&user, &[("max_age", "x")], "invalid_request"),
        (&user, &[("nonce", "x"), ("nonce", "x")], "invalid_request"),
    ] {
        let answer = client.authorize(changes).await;
        assert_eq!(answer.status, 303, "{changes:?}: {}", answer.text);
        assert_eq!(answer.redirected("error"), error, "{changes:?}");
        assert_eq!(
            (answer.redirected(""), answer.redirected("code")),
            (CALLBACK.into(), "".into())
        );
        assert_eq!(answer.redirected("state"), "a b&c=d/ä");
        assert!(!answer.redirected("iss").is_empty());
    }
    for changes in [
        &[("client_id", "nobody")][..],
        &[("client_id", "")],
        &[("redirect_uri", "https://evil.example/cb")],
        &[("redirect_uri", "https://app.example.com/cb?x")],
        &[("redirect_uri", "")],
        &[("redirect_uri", CALLBACK), ("redirect_uri", CALLBACK)],
    ] {
        let page = user.authorize(changes).await;
        assert_eq!((page.status, page.header("location")), (400, ""), "{changes:?}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert!(!page.text.contains("evil"), "{}", page.text);
    }
    let head = user.request(Method::HEAD, &format!("/oauth2/authorize?{}", authorize(&[])));
    assert_eq!(user.send(head).await.expect("an answer").status, 405);
    // A person who lacks a phone where one is wanted has something to do first.
    assert_eq!(VERIFIER.len(), 43);
}
