//! The master secret: read as it is written, named, and what it wraps.

use aws_lc_rs::aead::{AES_256_GCM, RandomizedNonceKey};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use domain::secret::{MasterId, RootSecret, Sealed};
use ports::keyring::Master;
use ports::keys::{Keys as _, UnsealError};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::keys::{DERIVATION_SALT, RootKeys, derive, seal, unseal};

/// The shortest master secret, in bytes (CFG-01).
pub(crate) const SHORTEST_SECRET: usize = 32;
/// What a wrapped root secret is bound to.
const WRAPPED: &[u8] = b"root-secret";

/// Why a master secret is not taken. Never holds any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MasterSecretError {
    /// Neither hexadecimal nor base64.
    #[error("the master secret is neither hexadecimal nor base64")]
    NotEncoded,
    /// Fewer than 32 bytes.
    #[error("the master secret is shorter than {SHORTEST_SECRET} bytes")]
    TooShort,
}

/// Reads a master secret as written in a setting or a file: 32 bytes or more, in hexadecimal or
/// base64 of either alphabet; blanks round it are ignored (CFG-01).
///
/// A text of nothing but hexadecimal digits is hexadecimal, though it may be good base64 as well.
pub fn master_secret(text: &str) -> Result<Zeroizing<Vec<u8>>, MasterSecretError> {
    let text = text.trim();
    let lenient =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = if text.bytes().all(|it| it.is_ascii_hexdigit()) {
        hex::decode(text).map_err(|_| MasterSecretError::NotEncoded)?
    } else {
        [alphabet::STANDARD, alphabet::URL_SAFE]
            .into_iter()
            .find_map(|it| GeneralPurpose::new(&it, lenient).decode(text).ok())
            .ok_or(MasterSecretError::NotEncoded)?
    };
    let bytes = Zeroizing::new(bytes);
    if bytes.len() < SHORTEST_SECRET { Err(MasterSecretError::TooShort) } else { Ok(bytes) }
}

/// A master secret's key: AES-256-GCM under random nonces, by HKDF-SHA-256 from the secret.
pub struct MasterKey {
    secret: RootSecret,
    id: MasterId,
    wrapping: RandomizedNonceKey,
}

impl MasterKey {
    /// Takes a secret of 32 random bytes or more.
    pub fn new(secret: &[u8]) -> Result<Self, MasterSecretError> {
        let named = RootKeys::new(secret)?.subject("master secret", "");
        let key = derive(DERIVATION_SALT, secret, b"wrapping");
        let Ok(wrapping) = RandomizedNonceKey::new(&AES_256_GCM, key.as_slice()) else {
            unreachable!("AES-256 takes keys of 32 bytes");
        };
        Ok(Self {
            secret: RootSecret::new(secret.to_vec()),
            id: MasterId::new(*named.as_bytes()),
            wrapping,
        })
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl Master for MasterKey {
    fn id(&self) -> MasterId {
        self.id
    }

    fn wrap(&self, root: &RootSecret) -> Sealed {
        seal(&self.wrapping, WRAPPED, root.reveal())
    }

    fn unwrap(&self, wrapped: &Sealed) -> Result<RootSecret, UnsealError> {
        // A store from before roots were wrapped: its master secret was the root.
        if wrapped.as_bytes().is_empty() {
            return Ok(self.secret.clone());
        }
        let mut root = unseal(&self.wrapping, WRAPPED, wrapped)?;
        Ok(RootSecret::new(std::mem::take(&mut *root)))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// CFG-01: 32 bytes, in either encoding.
    #[rstest]
    #[case(&"0f".repeat(32), Ok(32))]
    #[case(&format!("  {}\n", "0F".repeat(40)), Ok(40))]
    #[case("//////////////////////////////////////////8=", Ok(32))]
    #[case("//////////////////////////////////////////8", Ok(32))]
    #[case("__________________________________________8", Ok(32))]
    #[case(&"0f".repeat(31), Err(MasterSecretError::TooShort))]
    #[case("c2hvcnQ=", Err(MasterSecretError::TooShort))]
    #[case("", Err(MasterSecretError::TooShort))]
    #[case(&"f".repeat(65), Err(MasterSecretError::NotEncoded))]
    #[case(
        "not a secret at all, but a sentence of a good length",
        Err(MasterSecretError::NotEncoded)
    )]
    fn a_master_secret_is_read_or_refused(
        #[case] text: &str,
        #[case] read: Result<usize, MasterSecretError>,
    ) {
        assert_eq!(master_secret(text).map(|it| it.len()), read);
    }

    fn root() -> RootSecret {
        RootSecret::new(vec![5; 32])
    }

    /// CFG-01: a root secret opens under the master secret that wrapped it and under no other.
    #[test]
    fn a_root_opens_under_its_master_secret() {
        let (one, other) = (MasterKey::new(&[7; 32]).unwrap(), MasterKey::new(&[8; 32]).unwrap());
        assert_ne!(one.id(), other.id());
        let wrapped = one.wrap(&root());
        assert_ne!(wrapped, one.wrap(&root()), "never twice the same");
        assert_eq!(one.unwrap(&wrapped).unwrap().reveal(), root().reveal());
        assert!(other.unwrap(&wrapped).is_err());
        let mut changed = wrapped.as_bytes().to_vec();
        *changed.last_mut().unwrap() ^= 1;
        assert!(one.unwrap(&Sealed::new(changed)).is_err());
    }

    /// A store from before roots were wrapped has an empty one.
    #[test]
    fn an_empty_wrapping_is_the_master_secret_itself() {
        let master = MasterKey::new(&[7; 32]).unwrap();
        assert_eq!(master.unwrap(&Sealed::new(Vec::new())).unwrap().reveal(), [7; 32]);
    }
}
