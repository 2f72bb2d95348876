//! The promises of `spending`: no day's total ever passes its budget.

use std::sync::Arc;

use domain::Duration;

use crate::spending::{Spending, Spent};
use crate::testing::{RACERS, at, race};

/// Makes each promise of [`Spending`] a test of its own; `$make` is a future of a fresh store.
#[macro_export]
macro_rules! spending_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            spending,
            $make,
            [
                all_of_an_amount_is_left_or_nothing_is_spent,
                what_is_given_back_can_be_spent_again,
                each_day_has_a_budget_of_its_own,
                racing_spenders_never_pass_the_budget,
            ]
        );
    };
}

type Store = Arc<dyn Spending>;

const fn spent(is_reserved: bool, total: u64) -> Spent {
    Spent { is_reserved, total }
}

/// A budget of 100 takes 60 once, and 40 beside it, to the last millionth.
pub async fn all_of_an_amount_is_left_or_nothing_is_spent(store: Store) {
    for (amount, expected) in [
        (60, spent(true, 60)),
        (60, spent(false, 60)),
        (41, spent(false, 60)),
        (40, spent(true, 100)),
        (1, spent(false, 100)),
        (0, spent(true, 100)),
    ] {
        assert_eq!(store.reserve(amount, 100, at(0)).await.expect("a store"), expected);
    }
}

/// A refused message costs nothing; what was never spent cannot be given back.
pub async fn what_is_given_back_can_be_spent_again(store: Store) {
    assert_eq!(store.reserve(100, 100, at(0)).await.expect("a store"), spent(true, 100));
    assert_eq!(store.give_back(30, at(0)).await.expect("a store"), 70);
    assert_eq!(store.reserve(31, 100, at(1)).await.expect("a store"), spent(false, 70));
    assert_eq!(store.reserve(30, 100, at(1)).await.expect("a store"), spent(true, 100));
    assert_eq!(store.give_back(1_000, at(1)).await.expect("a store"), 0);
    assert_eq!(store.give_back(1, at(1)).await.expect("a store"), 0);
}

/// Midnight in UTC begins a new one; what is given back goes to the day that it was taken from.
pub async fn each_day_has_a_budget_of_its_own(store: Store) {
    let day = Duration::from_hours(24).as_secs();
    assert_eq!(store.reserve(100, 100, at(day - 1)).await.expect("a store"), spent(true, 100));
    assert_eq!(store.reserve(90, 100, at(day)).await.expect("a store"), spent(true, 90));
    assert_eq!(store.give_back(50, at(day - 1)).await.expect("a store"), 50);
    assert_eq!(store.reserve(11, 100, at(day)).await.expect("a store"), spent(false, 90));
}

/// OTP-07: exact, whoever asks at the same moment.
pub async fn racing_spenders_never_pass_the_budget(store: Store) {
    for round in 0..20 {
        let now = at(round * 86_400);
        let told = race(RACERS, &store, move |store, _| async move {
            store.reserve(7, 100, now).await.expect("a store").is_reserved
        })
        .await;
        assert_eq!(told.into_iter().filter(|it| *it).count(), 14, "round {round}");
        assert_eq!(store.reserve(0, 100, now).await.expect("a store").total, 98);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use domain::Timestamp;

    use super::*;
    use crate::error::StoreError;
    use crate::testing::breaks;

    /// Looks, and spends afterwards; knows no days, and gives nothing back.
    #[derive(Default)]
    struct LookThenSpend(Mutex<u64>);

    #[async_trait]
    impl Spending for LookThenSpend {
        async fn reserve(&self, amount: u64, most: u64, _: Timestamp) -> Result<Spent, StoreError> {
            let total = *self.0.lock().unwrap();
            if total >= most {
                return Ok(spent(false, total));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            let mut held = self.0.lock().unwrap();
            *held += amount;
            Ok(spent(true, *held))
        }

        async fn give_back(&self, _: u64, _: Timestamp) -> Result<u64, StoreError> {
            Ok(*self.0.lock().unwrap())
        }
    }

    /// TEST-01.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_store_that_looks_then_spends_breaks_every_promise() {
        let fresh = || Arc::new(LookThenSpend::default());
        assert!(breaks(all_of_an_amount_is_left_or_nothing_is_spent(fresh())).await);
        assert!(breaks(what_is_given_back_can_be_spent_again(fresh())).await);
        assert!(breaks(each_day_has_a_budget_of_its_own(fresh())).await);
        assert!(breaks(racing_spenders_never_pass_the_budget(fresh())).await);
    }
}
