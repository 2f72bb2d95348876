//! Codes by e-mail: registering, logging in, and the mail server.

use serde_json::{Value, json};
use tests::test_servers::{Smtp, SmtpOptions};
use tests::{Answer, Client, Topology, World, on_every_topology};

use crate::shape;

on_every_topology![
    a_mailbox_registers_and_logs_in_in_any_spelling,
    a_password_logs_in_by_mail_address,
    a_session_is_proved_again_by_mail,
    a_phone_is_still_wanted_where_the_service_wants_one,
    what_is_no_address_is_refused,
    a_mailbox_gets_so_many_codes,
    a_code_arrives_through_the_mail_server,
];

async fn ask_for(client: &Client, target: &str, purpose: &str) -> Answer {
    let body = json!({"channel": "email", "target": target, "purpose": purpose});
    client.post("/v1/challenges", &body).await
}

async fn ask(client: &Client, target: &str) -> Answer {
    ask_for(client, target, "login").await
}

/// Asks for a login code and reads it where development keeps it; a credential.
async fn code(client: &Client, target: &str) -> Value {
    let sent = ask(client, target).await;
    assert_eq!(sent.status, 202, "{}", sent.text);
    client.code_of(target, sent.str("/challenge_id")).await
}

async fn past_the_resend_time() {
    tokio::time::sleep(std::time::Duration::from_millis(1_050)).await;
}

/// ID-02: what is sent to one spelling is kept under all, and logs in one user.
async fn a_mailbox_registers_and_logs_in_in_any_spelling(world: World) {
    let node = world.node().await;
    let sent = ask(&node.client, "Ada@Example.com").await;
    assert_eq!(sent.status, 202, "{}", sent.text);
    let kept = node.client.get("/dev/messages?to=ada@example.com").await.unwrap();
    let message = &kept.body["messages"][0];
    assert_eq!(message["to"], "ada@example.com");
    assert_eq!((&message["channel"], &message["purpose"]), (&json!("email"), &json!("login")));
    let credential = node.client.code_of("ada@example.com", sent.str("/challenge_id")).await;
    let new = node.client.login(&credential).await;
    insta::allow_duplicates! {
        insta::assert_json_snapshot!(shape(&new.body), @r#"
        {
          "access_token": "…",
          "expires_in": 604800,
          "is_new_user": true,
          "next_steps": [
            "complete_profile",
            "set_password"
          ],
          "session": {
            "amr": [
              "email"
            ],
            "auth_time": "…",
            "id": "…"
          },
          "token_type": "Bearer",
          "user": {
            "avatar_url": null,
            "created_at": "…",
            "has_password": false,
            "id": "…",
            "nickname": null,
            "profile_complete": false,
            "state": "active"
          }
        }
        "#);
    }
    for spelling in ["ADA@EXAMPLE.COM", " ada＠example.com "] {
        past_the_resend_time().await;
        let again = node.client.login(&code(&node.client, spelling).await).await;
        assert_eq!(again.status, 200, "{}", again.text);
        assert_eq!(again.str("/user/id"), new.str("/user/id"), "{spelling}");
        assert_eq!(again.body["is_new_user"], false);
    }
    let user = node.client.as_user(&new);
    let logins = user.get("/v1/me/logins").await.unwrap();
    let logins = logins.body["logins"].as_array().unwrap();
    assert_eq!(logins.len(), 3);
    assert!(logins.iter().all(|it| it["method"] == "email" && it["outcome"] == "success"));
    let identities = user.get("/v1/me/identities").await.unwrap();
    let identity = &identities.body["identities"][0];
    assert_eq!(
        (&identity["type"], &identity["identifier"]),
        (&json!("email"), &json!("a***@example.com"))
    );
}

async fn a_password_logs_in_by_mail_address(world: World) {
    let node = world.node().await;
    let credential = code(&node.client, "ada@example.com").await;
    let with = |password: &str| json!({"credential": credential, "password": password});
    let refused = node.client.post("/v1/login", &with("ada@example.com")).await;
    assert_eq!(refused.outcome(), (422, "password_context".to_owned()));
    let new = node.client.post("/v1/login", &with("correct horse battery")).await;
    assert_eq!(new.status, 200, "{}", new.text);
    for spelling in ["ada@example.com", "Ada@EXAMPLE.com"] {
        let again = node.client.login_by_password(spelling, "correct horse battery").await;
        assert_eq!(again.status, 200, "{}", again.text);
        assert_eq!(again.str("/user/id"), new.str("/user/id"));
        assert_eq!(again.body["session"]["amr"], json!(["pwd"]));
    }
    let wrong = node.client.login_by_password("ada@example.com", "wrong").await;
    assert_eq!(wrong.outcome(), (401, "invalid_credentials".to_owned()));
}

async fn a_session_is_proved_again_by_mail(world: World) {
    let node = world.node().await;
    let user =
        node.client.as_user(&node.client.login(&code(&node.client, "ada@example.com").await).await);
    past_the_resend_time().await;
    let sent = ask_for(&user, "ada@example.com", "reauthenticate").await;
    let credential = user.code_of("ada@example.com", sent.str("/challenge_id")).await;
    let proved = user.post("/v1/reauthenticate", &json!({"credential": credential})).await;
    assert_eq!(proved.status, 200, "{}", proved.text);
    assert_eq!(proved.body["session"]["amr"], json!(["email"]));
}

async fn a_phone_is_still_wanted_where_the_service_wants_one(world: World) {
    let node = world.node_with(&[("POLICY__REQUIRE_PHONE", "true")]).await;
    let new = node.client.login(&code(&node.client, "ada@example.com").await).await;
    assert_eq!(new.status, 200, "{}", new.text);
    let steps = new.body["next_steps"].as_array().unwrap();
    assert!(steps.contains(&json!("link_phone")), "{}", new.text);
    let refused = node.client.as_user(&new).get("/v1/me/sessions").await.unwrap();
    assert_eq!(refused.outcome(), (403, "phone_required".to_owned()));
}

/// ID-02, EDGE-12.
async fn what_is_no_address_is_refused(world: World) {
    let node = world.node().await;
    for target in [
        "",
        "ada",
        "13800138000",
        "ada@example",
        "ada@@example.com",
        "ada@example.com,bob@example.com",
        "ada@example.com\r\nBcc: bob@example.com",
        "\"ada\"@example.com",
    ] {
        let refused = ask(&node.client, target).await;
        assert_eq!(refused.outcome(), (422, "email_invalid".to_owned()), "{target}");
        assert_eq!(refused.body["errors"][0]["field"], "target", "{}", refused.text);
    }
    let body = json!({"channel": "sms", "target": "ada@example.com"});
    let refused = node.client.post("/v1/challenges", &body).await;
    assert_eq!(refused.outcome(), (422, "phone_invalid".to_owned()));
}

/// OTP-07, by the names of e-mail.
async fn a_mailbox_gets_so_many_codes(world: World) {
    let settings = [("CODES__PER_PHONE_HOUR", "2"), ("CODES__PER_IP_HOUR", "3")];
    let node = world.node_with(&settings).await;
    assert_eq!(ask(&node.client, "ada@example.com").await.status, 202);
    let again = ask(&node.client, "ADA@example.com").await;
    assert_eq!(again.outcome(), (429, "rate_limited".to_owned()), "the resend time");
    past_the_resend_time().await;
    assert_eq!(ask(&node.client, "ada@example.com").await.status, 202);
    past_the_resend_time().await;
    let again = ask(&node.client, "ada@example.com").await;
    assert_eq!(again.outcome(), (429, "rate_limited".to_owned()), "the mailbox's hour");
    assert!(again.header("retry-after").parse::<u64>().unwrap() > 3_000);
    assert_eq!(ask(&node.client, "bob@example.com").await.status, 202);
    let other = ask(&node.client, "cyd@example.com").await;
    assert_eq!(other.outcome(), (429, "rate_limited".to_owned()), "the address's hour");
}

/// The real mail server of these tests.
#[expect(clippy::disallowed_methods, reason = "the test command tells where Python is")]
fn mail_server() -> Smtp {
    let python = std::env::var_os("LATCHKEY_TEST_PYTHON");
    let python = python.expect("run the tests with `cargo xtask test`");
    Smtp::start(python.as_ref(), &SmtpOptions::default()).unwrap()
}

async fn first_mail(server: &Smtp) -> Value {
    for _ in 0..400 {
        if let Some(mail) = server.mails().unwrap().first() {
            return serde_json::from_str(mail).unwrap();
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("no mail arrived");
}

async fn a_code_arrives_through_the_mail_server(world: World) {
    let server = mail_server();
    let url = format!("smtp://127.0.0.1:{}", server.port());
    let from = "Latchkey <no-reply@example.com>";
    let node = world.node_with(&[("EMAIL__SMTP__URL", &url), ("EMAIL__SMTP__FROM", from)]).await;
    let sent = ask(&node.client, "ada@example.com").await;
    let mail = first_mail(&server).await;
    assert_eq!(mail["to"], json!(["ada@example.com"]));
    let text = mail["parts"][0][1].as_str().unwrap();
    let code = text.split_whitespace().find(|it| it.len() == 6 && it.parse::<u32>().is_ok());
    let challenge_id = sent.str("/challenge_id");
    let credential = json!({"type": "code", "challenge_id": challenge_id, "code": code});
    let new = node.client.login(&credential).await;
    assert_eq!(new.status, 200, "{}", new.text);
    assert_eq!(node.client.code_of("ada@example.com", challenge_id).await["code"], json!(code));
    // LOG-01: neither the address nor the code.
    let log = node.log();
    assert!(log.contains("a***@example.com") && !log.contains("ada@example.com"), "{log}");
    assert!(!log.contains(code.unwrap()), "{log}");
}

/// Without a mail server production has no such channel.
#[tokio::test(flavor = "multi_thread")]
async fn production_sends_no_mail_without_a_server() {
    let world = World::new(Topology::Sqlite).await;
    let node = world.production_node_with(&[]).await;
    let refused = ask(&node.client, "ada@example.com").await;
    assert_eq!(refused.outcome(), (422, "validation_failed".to_owned()));
    assert_eq!(refused.body["errors"][0]["field"], "channel", "{}", refused.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn production_sends_mail_through_its_server() {
    let server = mail_server();
    let url = format!("smtp://127.0.0.1:{}", server.port());
    let settings = [("EMAIL__SMTP__URL", url.as_str()), ("EMAIL__SMTP__FROM", "a@example.com")];
    let world = World::new(Topology::Sqlite).await;
    let node = world.production_node_with(&settings).await;
    assert_eq!(ask(&node.client, "ada@example.com").await.status, 202);
    assert_eq!(first_mail(&server).await["from"], "a@example.com");
}
