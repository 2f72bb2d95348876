//! Cryptography, and the machine's own clock and randomness.
//!
//! [`SystemClock`] and [`SystemEntropy`] are the only doors to the real ones; [`MasterKey`] opens
//! a store's root secret, and [`RootKeys`] derives every key from that; [`ArgonHasher`] hashes passwords on threads of its own;
//! [`RsaSigner`] signs id tokens; [`ClientSignatures`] checks what clients signed.

mod clock;
mod entropy;
mod hasher;
mod keys;
mod master;
mod signatures;
mod signer;

pub use clock::SystemClock;
pub use entropy::SystemEntropy;
pub use hasher::legacy::{LegacyDigest, LegacyScheme, Salting};
pub use hasher::{ArgonHasher, HasherSettings, HasherState, StartError, WrapError};
pub use keys::{LateKeys, OtherRootError, RootKeys};
pub use master::{MasterKey, MasterSecretError, master_secret};
pub use signatures::{ClientKeyError, ClientSignatures, client_key};
pub use signer::RsaSigner;
