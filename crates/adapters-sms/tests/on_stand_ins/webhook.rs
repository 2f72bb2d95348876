//! A team's own gateway.

use std::sync::Arc;

use adapters_sms::{WebhookSender, WebhookSenderSettings};
use ports::sender::MessageSender as _;
use ports::testing::contract::sender::Vendor;

use crate::world::{Off, World, class, code_to, notice_to, webhook_sender};

async fn vendor() -> Vendor {
    let world = World::new().await;
    let (sender, taker) = (webhook_sender(&world.webhook()), world.sms.webhook.clone());
    world.under_contract(sender, taker)
}

ports::sender_contract!(vendor());

#[tokio::test]
async fn a_message_has_what_the_contract_says() {
    let world = World::new().await;
    let sender = webhook_sender(&world.webhook());
    for message in [code_to("+8613800138000"), notice_to("+8613800138000")] {
        sender.send(&message).await.unwrap();
    }
    let sent = world.sms.webhook.sent();
    let texts: Vec<_> = sent.iter().map(|it| it.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            r#"{"channel":"sms","code":"123456","expires_in":300,"purpose":"login","to":"+8613800138000"}"#,
            r#"{"at":"2026-01-01T00:00:00Z","channel":"sms","code":null,"notice":"password_changed","to":"+8613800138000"}"#,
        ]
    );
    assert_ne!(sent[0].id, sent[1].id);
}

/// OTP-10: a message that is sent again has the name that it had, so that its receiver can tell.
#[tokio::test]
async fn a_repeated_message_has_the_same_name() {
    let world = World::new().await;
    let sender = webhook_sender(&world.webhook());
    for _ in 0..2 {
        sender.send(&code_to("+8613800138000")).await.unwrap();
    }
    let sent = world.sms.webhook.sent();
    assert_eq!(sent[0].id, sent[1].id);
    // OTP-06: nobody on the way is told what the code answers.
    let id =
        hex::encode(ports::testing::contract::sender::message(123_456).challenge_id.as_bytes());
    assert!(!sent[0].id.contains(&id) && !sent[0].text.contains(&id), "{sent:?}");
}

#[tokio::test]
async fn another_key_or_clock_is_refused() {
    let world = World::new().await;
    let other = WebhookSenderSettings {
        secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into(),
        ..world.webhook()
    };
    for (settings, off) in [(other, 0), (world.webhook(), 390), (world.webhook(), -390)] {
        let sender = WebhookSender::new(&settings, Arc::new(Off(off))).unwrap();
        let sent = sender.send(&code_to("+8613800138000")).await;
        assert_eq!(class(&sent), "misconfigured", "{off} s off");
    }
    assert!(world.sms.webhook.sent().is_empty());
}
