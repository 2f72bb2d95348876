//! POST /v1/challenges, and what development keeps of what was sent.

use serde_json::json;
use tests::{World, on_every_topology};

use crate::shape;

on_every_topology![
    a_code_is_sent_and_kept_in_development,
    every_spelling_is_one_number,
    a_request_that_makes_no_sense_names_its_field,
    asking_again_too_early_is_told_when,
];

async fn a_code_is_sent_and_kept_in_development(world: World) {
    let node = world.node_with(&[("CODES__RESEND_SECS", "60")]).await;
    let sent = node.client.ask("13800138000").await;
    assert_eq!(sent.status, 202);
    insta::allow_duplicates! {
        insta::assert_json_snapshot!(shape(&sent.body), @r#"
        {
          "challenge_id": "…",
          "expires_in": 300,
          "resend_in": 60
        }
        "#);
    }
    let kept = node.client.get("/dev/messages?to=13800138000").await.unwrap();
    let message = &kept.body["messages"][0];
    assert_eq!(message["to"], "+8613800138000");
    assert_eq!(message["channel"], "sms");
    assert_eq!(message["purpose"], "login");
    assert_eq!(message["challenge_id"], sent.body["challenge_id"]);
    let code = message["code"].as_str().unwrap();
    assert!(code.len() == 6 && code.bytes().all(|it| it.is_ascii_digit()));
}

/// ID-03: what is sent to one spelling is kept under all, and logs in one user.
async fn every_spelling_is_one_number(world: World) {
    let node = world.node().await;
    let first = node.client.log_in("138 0013 8000").await;
    for spelling in ["+86 138-0013-8000", "008613800138000", "１３８００１３８０００"] {
        tokio::time::sleep(std::time::Duration::from_millis(1_050)).await;
        let sent = node.client.ask(spelling).await;
        let credential = node.client.code_of("13800138000", sent.str("/challenge_id")).await;
        let again = node.client.login(&credential).await;
        assert_eq!(again.str("/user/id"), first.str("/user/id"), "{spelling}");
        assert_eq!(again.body["is_new_user"], false);
    }
}

async fn a_request_that_makes_no_sense_names_its_field(world: World) {
    let node = world.node().await;
    let cases = [
        (json!({"channel": "sms"}), 422, "validation_failed", "target"),
        (
            json!({"channel": "sms", "target": 13_800_138_000_u64}),
            422,
            "validation_failed",
            "target",
        ),
        (
            json!({"channel": "pigeon", "target": "13800138000"}),
            422,
            "validation_failed",
            "channel",
        ),
        (
            json!({"channel": "sms", "target": "13800138000", "purpose": "fun"}),
            422,
            "validation_failed",
            "purpose",
        ),
        (
            json!({"channel": "sms", "target": "13800138000", "user_id": "1"}),
            422,
            "validation_failed",
            "user_id",
        ),
        (json!({"channel": "sms", "target": "12345"}), 422, "phone_invalid", "target"),
        (json!({"channel": "sms", "target": "01062554433"}), 422, "phone_invalid", "target"),
        (json!({"channel": "sms", "target": "+12025550123"}), 422, "phone_invalid", "target"),
    ];
    for (body, status, code, field) in cases {
        let refused = node.client.post("/v1/challenges", &body).await;
        let told = (refused.status, refused.code());
        if body["target"] == "+12025550123" {
            assert_eq!(told, (403, "phone_region_denied"), "{body}");
            continue;
        }
        assert_eq!(told, (status, code), "{body}");
        assert_eq!(refused.header("content-type"), "application/problem+json");
        let fields: Vec<_> = refused.body["errors"].as_array().unwrap().iter().collect();
        assert!(fields.iter().any(|it| it["field"] == field), "{}", refused.text);
    }
}

/// A developer is told what is wrong with the query, and not something else.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_is_looked_up_by_number_or_address() {
    let node = World::new(tests::Topology::Sqlite).await.node().await;
    for (query, code, field) in [
        ("", "missing", "to"),
        ("?x=1", "unknown", "x"),
        ("?to=13800138000&x=1", "unknown", "x"),
        ("?to=13800138000&to=13800138000", "invalid", "to"),
        ("?to=12345", "phone_invalid", "to"),
        ("?to=ada@", "email_invalid", "to"),
    ] {
        let refused = node.client.get(&format!("/dev/messages{query}")).await.unwrap();
        assert_eq!(refused.status, 422, "{query}");
        let error = &refused.body["errors"][0];
        assert_eq!((&error["code"], &error["field"]), (&json!(code), &json!(field)), "{query}");
    }
    for query in [
        "?to=%2B8613800138000",
        "?to=ada@example.com",
        "?to=Ada%40Example.com",
        "?to=a+b@example.com",
    ] {
        let kept = node.client.get(&format!("/dev/messages{query}")).await.unwrap();
        assert_eq!((kept.status, &kept.body), (200, &json!({"messages": []})), "{query}");
    }
}

/// OTP-07.
async fn asking_again_too_early_is_told_when(world: World) {
    let node = world.node_with(&[("CODES__RESEND_SECS", "60")]).await;
    assert_eq!(node.client.ask("13800138000").await.status, 202);
    let again = node.client.ask("+8613800138000").await;
    assert_eq!(again.outcome(), (429, "sms_rate_limited".to_owned()));
    let wait: u64 = again.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(again.body["retry_after"], wait);
}
