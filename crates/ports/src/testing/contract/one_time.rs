//! The promises of `one_time`: a name is given once, its value taken once.

use std::sync::Arc;

use domain::secret::Subject;
use domain::{Duration, Timestamp};

use crate::one_time::OneTimeStates;
use crate::testing::{RACERS, ROUNDS, at, race};

/// Makes each promise of [`OneTimeStates`] a test of its own; `$make` is a future of a fresh store.
#[macro_export]
macro_rules! one_time_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            one_time,
            $make,
            [
                a_value_is_taken_once_with_every_byte,
                a_name_in_use_is_not_given_again,
                a_taken_name_is_free,
                a_value_lives_exactly_its_life,
                a_name_is_free_when_its_life_is_over,
                of_racing_puts_exactly_one_stores_its_value,
                of_racing_takes_exactly_one_gets_the_value,
                of_racing_puts_at_a_dead_name_exactly_one_stores,
            ]
        );
    };
}

type Store = Arc<dyn OneTimeStates>;

const LIFE: Duration = Duration::from_mins(1);

fn name(number: usize) -> Subject {
    let mut bytes = *b"{a}b{c}\r\n\0 not only printable ..";
    for (byte, of_number) in bytes.iter_mut().rev().zip(number.to_le_bytes()) {
        *byte = of_number;
    }
    Subject::new(bytes)
}

async fn put(store: &Store, number: usize, value: &[u8], now: Timestamp) -> bool {
    store.put(&name(number), value, LIFE, now).await.expect("a store")
}

async fn take(store: &Store, number: usize, now: Timestamp) -> Option<Vec<u8>> {
    store.take(&name(number), now).await.expect("a store")
}

/// OTP-05: single use; the value is any bytes.
pub async fn a_value_is_taken_once_with_every_byte(store: Store) {
    let all_bytes: Vec<u8> = (0..=255).cycle().take(5000).collect();
    let values = [&[][..], b"\0", b":", b"1767225600000000:", b"\r\n{}", &all_bytes];
    for (number, value) in values.into_iter().enumerate() {
        assert_eq!(take(&store, number, at(0)).await, None);
        assert!(put(&store, number, value, at(0)).await);
        assert_eq!(take(&store, number, at(1)).await.as_deref(), Some(value));
        assert_eq!(take(&store, number, at(1)).await, None);
    }
}

/// OTP-05: what is reserved stays as it was reserved.
pub async fn a_name_in_use_is_not_given_again(store: Store) {
    assert!(put(&store, 1, b"first", at(0)).await);
    assert!(!put(&store, 1, b"second", at(59)).await);
    assert!(put(&store, 2, b"another", at(59)).await);
    assert_eq!(take(&store, 1, at(59)).await.as_deref(), Some(&b"first"[..]));
}

/// OTP-05: a name is bound to its value, not to history.
pub async fn a_taken_name_is_free(store: Store) {
    assert!(put(&store, 1, b"first", at(0)).await);
    assert!(take(&store, 1, at(0)).await.is_some());
    assert!(put(&store, 1, b"second", at(0)).await);
    assert_eq!(take(&store, 1, at(0)).await.as_deref(), Some(&b"second"[..]));
}

/// OTP-03: to the microsecond.
pub async fn a_value_lives_exactly_its_life(store: Store) {
    let last = domain::later(at(0), Duration::from_micros(59_999_999));
    assert!(put(&store, 1, b"value", at(0)).await);
    assert!(put(&store, 2, b"value", at(0)).await);
    assert_eq!(take(&store, 1, last).await.as_deref(), Some(&b"value"[..]));
    assert_eq!(take(&store, 2, at(60)).await, None);
    assert_eq!(take(&store, 2, at(0)).await, None, "an expired value stays gone");
}

/// OTP-03: a dead value keeps nobody out.
pub async fn a_name_is_free_when_its_life_is_over(store: Store) {
    assert!(put(&store, 1, b"first", at(0)).await);
    assert!(put(&store, 1, b"second", at(60)).await);
    assert_eq!(take(&store, 1, at(119)).await.as_deref(), Some(&b"second"[..]));
}

/// OTP-05: of 50 racing puts one wins, and its value is the one that is taken.
pub async fn of_racing_puts_exactly_one_stores_its_value(store: Store) {
    for round in 0..ROUNDS {
        let stored = race(RACERS, &store, move |store, racer| async move {
            put(&store, round, &racer.to_be_bytes(), at(0)).await
        })
        .await;
        assert_eq!(stored.iter().filter(|it| **it).count(), 1, "round {round}");
        let winner = stored.iter().position(|it| *it).map(|it| it.to_be_bytes().to_vec());
        assert_eq!(take(&store, round, at(1)).await, winner, "round {round}");
    }
}

/// OTP-05: of 50 racing takes one gets the value.
pub async fn of_racing_takes_exactly_one_gets_the_value(store: Store) {
    for round in 0..ROUNDS {
        assert!(put(&store, round, b"value", at(0)).await);
        let taken =
            race(RACERS, &store, move |store, _| async move { take(&store, round, at(1)).await })
                .await;
        assert_eq!(taken.iter().flatten().count(), 1, "round {round}");
    }
}

/// OTP-05: a name whose life is over is given to one of those who race for it.
pub async fn of_racing_puts_at_a_dead_name_exactly_one_stores(store: Store) {
    for round in 0..ROUNDS {
        assert!(put(&store, round, b"dead", at(0)).await);
        let stored = race(RACERS, &store, move |store, racer| async move {
            put(&store, round, &racer.to_be_bytes(), at(60)).await
        })
        .await;
        assert_eq!(stored.iter().filter(|it| **it).count(), 1, "round {round}");
    }
}
