//! Tencent Cloud.

use std::sync::Arc;

use adapters_sms::{TencentSender, TencentSettings, TencentVariable};
use ports::sender::MessageSender as _;
use ports::testing::contract::sender::Vendor;
use rstest::rstest;

use crate::world::{Off, World, class, code_to, notice_to, tencent_sender};

async fn vendor() -> Vendor {
    let world = World::new().await;
    let (sender, taker) = (tencent_sender(world.tencent()), world.sms.tencent.clone());
    world.under_contract(sender, taker)
}

ports::sender_contract!(vendor());

#[rstest]
#[case::mainland("+8613800138000", "449739", "测试")]
#[case::hong_kong("+85251234567", "449740", "")]
#[case::macau("+85366123456", "449740", "")]
#[case::taiwan("+886912345678", "449740", "")]
#[case::states("+12025550123", "449740", "")]
#[tokio::test]
async fn a_region_has_its_own_template_and_signature(
    #[case] to: &str,
    #[case] template: &str,
    #[case] sign: &str,
) {
    let world = World::new().await;
    tencent_sender(world.tencent()).send(&code_to(to)).await.unwrap();
    let sent = world.sms.tencent.sent().pop().unwrap();
    assert_eq!(
        (sent.to.as_str(), sent.template.as_str(), sent.from.as_str()),
        (to, template, sign)
    );
    assert_eq!(sent.text, r#"["123456","5"]"#);
}

#[tokio::test]
async fn a_template_has_the_variables_that_it_wants() {
    let world = World::new().await;
    let template_params = vec![TencentVariable::Code];
    let settings = TencentSettings { template_params, ..world.tencent() };
    tencent_sender(settings).send(&code_to("+8613800138000")).await.unwrap();
    assert_eq!(world.sms.tencent.sent().pop().unwrap().text, r#"["123456"]"#);
}

#[tokio::test]
async fn another_key_or_clock_is_refused() {
    let world = World::new().await;
    let right = world.tencent();
    let other_key = TencentSettings { secret_key: "another".into(), ..right.clone() };
    let other_id = TencentSettings { secret_id: "AKIDOTHER".to_owned(), ..right.clone() };
    for (settings, off) in [(other_key, 0), (other_id, 0), (right.clone(), 390), (right, -390)] {
        let sender = TencentSender::new(settings, Arc::new(Off(off))).unwrap();
        let sent = sender.send(&code_to("+8613800138000")).await;
        assert_eq!(class(&sent), "misconfigured", "{off} s off");
    }
    assert!(world.sms.tencent.sent().is_empty());
}

/// LOG-05.
#[tokio::test]
async fn without_a_template_for_notices_none_is_sent() {
    let world = World::new().await;
    let without = TencentSettings { notice_template: None, ..world.tencent() };
    let sent = tencent_sender(without).send(&notice_to("+8613800138000")).await;
    assert_eq!((class(&sent), world.sms.tencent.asked()), ("not offered", 0));
    tencent_sender(world.tencent()).send(&notice_to("+8613800138000")).await.unwrap();
    let told = world.sms.tencent.sent().pop().unwrap();
    assert_eq!(
        (told.template, told.text),
        ("449741".to_owned(), r#"["密码已修改","2026-01-01 00:00 UTC"]"#.to_owned(),)
    );
}
