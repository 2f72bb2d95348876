//! Alibaba Cloud's signature, version 3: ACS3-HMAC-SHA256.

use super::{hmac256, query, sha256};

const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// What is signed of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    /// The path as it is sent.
    pub(crate) path: &'a str,
    /// The parameters in the query, not encoded.
    pub(crate) query: &'a [(&'a str, &'a str)],
    /// All that are to be signed: `host`, `content-type` where it is sent, each `x-acs-…`; in lower
    /// case.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
}

/// The header `Authorization`.
pub(crate) fn authorization(request: &Request<'_>, key_id: &str, secret: &str) -> String {
    let signed = format!("{ALGORITHM}\n{}", canonical_hash(request));
    let signature = hex::encode(hmac256(secret.as_bytes(), signed.as_bytes()));
    let names = names(request);
    format!("{ALGORITHM} Credential={key_id},SignedHeaders={names},Signature={signature}")
}

/// The hash of the canonical request.
fn canonical_hash(request: &Request<'_>) -> String {
    let headers: Vec<_> = sorted(request)
        .into_iter()
        .map(|(name, value)| format!("{name}:{}\n", value.trim()))
        .collect();
    let canonical = [
        request.method,
        request.path,
        &query(request.query),
        &headers.concat(),
        &names(request),
        &sha256(request.body),
    ];
    sha256(canonical.join("\n").as_bytes())
}

fn names(request: &Request<'_>) -> String {
    let names: Vec<_> = sorted(request).into_iter().map(|(name, _)| name).collect();
    names.join(";")
}

fn sorted<'a>(request: &Request<'a>) -> Vec<(&'a str, &'a str)> {
    let mut headers = request.headers.to_vec();
    headers.sort_unstable();
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const PARAMETERS: [(&str, &str); 4] = [
        ("PhoneNumbers", "13800138000"),
        ("SignName", "阿里云短信测试"),
        ("TemplateCode", "SMS_154950909"),
        ("TemplateParam", r#"{"code":"123456"}"#),
    ];
    const SEND_SMS: [(&str, &str); 6] = [
        ("host", "dysmsapi.aliyuncs.com"),
        ("x-acs-action", "SendSms"),
        ("x-acs-content-sha256", EMPTY),
        ("x-acs-date", "2024-01-02T03:04:05Z"),
        ("x-acs-signature-nonce", "5f1d7a84d1c64b0f9a3c2e7b86d4f01a"),
        ("x-acs-version", "2017-05-25"),
    ];

    const fn send_sms() -> Request<'static> {
        Request { method: "POST", path: "/", query: &PARAMETERS, headers: &SEND_SMS, body: b"" }
    }

    fn signature(request: &Request<'_>, secret: &str) -> String {
        let all = authorization(request, "testId", secret);
        all.rsplit_once('=').unwrap().1.to_owned()
    }

    /// The vendor's example.
    #[test]
    fn the_published_request_is_signed_as_there() {
        let headers = [
            ("host", "ecs.cn-shanghai.aliyuncs.com"),
            ("x-acs-action", "RunInstances"),
            ("x-acs-content-sha256", EMPTY),
            ("x-acs-date", "2023-10-26T10:22:32Z"),
            ("x-acs-signature-nonce", "3156853299f313e23d1673dc12e1703d"),
            ("x-acs-version", "2014-05-26"),
        ];
        let request = Request {
            method: "POST",
            path: "/",
            query: &[
                ("ImageId", "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"),
                ("RegionId", "cn-shanghai"),
            ],
            headers: &headers,
            body: b"",
        };
        assert_eq!(
            canonical_hash(&request),
            "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259"
        );
        assert_eq!(
            authorization(&request, "YourAccessKeyId", "YourAccessKeySecret"),
            "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;\
             x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,\
             Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
        );
    }

    /// What the vendor's own library makes of a message in the query.
    #[test]
    fn a_message_in_the_query_is_signed_as_the_vendors_library_does() {
        let request = send_sms();
        assert_eq!(
            canonical_hash(&request),
            "c0b9b44ece98e7abbf52b7a2a1b60009b46501e36144b9b8af1cc2479fc96b50"
        );
        assert_eq!(
            signature(&request, "testSecret"),
            "aecffd1a5de9426c653c316b984be91ba478c85afbe410d3e2ccee0581016157"
        );
    }

    /// The same as a form.
    #[test]
    fn a_message_in_a_form_is_signed_as_the_vendors_library_does() {
        let body = query(&PARAMETERS);
        let hash = "8b7d48c46cb6f12b267a17ec103137ed7b6fec150638dd6ed9ef3e0deb3041d4";
        assert_eq!((body.len(), sha256(body.as_bytes())), (170, hash.to_owned()));
        let mut headers = SEND_SMS.to_vec();
        headers[2].1 = hash;
        headers.push(("content-type", "application/x-www-form-urlencoded"));
        let request =
            Request { query: &[], headers: &headers, body: body.as_bytes(), ..send_sms() };
        assert_eq!(
            signature(&request, "testSecret"),
            "f3136a61cdf4bea43fd23f8b03c5e9fd6d6d66ae4c7246d1513d4a8e7679e0db"
        );
    }

    #[test]
    fn every_changed_part_changes_the_signature() {
        let right = signature(&send_sms(), "testSecret");
        for nth in 0..SEND_SMS.len() {
            let mut headers = SEND_SMS;
            let longer = format!("{}x", headers[nth].1);
            headers[nth].1 = &longer;
            let request = Request { headers: &headers, ..send_sms() };
            assert_ne!(signature(&request, "testSecret"), right, "{}", headers[nth].0);
        }
        let mut parameters = PARAMETERS;
        parameters[0].1 = "13800138001";
        for request in [
            Request { method: "GET", ..send_sms() },
            Request { path: "/prefix/", ..send_sms() },
            Request { query: &parameters, ..send_sms() },
            Request { query: &PARAMETERS[..3], ..send_sms() },
            Request { body: b" ", ..send_sms() },
        ] {
            assert_ne!(signature(&request, "testSecret"), right, "{request:?}");
        }
        // The older signature's key.
        assert_ne!(signature(&send_sms(), "testSecret&"), right);
    }
}
