//! What one thread does with one password.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2_simd::{Argon2, HashError, Input, Memory, Params, Variant};
use aws_lc_rs::pbkdf2;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use domain::password::{PasswordAttempt, PasswordHash, Verdict};
use subtle::ConstantTimeEq as _;

use super::stored::{Argon, Stored};
use crate::entropy::SystemEntropy;

/// Today's salt, in bytes (PWD-04).
const SALT: usize = 16;
/// Today's hash, in bytes.
const OUTPUT: usize = 32;
/// The salt of the hash that is computed when there is none to compare with.
const DUMMY_SALT: [u8; SALT] = [0; SALT];

/// Work memory, today's parameters, and the count of what was computed.
pub(super) struct Bench {
    today: Params,
    memory: Memory,
    hashes: Arc<AtomicU64>,
}

impl Bench {
    pub(super) fn new(today: Params, hashes: Arc<AtomicU64>) -> Self {
        Self { today, memory: Memory::new(), hashes }
    }

    /// Gives the work memory back; the next hash takes it anew.
    pub(super) fn rest(&mut self) {
        self.memory.release();
    }

    /// The work memory that is kept, in KiB.
    #[cfg(test)]
    pub(super) fn kept_kib(&self) -> usize {
        self.memory.kib()
    }

    /// Hashes by today's scheme, as a PHC string.
    pub(super) fn hash(&mut self, text: &str) -> PasswordHash {
        let salt = ports::entropy::bytes::<SALT>(&SystemEntropy);
        let mut output = [0; OUTPUT];
        let today = self.today;
        assert!(self.argon(today, text, &salt, &mut output), "argon2 takes today's parameters");
        let (memory, passes, lanes) = (today.memory_kib(), today.passes(), today.lanes());
        PasswordHash::new(format!(
            "$argon2id$v=19$m={memory},t={passes},p={lanes}${}${}",
            STANDARD_NO_PAD.encode(salt),
            STANDARD_NO_PAD.encode(output),
        ))
    }

    /// Tries a password (PWD-02, PWD-06).
    ///
    /// One full-cost hash whatever is stored, so that nothing about the account shows in the time
    /// taken. A text that is not in NFC has a second form, which legacy schemes must try as well:
    /// for such a text every wrong answer costs two, again whatever is stored. A right password
    /// costs one more where its hash is renewed.
    pub(super) fn verify(
        &mut self,
        attempt: &PasswordAttempt,
        stored: Option<&PasswordHash>,
    ) -> Verdict {
        let (raw, nfc) = (attempt.reveal(), attempt.nfc());
        let forms = if raw == nfc.as_str() { 1 } else { 2 };
        let stored = stored.and_then(|it| Stored::parse(it.as_str()));
        let (mut spent, mut right) = (0, false);
        match &stored {
            None => {}
            Some(Stored::Argon(argon)) => {
                spent += 1;
                right = self.fits_argon(argon, &nfc);
            }
            Some(legacy) => {
                for text in [raw, nfc.as_str()].into_iter().take(forms) {
                    if !right {
                        spent += 1;
                        right = self.fits_legacy(legacy, text);
                    }
                }
            }
        }
        // A digest of nothing may have been imported for somebody without a password (PWD-08).
        right &= !nfc.is_empty();
        if right {
            let outdated = stored.is_some_and(|it| it.is_weaker_than(&self.today));
            return Verdict::Right { upgrade: outdated.then(|| self.hash(&nfc)) };
        }
        for _ in spent..forms {
            self.dummy(&nfc);
        }
        Verdict::Wrong
    }

    fn fits_legacy(&mut self, stored: &Stored, text: &str) -> bool {
        match stored {
            Stored::Argon(argon) => self.fits_argon(argon, text),
            Stored::Wrapped { scheme, argon } => {
                let digest = scheme.digest_of(text);
                self.fits_argon(argon, &digest)
            }
            Stored::Bcrypt(stored) => {
                self.count();
                // Like every bcrypt, it sees no more than the first 72 bytes.
                bcrypt::verify(text, stored).unwrap_or(false)
            }
            Stored::Pbkdf2 { iterations, salt, hash } => {
                self.count();
                let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
                pbkdf2::verify(algorithm, *iterations, salt, text.as_bytes(), hash).is_ok()
            }
        }
    }

    fn fits_argon(&mut self, stored: &Argon, text: &str) -> bool {
        let mut output = vec![0; stored.hash.len()];
        let computed = self.argon(stored.params, text, &stored.salt, &mut output);
        computed && bool::from(output.ct_eq(&stored.hash))
    }

    /// A hash at today's cost that is compared with nothing.
    fn dummy(&mut self, text: &str) {
        let mut output = [0; OUTPUT];
        black_box(self.argon(self.today, text, &DUMMY_SALT, &mut output));
        black_box(output);
    }

    /// Computes Argon2id v1.3; `false` if it does not take the input, which parsing has excluded.
    fn argon(&mut self, params: Params, text: &str, salt: &[u8], output: &mut [u8]) -> bool {
        self.count();
        let input = Input { password: text.as_bytes(), salt, ..Input::default() };
        let computed = Argon2::new(Variant::Id, params).hash(&input, &mut self.memory, output);
        // A stored hash may have asked for more than the memory that was budgeted.
        if params.memory_kib() > self.today.memory_kib() {
            self.memory.release();
        }
        match computed {
            Ok(()) => true,
            Err(HashError::Length) => false,
            // Nobody's password is wrong for want of memory.
            Err(error @ HashError::Memory { .. }) => panic!("{error}: {error:?}"),
        }
    }

    fn count(&self) {
        self.hashes.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PWD-05: the memory of a thread stays within its budget.
    #[test]
    fn a_dear_hash_does_not_keep_its_memory() {
        let today = Params::new(64, 2, 1).unwrap();
        let mut bench = Bench::new(today, Arc::default());
        let mut dear = Bench::new(Params::new(4096, 1, 1).unwrap(), Arc::default());
        let stored = dear.hash("correct horse battery");
        let attempt = PasswordAttempt::parse("correct horse battery").unwrap();
        let verdict = bench.verify(&attempt, Some(&stored));
        assert!(
            matches!(verdict, Verdict::Right { upgrade: Some(_) }),
            "one pass is too few today"
        );
        assert_eq!(bench.kept_kib(), 64);
    }
}
