//! Our RSA key, to whose public half carriers encrypt numbers, and with which we sign.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, Pkcs1PrivateDecryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use zeroize::Zeroizing;

/// Why a text is no key that can be used. Tells nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PrivateKeyError {
    /// It is another format.
    #[error("must be PKCS#8 in PEM, as in `-----BEGIN PRIVATE KEY-----`")]
    Format,
    /// It is no RSA key of 2048 to 8192 bits.
    #[error("must be an RSA key of 2048 to 8192 bits")]
    Key,
}

/// An RSA key of ours.
pub struct PrivateKey {
    decrypting: Pkcs1PrivateDecryptingKey,
    signing: KeyPair,
}

impl PrivateKey {
    /// Reads a key: PKCS#8 in PEM, unencrypted, as `openssl genpkey -algorithm RSA` writes it.
    pub fn parse(pem: &str) -> Result<Self, PrivateKeyError> {
        let (_, after) =
            pem.split_once("-----BEGIN PRIVATE KEY-----").ok_or(PrivateKeyError::Format)?;
        let (body, _) =
            after.split_once("-----END PRIVATE KEY-----").ok_or(PrivateKeyError::Format)?;
        let body: Zeroizing<String> =
            Zeroizing::new(body.chars().filter(|it| !it.is_ascii_whitespace()).collect());
        let der = STANDARD.decode(&*body).map_err(|_| PrivateKeyError::Format)?;
        let der = Zeroizing::new(der);
        let decrypting = PrivateDecryptingKey::from_pkcs8(&der)
            .and_then(|it| {
                // What the library writes again, it also reads for signing.
                it.as_der()?;
                Ok(it)
            })
            .ok()
            .and_then(|it| Pkcs1PrivateDecryptingKey::new(it).ok())
            .ok_or(PrivateKeyError::Key)?;
        let signing = KeyPair::from_pkcs8(&der).map_err(|_| PrivateKeyError::Key)?;
        Ok(Self { decrypting, signing })
    }

    /// Decrypts a short text (RSA, PKCS#1 v1.5); `None` whatever is wrong, without saying what: who
    /// could try one text after another would read others by the differences.
    pub(crate) fn decrypt(&self, sealed: &[u8]) -> Option<Zeroizing<String>> {
        let mut plain = Zeroizing::new(vec![0; self.decrypting.min_output_size()]);
        let opened = self.decrypting.decrypt(sealed, &mut plain).ok()?;
        String::from_utf8(opened.to_vec()).ok().map(Zeroizing::new)
    }

    /// Signs (RSA, PKCS#1 v1.5, SHA-256); `None` if the library cannot, as without memory.
    pub(crate) fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut signature = vec![0; self.signing.public_modulus_len()];
        let random = SystemRandom::new();
        self.signing.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature).ok()?;
        Some(signature)
    }
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rsa::{KeySize, Pkcs1PublicEncryptingKey};
    use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use rstest::rstest;

    use super::*;

    fn generated() -> (PrivateDecryptingKey, PrivateKey) {
        let key = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
        let der = STANDARD.encode(key.as_der().unwrap().as_ref());
        let lines: Vec<_> =
            der.as_bytes().chunks(64).map(|it| str::from_utf8(it).unwrap()).collect();
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            lines.join("\r\n")
        );
        (key, PrivateKey::parse(&pem).unwrap())
    }

    #[test]
    fn what_is_encrypted_to_us_is_read_and_nothing_else_is() {
        let (key, ours) = generated();
        let to_us = Pkcs1PublicEncryptingKey::new(key.public_key()).unwrap();
        let mut sealed = vec![0; to_us.ciphertext_size()];
        let sealed = to_us.encrypt(b"13800138000", &mut sealed).unwrap();
        assert_eq!(ours.decrypt(sealed).unwrap().as_str(), "13800138000");
        assert!(ours.decrypt(&sealed[1..]).is_none());
        assert!(ours.decrypt(&[]).is_none());
        let (_, another) = generated();
        assert!(another.decrypt(sealed).is_none_or(|it| it.as_str() != "13800138000"));
    }

    #[test]
    fn what_we_sign_is_verified_by_our_public_key() {
        let (_, ours) = generated();
        let signature = ours.sign(b"text").unwrap();
        let public = ours.signing.public_key().as_ref();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public);
        assert!(public.verify(b"text", &signature).is_ok());
        assert!(public.verify(b"texu", &signature).is_err());
    }

    /// CFG-01.
    #[rstest]
    #[case::nothing("", PrivateKeyError::Format)]
    #[case::another_format(
        "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----",
        PrivateKeyError::Format
    )]
    #[case::open("-----BEGIN PRIVATE KEY-----\nAAAA", PrivateKeyError::Format)]
    #[case::no_base64(
        "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----",
        PrivateKeyError::Format
    )]
    #[case::no_key(
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        PrivateKeyError::Key
    )]
    fn what_is_no_key_is_refused(#[case] pem: &str, #[case] why: PrivateKeyError) {
        assert_eq!(PrivateKey::parse(pem).unwrap_err(), why);
    }
}
