//! The promises of `clock`.

use std::sync::Arc;

use crate::clock::Clock;
use crate::testing::{RACERS, race};

/// Stores give back what they were given.
pub async fn moments_are_whole_microseconds(clock: Arc<dyn Clock>) {
    for _ in 0..1000 {
        let now = clock.now();
        assert_eq!(now.subsec_nanosecond() % 1000, 0, "{now}");
        tokio::task::yield_now().await;
    }
}

/// REL-08: what has ended stays ended.
pub async fn it_never_goes_back(clock: Arc<dyn Clock>) {
    let runs = race(RACERS, &clock, |clock, _| async move {
        (0..200).map(|_| clock.now()).collect::<Vec<_>>()
    })
    .await;
    assert!(runs.iter().all(|it| it.is_sorted()), "one caller sees time go on");
    let latest = runs.iter().flatten().max().copied();
    assert!(latest <= Some(clock.now()), "another caller's moment is not in the future");
}

/// Makes every promise of the clock a test, each on a clock of its own.
#[macro_export]
macro_rules! clock_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            clock,
            $make,
            [moments_are_whole_microseconds, it_never_goes_back,]
        );
    };
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use domain::Timestamp;

    use super::*;
    use crate::testing::{ManualClock, START, breaks};

    #[expect(clippy::unused_async, reason = "suites await what makes a port")]
    async fn fresh() -> Arc<dyn Clock> {
        Arc::new(ManualClock::default())
    }

    mod of_the_manual_clock {
        crate::clock_contract!(super::fresh());
    }

    /// Tells nanoseconds, and every other time a moment before the last one.
    #[derive(Default)]
    struct Wavering(AtomicI64);

    impl Clock for Wavering {
        fn now(&self) -> Timestamp {
            let count = self.0.fetch_add(1, Ordering::SeqCst);
            let nanos = i128::from(count) * if count % 2 == 0 { 1 } else { -1 };
            Timestamp::from_nanosecond(START.as_nanosecond() + nanos).unwrap()
        }
    }

    #[tokio::test]
    async fn a_wavering_clock_breaks_every_promise() {
        let clock = || Arc::new(Wavering::default()) as Arc<dyn Clock>;
        assert!(breaks(moments_are_whole_microseconds(clock())).await);
        assert!(breaks(it_never_goes_back(clock())).await);
    }
}
