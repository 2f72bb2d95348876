//! Alibaba Cloud's older signature: HMAC-SHA1 over the parameters.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{encoded, query};

/// The value of `Signature` for a request with these parameters, which have no `Signature` yet.
pub(crate) fn sign(method: &str, parameters: &[(&str, &str)], secret: &str) -> String {
    let signed = format!("{method}&%2F&{}", encoded(&query(parameters)));
    let key = format!("{secret}&");
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    STANDARD.encode(hmac::sign(&key, signed.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEND_SMS: [(&str, &str); 14] = [
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

    /// The vendor's example of sending a message.
    #[test]
    fn the_published_message_is_signed_as_there() {
        assert_eq!(sign("GET", &SEND_SMS, "testSecret"), "zJDF+Lrzhj/ThnlvIToysFRq6t4=");
        assert_eq!(sign("POST", &SEND_SMS, "testSecret"), "Xvhv7fPXrPkLVSnlt0jIr08o8NQ=");
    }

    /// The vendor's example of the signature.
    #[test]
    fn the_published_request_is_signed_as_there() {
        let parameters = [
            ("AccessKeyId", "testid"),
            ("Action", "DescribeDedicatedHosts"),
            ("Format", "JSON"),
            ("RegionId", "cn-beijing"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureNonce", "edb2b34af0af9a6d14deaf7c1a5315eb"),
            ("SignatureVersion", "1.0"),
            ("Timestamp", "2023-03-13T08:34:30Z"),
            ("Version", "2014-05-26"),
        ];
        assert_eq!(sign("GET", &parameters, "testsecret"), "9NaGiOspFP5UPcwX8Iwt2YJXXuk=");
    }

    /// What the vendor's own library made of values with `*`, `~`, `+`, `/`, `=` and a blank.
    #[test]
    fn odd_characters_are_signed_as_the_vendors_library_does() {
        let parameters = [
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
        assert_eq!(sign("POST", &parameters, "testSecret"), "kfC3WKDCaefdUbOp9ksh1l5I2+o=");
    }

    #[test]
    fn the_order_of_parameters_changes_nothing() {
        let mut turned = SEND_SMS;
        turned.reverse();
        assert_eq!(sign("GET", &turned, "testSecret"), sign("GET", &SEND_SMS, "testSecret"));
    }

    #[test]
    fn every_changed_part_changes_the_signature() {
        let right = sign("POST", &SEND_SMS, "testSecret");
        for (nth, (_, value)) in SEND_SMS.into_iter().enumerate() {
            let mut changed = SEND_SMS;
            let longer = format!("{value}x");
            changed[nth].1 = &longer;
            assert_ne!(sign("POST", &changed, "testSecret"), right, "{}", changed[nth].0);
        }
        assert_ne!(sign("GET", &SEND_SMS, "testSecret"), right);
        assert_ne!(sign("POST", &SEND_SMS, "testSecret&"), right);
    }
}
