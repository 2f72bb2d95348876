//! What was spent on messages, day by day.

use async_trait::async_trait;
use domain::Timestamp;

use crate::error::StoreError;

/// An amount of money in millionths of the currency's unit, so that sums are exact.
pub type Micros = u64;

/// What reserving an amount came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// Whether the amount is reserved; without it nothing has changed.
    pub is_reserved: bool,
    /// What is spent of the day's budget now.
    pub total: Micros,
}

/// The day's spending; a day is one of UTC.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Spending: Send + Sync {
    /// Spends an amount of the day's budget, if all of it is left.
    ///
    /// Atomic over all callers: the total never passes `most`, not by one.
    async fn reserve(
        &self,
        amount: Micros,
        most: Micros,
        now: Timestamp,
    ) -> Result<Spent, StoreError>;

    /// Gives back what was reserved at `at` and certainly not spent; gives the total of that day.
    async fn give_back(&self, amount: Micros, at: Timestamp) -> Result<Micros, StoreError>;
}

/// The name of a moment's day, as in `2026-01-01`.
#[must_use]
pub fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}
