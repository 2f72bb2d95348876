//! One byte that is changed on the way is one too many, for every vendor that signs.

use adapters_sms::{
    AliyunSettings, AliyunSignature, TencentSettings, TwilioSender, TwilioSettings,
    WebhookSenderSettings,
};
use ports::sender::MessageSender as _;
use rstest::rstest;

use crate::relay::relay;
use crate::world::{World, aliyun_sender, class, code_to, tencent_sender, webhook_sender};

const TO: &str = "+8613800138000";

/// What is changed, and what the stand-in says; the first is nothing.
#[rstest]
#[case::nothing("", "", "ok")]
#[case::code("123456", "123457", "misconfigured")]
#[case::number("13800138000", "13800138001", "misconfigured")]
#[case::method("POST", "PUT ", "misconfigured")]
#[case::path("/aliyun/ ", "/aliyun/?", "misconfigured")]
#[case::signature("Signature=", "Signature:", "misconfigured")]
#[case::nonce("nonce: 0", "nonce: 1", "misconfigured")]
#[case::date("x-acs-date: 2", "x-acs-date: 3", "misconfigured")]
#[case::version("2017-05-25", "2017-05-26", "misconfigured")]
#[case::hash("sha256: ", "sha256:x", "misconfigured")]
#[tokio::test(flavor = "multi_thread")]
async fn acs3_notices(#[case] from: &'static str, #[case] to: &'static str, #[case] said: &str) {
    let world = World::new().await;
    let endpoint = format!("{}/aliyun", relay(&world.stand_in.url(""), from, to));
    let settings = AliyunSettings { endpoint, ..world.aliyun(AliyunSignature::Acs3) };
    assert_eq!(class(&aliyun_sender(settings).send(&code_to(TO)).await), said);
    assert_eq!(world.sms.aliyun.sent().len(), usize::from(said == "ok"));
}

#[rstest]
#[case::nothing("", "", "ok")]
#[case::code("123456", "123457", "misconfigured")]
#[case::number("13800138000", "13800138001", "misconfigured")]
#[case::nonce("SignatureNonce=0", "SignatureNonce=1", "misconfigured")]
#[case::signature("Signature=", "Signaturf=", "misconfigured")]
#[case::version("2017-05-25", "2017-05-26", "misconfigured")]
#[tokio::test(flavor = "multi_thread")]
async fn hmac_sha1_notices(
    #[case] from: &'static str,
    #[case] to: &'static str,
    #[case] said: &str,
) {
    let world = World::new().await;
    let endpoint = format!("{}/aliyun", relay(&world.stand_in.url(""), from, to));
    let settings = AliyunSettings { endpoint, ..world.aliyun(AliyunSignature::HmacSha1) };
    assert_eq!(class(&aliyun_sender(settings).send(&code_to(TO)).await), said);
    assert_eq!(world.sms.aliyun.sent().len(), usize::from(said == "ok"));
}

#[rstest]
#[case::nothing("", "", "ok")]
#[case::code("123456", "123457", "misconfigured")]
#[case::number("13800138000", "13800138001", "misconfigured")]
#[case::content_type("charset=utf-8", "charset=utf-9", "misconfigured")]
#[case::moment("x-tc-timestamp: 1", "x-tc-timestamp: 2", "misconfigured")]
#[case::scope("/sms/tc3_request", "/cvm/tc3_request", "misconfigured")]
#[case::signature("Signature=", "Signature:", "misconfigured")]
#[tokio::test(flavor = "multi_thread")]
async fn tc3_notices(#[case] from: &'static str, #[case] to: &'static str, #[case] said: &str) {
    let world = World::new().await;
    let endpoint = format!("{}/tencent", relay(&world.stand_in.url(""), from, to));
    let settings = TencentSettings { endpoint, ..world.tencent() };
    assert_eq!(class(&tencent_sender(settings).send(&code_to(TO)).await), said);
    assert_eq!(world.sms.tencent.sent().len(), usize::from(said == "ok"));
}

#[rstest]
#[case::nothing("", "", "ok")]
#[case::code("123456", "123457", "misconfigured")]
#[case::id("msg_", "msh_", "misconfigured")]
#[case::moment("webhook-timestamp: 1", "webhook-timestamp: 2", "misconfigured")]
#[case::signature("v1,", "v2,", "misconfigured")]
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_notices(
    #[case] from: &'static str,
    #[case] to: &'static str,
    #[case] said: &str,
) {
    let world = World::new().await;
    let url = format!("{}/webhook", relay(&world.stand_in.url(""), from, to));
    let settings = WebhookSenderSettings { url, ..world.webhook() };
    assert_eq!(class(&webhook_sender(&settings).send(&code_to(TO)).await), said);
    assert_eq!(world.sms.webhook.sent().len(), usize::from(said == "ok"));
}

/// Twilio signs nothing: who it is from is noticed, and what it says is TLS' to keep.
#[rstest]
#[case::nothing("", "", "ok")]
#[case::account("/Accounts/A", "/Accounts/B", "misconfigured")]
#[case::key("Basic QU", "Basic QV", "misconfigured")]
#[case::sender("From=%2B1500", "From=%2B1600", "misconfigured")]
#[case::number("To=%2B861", "To=%2B061", "bad recipient")]
#[case::text("123456", "123457", "ok")]
#[tokio::test(flavor = "multi_thread")]
async fn twilio_notices(#[case] from: &'static str, #[case] to: &'static str, #[case] said: &str) {
    let world = World::new().await;
    let endpoint = relay(&world.stand_in.url(""), from, to) + "/twilio";
    let settings = TwilioSettings { endpoint, ..world.twilio() };
    assert_eq!(class(&TwilioSender::new(settings).unwrap().send(&code_to(TO)).await), said);
    assert_eq!(world.sms.twilio.sent().len(), usize::from(said == "ok"));
}
