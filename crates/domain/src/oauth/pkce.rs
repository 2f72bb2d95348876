//! Proof Key for Code Exchange (RFC 7636): whoever exchanges a code is who asked for it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;
use thiserror::Error;

/// What a client shows when it asks for a code: SHA-256 of a secret that it keeps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Challenge([u8; 32]);

/// What it shows at the exchange: the secret.
#[derive(Clone)]
pub struct Verifier(zeroize::Zeroizing<String>);

/// Why a challenge is not taken (OP-03).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ChallengeError {
    /// There is none.
    #[error("a code_challenge is required")]
    Missing,
    /// It is the secret itself, or made in a way that we do not know.
    #[error("the code_challenge_method has to be S256")]
    Method,
    /// It is not 32 bytes in base64url.
    #[error("the code_challenge is not one of S256")]
    Form,
}

impl Challenge {
    /// Reads a challenge as a client sends it; no method means `plain` (RFC 7636, 4.3), which is
    /// not taken.
    pub fn parse(challenge: Option<&str>, method: Option<&str>) -> Result<Self, ChallengeError> {
        let challenge = challenge.ok_or(ChallengeError::Missing)?;
        if method != Some("S256") {
            return Err(ChallengeError::Method);
        }
        let mut bytes = [0; 32];
        match URL_SAFE_NO_PAD.decode_slice(challenge, &mut bytes) {
            Ok(32) if challenge.len() == 43 => Ok(Self(bytes)),
            _ => Err(ChallengeError::Form),
        }
    }

    /// Takes one that was stored.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest, for storing.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// True for the digest of the verifier that it was made of; in constant time (TIM-02).
    #[must_use]
    pub fn is_of(&self, verifier: &[u8; 32]) -> bool {
        self.0.ct_eq(verifier).into()
    }
}

impl Verifier {
    /// Reads one: 43 to 128 unreserved characters (RFC 7636, 4.1).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |it: u8| it.is_ascii_alphanumeric() || b"-._~".contains(&it);
        ((43..=128).contains(&text.len()) && text.bytes().all(plain))
            .then(|| Self(zeroize::Zeroizing::new(text.to_owned())))
    }

    /// The secret, for its digest.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

crate::secret::masked_debug!(Challenge, Verifier);

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// RFC 7636, appendix B.
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    const DIGEST: [u8; 32] = [
        19, 211, 30, 150, 26, 26, 216, 236, 47, 22, 177, 12, 76, 152, 46, 8, 118, 168, 120, 173,
        109, 241, 68, 86, 110, 225, 137, 74, 203, 112, 249, 195,
    ];

    #[test]
    fn a_challenge_is_of_its_verifier() {
        let challenge = Challenge::parse(Some(CHALLENGE), Some("S256")).unwrap();
        assert!(challenge.is_of(&DIGEST));
        assert!(!challenge.is_of(&[0; 32]));
        assert!(Verifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").is_some());
    }

    /// OP-03: S256 and nothing else.
    #[rstest]
    #[case(None, Some("S256"), ChallengeError::Missing)]
    #[case(None, None, ChallengeError::Missing)]
    #[case(Some(CHALLENGE), None, ChallengeError::Method)]
    #[case(Some(CHALLENGE), Some("plain"), ChallengeError::Method)]
    #[case(Some(CHALLENGE), Some("s256"), ChallengeError::Method)]
    #[case(Some(""), Some("S256"), ChallengeError::Form)]
    #[case(
        Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM="),
        Some("S256"),
        ChallengeError::Form
    )]
    #[case(Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"), Some("S256"), ChallengeError::Form)]
    #[case(Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstwcM"), Some("S256"), ChallengeError::Form)]
    fn what_is_no_challenge_is_refused(
        #[case] challenge: Option<&str>,
        #[case] method: Option<&str>,
        #[case] expected: ChallengeError,
    ) {
        assert_eq!(Challenge::parse(challenge, method), Err(expected));
    }

    #[rstest]
    #[case(&"a".repeat(42), false)]
    #[case(&"a".repeat(43), true)]
    #[case(&"a~._-".repeat(25), true)]
    #[case(&"a".repeat(129), false)]
    #[case(&format!("{} ", "a".repeat(43)), false)]
    #[case(&"ä".repeat(43), false)]
    fn a_verifier_has_its_form(#[case] text: &str, #[case] taken: bool) {
        assert_eq!(Verifier::parse(text).is_some(), taken);
    }
}
