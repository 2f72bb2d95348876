//! The machine's clock.

use std::sync::atomic::{AtomicI64, Ordering};

use domain::Timestamp;
use ports::clock::Clock;

/// The machine's clock, in whole microseconds; within one process it never goes back.
///
/// A clock that is set back stands still until it is where it was, so that nothing which had
/// ended is alive again (REL-08).
#[derive(Debug, Default)]
pub struct SystemClock {
    /// The latest moment given, in microseconds since 1970.
    latest: AtomicI64,
}

impl SystemClock {
    /// The later of the moment read and the latest one given.
    fn give(&self, read: Timestamp) -> Timestamp {
        let read = read.as_microsecond();
        let latest = self.latest.fetch_max(read, Ordering::SeqCst).max(read);
        Timestamp::from_microsecond(latest).unwrap_or(Timestamp::MAX)
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that all others ask")]
    fn now(&self) -> Timestamp {
        self.give(Timestamp::now())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ports::testing::at;

    use super::*;

    #[expect(clippy::unused_async, reason = "suites await what makes a port")]
    async fn fresh() -> Arc<dyn Clock> {
        Arc::new(SystemClock::default())
    }

    ports::clock_contract!(fresh());

    /// REL-08: nothing that had ended is alive again.
    #[test]
    fn a_clock_set_back_stands_still_until_it_has_caught_up() {
        let clock = SystemClock::default();
        assert_eq!(clock.give(at(3600)), at(3600));
        assert_eq!(clock.give(at(0)), at(3600));
        assert_eq!(clock.give(at(3601)), at(3601));
    }

    #[test]
    fn it_tells_the_time_of_day() {
        assert!(SystemClock::default().now() > at(0), "later than this test was written");
    }
}
