//! The signature of Standard Webhooks: HMAC-SHA256 over id, moment and body.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Timestamp;
use zeroize::Zeroizing;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// The fewest and the most bytes of a secret.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// Signs with each of the secrets that the receiver may have.
pub(crate) struct Signer(Vec<hmac::Key>);

impl Signer {
    /// Reads secrets as `whsec_` and base64 of 24 to 64 bytes, a blank between two; `None` if one
    /// is not like that, or there is none.
    pub(crate) fn parse(secrets: &str) -> Option<Self> {
        let keys: Option<Vec<_>> = secrets.split_ascii_whitespace().map(key).collect();
        keys.filter(|it| !it.is_empty()).map(Self)
    }

    /// The header `webhook-signature`.
    pub(crate) fn sign(&self, id: &str, at: Timestamp, body: &[u8]) -> String {
        let head = format!("{id}.{}.", at.as_second());
        let signed = [head.as_bytes(), body].concat();
        let signatures: Vec<_> = self
            .0
            .iter()
            .map(|it| format!("v1,{}", STANDARD.encode(hmac::sign(it, &signed))))
            .collect();
        signatures.join(" ")
    }
}

fn key(secret: &str) -> Option<hmac::Key> {
    let bytes = Zeroizing::new(STANDARD.decode(secret.strip_prefix(PREFIX)?).ok()?);
    LENGTHS.contains(&bytes.len()).then(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(…)")
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn signed(secrets: &str, id: &str, second: i64, body: &[u8]) -> String {
        let at = Timestamp::from_second(second).unwrap();
        Signer::parse(secrets).unwrap().sign(id, at, body)
    }

    /// The example of the specification.
    #[test]
    fn the_published_webhook_is_signed_as_there() {
        assert_eq!(signed(SECRET, ID, 1_614_265_330, BODY), SIGNATURE);
    }

    #[test]
    fn each_secret_signs() {
        let both = signed(&format!("{SECRET} {OTHER}"), ID, 1_614_265_330, BODY);
        assert_eq!(both, format!("{SIGNATURE} {}", signed(OTHER, ID, 1_614_265_330, BODY)));
    }

    #[rstest]
    #[case::secret(OTHER, ID, 1_614_265_330, BODY)]
    #[case::id(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJel", 1_614_265_330, BODY)]
    #[case::moment(SECRET, ID, 1_614_265_331, BODY)]
    #[case::body(SECRET, ID, 1_614_265_330, br#"{"test": 2432232315}"#)]
    fn every_changed_part_changes_the_signature(
        #[case] secret: &str,
        #[case] id: &str,
        #[case] second: i64,
        #[case] body: &[u8],
    ) {
        assert_ne!(signed(secret, id, second, body), SIGNATURE);
    }

    #[rstest]
    #[case::none("")]
    #[case::prefix("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    #[case::short("whsec_c2hvcnQ=")]
    #[case::text("whsec_hunter2!")]
    #[case::one_of_two("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw hunter2")]
    fn what_is_no_secret_is_refused(#[case] text: &str) {
        assert!(Signer::parse(text).is_none());
    }
}
