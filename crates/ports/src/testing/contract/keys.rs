//! The promises of `keys`.

#![expect(clippy::unused_async, reason = "promises are asynchronous")]

use std::collections::HashSet;
use std::sync::Arc;

use domain::credential::code::{Code, Purpose};
use domain::id::{ChallengeId, IdentityId};
use domain::identifier::{Identifier, IdentifierKind};
use domain::phone::{PhonePolicy, Region};
use domain::secret::{Sealed, SessionToken};

use crate::keys::{Keys, Seal, UnsealError};
use crate::testing::START;

fn identifier(kind: IdentifierKind, raw: &str) -> Identifier {
    let phones = PhonePolicy { default_region: Region::CN, allowed_regions: vec![Region::CN] };
    Identifier::parse(raw, Some(kind), &phones).expect("an identifier")
}

fn code(digits: &str) -> Code {
    Code::parse(digits, 6).expect("a code")
}

/// However it was typed, an account is found by one key.
pub async fn equal_identifiers_have_equal_keys(keys: Arc<dyn Keys>) {
    for (kind, spellings) in [
        (IdentifierKind::Phone, ["13800138000", "+86 138-0013-8000"]),
        (IdentifierKind::Email, ["ada@example.com", " Ada@EXAMPLE.com"]),
        (IdentifierKind::Username, ["ada.lovelace", "Ada.Lovelace"]),
    ] {
        let [one, other] = spellings.map(|it| keys.identifier_key(&identifier(kind, it)));
        assert_eq!(one, other, "{spellings:?}");
    }
}

/// Neither another text nor another kind or counter has the same key, and parts of one name do not
/// run together.
pub async fn different_names_have_different_keys(keys: Arc<dyn Keys>) {
    let identifiers = [
        identifier(IdentifierKind::Phone, "13800138000"),
        identifier(IdentifierKind::Phone, "13800138001"),
        identifier(IdentifierKind::Email, "ada@example.com"),
        identifier(IdentifierKind::Username, "ada.lovelace"),
    ];
    let subjects = [
        ("phone", "+8613800138000"),
        ("phone", "+8613800138001"),
        ("email", "ada@example.com"),
        ("username", "ada.lovelace"),
        ("ip", "+8613800138000"),
        ("ip+", "8613800138000"),
        ("i", "p+8613800138000"),
        ("", "ip+8613800138000"),
        ("ip+8613800138000", ""),
    ];
    let names = identifiers.len() + subjects.len();
    let distinct: HashSet<[u8; 32]> = identifiers
        .iter()
        .map(|it| *keys.identifier_key(it).as_bytes())
        .chain(subjects.iter().map(|(about, who)| *keys.subject(about, who).as_bytes()))
        .collect();
    assert_eq!(distinct.len(), names);
    assert_eq!(keys.subject("ip", "::1"), keys.subject("ip", "::1"));
}

/// OTP-02, OTP-06: a code is good for one purpose and one challenge.
pub async fn a_code_is_bound_to_purpose_and_challenge(keys: Arc<dyn Keys>) {
    let mut macs = HashSet::new();
    for purpose in Purpose::ALL {
        for id in [[1; 16], [2; 16]].map(ChallengeId::new) {
            for digits in ["000000", "000001", "999999"] {
                let mac = keys.code_mac(purpose, &id, &code(digits));
                assert!(mac == keys.code_mac(purpose, &id, &code(digits)));
                macs.insert(*mac.as_bytes());
            }
        }
    }
    assert_eq!(macs.len(), Purpose::ALL.len() * 2 * 3);
}

/// SES-01: stores find a session by its token's hash.
pub async fn a_token_has_one_hash(keys: Arc<dyn Keys>) {
    let [one, other] = [[1; 32], [2; 32]].map(SessionToken::new);
    assert_eq!(keys.token_hash(&one), keys.token_hash(&SessionToken::new([1; 32])));
    assert_ne!(keys.token_hash(&one), keys.token_hash(&other));
}

/// Equal texts cannot be told from one another in a store.
pub async fn a_text_is_never_sealed_to_the_same_bytes(keys: Arc<dyn Keys>) {
    let owner = IdentityId::new(START, [1; 10]);
    let sealed: HashSet<Vec<u8>> = (0..1000)
        .map(|_| keys.seal(Seal::IdentityDisplay(&owner), "138****8000").as_bytes().to_vec())
        .collect();
    assert_eq!(sealed.len(), 1000);
    let readable = sealed.iter().any(|it| it.windows(4).any(|part| part == b"8000"));
    assert!(!readable, "the text does not stand in its sealed form");
}

/// A text copied to another row does not open there.
pub async fn a_sealed_text_opens_for_its_owner_only(keys: Arc<dyn Keys>) {
    let challenges = [[1; 16], [2; 16]].map(ChallengeId::new);
    let identities = [[1; 10], [2; 10]].map(|it| IdentityId::new(START, it));
    let owners: Vec<Seal<'_>> = challenges
        .iter()
        .flat_map(|id| Purpose::ALL.map(|it| Seal::ChallengeTarget(id, it)))
        .chain(identities.iter().map(Seal::IdentityDisplay))
        .chain(identities.iter().map(Seal::ProviderTokens))
        .collect();
    for (number, owner) in owners.iter().enumerate() {
        for text in ["", "+8613800138000", "名字"] {
            let sealed = keys.seal(*owner, text);
            for (other_number, other) in owners.iter().enumerate() {
                let opened = keys.open(*other, &sealed);
                if number == other_number {
                    assert_eq!(opened.as_deref(), Ok(text));
                } else {
                    assert_eq!(opened, Err(UnsealError), "{owner:?} opened for {other:?}");
                }
            }
        }
    }
}

/// A changed, cut or foreign text is an error, never another text.
pub async fn changed_bytes_do_not_open(keys: Arc<dyn Keys>) {
    let id = ChallengeId::new([1; 16]);
    let owner = Seal::ChallengeTarget(&id, Purpose::Login);
    let sealed = keys.seal(owner, "+8613800138000").as_bytes().to_vec();
    let flips = (0..sealed.len()).map(|place| {
        sealed.iter().enumerate().map(|(at, it)| it ^ u8::from(at == place)).collect::<Vec<u8>>()
    });
    let cuts = (0..sealed.len()).map(|end| sealed.iter().copied().take(end).collect::<Vec<u8>>());
    let longer = [sealed.as_slice(), b"\0"].concat();
    for bad in flips.chain(cuts).chain([longer, vec![0; 64]]) {
        assert_eq!(keys.open(owner, &Sealed::new(bad)), Err(UnsealError));
    }
}

/// Makes every promise of keys a test, each on keys of its own.
#[macro_export]
macro_rules! keys_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            keys,
            $make,
            [
                equal_identifiers_have_equal_keys,
                different_names_have_different_keys,
                a_code_is_bound_to_purpose_and_challenge,
                a_token_has_one_hash,
                a_text_is_never_sealed_to_the_same_bytes,
                a_sealed_text_opens_for_its_owner_only,
                changed_bytes_do_not_open,
            ]
        );
    };
}

#[cfg(test)]
mod tests {
    use domain::secret::{CodeMac, IdentifierKey, Subject, TokenHash};

    use super::*;
    use crate::testing::breaks;

    /// Runs names together, forgets purpose, challenge and owner, and hides nothing.
    struct Careless;

    fn folded(parts: &[&str]) -> [u8; 32] {
        let mut sum = [0; 32];
        for (place, byte) in parts.concat().into_bytes().into_iter().enumerate() {
            sum[place % 32] ^= byte;
        }
        sum
    }

    impl Keys for Careless {
        fn identifier_key(&self, identifier: &Identifier) -> IdentifierKey {
            IdentifierKey::new(folded(&[identifier.as_str()]))
        }

        fn subject(&self, about: &str, who: &str) -> Subject {
            Subject::new(folded(&[about, who]))
        }

        fn code_mac(&self, _: Purpose, _: &ChallengeId, code: &Code) -> CodeMac {
            CodeMac::new(folded(&[code.reveal()]))
        }

        fn digest(&self, _: &str) -> [u8; 32] {
            [0; 32]
        }

        fn token_hash(&self, _: &SessionToken) -> TokenHash {
            TokenHash::new([0; 32])
        }

        fn seal(&self, _: Seal<'_>, text: &str) -> Sealed {
            Sealed::new(text.as_bytes().to_vec())
        }

        fn open(&self, _: Seal<'_>, sealed: &Sealed) -> Result<String, UnsealError> {
            Ok(String::from_utf8_lossy(sealed.as_bytes()).into_owned())
        }
    }

    #[tokio::test]
    async fn careless_keys_break_the_promises() {
        let keys = || Arc::new(Careless) as Arc<dyn Keys>;
        assert!(breaks(different_names_have_different_keys(keys())).await);
        assert!(breaks(a_code_is_bound_to_purpose_and_challenge(keys())).await);
        assert!(breaks(a_token_has_one_hash(keys())).await);
        assert!(breaks(a_text_is_never_sealed_to_the_same_bytes(keys())).await);
        assert!(breaks(a_sealed_text_opens_for_its_owner_only(keys())).await);
        assert!(breaks(changed_bytes_do_not_open(keys())).await);
    }
}
