//! Checking what others signed.

use domain::oauth::assertion::{Algorithm, ClientKey};

/// Checks signatures with the public keys of clients.
#[cfg_attr(feature = "testing", mockall::automock)]
pub trait Signatures: Send + Sync {
    /// True if whoever has the other half of `key` signed this text by this algorithm.
    ///
    /// False for everything else: a key of another kind, another algorithm of the same kind of
    /// key, bytes that are no signature.
    fn is_by(&self, key: &ClientKey, algorithm: Algorithm, text: &str, signature: &[u8]) -> bool;
}
