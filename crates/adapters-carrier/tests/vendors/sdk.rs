//! The vendor's own SDK is accepted by the stand-in as our adapter is: what both sign is the same.

use std::process::Command;

use test_vendors::carrier::{Case, ID, Purpose, SECRET, token};

use super::{Which, right, stand_in};

const SCRIPT: &str = "
import sys
from alibabacloud_dypnsapi20170525.client import Client
from alibabacloud_dypnsapi20170525 import models as m
from alibabacloud_tea_openapi.models import Config

_, key, secret, endpoint, login, match, page, page_match = sys.argv
client = Client(Config(access_key_id=key, access_key_secret=secret, endpoint=endpoint, protocol='http'))
got = client.get_mobile(m.GetMobileRequest(access_token=login)).body
print(got.code, got.get_mobile_result_dto.mobile)
got = client.verify_mobile(m.VerifyMobileRequest(access_code=match, phone_number='13800138000')).body
print(got.code, got.gate_verify_result_dto.verify_result)
got = client.get_phone_with_token(m.GetPhoneWithTokenRequest(sp_token=page)).body
print(got.code, got.data.mobile)
got = client.verify_phone_with_token(
    m.VerifyPhoneWithTokenRequest(sp_token=page_match, phone_number='13800138001')).body
print(got.code, got.gate_verify.verify_result)
got = client.get_mobile(m.GetMobileRequest(access_token=login)).body
print(got.code)
";

/// The Python that the test command prepared.
#[expect(clippy::disallowed_methods, reason = "the test command tells where it is")]
fn python() -> String {
    std::env::var("LATCHKEY_TEST_PYTHON").expect("run the tests with `cargo xtask test`")
}

fn asked(secret: &str, endpoint: &str) -> (String, String) {
    let good = |vendor, purpose| token(vendor, purpose, Case::Good, "13800138000");
    let tokens = [
        good("aliyun", Purpose::Login),
        good("aliyun", Purpose::Match),
        good("aliyun_h5", Purpose::Login),
        good("aliyun_h5", Purpose::Match),
    ];
    let run = Command::new(python())
        .args(["-c", SCRIPT, ID, secret, endpoint])
        .args(tokens)
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    let text = |it: &[u8]| String::from_utf8_lossy(it).into_owned();
    (text(&run.stdout), text(&run.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_vendors_sdk_and_our_adapter_are_both_accepted() {
    let (stand_in, _) = stand_in().await;
    let endpoint = stand_in.url("").trim_start_matches("http://").to_owned();
    let (said, complained) =
        tokio::task::spawn_blocking(move || asked(SECRET, &endpoint)).await.unwrap();
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        ["OK 13800138000", "OK PASS", "OK 13800138000", "OK REJECT", "isv.TOKEN_INVALID"],
        "{complained}"
    );
    for which in [Which::AliyunApp, Which::AliyunAppByRpc, Which::AliyunWeb] {
        let good = token(which.name(), Purpose::Login, Case::Good, "13800138000");
        assert_eq!(right(which, &stand_in).phone(&good).await.unwrap(), "+8613800138000");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_vendors_sdk_with_another_secret_is_refused() {
    let (stand_in, carriers) = stand_in().await;
    let endpoint = stand_in.url("").trim_start_matches("http://").to_owned();
    let (said, complained) =
        tokio::task::spawn_blocking(move || asked("another", &endpoint)).await.unwrap();
    assert_eq!(said, "");
    assert!(complained.contains("SignatureDoesNotMatch"), "{complained}");
    assert_eq!(carriers.exchanges("aliyun"), 0);
}
