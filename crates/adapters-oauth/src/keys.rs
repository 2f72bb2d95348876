//! An issuer's public keys, fetched, kept, and fetched again when a token names one that is new.

use std::sync::Arc;

use domain::Timestamp;
use jsonwebtoken::DecodingKey;
use serde_json::Value;

use crate::client::{Call, Client};
use crate::failure::{Class, Failure};
use crate::kept::Kept;

/// The algorithms that we take: asymmetric ones (EXT-07).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Ps256,
    Es256,
    EdDsa,
}

impl Algorithm {
    /// Reads the name in a token's header.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            "ES256" => Some(Self::Es256),
            "EdDSA" => Some(Self::EdDsa),
            _ => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    const fn theirs(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Ps256 => jsonwebtoken::Algorithm::PS256,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        }
    }

    /// The kind of key, and its curve.
    const fn key(self) -> (&'static str, &'static str) {
        match self {
            Self::Rs256 | Self::Ps256 => ("RSA", ""),
            Self::Es256 => ("EC", "P-256"),
            Self::EdDsa => ("OKP", "Ed25519"),
        }
    }
}

/// One public key.
struct Key {
    id: Option<String>,
    kind: (String, String),
    /// The one algorithm that it is for, where the issuer says so.
    algorithm: Option<String>,
    public: DecodingKey,
}

impl Key {
    fn read(jwk: &Value) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        if text("use").is_some_and(|it| it != "sig") {
            return None;
        }
        let kind = (text("kty")?.to_owned(), text("crv").unwrap_or_default().to_owned());
        let key = match (kind.0.as_str(), kind.1.as_str()) {
            ("RSA", _) => DecodingKey::from_rsa_components(text("n")?, text("e")?),
            ("EC", "P-256") => DecodingKey::from_ec_components(text("x")?, text("y")?),
            ("OKP", "Ed25519") => DecodingKey::from_ed_components(text("x")?),
            // Symmetric keys and what we do not know.
            _ => return None,
        };
        let (id, algorithm) = (text("kid").map(str::to_owned), text("alg").map(str::to_owned));
        Some(Self { id, kind, algorithm, public: key.ok()? })
    }

    fn is_for(&self, algorithm: Algorithm) -> bool {
        let (kind, curve) = algorithm.key();
        self.kind.0 == kind
            && (curve.is_empty() || self.kind.1 == curve)
            && self.algorithm.as_deref().is_none_or(|it| it == algorithm.as_str())
    }
}

/// A set of keys.
struct Set(Vec<Key>);

impl Set {
    /// The key of a token; without an id in the token, the only one that it can be.
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        let mut fit = self.0.iter().filter(|it| it.is_for(algorithm));
        match id {
            Some(id) => fit.find(|it| it.id.as_deref() == Some(id)),
            None => fit.next().filter(|_| fit.next().is_none()),
        }
    }
}

/// The keys of one issuer.
#[derive(Default)]
pub(crate) struct Keys(Kept<Set>);

impl Keys {
    /// Tells whether a signature is the issuer's.
    pub(crate) async fn verify(
        &self,
        client: &Client,
        jwks_uri: &str,
        signed: &Signed<'_>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let Signed { id, algorithm, text, signature } = *signed;
        let knows = |set: &Set| set.find(id, algorithm).is_some();
        let set: Arc<Set> = self.0.get(now, knows, fetch(client, jwks_uri)).await?;
        let refusal = |code| Failure::new(Class::BadToken, code);
        let key = set.find(id, algorithm).ok_or_else(|| refusal("unknown_key"))?;
        let is_good = jsonwebtoken::crypto::verify(
            signature,
            text.as_bytes(),
            &key.public,
            algorithm.theirs(),
        );
        match is_good {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(refusal("bad_signature")),
        }
    }
}

/// What is signed, and how.
pub(crate) struct Signed<'a> {
    pub(crate) id: Option<&'a str>,
    pub(crate) algorithm: Algorithm,
    pub(crate) text: &'a str,
    pub(crate) signature: &'a str,
}

async fn fetch(client: &Client, jwks_uri: &str) -> Result<Set, Failure> {
    let call = Call::get(jwks_uri, &[]);
    let answer = client.ask(call, |it| {
        (it.status != 200).then(|| Failure::told(Class::Busy, &it.status.to_string()))
    });
    let answer = answer.await?;
    let keys = answer.member("keys").and_then(Value::as_array);
    let keys = keys.ok_or_else(|| Failure::lacks("keys"))?;
    Ok(Set(keys.iter().filter_map(Key::read).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rsa(id: &str, more: &Value) -> Option<Key> {
        let mut key = json!({"kty": "RSA", "kid": id, "n": "AQAB", "e": "AQAB"});
        for (name, value) in more.as_object().unwrap() {
            key[name] = value.clone();
        }
        Key::read(&key)
    }

    /// EXT-07: no key is used for what it is not there for.
    #[test]
    fn a_key_serves_its_own_algorithm_alone() {
        let any = rsa("a", &json!({})).unwrap();
        assert!(any.is_for(Algorithm::Rs256) && any.is_for(Algorithm::Ps256));
        assert!(!any.is_for(Algorithm::Es256));
        assert!(!rsa("a", &json!({"alg": "RS256"})).unwrap().is_for(Algorithm::Ps256));
        assert!(rsa("a", &json!({"use": "enc"})).is_none());
        assert!(Key::read(&json!({"kty": "oct", "k": "AQAB"})).is_none());
        assert!(Key::read(&json!({"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"})).is_none());
        for name in ["none", "HS256", "HS384", "rs256", "RS1", ""] {
            assert_eq!(Algorithm::parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_token_without_a_key_id_has_the_only_key_there_is() {
        let keys = |ids: &[&str]| Set(ids.iter().filter_map(|it| rsa(it, &json!({}))).collect());
        assert!(keys(&["a"]).find(None, Algorithm::Rs256).is_some());
        assert!(keys(&["a", "b"]).find(None, Algorithm::Rs256).is_none());
        assert!(keys(&["a", "b"]).find(Some("b"), Algorithm::Rs256).is_some());
        assert!(keys(&["a"]).find(Some("b"), Algorithm::Rs256).is_none());
    }
}
