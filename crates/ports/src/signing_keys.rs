//! Keys that sign, as they are stored.

use async_trait::async_trait;
use domain::oauth::key::{KeyId, SigningKey};

use crate::error::StoreError;

/// Keys that sign.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait SigningKeys: Send + Sync {
    /// All keys, in the order of their numbers.
    async fn list(&self) -> Result<Vec<SigningKey>, StoreError>;

    /// Stores a key, unless its number is taken; `false` if it is.
    ///
    /// Atomic: of racing keys of one number one is stored, for all nodes (OP-09).
    async fn put(&self, key: &SigningKey) -> Result<bool, StoreError>;

    /// Removes keys that are told no more.
    async fn remove(&self, ids: &[KeyId]) -> Result<(), StoreError>;
}
