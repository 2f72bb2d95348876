//! Removing what is over and was kept long enough (REL-11).

use domain::retention::Kept;
use ports::error::StoreError;

use crate::outbox::Courier;

/// Rows of one transaction: so few that nobody notices it.
pub const BATCH: u32 = 500;

/// What one batch came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Rows that are gone.
    pub rows: u64,
    /// True if there may be more of them.
    pub has_more: bool,
}

/// Removes one batch of what is over.
pub async fn sweep(courier: &Courier, what: Kept) -> Result<Swept, StoreError> {
    let ports = &courier.ports;
    let until = what.may_go(&ports.policy.lockout, ports.clock.now());
    let rows = courier.retention.purge(what, until, BATCH).await?;
    Ok(Swept { rows, has_more: rows >= u64::from(BATCH) })
}
