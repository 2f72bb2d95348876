//! Money: each call that may cost is paid for before it is made, and a day never costs more than
//! its budget.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::message::Recipient;
use domain::{Duration, Timestamp};
use ports::clock::Clock;
use ports::error::StoreError;
use ports::postbox::PostboxError;
use ports::spending::{Micros, Spending, day};

/// All countries that have no price of their own.
const ELSEWHERE: &str = "*";

/// What a message costs, and what a day may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Budget {
    /// The most that a day of UTC may cost.
    pub per_day: Micros,
    /// The price of one message by the vendor's name and the country's two letters, or `*`. Who
    /// has none costs nothing.
    pub prices: BTreeMap<String, BTreeMap<String, Micros>>,
}

impl Budget {
    /// What a message costs by a vendor. Mails cost nothing.
    fn price(&self, vendor: &str, to: &Recipient) -> Micros {
        let Recipient::Phone(phone) = to else { return 0 };
        let Some(prices) = self.prices.get(vendor) else { return 0 };
        let price = prices.get(&phone.region().code()).or_else(|| prices.get(ELSEWHERE));
        price.copied().unwrap_or_default()
    }
}

/// The budget and what this node knows of the day's spending.
pub(super) struct Purse {
    budget: Budget,
    spending: Arc<dyn Spending>,
    clock: Arc<dyn Clock>,
    /// The day of the last look, and its total.
    known: Mutex<Option<(String, Micros)>>,
}

/// A call that is paid for.
#[derive(Debug)]
pub(super) struct Paid {
    amount: Micros,
    at: Timestamp,
}

impl Purse {
    pub(super) fn new(budget: Budget, spending: Arc<dyn Spending>, clock: Arc<dyn Clock>) -> Self {
        Self { budget, spending, clock, known: Mutex::default() }
    }

    /// Pays for one call; `None` if too little is left.
    pub(super) async fn pay(
        &self,
        vendor: &str,
        to: &Recipient,
    ) -> Result<Option<Paid>, StoreError> {
        let (amount, at) = (self.budget.price(vendor, to), self.clock.now());
        if amount == 0 {
            return Ok(Some(Paid { amount, at }));
        }
        let spent = self.spending.reserve(amount, self.budget.per_day, at).await?;
        self.know(at, spent.total);
        Ok(spent.is_reserved.then_some(Paid { amount, at }))
    }

    /// Takes back what a call did not cost.
    pub(super) async fn take_back(&self, paid: Paid) {
        if paid.amount == 0 {
            return;
        }
        match self.spending.give_back(paid.amount, paid.at).await {
            Ok(total) => self.know(paid.at, total),
            // The day ends a little earlier, and is never overspent.
            Err(error) => tracing::warn!(%error, "what a message did not cost was not given back"),
        }
    }

    /// Refuses what none of the vendors can be paid for, as far as this node knows.
    pub(super) fn affords<'a>(
        &self,
        vendors: impl Iterator<Item = &'a str>,
        to: &Recipient,
    ) -> Result<(), PostboxError> {
        let now = self.clock.now();
        let left = self.budget.per_day.saturating_sub(self.total(now));
        match vendors.map(|it| self.budget.price(it, to)).min() {
            Some(cheapest) if cheapest > left => {
                Err(PostboxError::Spent { retry_after: until_midnight(now) })
            }
            _ => Ok(()),
        }
    }

    /// The day's total, as far as this node knows, and the budget.
    pub(super) fn state(&self) -> (Micros, Micros) {
        (self.total(self.clock.now()), self.budget.per_day)
    }

    fn total(&self, now: Timestamp) -> Micros {
        let known = self.lock();
        known.as_ref().filter(|(of, _)| *of == day(now)).map_or(0, |(_, total)| *total)
    }

    fn know(&self, at: Timestamp, total: Micros) {
        let of = day(at);
        let mut known = self.lock();
        // What comes late of a day that is over says nothing of today.
        if known.as_ref().is_none_or(|(newest, _)| *newest <= of) {
            *known = Some((of, total));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<(String, Micros)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time until the next day of UTC.
fn until_midnight(now: Timestamp) -> Duration {
    const DAY: i64 = 86_400;
    let left = DAY - now.as_second().rem_euclid(DAY);
    Duration::from_secs(u64::try_from(left).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use ports::testing::at;
    use ports::testing::contract::sender::{mailbox, phone};

    use super::*;

    #[test]
    fn a_price_is_the_countrys_or_that_of_elsewhere() {
        let prices = |of: &[(&str, Micros)]| {
            of.iter().map(|(country, it)| ((*country).to_owned(), *it)).collect()
        };
        let all = [("a", prices(&[("CN", 45), ("*", 500)])), ("b", prices(&[("*", 60)]))];
        let prices = all.map(|(vendor, it)| (vendor.to_owned(), it)).into();
        let budget = Budget { per_day: 100, prices };
        assert_eq!(["a", "b", "free"].map(|it| budget.price(it, &phone())), [45, 60, 0]);
        assert_eq!(budget.price("a", &mailbox()), 0);
    }

    #[test]
    fn the_next_day_is_told() {
        assert_eq!(until_midnight(at(0)), Duration::from_hours(24));
        assert_eq!(until_midnight(at(86_399)), Duration::from_secs(1));
    }
}
