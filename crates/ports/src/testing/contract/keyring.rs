//! The promises of `Keyring`.

use std::sync::Arc;

use domain::keyring::Entry;
use domain::secret::{MasterId, Sealed};

use crate::keyring::Keyring;
use crate::testing::{RACERS, at, race};

/// Makes each promise of `Keyring` a test; `$make` gives a fresh `Arc<dyn Keyring>`.
#[macro_export]
macro_rules! keyring_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            keyring,
            $make,
            [
                entries_are_kept_whole_in_the_order_of_their_numbers,
                of_racing_entries_of_one_number_one_is_kept,
                a_number_stays_taken,
                of_racing_retirements_one_entry_is_left,
            ]
        );
    };
}

fn entry(number: i32, of: u8) -> Entry {
    Entry {
        number,
        master: MasterId::new([of; 32]),
        wrapped: Some(Sealed::new(vec![of, 0, 255])),
        added_at: at(of.into()),
    }
}

/// CFG-01: what was put is there.
pub async fn entries_are_kept_whole_in_the_order_of_their_numbers(store: Arc<dyn Keyring>) {
    assert_eq!(store.list().await.expect("a store"), []);
    let empty = Entry { wrapped: Some(Sealed::new(Vec::new())), ..entry(3, 3) };
    for it in [entry(2, 2), entry(1, 1), empty.clone()] {
        assert!(store.put(&it).await.expect("a store"));
    }
    assert_eq!(store.list().await.expect("a store"), [entry(1, 1), entry(2, 2), empty]);
}

/// CFG-01: nodes that begin at the same time on an empty store agree on one root secret.
pub async fn of_racing_entries_of_one_number_one_is_kept(store: Arc<dyn Keyring>) {
    for number in 1..=20 {
        let kept = race(RACERS, &store, move |store, racer| async move {
            let entry = entry(number, u8::try_from(racer).expect("few"));
            store.put(&entry).await.expect("a store").then_some(entry)
        })
        .await;
        let kept: Vec<_> = kept.into_iter().flatten().collect();
        assert_eq!(kept.len(), 1, "number {number}");
        let all = store.list().await.expect("a store");
        assert_eq!(all.last(), kept.first(), "number {number}");
    }
}

/// CFG-01: what is retired is gone for good, and its number is nobody else's.
pub async fn a_number_stays_taken(store: Arc<dyn Keyring>) {
    for it in [entry(1, 1), entry(2, 2)] {
        assert!(store.put(&it).await.expect("a store"));
    }
    assert!(!store.retire_all_but(3).await.expect("a store"), "an entry that is not there");
    assert!(store.retire_all_but(2).await.expect("a store"));
    assert!(!store.retire_all_but(1).await.expect("a store"), "it is retired");
    assert!(!store.put(&entry(1, 9)).await.expect("a store"));
    let retired = Entry { wrapped: None, ..entry(1, 1) };
    assert_eq!(store.list().await.expect("a store"), [retired, entry(2, 2)]);
}

/// CFG-01: whoever retires all others cannot be retired by one of them at the same moment: then
/// nothing would open the store any more.
pub async fn of_racing_retirements_one_entry_is_left(store: Arc<dyn Keyring>) {
    for round in 0..10 {
        let first = round * 10 + 1;
        for number in first..first + 10 {
            assert!(store.put(&entry(number, 1)).await.expect("a store"));
        }
        let left = race(10, &store, move |store, racer| async move {
            let number = first + i32::try_from(racer).expect("few");
            store.retire_all_but(number).await.expect("a store").then_some(number)
        })
        .await;
        let left: Vec<_> = left.into_iter().flatten().collect();
        let all = store.list().await.expect("a store");
        let held = all.iter().filter(|it| it.wrapped.is_some()).map(|it| it.number);
        assert_eq!(left, held.collect::<Vec<_>>());
        assert_eq!(left.len(), 1);
    }
}
