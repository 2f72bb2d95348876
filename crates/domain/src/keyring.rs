//! Which master secrets open a store.
//!
//! All keys are derived from the store's root secret, which is made once and never changes. The
//! store keeps it wrapped, once for each master secret that opens it; so a master secret can be
//! followed by another one while nodes run.

use crate::Timestamp;
use crate::secret::{MasterId, Sealed};

/// The root secret under one master secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// 1 for the first, then on without a gap.
    pub number: i32,
    /// Which master secret.
    pub master: MasterId,
    /// The root secret; `None` once that master secret is retired.
    pub wrapped: Option<Sealed>,
    /// When it was added.
    pub added_at: Timestamp,
}
