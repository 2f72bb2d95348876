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
                of_racing_first_entries_one_is_kept,
                of_racing_entries_of_one_number_one_is_kept,
                a_number_stays_taken,
                of_racing_retirements_one_entry_is_left,
                whoever_is_retired_adds_nobody,
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
    assert!(!store.has_accounts().await.expect("a store"));
    let empty = Entry { wrapped: Some(Sealed::new(Vec::new())), ..entry(1, 1) };
    assert!(store.found(&empty).await.expect("a store"));
    for it in [entry(3, 3), entry(2, 2)] {
        assert!(store.add(&it, 1).await.expect("a store"));
    }
    assert_eq!(store.list().await.expect("a store"), [empty, entry(2, 2), entry(3, 3)]);
}

/// CFG-01: nodes that begin at the same time on an empty store agree on one root secret.
pub async fn of_racing_first_entries_one_is_kept(store: Arc<dyn Keyring>) {
    let kept = race(RACERS, &store, move |store, racer| async move {
        let entry = entry(1, u8::try_from(racer).expect("few"));
        store.found(&entry).await.expect("a store").then_some(entry)
    })
    .await;
    let kept: Vec<_> = kept.into_iter().flatten().collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(store.list().await.expect("a store"), kept);
}

/// CFG-01: operators who add one at the same moment are told who did.
pub async fn of_racing_entries_of_one_number_one_is_kept(store: Arc<dyn Keyring>) {
    assert!(store.found(&entry(1, 0)).await.expect("a store"));
    for number in 2..=20 {
        let kept = race(RACERS, &store, move |store, racer| async move {
            let entry = entry(number, u8::try_from(racer).expect("few"));
            store.add(&entry, 1).await.expect("a store").then_some(entry)
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
    assert!(store.found(&entry(1, 1)).await.expect("a store"));
    assert!(store.add(&entry(2, 2), 1).await.expect("a store"));
    let retire = async |number| store.retire_all_but(number).await.expect("a store");
    assert_eq!(retire(3).await, None, "an entry that is not there");
    assert_eq!(retire(2).await, Some(1));
    assert_eq!(retire(2).await, Some(0));
    assert_eq!(retire(1).await, None, "it is retired");
    assert!(!store.found(&entry(1, 9)).await.expect("a store"));
    assert!(!store.add(&entry(1, 9), 2).await.expect("a store"));
    assert!(!store.add(&entry(3, 9), 1).await.expect("a store"), "by one that is retired");
    assert!(!store.add(&entry(3, 9), 4).await.expect("a store"), "by one that is not there");
    let retired = Entry { wrapped: None, ..entry(1, 1) };
    assert_eq!(store.list().await.expect("a store"), [retired, entry(2, 2)]);
}

/// CFG-01: whoever retires all others cannot be retired by one of them at the same moment: then
/// nothing would open the store any more.
pub async fn of_racing_retirements_one_entry_is_left(store: Arc<dyn Keyring>) {
    assert!(store.found(&entry(1, 1)).await.expect("a store"));
    let mut by = 1;
    for round in 0..10 {
        let first = round * 10 + 2;
        for number in first..first + 10 {
            assert!(store.add(&entry(number, 1), by).await.expect("a store"));
        }
        let left = race(10, &store, move |store, racer| async move {
            let number = first + i32::try_from(racer).expect("few");
            store.retire_all_but(number).await.expect("a store").map(|_| number)
        })
        .await;
        let left: Vec<_> = left.into_iter().flatten().collect();
        let all = store.list().await.expect("a store");
        let held = all.iter().filter(|it| it.wrapped.is_some()).map(|it| it.number);
        assert_eq!(left, held.collect::<Vec<_>>());
        assert_eq!(left.len(), 1);
        by = *left.first().expect("one");
    }
}

/// CFG-01: where one adds and is retired at the same moment, no entry is left that the retirement
/// did not reach.
pub async fn whoever_is_retired_adds_nobody(store: Arc<dyn Keyring>) {
    assert!(store.found(&entry(1, 1)).await.expect("a store"));
    let mut last = 1;
    for _ in 0..20 {
        // The last one adds a second, which retires it while it adds a third.
        let (second, third) = (last + 1, last + 2);
        assert!(store.add(&entry(second, 2), last).await.expect("a store"));
        race(2, &store, move |store, racer| async move {
            match racer {
                0 => store.retire_all_but(second).await.expect("a store").is_some(),
                _ => store.add(&entry(third, 3), last).await.expect("a store"),
            }
        })
        .await;
        let all = store.list().await.expect("a store");
        let held: Vec<_> =
            all.iter().filter(|it| it.wrapped.is_some()).map(|it| it.number).collect();
        assert_eq!(held, [second]);
        last = all.last().expect("one").number;
        if last == third {
            // It was added first and then retired: the next one goes on behind it.
            assert!(store.add(&entry(last + 1, 2), second).await.expect("a store"));
            assert!(store.retire_all_but(last + 1).await.expect("a store").is_some());
            last += 1;
        }
    }
}
