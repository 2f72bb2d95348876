//! The promises of `SigningKeys`.

use std::sync::Arc;

use domain::oauth::key::{KeyId, PublicKey, SigningKey};
use domain::secret::Sealed;

use crate::signing_keys::SigningKeys;
use crate::testing::{RACERS, at, race};

/// Makes each promise of `SigningKeys` a test; `$make` gives a fresh `Arc<dyn SigningKeys>`.
#[macro_export]
macro_rules! signing_keys_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            signing_keys,
            $make,
            [
                keys_are_kept_whole_in_the_order_of_their_numbers,
                of_racing_keys_of_one_number_one_is_kept,
            ]
        );
    };
}

fn key(number: i32, of: u8) -> SigningKey {
    SigningKey {
        id: KeyId::new(format!("key-{number}-{of}")),
        number,
        public: PublicKey { n: vec![of; 384], e: vec![1, 0, 1] },
        private: Sealed::new(vec![of, 0, 255]),
        signs_from: at(of.into()),
    }
}

/// OP-09: what was put is there, until it is removed.
pub async fn keys_are_kept_whole_in_the_order_of_their_numbers(store: Arc<dyn SigningKeys>) {
    assert_eq!(store.list().await.expect("a store"), []);
    for it in [key(2, 2), key(1, 1), key(3, 3)] {
        assert!(store.put(&it).await.expect("a store"));
    }
    assert_eq!(store.list().await.expect("a store"), [key(1, 1), key(2, 2), key(3, 3)]);
    store.remove(&[key(1, 1).id, key(9, 9).id]).await.expect("a store");
    assert_eq!(store.list().await.expect("a store"), [key(2, 2), key(3, 3)]);
}

/// OP-09: nodes that make a key at the same time agree on one.
pub async fn of_racing_keys_of_one_number_one_is_kept(store: Arc<dyn SigningKeys>) {
    for number in 1..=20 {
        let kept = race(RACERS, &store, move |store, racer| async move {
            let key = key(number, u8::try_from(racer).expect("few"));
            store.put(&key).await.expect("a store").then_some(key)
        })
        .await;
        let kept: Vec<_> = kept.into_iter().flatten().collect();
        assert_eq!(kept.len(), 1, "number {number}");
        let all = store.list().await.expect("a store");
        assert_eq!(all.last(), kept.first(), "number {number}");
    }
}
