//! The vendors' own libraries before the stand-ins: what they send is taken, and is what we send.

use std::process::Command;

use adapters_sms::{AliyunSignature, TwilioSender};
use ports::sender::MessageSender as _;
use rstest::rstest;
use test_vendors::sms::{Sms, Taker, keys};

use crate::relay::relay;
use crate::world::{World, aliyun_sender, code_to, tencent_sender};

/// Sends one message and prints the vendor's code; an exception is printed as well.
const SCRIPT: &str = r#"
import sys, time
vendor, url, key_id, key, off, sender, text = sys.argv[1:]
host, off = url.split('://')[1], int(off)
sys.modules['time'].time = lambda real=time.time: real() + off

def aliyun(algorithm):
    from datetime import datetime, timedelta, timezone
    from alibabacloud_dysmsapi20170525 import client, models
    from alibabacloud_tea_openapi import models as api, utils
    utils.Utils.get_timestamp = staticmethod(lambda: (
        datetime.now(timezone.utc) + timedelta(seconds=off)).strftime('%Y-%m-%dT%H:%M:%SZ'))
    config = api.Config(access_key_id=key_id, access_key_secret=key, endpoint=host,
                        protocol='HTTP', signature_algorithm=algorithm)
    request = models.SendSmsRequest(
        phone_numbers='13800138000', sign_name='阿里云短信测试',
        template_code='SMS_154950909', template_param='{"code":"123456"}')
    return client.Client(config).send_sms(request).body.code

def tencent():
    import json
    from tencentcloud.common.credential import Credential
    from tencentcloud.common.profile.client_profile import ClientProfile
    from tencentcloud.common.profile.http_profile import HttpProfile
    from tencentcloud.sms.v20210111 import models, sms_client
    profile = ClientProfile(httpProfile=HttpProfile(protocol='http', endpoint=host))
    client = sms_client.SmsClient(Credential(key_id, key), 'ap-guangzhou', profile)
    request = models.SendSmsRequest()
    request.from_json_string(json.dumps({
        'PhoneNumberSet': ['+8613800138000'], 'SmsSdkAppId': '1400006666', 'SignName': '测试',
        'TemplateId': '449739', 'TemplateParamSet': ['123456', '5']}))
    return client.SendSms(request).SendStatusSet[0].Code

def twilio():
    from twilio.rest import Client
    client = Client(key_id, key)
    client.api.base_url = url
    return client.messages.create(to='+8613800138000', from_=sender, body=text).status

try:
    calls = {'aliyun': lambda: aliyun(None), 'aliyun-v2': lambda: aliyun('v2'),
             'tencent': tencent, 'twilio': twilio}
    print(calls[vendor]())
except Exception as error:
    print('refused', getattr(error, 'code', error))
"#;

/// What a vendor's library says of one message.
#[expect(clippy::disallowed_methods, reason = "the test command tells where Python is")]
fn library(vendor: &str, url: &str, pair: (&str, &str), off: i64) -> String {
    let python = std::env::var_os("LATCHKEY_TEST_PYTHON");
    let python = python.expect("run the tests with `cargo xtask test`");
    let text = "您的登录验证码是 123456，5 分钟内有效，请勿告诉他人。";
    let off = off.to_string();
    let arguments = [vendor, url, pair.0, pair.1, &off, keys::TWILIO_FROM, text];
    let output = Command::new(python).args(["-c", SCRIPT]).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(!said.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    said
}

fn taker(sms: &Sms, vendor: &str) -> Taker {
    match vendor {
        "tencent" => sms.tencent.clone(),
        "twilio" => sms.twilio.clone(),
        _ => sms.aliyun.clone(),
    }
}

/// The stand-in takes what the library sends, and it is what we send.
#[rstest]
#[case("aliyun", keys::ALIYUN, "OK")]
#[case("aliyun-v2", keys::ALIYUN, "OK")]
#[case("tencent", keys::TENCENT, "Ok")]
#[case("twilio", keys::TWILIO, "queued")]
#[tokio::test(flavor = "multi_thread")]
async fn a_library_sends_what_we_send(
    #[case] vendor: &str,
    #[case] pair: (&str, &str),
    #[case] well: &str,
) {
    let world = World::new().await;
    let path = if vendor == "twilio" { "/twilio" } else { "" };
    assert_eq!(library(vendor, &world.stand_in.url(path), pair, 0), well);
    let message = code_to("+8613800138000");
    match vendor {
        "aliyun" => aliyun_sender(world.aliyun(AliyunSignature::Acs3)).send(&message).await,
        "aliyun-v2" => aliyun_sender(world.aliyun(AliyunSignature::HmacSha1)).send(&message).await,
        "tencent" => tencent_sender(world.tencent()).send(&message).await,
        _ => TwilioSender::new(world.twilio()).unwrap().send(&message).await,
    }
    .unwrap();
    let sent = taker(&world.sms, vendor).sent();
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert_eq!(sent[0], sent[1]);
}

/// Another key, another clock, another byte: the stand-in takes none of them.
#[rstest]
#[case("aliyun", keys::ALIYUN, 990, "123456", "123457")]
#[case("aliyun-v2", keys::ALIYUN, 990, "123456", "123457")]
#[case("tencent", keys::TENCENT, 390, "123456", "123457")]
#[case("twilio", keys::TWILIO, 0, "Basic ", "Basix ")]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_genuine_is_refused_to_a_library_as_well(
    #[case] vendor: &str,
    #[case] pair: (&'static str, &'static str),
    #[case] off: i64,
    #[case] from: &'static str,
    #[case] to: &'static str,
) {
    let world = World::new().await;
    let path = if vendor == "twilio" { "/twilio" } else { "" };
    let url = world.stand_in.url(path);
    let tampered = format!("{}{path}", relay(&world.stand_in.url(""), from, to));
    let mut tries = vec![
        library(vendor, &url, (pair.0, "another key"), 0),
        library(vendor, &url, ("another", pair.1), 0),
        library(vendor, &tampered, pair, 0),
    ];
    if off != 0 {
        tries.push(library(vendor, &url, pair, off));
        tries.push(library(vendor, &url, pair, -off));
    }
    for said in tries {
        assert!(said.starts_with("refused"), "{said}");
    }
    assert!(taker(&world.sms, vendor).sent().is_empty());
}
