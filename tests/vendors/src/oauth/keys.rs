//! Keys of the stand-ins, made anew at each start. They are made and used without the library that
//! the service reads tokens with, so that the two look at each other.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    RSA_PKCS1_SHA256, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// A key that signs tokens.
#[derive(Debug, Clone)]
pub struct SigningKey {
    /// Its id.
    pub id: String,
    pair: Arc<Pair>,
}

#[derive(Debug)]
enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

impl SigningKey {
    /// An RSA key of 2048 bits.
    #[must_use]
    pub fn rsa(id: &str) -> Self {
        Self { id: id.to_owned(), pair: Arc::new(Pair::Rsa(rsa())) }
    }

    /// A key on the curve P-256.
    #[must_use]
    pub fn ec(id: &str) -> Self {
        Self { id: id.to_owned(), pair: Arc::new(Pair::Ec(EcKey::generate().pair())) }
    }

    /// The name of its algorithm.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        match &*self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ec(_) => "ES256",
        }
    }

    /// Its public half, as a key set has it.
    #[must_use]
    pub fn public(&self) -> Value {
        let encode = |it: &[u8]| URL_SAFE_NO_PAD.encode(it);
        let common = json!({"kid": self.id, "use": "sig", "alg": self.algorithm()});
        let special = match &*self.pair {
            Pair::Rsa(it) => {
                // PKCS#1 of 2048 bits: nine bytes of tags and lengths, the modulus, five of the
                // exponent, which is 65537.
                let modulus = it.public_key().as_ref().split_at(9).1.split_at(256).0;
                json!({"kty": "RSA", "n": encode(modulus), "e": "AQAB"})
            }
            Pair::Ec(it) => {
                let (x, y) = it.public_key().as_ref().split_at(1).1.split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)})
            }
        };
        let mut all = common;
        if let (Value::Object(all), Value::Object(special)) = (&mut all, special) {
            all.extend(special);
        }
        all
    }

    /// Its public half, as text.
    #[must_use]
    pub fn public_pem(&self) -> String {
        let der: Result<PublicKeyX509Der<'static>, _> = match &*self.pair {
            Pair::Rsa(it) => it.public_key().as_der(),
            Pair::Ec(it) => it.public_key().as_der(),
        };
        let body = der.map(|it| STANDARD.encode(it.as_ref())).unwrap_or_default();
        format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
    }

    /// A token: header and claims as they are, signed.
    #[must_use]
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |it: &Value| URL_SAFE_NO_PAD.encode(it.to_string());
        let text = format!("{}.{}", part(header), part(claims));
        let signature = match &*self.pair {
            Pair::Rsa(it) => rsa_sign(it, text.as_bytes()),
            Pair::Ec(it) => {
                let signed = it.sign(&SystemRandom::new(), text.as_bytes());
                signed.map(|it| it.as_ref().to_vec()).unwrap_or_default()
            }
        };
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// A token that is signed by HMAC with a text that is no secret, as a forger makes it.
#[must_use]
pub fn sign_by_text(secret: &str, header: &Value, claims: &Value) -> String {
    let part = |it: &Value| URL_SAFE_NO_PAD.encode(it.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let signature = hmac::sign(&hmac::Key::new(HMAC_SHA256, secret.as_bytes()), text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A key pair on the curve P-256, as an app gets it from Apple.
#[derive(Debug, Clone)]
pub struct EcKey(Vec<u8>);

impl EcKey {
    pub(super) fn generate() -> Self {
        let made = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        let der = made.and_then(|it| it.to_pkcs8v1());
        Self(der.map(|it| it.as_ref().to_vec()).unwrap_or_default())
    }

    #[expect(clippy::expect_used, reason = "a stand-in without keys is of no use")]
    fn pair(&self) -> EcdsaKeyPair {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.0).expect("a key")
    }

    /// The private key, as the `.p8` file has it.
    #[must_use]
    pub fn pem(&self) -> String {
        let body = STANDARD.encode(&self.0);
        format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
    }

    /// Reads a token that the key's owner signed: header and claims.
    pub(super) fn open(&self, token: &str) -> Option<(Value, Value)> {
        let (text, signature) = token.rsplit_once('.')?;
        let pair = self.pair();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref());
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        public.verify(text.as_bytes(), &signature).ok()?;
        let (header, claims) = text.split_once('.')?;
        let part = |it: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(it).ok()?).ok();
        Some((part(header)?, part(claims)?))
    }
}

/// A new RSA key of 2048 bits.
#[expect(clippy::expect_used, reason = "a stand-in without keys is of no use")]
pub(super) fn rsa() -> RsaKeyPair {
    RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")
}

/// An RSA signature over SHA-256.
pub(super) fn rsa_sign(pair: &RsaKeyPair, text: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; pair.public_modulus_len()];
    match pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature) {
        Ok(()) => signature,
        Err(_) => Vec::new(),
    }
}

/// The private key in base64, as Alipay's tool gives it.
pub(super) fn rsa_private(pair: &RsaKeyPair) -> String {
    let der: Result<Pkcs8V1Der<'static>, _> = pair.as_der();
    der.map(|it| STANDARD.encode(it.as_ref())).unwrap_or_default()
}

/// The public key in base64, as Alipay shows it.
pub(super) fn rsa_public(pair: &RsaKeyPair) -> String {
    let der: Result<PublicKeyX509Der<'static>, _> = pair.public_key().as_der();
    der.map(|it| STANDARD.encode(it.as_ref())).unwrap_or_default()
}

/// The left half of a SHA-256, as `at_hash` holds it.
pub(super) fn half_hash(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    URL_SAFE_NO_PAD.encode(hash.as_ref().split_at(16).0)
}
