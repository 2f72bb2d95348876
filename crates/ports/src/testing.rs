//! For tests: a clock that moves when told, entropy that counts, races, and the contract suites.

pub mod contract;
pub mod racy;
pub mod racy_consents;
pub mod racy_grants;
pub mod racy_outbox;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use domain::{Duration, Timestamp};
use tokio::sync::Barrier;

use crate::clock::Clock;
use crate::entropy::Entropy;

/// Racers of one race (TEST-01).
pub const RACERS: usize = 50;
/// Rounds of one race (TEST-01).
pub const ROUNDS: usize = 100;

/// A moment that tests begin at: 2026-01-01T00:00:00Z.
pub const START: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// `seconds` after [`START`].
#[must_use]
pub fn at(seconds: u64) -> Timestamp {
    domain::later(START, Duration::from_secs(seconds))
}

/// A clock that stands at [`START`] until it is moved.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let moved = u64::try_from(self.0.load(Ordering::SeqCst)).unwrap_or(0);
        domain::later(START, Duration::from_micros(moved))
    }
}

/// Entropy that counts: no two fills are equal, and a run is like the one before.
#[derive(Debug, Default)]
pub struct CountingEntropy(AtomicU64);

impl Entropy for CountingEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        for (byte, counted) in bytes.iter_mut().rev().zip(count.iter().rev().chain([0; 64].iter()))
        {
            *byte = *counted;
        }
    }
}

/// Lets `racers` callers go at the same moment and gives what each of them got.
pub async fn race<T, R, F, Fut>(racers: usize, shared: &Arc<T>, call: F) -> Vec<R>
where
    T: ?Sized + Send + Sync + 'static,
    R: Send + 'static,
    F: Fn(Arc<T>, usize) -> Fut,
    Fut: Future<Output = R> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(racers));
    let running: Vec<_> = (0..racers)
        .map(|racer| {
            let call = call(Arc::clone(shared), racer);
            let barrier = Arc::clone(&barrier);
            tokio::spawn(async move {
                barrier.wait().await;
                call.await
            })
        })
        .collect();
    let mut results = Vec::with_capacity(racers);
    for racer in running {
        match racer.await {
            Ok(result) => results.push(result),
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }
    results
}

/// True if a promise is broken: for showing that a suite fails on a store that does not keep it.
pub async fn breaks(promise: impl Future<Output = ()> + Send + 'static) -> bool {
    tokio::spawn(promise).await.is_err()
}

/// Makes each promise of a suite a test of its own, on a store of its own.
#[macro_export]
macro_rules! contract_tests {
    ($suite:ident, $make:expr, [$($promise:ident),* $(,)?]) => { $(
        #[tokio::test(flavor = "multi_thread")]
        async fn $promise() {
            $crate::testing::contract::$suite::$promise($make.await).await;
        }
    )* };
}
