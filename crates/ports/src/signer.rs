//! Making keys, and signing with them.

use async_trait::async_trait;
use domain::oauth::id_token::Claims;
use domain::oauth::key::{KeyId, PrivateKey, PublicKey};
use thiserror::Error;

/// A key that was just made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Its name: the thumbprint of its public half.
    pub id: KeyId,
    /// What everybody may know.
    pub public: PublicKey,
    /// What nobody else may.
    pub private: PrivateKey,
}

/// A key cannot be made or used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignerError {
    /// It cannot be made.
    #[error("a signing key cannot be made")]
    Make,
    /// It is none that this signer made.
    #[error("a signing key cannot be used")]
    Key,
}

/// Makes RS256 keys and signs with them.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Signer: Send + Sync {
    /// Makes a key, away from the caller's thread, since that takes a while.
    ///
    /// Whoever asks while one is being made, or before one that was made is among the `known`,
    /// gets the same.
    async fn make(&self, known: &[KeyId]) -> Result<NewKey, SignerError>;

    /// Signs what an id token says; the whole token in its compact form (RFC 7515).
    fn sign(
        &self,
        id: &KeyId,
        private: &PrivateKey,
        claims: &Claims,
    ) -> Result<String, SignerError>;
}
