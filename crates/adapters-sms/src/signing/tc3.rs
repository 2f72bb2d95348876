//! Tencent Cloud's signature: TC3-HMAC-SHA256.

use domain::Timestamp;

use super::{hmac256, sha256};

const ALGORITHM: &str = "TC3-HMAC-SHA256";

/// What is signed of a POST without a query; its path is always signed as `/`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    /// The product, as `sms`.
    pub(crate) service: &'a str,
    /// All that are to be signed: `content-type` and `host` at least; in lower case.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
    /// When it is sent.
    pub(crate) at: Timestamp,
}

/// The header `Authorization`.
pub(crate) fn authorization(request: &Request<'_>, key_id: &str, secret: &str) -> String {
    let (scope, names) = (scope(request), names(request));
    let signed =
        format!("{ALGORITHM}\n{}\n{scope}\n{}", request.at.as_second(), canonical_hash(request));
    let signature = hex::encode(hmac256(&keys(request, secret)[2], signed.as_bytes()));
    format!("{ALGORITHM} Credential={key_id}/{scope}, SignedHeaders={names}, Signature={signature}")
}

/// The hash of the canonical request.
fn canonical_hash(request: &Request<'_>) -> String {
    let headers: Vec<_> = sorted(request)
        .into_iter()
        .map(|(name, value)| format!("{name}:{}\n", value.trim().to_lowercase()))
        .collect();
    let canonical = ["POST", "/", "", &headers.concat(), &names(request), &sha256(request.body)];
    sha256(canonical.join("\n").as_bytes())
}

/// The keys of the day, of the service, and the one that signs.
fn keys(request: &Request<'_>, secret: &str) -> [Vec<u8>; 3] {
    let day = hmac256(format!("TC3{secret}").as_bytes(), day(request).as_bytes());
    let service = hmac256(day.as_ref(), request.service.as_bytes());
    let signing = hmac256(service.as_ref(), b"tc3_request");
    [day, service, signing].map(|it| it.as_ref().to_vec())
}

fn scope(request: &Request<'_>) -> String {
    format!("{}/{}/tc3_request", day(request), request.service)
}

/// The day in UTC, wherever the machine is.
fn day(request: &Request<'_>) -> String {
    request.at.strftime("%Y-%m-%d").to_string()
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
    use rstest::rstest;

    use super::*;

    const KEY: &str = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE";
    const BODY: &str =
        r#"{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}"#;
    const HEADERS: [(&str, &str); 2] =
        [("content-type", "application/json; charset=utf-8"), ("host", "cvm.tencentcloudapi.com")];
    const SMS: [(&str, &str); 2] =
        [("content-type", "application/json"), ("host", "sms.tencentcloudapi.com")];
    const MESSAGE: &str = r#"{"PhoneNumberSet":["+8613800138000"],"SmsSdkAppId":"1400006666","SignName":"测试","TemplateId":"449739","TemplateParamSet":["123456","5"]}"#;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn published() -> Request<'static> {
        let body = BODY.as_bytes();
        Request { service: "cvm", headers: &HEADERS, body, at: at(1_551_113_065) }
    }

    fn message() -> Request<'static> {
        let body = MESSAGE.as_bytes();
        Request { service: "sms", headers: &SMS, body, at: at(1_704_164_645) }
    }

    fn signature(request: &Request<'_>, secret: &str) -> String {
        let all = authorization(request, "id", secret);
        all.rsplit_once('=').unwrap().1.to_owned()
    }

    /// The vendor's older example, step by step.
    #[test]
    fn the_published_request_is_signed_as_there() {
        let request = published();
        assert_eq!(
            sha256(request.body),
            "35e9c5b0e3ae67532d3c9f17ead6c90222632e5b1ff7f6e89887f1398934f064"
        );
        assert_eq!(
            canonical_hash(&request),
            "5ffe6a04c0664d6b969fab9a13bdab201d63ee709638e2749d62a09ca18d7031"
        );
        assert_eq!(
            keys(&request, KEY).map(hex::encode),
            [
                "d1308c81fe71cfd4e06437bbc067b2b8a3d2d8c0e375d547f15c41d5214b395a",
                "3c7cb7c7795393edc14fd2e0e6434a518564b4504b88e94f5d11bf59ba3e7050",
                "ac658d5dde49e9bfdd14e04e062f66b05d9f637d44b8a8d845327d4a77f666b1",
            ]
        );
        assert_eq!(
            authorization(&request, "AKIDEXAMPLE", KEY),
            "TC3-HMAC-SHA256 Credential=AKIDEXAMPLE/2019-02-25/cvm/tc3_request, \
             SignedHeaders=content-type;host, \
             Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"
        );
    }

    /// The vendor's newer example, which signs the action as well, in lower case.
    #[test]
    fn the_published_request_with_its_action_is_signed_as_there() {
        let mut headers = HEADERS.to_vec();
        headers.push(("x-tc-action", "DescribeInstances"));
        let request = Request { headers: &headers, ..published() };
        assert_eq!(
            canonical_hash(&request),
            "7019a55be8395899b900fb5564e4200d984910f34794a27cb3fb7d10ff6a1e84"
        );
        assert_eq!(
            signature(&request, &"*".repeat(32)),
            "10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f"
        );
    }

    /// What the vendor's own library makes of a message.
    #[test]
    fn a_message_is_signed_as_the_vendors_library_does() {
        let request = message();
        assert_eq!(
            sha256(request.body),
            "e338a038498d7c9ee48916b66bdd4e7675bea79829f5cb58faba3215d8fea698"
        );
        assert_eq!(
            canonical_hash(&request),
            "160ec232e585dcc9009dbc2f1c0856abfddda3729a68f5530bcb3ffdbddf496b"
        );
        assert_eq!(
            signature(&request, KEY),
            "eba4e30bc101ccfa6a9bc8905c99e6ec1ed8780b33e8738eb2185d1bd21a0f18"
        );
    }

    /// Near midnight the day of the scope is that of UTC.
    #[rstest]
    #[case::last_second(1_704_153_599, "2024-01-01")]
    #[case::first_second(1_704_153_600, "2024-01-02")]
    #[case::tomorrow_in_shanghai(1_704_124_800, "2024-01-01")]
    fn the_day_is_that_of_utc(#[case] second: i64, #[case] day: &str) {
        let request = Request { at: at(second), ..message() };
        assert!(authorization(&request, "id", KEY).contains(&format!("=id/{day}/sms/")), "{day}");
    }

    #[test]
    fn every_changed_part_changes_the_signature() {
        let right = signature(&message(), KEY);
        for nth in 0..SMS.len() {
            let mut headers = SMS;
            let longer = format!("{}x", headers[nth].1);
            headers[nth].1 = &longer;
            let request = Request { headers: &headers, ..message() };
            assert_ne!(signature(&request, KEY), right, "{}", headers[nth].0);
        }
        let changed = MESSAGE.replace("123456", "123457");
        for request in [
            Request { service: "cvm", ..message() },
            Request { body: changed.as_bytes(), ..message() },
            Request { at: at(1_704_164_646), ..message() },
        ] {
            assert_ne!(signature(&request, KEY), right, "{request:?}");
        }
        assert_ne!(signature(&message(), &format!("{KEY}&")), right);
    }
}
