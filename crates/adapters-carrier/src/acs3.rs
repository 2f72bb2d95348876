//! Alibaba Cloud's signature ACS3-HMAC-SHA256, as pure functions.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;

/// What is signed of a request. Names of headers are in lower case.
pub(crate) struct Canonical<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a [(&'a str, &'a str)],
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
}

impl Canonical<'_> {
    fn text(&self) -> String {
        let mut headers = self.headers.to_vec();
        headers.sort_unstable();
        let lines = headers.iter().fold(String::new(), |mut lines, (name, value)| {
            lines.extend([name, ":", value.trim(), "\n"]);
            lines
        });
        let query = form(self.query);
        let (method, path, names) = (self.method, self.path, names(self.headers));
        let body = sha256(self.body);
        format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{body}")
    }

    /// The value of the header `Authorization`.
    pub(crate) fn authorization(&self, key_id: &str, secret: &str) -> String {
        let signature = self.signature(secret);
        let names = names(self.headers);
        format!("ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={names},Signature={signature}")
    }

    fn signature(&self, secret: &str) -> String {
        let to_sign = format!("ACS3-HMAC-SHA256\n{}", sha256(self.text().as_bytes()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        hex::encode(hmac::sign(&key, to_sign.as_bytes()))
    }
}

fn names(headers: &[(&str, &str)]) -> String {
    let mut names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.join(";")
}

/// SHA-256 in lower-case hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

/// Pairs in the order of their keys, encoded by RFC 3986 and joined: a query, or a form.
pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    let mut pairs = pairs.to_vec();
    pairs.sort_unstable();
    let pairs: Vec<_> =
        pairs.iter().map(|(key, value)| format!("{}={}", encode(key), encode(value))).collect();
    pairs.join("&")
}

/// RFC 3986: everything but `A-Z a-z 0-9 - _ . ~` as `%XX` of its bytes.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                encoded.push('%');
                encoded.push_str(&hex::encode_upper([byte]));
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// The vendor's own example of signature V3.
    #[test]
    fn the_vendors_example_is_signed_as_there() {
        let request = Canonical {
            method: "POST",
            path: "/",
            query: &[
                ("ImageId", "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"),
                ("RegionId", "cn-shanghai"),
            ],
            headers: &[
                ("host", "ecs.cn-shanghai.aliyuncs.com"),
                ("x-acs-action", "RunInstances"),
                ("x-acs-content-sha256", EMPTY),
                ("x-acs-date", "2023-10-26T10:22:32Z"),
                ("x-acs-signature-nonce", "3156853299f313e23d1673dc12e1703d"),
                ("x-acs-version", "2014-05-26"),
            ],
            body: b"",
        };
        assert_eq!(
            sha256(request.text().as_bytes()),
            "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259"
        );
        assert_eq!(
            request.authorization("YourAccessKeyId", "YourAccessKeySecret"),
            "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,\
             SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,\
             Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
        );
    }

    const PARAMETERS: [(&str, &str); 4] = [
        ("PhoneNumbers", "13800138000"),
        ("SignName", "阿里云短信测试"),
        ("TemplateCode", "SMS_154950909"),
        ("TemplateParam", r#"{"code":"123456"}"#),
    ];

    fn signed(query: &[(&str, &str)], body: &str) -> String {
        let hash = sha256(body.as_bytes());
        let mut headers = vec![
            ("host", "dysmsapi.aliyuncs.com"),
            ("x-acs-action", "SendSms"),
            ("x-acs-content-sha256", &hash),
            ("x-acs-version", "2017-05-25"),
            ("x-acs-date", "2024-01-02T03:04:05Z"),
            ("x-acs-signature-nonce", "5f1d7a84d1c64b0f9a3c2e7b86d4f01a"),
        ];
        if !body.is_empty() {
            headers.push(("content-type", "application/x-www-form-urlencoded"));
        }
        let (headers, body) = (&headers[..], body.as_bytes());
        Canonical { method: "POST", path: "/", query, headers, body }.signature("testSecret")
    }

    /// The vendor's SDK signs so, with parameters in the query and in a form.
    #[test]
    fn the_vendors_sdk_signs_alike() {
        assert_eq!(
            signed(&PARAMETERS, ""),
            "aecffd1a5de9426c653c316b984be91ba478c85afbe410d3e2ccee0581016157"
        );
        let body = form(&PARAMETERS);
        assert_eq!(
            sha256(body.as_bytes()),
            "8b7d48c46cb6f12b267a17ec103137ed7b6fec150638dd6ed9ef3e0deb3041d4"
        );
        assert_eq!(
            signed(&[], &body),
            "f3136a61cdf4bea43fd23f8b03c5e9fd6d6d66ae4c7246d1513d4a8e7679e0db"
        );
    }

    #[rstest]
    #[case("abc-_.~XYZ019", "abc-_.~XYZ019")]
    #[case(" *+/=&", "%20%2A%2B%2F%3D%26")]
    #[case("云", "%E4%BA%91")]
    fn a_value_is_encoded_by_rfc_3986(#[case] text: &str, #[case] encoded: &str) {
        assert_eq!(encode(text), encoded);
    }
}
