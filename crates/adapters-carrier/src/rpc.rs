//! Alibaba Cloud's older signature, HMAC-SHA1 over the parameters, as pure functions.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::acs3::{encode, form};

/// The value of the parameter `Signature` for all the others.
pub(crate) fn signature(method: &str, parameters: &[(&str, &str)], secret: &str) -> String {
    let to_sign = format!("{method}&%2F&{}", encode(&form(parameters)));
    let key = format!("{secret}&");
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    STANDARD.encode(hmac::sign(&key, to_sign.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vendor's own examples.
    #[test]
    fn the_vendors_examples_are_signed_as_there() {
        let sms = [
            ("AccessKeyId", "testId"),
            ("Action", "SendSms"),
            ("Format", "XML"),
            ("OutId", "123"),
            ("PhoneNumbers", "15300000001"),
            ("RegionId", "cn-hangzhou"),
            ("SignName", "阿里云短信测试专用"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureNonce", "45e25e9b-0a6f-4070-8c85-2956eda1b466"),
            ("SignatureVersion", "1.0"),
            ("TemplateCode", "SMS_71390007"),
            ("TemplateParam", r#"{"customer":"test"}"#),
            ("Timestamp", "2017-07-12T02:42:19Z"),
            ("Version", "2017-05-25"),
        ];
        assert_eq!(signature("GET", &sms, "testSecret"), "zJDF+Lrzhj/ThnlvIToysFRq6t4=");
        assert_eq!(signature("POST", &sms, "testSecret"), "Xvhv7fPXrPkLVSnlt0jIr08o8NQ=");
        let hosts = [
            ("AccessKeyId", "testid"),
            ("Action", "DescribeDedicatedHosts"),
            ("Version", "2014-05-26"),
            ("Format", "JSON"),
            ("RegionId", "cn-beijing"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureVersion", "1.0"),
            ("Timestamp", "2023-03-13T08:34:30Z"),
            ("SignatureNonce", "edb2b34af0af9a6d14deaf7c1a5315eb"),
        ];
        assert_eq!(signature("GET", &hosts, "testsecret"), "9NaGiOspFP5UPcwX8Iwt2YJXXuk=");
    }

    /// The vendor's SDK signs so, with every character that is encoded apart.
    #[test]
    fn the_vendors_sdk_signs_alike() {
        let mobile = [
            ("AccessKeyId", "testId"),
            ("AccessToken", "ey*J~x+y/z="),
            ("Action", "GetMobile"),
            ("Format", "JSON"),
            ("OutId", "o 1"),
            ("RegionId", "cn-hangzhou"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureNonce", "5f1d7a84d1c64b0f9a3c2e7b86d4f01a"),
            ("SignatureVersion", "1.0"),
            ("Timestamp", "2024-01-02T03:04:05Z"),
            ("Version", "2017-05-25"),
        ];
        assert_eq!(signature("POST", &mobile, "testSecret"), "kfC3WKDCaefdUbOp9ksh1l5I2+o=");
    }
}
