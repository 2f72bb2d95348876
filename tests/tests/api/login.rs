//! POST /v1/login.

use serde_json::json;
use tests::{World, on_every_topology};

use crate::shape;

on_every_topology![
    an_unknown_phone_registers_and_a_known_one_logs_in,
    a_complete_registration_in_one_call,
    a_bad_password_leaves_the_code_alive,
    wrong_codes_have_one_answer_and_burn,
    a_code_of_another_purpose_is_a_wrong_code,
    a_password_logs_in_by_phone,
    unknown_and_wrong_have_one_answer,
    a_credential_that_makes_no_sense_names_its_field,
];

async fn an_unknown_phone_registers_and_a_known_one_logs_in(world: World) {
    let node = world.node().await;
    let new = node.client.log_in("13800138000").await;
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
              "sms"
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
    assert_eq!(new.str("/access_token").len(), 43);
    tokio::time::sleep(std::time::Duration::from_millis(1_050)).await;
    let known = node.client.log_in("13800138000").await;
    assert_eq!(known.body["is_new_user"], false);
    assert_eq!(known.str("/user/id"), new.str("/user/id"));
    assert_ne!(known.str("/access_token"), new.str("/access_token"));
}

async fn a_complete_registration_in_one_call(world: World) {
    let node = world.node().await;
    let body = json!({
        "credential": node.client.code("13800138000").await,
        "profile": {"nickname": "小明", "avatar_url": "https://example.com/a.png"},
        "password": "correct horse battery",
        "device": {"id": "d-1", "name": "a phone"},
    });
    let new = node.client.post("/v1/login", &body).await;
    assert_eq!(new.status, 200, "{}", new.text);
    assert_eq!(new.body["user"]["nickname"], "小明");
    assert_eq!(new.body["user"]["has_password"], true);
    assert_eq!(new.body["user"]["profile_complete"], true);
    assert_eq!(new.body["next_steps"], json!([]));
}

async fn a_bad_password_leaves_the_code_alive(world: World) {
    let node = world.node().await;
    let credential = node.client.code("13800138000").await;
    let cases = [
        (json!("short"), "password_too_short"),
        (json!("p".repeat(129)), "password_too_long"),
        (json!("password1"), "password_breached"),
        (json!("13800138000"), "password_context"),
        (json!("latchkey"), "password_context"),
        (json!(12_345_678), "validation_failed"),
    ];
    for (password, code) in cases {
        let body = json!({"credential": credential, "password": password});
        let refused = node.client.post("/v1/login", &body).await;
        assert_eq!(refused.outcome(), (422, code.to_owned()), "{password}");
        assert_eq!(refused.body["errors"][0]["field"], "password", "{}", refused.text);
    }
    for profile in [json!({"nickname": ""}), json!({"avatar_url": "http://example.com/"})] {
        let body = json!({"credential": credential, "profile": profile});
        let refused = node.client.post("/v1/login", &body).await;
        assert_eq!(refused.outcome(), (422, "validation_failed".to_owned()), "{profile}");
    }
    assert_eq!(node.client.login(&credential).await.status, 200);
}

/// OTP-04: wrong, burned, used, unknown: one answer.
async fn wrong_codes_have_one_answer_and_burn(world: World) {
    let node = world.node().await;
    let credential = node.client.code("13800138000").await;
    let mut wrong = credential.clone();
    wrong["code"] = json!(if credential["code"] == "000000" { "000001" } else { "000000" });
    let mut texts = Vec::new();
    for _ in 0..5 {
        texts.push(node.client.login(&wrong).await);
    }
    texts.push(node.client.login(&credential).await);
    let unknown =
        json!({"type": "code", "challenge_id": "AAAAAAAAAAAAAAAAAAAAAA", "code": "000000"});
    texts.push(node.client.login(&unknown).await);
    let nonsense = json!({"type": "code", "challenge_id": "not an id", "code": "000000"});
    texts.push(node.client.login(&nonsense).await);
    let mut shapes: Vec<_> = texts.iter().map(|it| shape(&it.body).to_string()).collect();
    assert_eq!(texts[0].outcome(), (401, "code_invalid".to_owned()));
    assert_eq!(texts[0].header("www-authenticate"), "Bearer");
    shapes.dedup();
    assert_eq!(shapes.len(), 1, "{shapes:?}");
    let lengths: std::collections::BTreeSet<_> =
        texts.iter().map(|it| it.text.len() - it.str("/request_id").len()).collect();
    assert_eq!(lengths.len(), 1);
}

/// OTP-06.
async fn a_code_of_another_purpose_is_a_wrong_code(world: World) {
    let node = world.node().await;
    for (number, purpose) in
        ["link", "reauthenticate", "reset_password", "merge"].iter().enumerate()
    {
        let phone = format!("1380013800{number}");
        let body = json!({"channel": "sms", "target": phone, "purpose": purpose});
        let sent = node.client.post("/v1/challenges", &body).await;
        assert_eq!(sent.status, 202, "{purpose}");
        let kept = node.client.get(&format!("/dev/messages?to={phone}")).await.unwrap();
        let Some(code) = kept.body["messages"][0]["code"].as_str() else { continue };
        let credential =
            json!({"type": "code", "challenge_id": sent.body["challenge_id"], "code": code});
        let refused = node.client.login(&credential).await;
        assert_eq!(refused.outcome(), (401, "code_invalid".to_owned()), "{purpose}");
    }
}

async fn a_password_logs_in_by_phone(world: World) {
    let node = world.node().await;
    let body = json!({
        "credential": node.client.code("13800138000").await,
        "password": "correct horse battery",
    });
    let new = node.client.post("/v1/login", &body).await;
    for spelling in ["13800138000", "+86 138 0013 8000"] {
        let again = node.client.login_by_password(spelling, "correct horse battery").await;
        assert_eq!(again.status, 200, "{}", again.text);
        assert_eq!(again.str("/user/id"), new.str("/user/id"));
        assert_eq!(again.body["session"]["amr"], json!(["pwd"]));
        assert_eq!(again.body["is_new_user"], false);
    }
}

/// PWD-06: unknown, no password, wrong, empty: one answer.
async fn unknown_and_wrong_have_one_answer(world: World) {
    let node = world.node().await;
    node.client.log_in("13800138001").await;
    let body = json!({
        "credential": node.client.code("13800138000").await,
        "password": "correct horse battery",
    });
    assert_eq!(node.client.post("/v1/login", &body).await.status, 200);
    let cases = [
        ("13800138000", "wrong horse battery"),
        ("13800138000", ""),
        ("13800138001", "correct horse battery"),
        ("13800138002", "correct horse battery"),
        ("somebody", "correct horse battery"),
        ("somebody@example.com", "correct horse battery"),
    ];
    for (identifier, password) in cases {
        let refused = node.client.login_by_password(identifier, password).await;
        insta::allow_duplicates! {
            insta::assert_json_snapshot!(shape(&refused.body), @r#"
            {
              "code": "invalid_credentials",
              "detail": "The identifier and the password do not match an account.",
              "request_id": "…",
              "status": 401,
              "title": "Wrong credentials",
              "type": "urn:latchkey:problem:invalid_credentials"
            }
            "#);
        }
    }
}

async fn a_credential_that_makes_no_sense_names_its_field(world: World) {
    let node = world.node().await;
    let cases = [
        (json!({}), "credential"),
        (json!({"credential": 5}), "credential"),
        (json!({"credential": {}}), "credential.type"),
        (json!({"credential": {"type": "charm"}}), "credential.type"),
        (json!({"credential": {"type": "code", "code": "123456"}}), "credential.challenge_id"),
        (
            json!({"credential": {"type": "code", "challenge_id": "x", "code": 123_456}}),
            "credential.code",
        ),
        (
            json!({"credential": {"type": "code", "challenge_id": "x", "code": "12345a"}}),
            "credential.code",
        ),
        (
            json!({"credential": {"type": "code", "challenge_id": "x", "code": ["123456"]}}),
            "credential.code",
        ),
        (
            json!({"credential": {"type": "password", "identifier": "somebody"}}),
            "credential.password",
        ),
        (
            json!({"credential": {"type": "password", "identifier": "somebody", "password": null}}),
            "credential.password",
        ),
        (
            json!({"credential": {"type": "password", "identifier": "somebody", "password": "x",
                "admin": true}}),
            "credential.admin",
        ),
    ];
    for (body, field) in cases {
        let refused = node.client.post("/v1/login", &body).await;
        assert_eq!(refused.outcome(), (422, "validation_failed".to_owned()), "{body}");
        assert_eq!(refused.body["errors"][0]["field"], field, "{body}: {}", refused.text);
    }
}
