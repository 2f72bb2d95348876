//! Public keys of clients, and checking what their owners signed (OP-05).

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::oauth::assertion::{Algorithm, ClientKey, KeyKind};
use ports::signatures::Signatures;
use thiserror::Error;

use crate::signer::public;

/// Before and after the public key in its text (RFC 7468, 13).
const FRAME: (&str, &str) = ("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----");
/// The sizes of an RSA modulus that is taken, in bytes.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;

/// Why a text is no key of a client. Says nothing of what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ClientKeyError {
    /// It is the other half.
    #[error("is a private key: give the public half, and make a new pair")]
    Private,
    /// It is not in the text form of a public key.
    #[error("must be PEM that begins with -----BEGIN PUBLIC KEY-----")]
    Text,
    /// It is no key, or one of a kind that is not taken.
    #[error("must be RSA or a point of P-256")]
    Kind,
    /// It can be broken, or takes long to work with.
    #[error("must have 2048 to 8192 bits if it is RSA")]
    Size,
}

/// Reads a public key in PEM: RSA of 2048 to 8192 bits, or P-256.
pub fn client_key(pem: &str) -> Result<ClientKey, ClientKeyError> {
    if pem.contains("PRIVATE KEY") {
        return Err(ClientKeyError::Private);
    }
    let body = pem.trim().strip_prefix(FRAME.0).and_then(|it| it.strip_suffix(FRAME.1));
    let body: String =
        body.ok_or(ClientKeyError::Text)?.split_ascii_whitespace().collect::<Vec<_>>().concat();
    let der = STANDARD.decode(body).map_err(|_| ClientKeyError::Text)?;
    if let Ok(key) = rsa::PublicKey::from_der(&der) {
        let public = public(key.as_ref()).ok_or(ClientKeyError::Kind)?;
        let is_whole = public.n.first().is_some_and(|it| *it >= 0x80);
        if !MODULUS.contains(&public.n.len()) || (public.n.len() == *MODULUS.start() && !is_whole) {
            return Err(ClientKeyError::Size);
        }
        return of(KeyKind::Rsa, key.as_der().ok());
    }
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &der);
    of(KeyKind::P256, key.ok().and_then(|it| it.as_der().ok()))
}

/// A key in the one form that it is kept in.
fn of(kind: KeyKind, der: Option<PublicKeyX509Der<'_>>) -> Result<ClientKey, ClientKeyError> {
    let der = der.ok_or(ClientKeyError::Kind)?;
    Ok(ClientKey { kind, der: der.as_ref().to_vec() })
}

/// Checks RS256, PS256 and ES256.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClientSignatures;

impl Signatures for ClientSignatures {
    fn is_by(&self, key: &ClientKey, algorithm: Algorithm, text: &str, signature: &[u8]) -> bool {
        let how: &'static dyn VerificationAlgorithm = match algorithm {
            Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
            Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
            Algorithm::Es256 => &ECDSA_P256_SHA256_FIXED,
        };
        key.kind == algorithm.kind()
            && UnparsedPublicKey::new(how, &key.der).verify(text.as_bytes(), signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use aws_lc_rs::encoding::Pkcs8V1Der;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding,
    };
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use ports::testing::contract::signatures::{Bench, Sign};
    use rstest::rstest;

    use super::*;

    fn pem(der: &[u8]) -> String {
        let text = STANDARD.encode(der);
        let lines: Vec<_> =
            text.as_bytes().chunks(64).map(|it| std::str::from_utf8(it).unwrap()).collect();
        format!("{}\n{}\n{}\n", FRAME.0, lines.join("\n"), FRAME.1)
    }

    fn rsa() -> (ClientKey, Sign) {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let key = client_key(&pem(der.as_ref())).unwrap();
        let sign = move |algorithm, text: &str| {
            let how: &dyn RsaEncoding = match algorithm {
                Algorithm::Ps256 => &RSA_PSS_SHA256,
                Algorithm::Rs256 | Algorithm::Es256 => &RSA_PKCS1_SHA256,
            };
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(how, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
            signature
        };
        (key, Box::new(sign))
    }

    fn ec() -> (ClientKey, Sign) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let key = client_key(&pem(der.as_ref())).unwrap();
        let sign = move |_, text: &str| {
            pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap().as_ref().to_vec()
        };
        (key, Box::new(sign))
    }

    #[expect(clippy::unused_async, reason = "suites await what makes a port")]
    async fn fresh() -> Bench {
        Bench { signatures: Arc::new(ClientSignatures), owners: vec![rsa(), rsa(), ec(), ec()] }
    }

    ports::signatures_contract!(fresh());

    /// RFC 7515, A.3: what others sign is understood.
    #[test]
    fn a_signature_is_that_of_rfc_7515() {
        let [x, y] = [
            "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        ]
        .map(|it| URL_SAFE_NO_PAD.decode(it).unwrap());
        // id-ecPublicKey on prime256v1, and an uncompressed point.
        let head = hex::decode("3059301306072a8648ce3d020106082a8648ce3d03010703420004").unwrap();
        let key = client_key(&pem(&[head, x, y].concat())).unwrap();
        let text = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6\
                    Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert!(ClientSignatures.is_by(&key, Algorithm::Es256, text, &signature));
    }

    /// A private key, by the name of its frame.
    fn private() -> String {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        pem(der.as_ref()).replace("PUBLIC", "PRIVATE")
    }

    /// 1024 bits, which is how `openssl genrsa 1024 | openssl rsa -pubout` makes them.
    fn small() -> String {
        // rsaEncryption, a modulus of 128 bytes and the exponent 65537.
        let head = "30819f300d06092a864886f70d010101050003818d0030818902818100";
        let der = format!("{head}{}{}0203010001", "c3".repeat(127), "c3");
        pem(&hex::decode(der).unwrap())
    }

    fn other_curve() -> String {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        pem(der.as_ref())
    }

    fn edwards() -> String {
        let pair = Ed25519KeyPair::generate().unwrap();
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        pem(der.as_ref())
    }

    /// OP-05, CFG-02: a key that is none, or a weak one, is refused with the reason.
    #[rstest]
    #[case::private(private(), ClientKeyError::Private)]
    #[case::nothing(String::new(), ClientKeyError::Text)]
    #[case::no_frame("AAAA".to_owned(), ClientKeyError::Text)]
    #[case::certificate(pem(b"a").replace("PUBLIC KEY", "CERTIFICATE"), ClientKeyError::Text)]
    #[case::not_base64(format!("{}\n???\n{}", FRAME.0, FRAME.1), ClientKeyError::Text)]
    #[case::two(format!("{0}{0}", pem(b"a")), ClientKeyError::Text)]
    #[case::empty(pem(b""), ClientKeyError::Kind)]
    #[case::not_a_key(pem(b"not a key"), ClientKeyError::Kind)]
    #[case::small(small(), ClientKeyError::Size)]
    #[case::other_curve(other_curve(), ClientKeyError::Kind)]
    #[case::edwards(edwards(), ClientKeyError::Kind)]
    fn what_is_no_key_is_refused(#[case] text: String, #[case] expected: ClientKeyError) {
        assert_eq!(client_key(&text), Err(expected));
    }

    #[test]
    fn a_key_is_read_however_its_lines_are_broken() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let text = pem(der.as_ref());
        let key = client_key(&text);
        assert_eq!(key.as_ref().map(|it| it.kind), Ok(KeyKind::P256));
        assert_eq!(client_key(&text.replace('\n', "\r\n")), key);
        assert_eq!(client_key(&text.replace('\n', "")), key);
    }
}
