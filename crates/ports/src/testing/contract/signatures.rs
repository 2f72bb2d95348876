//! The promises of `Signatures`.

#![expect(clippy::unused_async, reason = "promises are asynchronous")]

use std::sync::Arc;

use domain::oauth::assertion::{Algorithm, ClientKey, KeyKind};

use crate::signatures::Signatures;

/// Makes each promise of `Signatures` a test; `$make` is a future of a fresh [`Bench`].
#[macro_export]
macro_rules! signatures_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            signatures,
            $make,
            [
                what_a_key_signed_is_by_it,
                another_text_is_not_by_it,
                another_signature_is_not_by_it,
                another_key_did_not_sign_it,
                another_algorithm_did_not_sign_it,
            ]
        );
    };
}

/// Signs a text by an algorithm of its key.
pub type Sign = Box<dyn Fn(Algorithm, &str) -> Vec<u8> + Send + Sync>;

/// What is tried, and owners of keys: two of each kind at least.
pub struct Bench {
    /// What is tried.
    pub signatures: Arc<dyn Signatures>,
    /// Public halves, and what their owners do.
    pub owners: Vec<(ClientKey, Sign)>,
}

const TEXT: &str = "eyJhbGciOiJSUzI1NiJ9.e30";

impl Bench {
    /// Every key with every algorithm that is for it, and what its owner signs.
    fn signed(&self) -> Vec<(&ClientKey, Algorithm, Vec<u8>)> {
        let signed: Vec<_> = self
            .owners
            .iter()
            .flat_map(|(key, sign)| {
                let fit = Algorithm::ALL.into_iter().filter(|it| it.kind() == key.kind);
                fit.map(move |it| (key, it, sign(it, TEXT)))
            })
            .collect();
        for kind in [KeyKind::Rsa, KeyKind::P256] {
            assert!(self.owners.iter().filter(|(it, _)| it.kind == kind).count() >= 2);
        }
        signed
    }
}

/// OP-05.
pub async fn what_a_key_signed_is_by_it(bench: Bench) {
    for (key, algorithm, signature) in bench.signed() {
        assert!(bench.signatures.is_by(key, algorithm, TEXT, &signature), "{algorithm:?}");
    }
}

/// OP-05.
pub async fn another_text_is_not_by_it(bench: Bench) {
    for (key, algorithm, signature) in bench.signed() {
        for text in ["", "eyJhbGciOiJSUzI1NiJ9.e31", "eyJhbGciOiJSUzI1NiJ9.e30."] {
            assert!(!bench.signatures.is_by(key, algorithm, text, &signature), "{algorithm:?}");
        }
    }
}

/// OP-05: of bytes that are no signature as well.
pub async fn another_signature_is_not_by_it(bench: Bench) {
    for (key, algorithm, signature) in bench.signed() {
        let mut changed = signature.clone();
        *changed.last_mut().expect("a byte") ^= 1;
        let longer = [signature.as_slice(), b"\0"].concat();
        let shorter = signature.split_last().expect("a byte").1.to_vec();
        let zeros = vec![0; signature.len()];
        for other in [changed, longer, shorter, zeros, Vec::new()] {
            assert!(!bench.signatures.is_by(key, algorithm, TEXT, &other), "{algorithm:?}");
        }
    }
}

/// OP-05: of the same kind or of another.
pub async fn another_key_did_not_sign_it(bench: Bench) {
    for (key, algorithm, signature) in bench.signed() {
        for (other, _) in bench.owners.iter().filter(|(it, _)| it != key) {
            assert!(!bench.signatures.is_by(other, algorithm, TEXT, &signature), "{algorithm:?}");
        }
    }
}

/// OP-05: the header's word is part of what is checked.
pub async fn another_algorithm_did_not_sign_it(bench: Bench) {
    for (key, algorithm, signature) in bench.signed() {
        for other in Algorithm::ALL.into_iter().filter(|it| *it != algorithm) {
            assert!(!bench.signatures.is_by(key, other, TEXT, &signature), "{algorithm:?}");
        }
    }
}
