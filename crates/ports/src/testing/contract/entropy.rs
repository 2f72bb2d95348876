//! The promises of `entropy`.

use std::collections::HashSet;
use std::sync::Arc;

use crate::entropy::{Entropy, bytes};
use crate::testing::{RACERS, race};

/// Draws that are compared with one another.
const DRAWS: usize = 10_000;

/// Tokens, salts and ids rest on this (CFG-01).
pub async fn no_two_draws_are_equal(entropy: Arc<dyn Entropy>) {
    let drawn = race(RACERS, &entropy, |entropy, _| async move {
        (0..DRAWS / RACERS).map(|_| bytes::<32>(&*entropy)).collect::<Vec<_>>()
    })
    .await;
    let distinct: HashSet<_> = drawn.into_iter().flatten().collect();
    assert_eq!(distinct.len(), DRAWS);
}

/// No byte is left as it was, whatever the length.
pub async fn every_length_is_filled_to_the_end(entropy: Arc<dyn Entropy>) {
    const BEFORE: u8 = 0xa5;
    for length in 0..=64 {
        tokio::task::yield_now().await;
        let mut untouched = vec![true; length];
        // A random byte is the one before with 1 in 256; not sixteen times in a row.
        for _ in 0..16 {
            let mut drawn = vec![BEFORE; length];
            entropy.fill(&mut drawn);
            for (untouched, byte) in untouched.iter_mut().zip(&drawn) {
                *untouched &= *byte == BEFORE;
            }
        }
        assert!(!untouched.contains(&true), "of {length} bytes some are never written");
    }
}

/// Makes every promise of entropy a test, each on a source of its own.
#[macro_export]
macro_rules! entropy_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            entropy,
            $make,
            [no_two_draws_are_equal, every_length_is_filled_to_the_end,]
        );
    };
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;
    use crate::testing::{CountingEntropy, breaks};

    #[expect(clippy::unused_async, reason = "suites await what makes a port")]
    async fn fresh() -> Arc<dyn Entropy> {
        Arc::new(CountingEntropy::default())
    }

    mod of_the_counting_entropy {
        crate::entropy_contract!(super::fresh());
    }

    /// Comes round again after 256 draws, and never writes the last byte.
    #[derive(Default)]
    struct Short(AtomicU8);

    impl Entropy for Short {
        fn fill(&self, bytes: &mut [u8]) {
            let drawn = self.0.fetch_add(1, Ordering::SeqCst);
            if let Some((_, filled)) = bytes.split_last_mut() {
                filled.fill(drawn);
            }
        }
    }

    #[tokio::test]
    async fn a_short_source_breaks_every_promise() {
        let entropy = || Arc::new(Short::default()) as Arc<dyn Entropy>;
        assert!(breaks(no_two_draws_are_equal(entropy())).await);
        assert!(breaks(every_length_is_filled_to_the_end(entropy())).await);
    }
}
