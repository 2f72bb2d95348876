//! RS256 (RFC 7518, 3.3): the one algorithm that every OpenID client takes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use aws_lc_rs::{digest, signature};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::oauth::id_token::Claims;
use domain::oauth::key::{KeyId, PrivateKey, PublicKey};
use ports::signer::{NewKey, Signer, SignerError};
use serde::Serialize;
use zeroize::Zeroizing;

/// Parsed keys that are kept: the one that signs, the one before it, and some more.
const MOST_PARSED: usize = 8;

/// Makes 3072-bit RSA keys and signs with them (OP-09).
#[derive(Default)]
pub struct RsaSigner {
    /// The key that was made last, until it is among those that its asker knows.
    fresh: tokio::sync::Mutex<Option<NewKey>>,
    /// Keys that were used: reading one costs as much as signing.
    parsed: Mutex<HashMap<KeyId, Arc<KeyPair>>>,
}

impl std::fmt::Debug for RsaSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RsaSigner(…)")
    }
}

impl RsaSigner {
    fn parsed(&self) -> MutexGuard<'_, HashMap<KeyId, Arc<KeyPair>>> {
        self.parsed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(&self, id: &KeyId, private: &PrivateKey) -> Result<Arc<KeyPair>, SignerError> {
        if let Some(key) = self.parsed().get(id) {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(read(private).ok_or(SignerError::Key)?);
        let mut parsed = self.parsed();
        if parsed.len() >= MOST_PARSED {
            parsed.clear();
        }
        parsed.insert(id.clone(), Arc::clone(&key));
        Ok(key)
    }
}

#[async_trait]
impl Signer for RsaSigner {
    async fn make(&self, known: &[KeyId]) -> Result<NewKey, SignerError> {
        let mut fresh = self.fresh.lock().await;
        if let Some(key) = fresh.as_ref().filter(|it| !known.contains(&it.id)) {
            return Ok(key.clone());
        }
        let made = tokio::task::spawn_blocking(make).await.map_err(|_| SignerError::Make)??;
        *fresh = Some(made.clone());
        Ok(made)
    }

    fn sign(
        &self,
        id: &KeyId,
        private: &PrivateKey,
        claims: &Claims,
    ) -> Result<String, SignerError> {
        let key = self.key(id, private)?;
        let head = Head { alg: "RS256", typ: "JWT", kid: id.as_str() };
        let [head, body] = [encode(&head)?, encode(&Body::of(claims))?];
        let said = format!("{head}.{body}");
        let signature = URL_SAFE_NO_PAD.encode(signature(&key, said.as_bytes())?);
        Ok(format!("{said}.{signature}"))
    }
}

fn make() -> Result<NewKey, SignerError> {
    let key = KeyPair::generate(KeySize::Rsa3072).map_err(|_| SignerError::Make)?;
    let private: Pkcs8V1Der<'_> = key.as_der().map_err(|_| SignerError::Make)?;
    let public = public(key.public_key().as_ref()).ok_or(SignerError::Make)?;
    let private = PrivateKey::new(URL_SAFE_NO_PAD.encode(private.as_ref()));
    Ok(NewKey { id: thumbprint(&public), public, private })
}

/// Reads the private half: PKCS #8 in base64url.
fn read(private: &PrivateKey) -> Option<KeyPair> {
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(private.reveal()).ok()?);
    KeyPair::from_pkcs8(&bytes).ok()
}

fn signature(key: &KeyPair, said: &[u8]) -> Result<Vec<u8>, SignerError> {
    let mut bytes = vec![0; key.public_modulus_len()];
    let scheme: &dyn signature::RsaEncoding = &RSA_PKCS1_SHA256;
    key.sign(scheme, &SystemRandom::new(), said, &mut bytes).map_err(|_| SignerError::Key)?;
    Ok(bytes)
}

/// The public half out of its DER: `RSAPublicKey` (RFC 8017, A.1.1), a sequence of two integers.
pub(crate) fn public(der: &[u8]) -> Option<PublicKey> {
    let (sequence, _) = element(0x30, der)?;
    let (n, rest) = element(0x02, sequence)?;
    let (e, _) = element(0x02, rest)?;
    // A leading zero says that the number is not negative.
    let number = |it: &[u8]| it.iter().copied().skip_while(|it| *it == 0).collect::<Vec<_>>();
    Some(PublicKey { n: number(n), e: number(e) })
}

/// One element of DER and what follows it.
fn element(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..0x80 => (usize::from(*length), rest),
        long => {
            let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            (digits.iter().fold(0, |sum, it| sum * 256 + usize::from(*it)), rest)
        }
    };
    if *first != tag {
        return None;
    }
    rest.split_at_checked(length)
}

/// The thumbprint of a key (RFC 7638, 3): SHA-256 of its members in their order.
fn thumbprint(key: &PublicKey) -> KeyId {
    let [e, n] = [&key.e, &key.n].map(|it| URL_SAFE_NO_PAD.encode(it));
    let text = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
    KeyId::new(URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes())))
}

/// The head of a token.
#[derive(Serialize)]
struct Head<'a> {
    alg: &'static str,
    typ: &'static str,
    kid: &'a str,
}

/// What an id token says, on the wire.
#[derive(Serialize)]
struct Body<'a> {
    iss: &'a str,
    sub: String,
    aud: &'a str,
    exp: i64,
    iat: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    amr: [&'static str; 1],
    at_hash: String,
}

impl<'a> Body<'a> {
    fn of(claims: &'a Claims) -> Self {
        Self {
            iss: &claims.issuer,
            sub: claims.subject.to_string(),
            aud: claims.audience.as_str(),
            exp: claims.expires_at.as_second(),
            iat: claims.issued_at.as_second(),
            auth_time: claims.auth_time.as_second(),
            nonce: claims.nonce.as_deref(),
            amr: [claims.amr],
            at_hash: URL_SAFE_NO_PAD.encode(claims.at_hash),
        }
    }
}

fn encode(part: &impl Serialize) -> Result<String, SignerError> {
    let text = serde_json::to_vec(part).map_err(|_| SignerError::Key)?;
    Ok(URL_SAFE_NO_PAD.encode(text))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use ports::testing::contract::signer::claims;

    use super::*;

    #[expect(clippy::unused_async, reason = "suites await what makes a port")]
    async fn fresh() -> Arc<dyn Signer> {
        Arc::new(RsaSigner::default())
    }

    ports::signer_contract!(fresh());

    /// The key of RFC 7515, A.2, as PKCS #8.
    const KEY: &str = "\
     MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCh-BYK4uPJtGXOjS1lYmM2K5J9vinh8CR3_BYl\
     zJChNuOL2TSXxbbqY913EeZ8dCn5VrD7io8ImtxLaYk8wTM_U-3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8T\
     A5a8bpvfbr3SvaNnjuygxmj3AbONv_s4yDQs4v5tJ_reSlpIdJed1LnPmt7Ex1sFhSwsD174pcF1A5L5ROjtZMEQ\
     xrZHYJqkeDrrnGya11UxMFBji4NmXG9veoKjlnAqH2QbgtPr8jkiGUkftoaHLFcW9Qr4NY2ai50Xw0Byj3-H2JoY\
     2PyrZ62EWQwuz3WTOTY8BwNNb2BvniHgVFbK5emhAgMBAAECggEAEq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZ\
     D50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn\
     2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZH\
     HzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB\
     4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQKBgQDgHMQQ60imZV1URk0KpLttoLhyt3SmqdEf_kgHePDd\
     tzEafpAu-cS191R2JiuoF2yzWXnwFDcqGigp5BNr0AHQfD8_Lk8l1Mk09jxxCfui5nYooNyac8YFjm3vItzVCVDn\
     Ed3BbVWG8qf6deqElMGAg-C2V0L4oNXnP7LZcPAZRwKBgQC5A8R-CZW2MvRTLLHzwZkUXV866cff7tx6kqa0finG\
     G0KgeqlaZPxgCZnFp7AeAcCMtiynVlJ7vMVgePsLq6XtON4tB5kP9jAPrq3rbAOal78eUH5OcED6eNuCV8ixEu1e\
     WcPNCS_l1OW1EnXUEoEHKl54Xrrz2uNwkgMTP1FZ1wKBgAcCn1dwJKufzBWQxWQp1vsM5fggqPN1qGb5y0MAk3g7\
     _Ls5bkUp5u9SN0Ai3Ya6hNnvWJMb7sXQX6U_zyO2M_hTip7tUeh7CXgwo59dkpN75gJLVds29-DAncu3KXU4f2Fa\
     -7bLNrur53k8KwPOq2bbuTG69QtV7Jr5MR0AHWKNAoGBAIf_evpitUf-4JYbLpvNXWcY052Mpz22aR84mY3nh3F2\
     LF2mjMJDpTg7FmuyPcVw6EcGyoAe9fa65iNqCq-jdw6PVNGo2hxfjSiZ8IIzHdsPXI89__pMjZcQK9r-CCoRjaZj\
     OYiIDktVWZzmevJuv6WywUqd57LE3Zar3dLSIkx1AoGAIYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVu\
     uM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9Sb\
     sxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U";

    /// RFC 7515, A.2: what is signed, and the signature.
    const SAID: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQog\
        Imh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7\
        AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTy\
        WzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqt\
        FZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_I\
        oypGlUPQGe77Rw";

    #[test]
    fn a_signature_is_that_of_rfc_7515() {
        let key = read(&PrivateKey::new(KEY.to_owned())).unwrap();
        let signed = signature(&key, SAID.as_bytes()).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(signed), SIGNATURE);
        let public = public(key.public_key().as_ref()).unwrap();
        assert_eq!((public.n.len(), public.e.as_slice()), (256, [1, 0, 1].as_slice()));
        assert!(URL_SAFE_NO_PAD.encode(public.n).starts_with("ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAk"));
    }

    /// RFC 7638, 3.1.
    #[test]
    fn a_thumbprint_is_that_of_rfc_7638() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1\
                 L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4\
                 QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbO\
                 pbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csF\
                 Cur-kEgU8awapJzKnqDKgw";
        let key = PublicKey { n: URL_SAFE_NO_PAD.decode(n).unwrap(), e: vec![1, 0, 1] };
        assert_eq!(thumbprint(&key).as_str(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    /// OP-09: 3072 bits, and what is signed can be checked with what is told.
    #[tokio::test]
    async fn what_is_signed_can_be_checked() {
        let signer = RsaSigner::default();
        let key = signer.make(&[]).await.unwrap();
        assert_eq!((key.public.n.len(), key.public.n[0] >= 0x80), (384, true));
        let token = signer.sign(&key.id, &key.private, &claims()).unwrap();
        let (said, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let pair = read(&key.private).unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key());
        assert!(public.verify(said.as_bytes(), &signature).is_ok());
        assert!(public.verify(format!("{said}A").as_bytes(), &signature).is_err());
        let (head, body) = said.split_once('.').unwrap();
        let [head, body] = [head, body].map(|it| {
            let text = URL_SAFE_NO_PAD.decode(it).unwrap();
            serde_json::from_slice::<serde_json::Value>(&text).unwrap()
        });
        assert_eq!(head["kid"], key.id.as_str());
        assert_eq!((head["alg"].as_str(), head["typ"].as_str()), (Some("RS256"), Some("JWT")));
        assert_eq!(body["iss"], "https://id.example.com");
        assert_eq!(body["aud"], "web");
        assert_eq!(body["amr"], serde_json::json!(["sms"]));
        assert_eq!(
            (body["iat"].as_i64(), body["exp"].as_i64()),
            (Some(1_767_225_605), Some(1_767_226_205))
        );
        assert_eq!(body["auth_time"], 1_767_225_600);
        assert_eq!(body["at_hash"], "BwcHBwcHBwcHBwcHBwcHBw");
        assert!(body.get("nonce").is_none());
    }
}
