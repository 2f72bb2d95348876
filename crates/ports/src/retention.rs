//! What is over goes, when it was kept long enough.

use async_trait::async_trait;
use domain::Timestamp;
use domain::retention::Kept;

use crate::error::StoreError;

/// Removes what is over. What it promises of the others: no answer of any other port changes by
/// it, but for what is documented to be kept for a while.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Retention: Send + Sync {
    /// Removes what was over at the moment `until`, or before it; gives how many rows went, those
    /// that hang on them included. At least `limit` of them if there may be more to remove.
    ///
    /// One short transaction of about `limit` rows, found by an index. Of
    /// racing callers each removes other rows and none waits for another. The last use of a
    /// session is known after it (OTP-13).
    async fn purge(&self, what: Kept, until: Timestamp, limit: u32) -> Result<u64, StoreError>;
}
