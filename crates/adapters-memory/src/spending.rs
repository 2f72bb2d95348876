//! What was spent on messages, in process.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use domain::Timestamp;
use ports::error::StoreError;
use ports::spending::{Micros, Spending, Spent, day};

use crate::lock;

/// The most days that are kept.
const MOST_DAYS: usize = 100;

/// The spending of this process.
#[derive(Debug, Default)]
pub struct MemorySpending(Mutex<HashMap<String, Micros>>);

#[async_trait]
impl Spending for MemorySpending {
    async fn reserve(
        &self,
        amount: Micros,
        most: Micros,
        now: Timestamp,
    ) -> Result<Spent, StoreError> {
        let mut days = lock(&self.0);
        // A process does not live through so many days often.
        if days.len() > MOST_DAYS {
            days.retain(|it, _| *it == day(now));
        }
        let total = days.entry(day(now)).or_default();
        let then = total.saturating_add(amount);
        let is_reserved = then <= most;
        if is_reserved {
            *total = then;
        }
        Ok(Spent { is_reserved, total: *total })
    }

    async fn give_back(&self, amount: Micros, at: Timestamp) -> Result<Micros, StoreError> {
        let mut days = lock(&self.0);
        let total = days.entry(day(at)).or_default();
        *total = total.saturating_sub(amount);
        Ok(*total)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    ports::spending_contract!(async { Arc::new(MemorySpending::default()) });
}
