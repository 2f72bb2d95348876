//! All keys, derived from the root secret of a store.

use std::sync::OnceLock;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{digest, hkdf, hmac};
use domain::credential::code::{Code, Purpose};
use domain::id::ChallengeId;
use domain::identifier::Identifier;
use domain::secret::{
    CodeMac, IdentifierKey, RootSecret, Sealed, SessionToken, Subject, TokenHash,
};
use ports::keys::{Keys, Seal, UnsealError};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::master::{MasterSecretError, SHORTEST_SECRET};

/// The name of the sealing key in use: the first byte of every sealed text.
const SEALING_KEY_ID: u8 = 1;
/// The salt of the key derivation: it sets this product's keys apart from any other's.
pub(crate) const DERIVATION_SALT: &[u8] = b"latchkey/keys/1";

/// What a key is for. The names are part of the derivation: changing one changes its key.
#[derive(Debug, Clone, Copy)]
enum Use {
    Identifiers,
    Subjects,
    Codes,
    Sealing,
}

impl Use {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Identifiers => "identifiers",
            Self::Subjects => "subjects",
            Self::Codes => "codes",
            Self::Sealing => "sealing",
        }
    }
}

/// Keys derived from one root secret, one a purpose (CFG-01).
///
/// HMAC-SHA-256 for keyed hashes, AES-256-GCM under random nonces for sealed texts, and HKDF-SHA-256
/// (RFC 5869) to get from the secret to the keys. One secret is good for 2^32 sealed texts
/// (NIST SP 800-38D, 8.3).
pub struct RootKeys {
    identifiers: hmac::Key,
    subjects: hmac::Key,
    codes: hmac::Key,
    sealing: RandomizedNonceKey,
}

impl RootKeys {
    /// Derives all keys from a secret of 32 random bytes or more.
    pub fn new(secret: &[u8]) -> Result<Self, MasterSecretError> {
        if secret.len() < SHORTEST_SECRET {
            return Err(MasterSecretError::TooShort);
        }
        let key = |of: Use| derive(DERIVATION_SALT, secret, of.as_str().as_bytes());
        let mac = |of: Use| hmac::Key::new(hmac::HMAC_SHA256, key(of).as_slice());
        let Ok(sealing) = RandomizedNonceKey::new(&AES_256_GCM, key(Use::Sealing).as_slice())
        else {
            unreachable!("AES-256 takes keys of 32 bytes");
        };
        Ok(Self {
            identifiers: mac(Use::Identifiers),
            subjects: mac(Use::Subjects),
            codes: mac(Use::Codes),
            sealing,
        })
    }
}

impl std::fmt::Debug for RootKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RootKeys(…)")
    }
}

impl Keys for RootKeys {
    fn identifier_key(&self, identifier: &Identifier) -> IdentifierKey {
        let text = identifier.unique_form();
        let parts = [identifier.kind().as_str().as_bytes(), text.as_bytes()];
        IdentifierKey::new(mac(&self.identifiers, &parts))
    }

    fn subject(&self, about: &str, who: &str) -> Subject {
        Subject::new(mac(&self.subjects, &[about.as_bytes(), who.as_bytes()]))
    }

    fn code_mac(&self, purpose: Purpose, id: &ChallengeId, code: &Code) -> CodeMac {
        let parts = [purpose.as_str().as_bytes(), id.as_bytes(), code.reveal().as_bytes()];
        CodeMac::new(mac(&self.codes, &parts))
    }

    fn token_hash(&self, token: &SessionToken) -> TokenHash {
        TokenHash::new(self.digest(token.reveal()))
    }

    fn digest(&self, text: &str) -> [u8; 32] {
        array(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
    }

    fn seal(&self, owner: Seal<'_>, text: &str) -> Sealed {
        seal(&self.sealing, &name(owner), text.as_bytes())
    }

    fn open(&self, owner: Seal<'_>, sealed: &Sealed) -> Result<String, UnsealError> {
        let text = unseal(&self.sealing, &name(owner), sealed)?;
        std::str::from_utf8(&text).map(str::to_owned).map_err(|_| UnsealError)
    }
}

/// Keys that are there once a store was opened; nobody needs one before.
#[derive(Debug, Default)]
pub struct LateKeys(OnceLock<(RootKeys, [u8; 32])>);

/// A store was opened with one root secret and then with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the root secret became another one")]
pub struct OtherRootError;

impl LateKeys {
    /// Derives all keys from a store's root secret of 32 bytes or more. It is the same at each call.
    pub fn set(&self, root: &RootSecret) -> Result<(), OtherRootError> {
        let keys = RootKeys::new(root.reveal()).map_err(|_| OtherRootError)?;
        let digest = array(digest::digest(&digest::SHA256, root.reveal()).as_ref());
        let (_, held) = self.0.get_or_init(|| (keys, digest));
        if *held == digest { Ok(()) } else { Err(OtherRootError) }
    }

    fn keys(&self) -> &RootKeys {
        let Some((keys, _)) = self.0.get() else {
            unreachable!("requests are answered, and tasks begun, once the store is open");
        };
        keys
    }
}

impl Keys for LateKeys {
    fn identifier_key(&self, identifier: &Identifier) -> IdentifierKey {
        self.keys().identifier_key(identifier)
    }

    fn subject(&self, about: &str, who: &str) -> Subject {
        self.keys().subject(about, who)
    }

    fn code_mac(&self, purpose: Purpose, id: &ChallengeId, code: &Code) -> CodeMac {
        self.keys().code_mac(purpose, id, code)
    }

    fn token_hash(&self, token: &SessionToken) -> TokenHash {
        self.keys().token_hash(token)
    }

    fn digest(&self, text: &str) -> [u8; 32] {
        self.keys().digest(text)
    }

    fn seal(&self, owner: Seal<'_>, text: &str) -> Sealed {
        self.keys().seal(owner, text)
    }

    fn open(&self, owner: Seal<'_>, sealed: &Sealed) -> Result<String, UnsealError> {
        self.keys().open(owner, sealed)
    }
}

/// Encrypts for one owner: the key's name, the nonce, what was encrypted and its tag.
pub(crate) fn seal(key: &RandomizedNonceKey, owner: &[u8], text: &[u8]) -> Sealed {
    let mut body = Zeroizing::new(text.to_vec());
    let Ok(nonce) = key.seal_in_place_append_tag(Aad::from(owner), &mut *body) else {
        unreachable!("a text in memory is shorter than AES-GCM's bound");
    };
    let mut bytes = Vec::with_capacity(1 + NONCE_LEN + body.len());
    bytes.push(SEALING_KEY_ID);
    bytes.extend_from_slice(nonce.as_ref());
    bytes.extend_from_slice(&body);
    Sealed::new(bytes)
}

/// Opens what [`seal`] made for the same owner.
pub(crate) fn unseal(
    key: &RandomizedNonceKey,
    owner: &[u8],
    sealed: &Sealed,
) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
    let (key_id, rest) = sealed.as_bytes().split_first().ok_or(UnsealError)?;
    if *key_id != SEALING_KEY_ID {
        return Err(UnsealError);
    }
    let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(UnsealError)?;
    let mut body = Zeroizing::new(body.to_vec());
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let length =
        key.open_in_place(nonce, Aad::from(owner), &mut body).map_err(|_| UnsealError)?.len();
    body.truncate(length);
    Ok(body)
}

/// HKDF-SHA-256 (RFC 5869): 32 bytes for one use of one secret.
pub(crate) fn derive(salt: &[u8], secret: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    let filled = prk
        .expand(&[info], hkdf::HKDF_SHA256)
        .and_then(|expanded| expanded.fill(key.as_mut_slice()));
    assert!(filled.is_ok(), "HKDF gives one block of 32 bytes for any input");
    key
}

/// HMAC-SHA-256 of several parts, each after its length, so that no two lists of parts are alike.
fn mac(key: &hmac::Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(&length(part));
        context.update(part);
    }
    array(context.sign().as_ref())
}

/// The owner of a sealed text in bytes, each part after its length.
fn name(owner: Seal<'_>) -> Vec<u8> {
    let parts: [&[u8]; 3] = match owner {
        Seal::ChallengeTarget(id, purpose) => {
            [b"challenge-target", id.as_bytes(), purpose.as_str().as_bytes()]
        }
        Seal::IdentityDisplay(id) => [b"identity-display", id.as_uuid().as_bytes(), b""],
        Seal::BrowserFlow(name) => [b"browser-flow", name.as_bytes(), b""],
        Seal::ProviderTokens(id) => [b"provider-tokens", id.as_uuid().as_bytes(), b""],
        Seal::Successor(hash) => [b"refresh-token", hash.as_bytes(), b""],
        Seal::SigningKey(id) => [b"signing-key", id.as_str().as_bytes(), b""],
    };
    parts.into_iter().flat_map(|it| length(it).into_iter().chain(it.iter().copied())).collect()
}

fn length(part: &[u8]) -> [u8; 8] {
    (part.len() as u64).to_be_bytes()
}

/// SHA-256's output as an array.
fn array(output: &[u8]) -> [u8; 32] {
    let Ok(array) = output.try_into() else {
        unreachable!("SHA-256 gives 32 bytes");
    };
    array
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::id::IdentityId;
    use domain::identifier::IdentifierKind;
    use domain::phone::{PhonePolicy, Region};
    use proptest::prelude::*;
    use rstest::rstest;
    use uuid::Uuid;

    use super::*;

    const IDENTIFIER_KEY: &str = "737b41fced8a9e9b77ae127c7dc837495ff34558691ef98b3242aa638fc45685";
    const SUBJECT: &str = "fde713fd1d06d019399f0b310dd1e39906e61ff7adb1e4da42bb2f77aeb0cc3b";
    const CODE_MAC: &str = "7131776de1b7ea568e3d73af5b8bcc37b2d0428f83ec3fd0a48feec0323fec8a";
    const SEALED: &str = "01000102030405060708090a0b3f3518be5178db91fde6c511d47def9f036bd2";
    const TOKEN_HASH: &str = "0f007385b6f9d4b7eeb2748605afe1a984a0a3bfa3f014d09e2a784ce9e5cd1a";

    fn keys() -> RootKeys {
        RootKeys::new(&[7; 32]).unwrap()
    }

    #[expect(clippy::unused_async, reason = "suites await what makes a port")]
    async fn fresh() -> Arc<dyn Keys> {
        Arc::new(keys())
    }

    ports::keys_contract!(fresh());

    mod late {
        use super::*;

        #[expect(clippy::unused_async, reason = "suites await what makes a port")]
        async fn opened() -> Arc<dyn Keys> {
            let keys = LateKeys::default();
            keys.set(&RootSecret::new(vec![7; 32])).unwrap();
            Arc::new(keys)
        }

        ports::keys_contract!(opened());
    }

    /// RFC 5869, A.1 and A.3: the first 32 bytes of each output.
    #[rstest]
    #[case(
        "000102030405060708090a0b0c",
        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
        "f0f1f2f3f4f5f6f7f8f9",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
    )]
    #[case(
        "",
        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
        "",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    )]
    fn derivation_is_hkdf(
        #[case] salt: &str,
        #[case] secret: &str,
        #[case] info: &str,
        #[case] output: &str,
    ) {
        let [salt, secret, info] = [salt, secret, info].map(|it| hex::decode(it).unwrap());
        assert_eq!(hex::encode(derive(&salt, &secret, &info).as_slice()), output);
    }

    /// RFC 4231, test case 2, with the lengths that we put before a part taken out.
    #[test]
    fn a_mac_is_hmac_sha_256_of_lengths_and_parts() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
        let plain = hmac::sign(&key, b"what do ya want for nothing?");
        assert_eq!(
            hex::encode(plain.as_ref()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let spelled = hmac::sign(&key, b"\0\0\0\0\0\0\0\x01a\0\0\0\0\0\0\0\x02bc");
        assert_eq!(mac(&key, &[b"a", b"bc"]), spelled.as_ref());
        assert_ne!(mac(&key, &[b"a", b"bc"]), mac(&key, &[b"ab", b"c"]));
    }

    /// FIPS 180: SHA-256 of the token's text.
    #[test]
    fn a_token_hash_is_sha_256_of_its_text() {
        let token = SessionToken::new([0; 32]);
        assert_eq!(token.reveal(), "A".repeat(43));
        assert_eq!(hex::encode(keys().token_hash(&token).as_bytes()), TOKEN_HASH);
    }

    /// What is stored was made by these keys: they must come out the same in every release.
    /// Computed with another implementation of HKDF and HMAC.
    #[test]
    fn keys_stay_what_they_are() {
        let phones = PhonePolicy { default_region: Region::CN, allowed_regions: vec![Region::CN] };
        let phone = Identifier::parse("13800138000", Some(IdentifierKind::Phone), &phones).unwrap();
        let keys = keys();
        let code = Code::parse("000042", 6).unwrap();
        let mac = keys.code_mac(Purpose::Login, &ChallengeId::new([1; 16]), &code);
        assert_eq!(hex::encode(keys.identifier_key(&phone).as_bytes()), IDENTIFIER_KEY);
        assert_eq!(hex::encode(keys.subject("phone", "x").as_bytes()), SUBJECT);
        assert_eq!(hex::encode(mac.as_bytes()), CODE_MAC);
        let sealed = Sealed::new(hex::decode(SEALED).unwrap());
        assert_eq!(keys.open(Seal::IdentityDisplay(&identity(1)), &sealed).unwrap(), "ada");
    }

    fn identity(number: u128) -> IdentityId {
        IdentityId::from_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn late_keys_are_those_of_one_root_secret() {
        let (keys, root) = (LateKeys::default(), |it| RootSecret::new(vec![it; 32]));
        assert_eq!(keys.set(&root(7)), Ok(()));
        assert_eq!(keys.set(&root(7)), Ok(()));
        assert_eq!(keys.set(&root(8)), Err(OtherRootError));
        assert_eq!(keys.set(&RootSecret::new(vec![7; 31])), Err(OtherRootError));
    }

    #[test]
    fn a_short_secret_makes_no_keys() {
        assert_eq!(RootKeys::new(&[7; 31]).unwrap_err(), MasterSecretError::TooShort);
    }

    #[test]
    fn another_secret_opens_nothing() {
        let owner = identity(1);
        let sealed = keys().seal(Seal::IdentityDisplay(&owner), "ada");
        let others = RootKeys::new(&[8; 32]).unwrap();
        assert_eq!(others.open(Seal::IdentityDisplay(&owner), &sealed), Err(UnsealError));
    }

    proptest! {
        #[test]
        fn any_text_opens_for_its_owner_and_no_other(text in "\\PC{0,80}", id in any::<u128>()) {
            let keys = keys();
            let (owner, other) = (identity(id), identity(id ^ 1));
            let sealed = keys.seal(Seal::IdentityDisplay(&owner), &text);
            prop_assert_eq!(keys.open(Seal::IdentityDisplay(&owner), &sealed), Ok(text));
            prop_assert_eq!(keys.open(Seal::IdentityDisplay(&other), &sealed), Err(UnsealError));
            let challenge = ChallengeId::new(*owner.as_uuid().as_bytes());
            let as_target = Seal::ChallengeTarget(&challenge, Purpose::Login);
            prop_assert_eq!(keys.open(as_target, &sealed), Err(UnsealError));
        }

        #[test]
        fn a_changed_or_cut_text_does_not_open(
            text in "\\PC{0,40}",
            place in any::<prop::sample::Index>(),
            bit in 0_u8..8,
        ) {
            let keys = keys();
            let owner = identity(1);
            let sealed = keys.seal(Seal::IdentityDisplay(&owner), &text).as_bytes().to_vec();
            let mut flipped = sealed.clone();
            flipped[place.index(sealed.len())] ^= 1 << bit;
            let cut = sealed[..place.index(sealed.len())].to_vec();
            for bad in [flipped, cut] {
                let opened = keys.open(Seal::IdentityDisplay(&owner), &Sealed::new(bad));
                prop_assert_eq!(opened, Err(UnsealError));
            }
        }
    }
}
