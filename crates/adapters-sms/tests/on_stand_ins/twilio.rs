//! Twilio.

use std::sync::Arc;

use adapters_sms::{TwilioSender, TwilioSettings};
use ports::sender::MessageSender as _;
use ports::testing::contract::sender::Vendor;
use rstest::rstest;

use crate::world::{World, class, code_to, notice_to};

async fn vendor() -> Vendor {
    let world = World::new().await;
    let sender = Arc::new(TwilioSender::new(world.twilio()).unwrap());
    let taker = world.sms.twilio.clone();
    world.under_contract(sender, taker)
}

ports::sender_contract!(vendor());

#[rstest]
#[case::mainland("+8613800138000", "您的登录验证码是 123456，5 分钟内有效，请勿告诉他人。")]
#[case::hong_kong("+85251234567", "您的登入驗證碼是 123456，5 分鐘內有效，請勿告訴他人。")]
#[case::states(
    "+12025550123",
    "123456 is your code to log in. It is good for 5 minutes; tell it to nobody."
)]
#[tokio::test]
async fn a_region_is_spoken_to_in_its_language(#[case] to: &str, #[case] text: &str) {
    let world = World::new().await;
    let sender = TwilioSender::new(world.twilio()).unwrap();
    sender.send(&code_to(to)).await.unwrap();
    let sent = world.sms.twilio.sent().pop().unwrap();
    assert_eq!((sent.to.as_str(), sent.text.as_str()), (to, text));
    sender.send(&notice_to(to)).await.unwrap();
    assert_eq!(world.sms.twilio.sent().len(), 2);
}

#[tokio::test]
async fn a_messaging_service_sends_as_well() {
    let world = World::new().await;
    let from = "MG00000000000000000000000000000001".to_owned();
    let sender = TwilioSender::new(TwilioSettings { from, ..world.twilio() }).unwrap();
    sender.send(&code_to("+12025550123")).await.unwrap();
    assert_eq!(world.sms.twilio.sent().pop().unwrap().from, "");
}

#[tokio::test]
async fn another_account_or_token_or_number_is_refused() {
    let world = World::new().await;
    let right = world.twilio();
    for settings in [
        TwilioSettings { auth_token: "12346".into(), ..right.clone() },
        TwilioSettings { account_sid: "AC2".to_owned(), ..right.clone() },
        TwilioSettings { from: "+15005550007".to_owned(), ..right },
    ] {
        let sent = TwilioSender::new(settings).unwrap().send(&code_to("+12025550123")).await;
        assert_eq!(class(&sent), "misconfigured");
    }
    assert!(world.sms.twilio.sent().is_empty());
}
