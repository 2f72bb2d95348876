//! The signature of a webhook, by which its receiver knows that it came from us, whole and now.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Timestamp;
use thiserror::Error;
use zeroize::Zeroizing;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// The fewest and the most bytes of a secret (Standard Webhooks).
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;
/// The fewest different bytes: 24 random ones have about 23, a sample typed by hand has few.
const DIFFERENT: usize = 12;

/// Why a text holds no secrets. Never tells the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SecretError {
    /// There is none.
    #[error("holds no secret")]
    Missing,
    /// One does not begin as all do, or is not base64.
    #[error("must be whsec_ and base64")]
    NotEncoded,
    /// One is too short or too long.
    #[error("must have 24 to 64 bytes, in base64 after whsec_")]
    Length,
    /// One is plainly not random (CFG-01).
    #[error("is a known sample or not random")]
    Sample,
}

/// Signs webhooks, with each secret that receivers may still have.
pub struct Signer(Vec<hmac::Key>);

impl Signer {
    /// Reads secrets as `whsec_` and base64, with a blank between two.
    ///
    /// Each signs: a receiver may have any of them, so they are changed one after the other.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let keys = text.split_ascii_whitespace().map(key).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(SecretError::Missing);
        }
        Ok(Self(keys))
    }

    /// The header `webhook-signature` for a body under this id, sent at this moment.
    #[must_use]
    pub fn sign(&self, id: &str, at: Timestamp, body: &str) -> String {
        let signed = format!("{id}.{}.{body}", at.as_second());
        let signatures: Vec<_> = self
            .0
            .iter()
            .map(|it| format!("v1,{}", STANDARD.encode(hmac::sign(it, signed.as_bytes()))))
            .collect();
        signatures.join(" ")
    }
}

fn key(text: &str) -> Result<hmac::Key, SecretError> {
    let encoded = text.strip_prefix(PREFIX).ok_or(SecretError::NotEncoded)?;
    let bytes = STANDARD.decode(encoded).map_err(|_| SecretError::NotEncoded)?;
    let bytes = Zeroizing::new(bytes);
    if !LENGTHS.contains(&bytes.len()) {
        return Err(SecretError::Length);
    }
    let different = bytes.iter().collect::<std::collections::BTreeSet<_>>().len();
    let climbs = bytes.windows(2).all(|it| matches!(it, [a, b] if a.wrapping_add(1) == *b));
    if different < DIFFERENT || climbs {
        return Err(SecretError::Sample);
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(…)")
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// The example of the specification.
    #[test]
    fn the_example_of_the_specification_is_signed_as_there() {
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        let signed = Signer::parse(SECRET).unwrap().sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            at,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_of_several_secrets_signs() {
        let other = format!("whsec_{}", STANDARD.encode(*b"another secret of some bytes"));
        let both = Signer::parse(&format!("{SECRET} {other}")).unwrap();
        let at = Timestamp::UNIX_EPOCH;
        let alone = |secret: &str| Signer::parse(secret).unwrap().sign("a", at, "{}");
        assert_eq!(both.sign("a", at, "{}"), format!("{} {}", alone(SECRET), alone(&other)));
    }

    /// CFG-01.
    #[rstest]
    #[case::none(" ", SecretError::Missing)]
    #[case::bare("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SecretError::NotEncoded)]
    #[case::not_base64("whsec_!", SecretError::NotEncoded)]
    #[case::short("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa8=", SecretError::Length)]
    #[case::zeros("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", SecretError::Sample)]
    #[case::climbing("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", SecretError::Sample)]
    #[case::second("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw whsec_AAAA", SecretError::Length)]
    fn what_is_no_secret_is_refused(#[case] text: &str, #[case] why: SecretError) {
        assert_eq!(Signer::parse(text).unwrap_err(), why);
    }

    #[test]
    fn the_longest_secret_has_64_bytes() {
        let of = |length: u8| {
            format!(
                "whsec_{}",
                STANDARD.encode((0..length).map(|it| it ^ 0x55).collect::<Vec<_>>())
            )
        };
        assert!(Signer::parse(&of(64)).is_ok());
        assert_eq!(Signer::parse(&of(65)).unwrap_err(), SecretError::Length);
    }

    #[test]
    fn a_signer_does_not_print_its_secrets() {
        assert_eq!(format!("{:?}", Signer::parse(SECRET)), "Ok(Signer(…))");
    }
}
