//! The customer's RSA key: its public half is what the vendors have.

use std::sync::OnceLock;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair, KeySize, Pkcs1PublicEncryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The private half, as the customer has it in a file: PKCS#8 in PEM.
#[must_use]
pub fn private_key_pem() -> String {
    let der = STANDARD.encode(der());
    format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n")
}

/// One key a process: making one takes a while.
fn der() -> &'static [u8] {
    static KEY: OnceLock<Vec<u8>> = OnceLock::new();
    KEY.get_or_init(|| {
        PrivateDecryptingKey::generate(KeySize::Rsa2048)
            .and_then(|it| it.as_der().map(|it| it.as_ref().to_vec()))
            .expect("a key")
    })
}

/// Encrypts to the customer, by PKCS#1 v1.5.
pub(super) fn encrypted(text: &str) -> Vec<u8> {
    let key = PrivateDecryptingKey::from_pkcs8(der()).expect("a key").public_key();
    let key = Pkcs1PublicEncryptingKey::new(key).expect("a key");
    let mut sealed = vec![0; key.ciphertext_size()];
    key.encrypt(text.as_bytes(), &mut sealed).expect("a short text");
    sealed
}

/// True if the customer signed it, by PKCS#1 v1.5 with SHA-256.
pub(super) fn is_signed(text: &[u8], signature: &[u8]) -> bool {
    let pair = KeyPair::from_pkcs8(der()).expect("a key");
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
    key.verify(text, signature).is_ok()
}
