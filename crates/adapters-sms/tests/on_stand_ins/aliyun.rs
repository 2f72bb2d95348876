//! Alibaba Cloud.

use std::sync::Arc;

use adapters_sms::{AliyunSender, AliyunSettings, AliyunSignature};
use ports::entropy::Entropy;
use ports::sender::MessageSender as _;
use ports::testing::contract::sender::{Vendor, mailbox, message};
use rstest::rstest;

use crate::world::{Off, World, aliyun_sender, class, code_to, entropy, notice_to, now};

const BOTH: [AliyunSignature; 2] = [AliyunSignature::Acs3, AliyunSignature::HmacSha1];

async fn vendor(signature: AliyunSignature) -> Vendor {
    let world = World::new().await;
    let (sender, taker) = (aliyun_sender(world.aliyun(signature)), world.sms.aliyun.clone());
    world.under_contract(sender, taker)
}

mod by_acs3 {
    ports::sender_contract!(super::vendor(super::AliyunSignature::Acs3));
}

mod by_hmac_sha1 {
    ports::sender_contract!(super::vendor(super::AliyunSignature::HmacSha1));
}

/// Each region in the vendor's own form, with the template that is approved for it.
#[rstest]
#[case::mainland("+8613800138000", "13800138000", "SMS_154950909")]
#[case::hong_kong("+85251234567", "85251234567", "SMS_852")]
#[case::macau("+85366123456", "85366123456", "SMS_154950909")]
#[case::taiwan("+886912345678", "886912345678", "SMS_154950909")]
#[case::states("+12025550123", "12025550123", "SMS_154950909")]
#[tokio::test]
async fn a_number_is_written_as_the_vendor_wants_it(
    #[case] to: &str,
    #[case] written: &str,
    #[case] template: &str,
) {
    let world = World::new().await;
    for signature in BOTH {
        world.sms.aliyun.forget();
        aliyun_sender(world.aliyun(signature)).send(&code_to(to)).await.unwrap();
        let sent = world.sms.aliyun.sent().pop().unwrap();
        assert_eq!((sent.to.as_str(), sent.template.as_str()), (written, template));
        assert_eq!(
            (sent.text.as_str(), sent.from.as_str()),
            (r#"{"code":"123456"}"#, "阿里云短信测试")
        );
    }
}

/// The stand-in refuses each of them, and says so in the vendor's words.
#[tokio::test]
async fn another_key_or_clock_is_refused() {
    let world = World::new().await;
    for signature in BOTH {
        let right = world.aliyun(signature);
        let other_key = AliyunSettings { access_key_secret: "testSecres".into(), ..right.clone() };
        let other_id = AliyunSettings { access_key_id: "testIe".to_owned(), ..right.clone() };
        for (settings, off) in [(other_key, 0), (other_id, 0), (right.clone(), 990), (right, -990)]
        {
            let sender = AliyunSender::new(settings, Arc::new(Off(off)), entropy()).unwrap();
            let sent = sender.send(&code_to("+8613800138000")).await;
            assert_eq!(class(&sent), "misconfigured", "{signature:?}, {off} s off");
        }
    }
    assert!(world.sms.aliyun.sent().is_empty());
}

/// A stand-in of the vendor's answer to what was seen before.
struct Stuck;

impl Entropy for Stuck {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// A repeated nonce is tried again, with another.
#[tokio::test]
async fn a_repeated_nonce_is_refused() {
    let world = World::new().await;
    for signature in BOTH {
        world.sms.aliyun.forget();
        let settings = world.aliyun(signature);
        let sender = AliyunSender::new(settings, now(), Arc::new(Stuck)).unwrap();
        sender.send(&code_to("+8613800138000")).await.unwrap();
        assert_eq!(class(&sender.send(&code_to("+8613800138000")).await), "unavailable");
        assert_eq!(world.sms.aliyun.sent().len(), 1);
    }
}

/// LOG-05: a code's template has no room for a notice.
#[tokio::test]
async fn without_a_template_for_notices_none_is_sent() {
    let world = World::new().await;
    let settings = world.aliyun(AliyunSignature::Acs3);
    let without = AliyunSettings { notice_template: None, ..settings.clone() };
    let sent = aliyun_sender(without).send(&notice_to("+8613800138000")).await;
    assert_eq!((class(&sent), world.sms.aliyun.asked()), ("not offered", 0));
    aliyun_sender(settings).send(&notice_to("+8613800138000")).await.unwrap();
    let told = world.sms.aliyun.sent().pop().unwrap();
    assert_eq!(told.template, "SMS_154950910");
    assert_eq!(told.text, r#"{"time":"2026-01-01 00:00 UTC","what":"密码已修改"}"#);
}

/// Who delivers text messages delivers no mail.
#[tokio::test]
async fn nobody_delivers_mail() {
    let world = World::new().await;
    for (name, sender, taker) in world.all() {
        let mail = domain::message::CodeMessage { to: mailbox(), ..message(1) };
        let sent = sender.send(&domain::message::Message::Code(mail)).await;
        assert_eq!((class(&sent), taker.asked()), ("misconfigured", 0), "{name}");
    }
}
