//! Values that are used once: browser states, tokens reserved before they are tried.

use async_trait::async_trait;
use domain::secret::Subject;
use domain::{Duration, Timestamp};

use crate::error::StoreError;

/// Values that are stored once and taken once.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait OneTimeStates: Send + Sync {
    /// Stores a value under a name that is free; `false` if it is not, and then nothing changes.
    ///
    /// Atomic: of racing puts of one name exactly one is `true`.
    async fn put(
        &self,
        name: &Subject,
        value: &[u8],
        life: Duration,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Takes a value out; `None` if there is none, it was taken, or its life is over.
    ///
    /// Atomic: of racing takes of one name at most one gets the value.
    async fn take(&self, name: &Subject, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError>;
}
