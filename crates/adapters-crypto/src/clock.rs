//! The machine's clock.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::{Timestamp, later};
use ports::clock::Clock;

/// How far ahead of the machine's clock a moment may be to be believed in. Beyond it, it is rather
/// the moment that is wrong: written while some clock was.
const BELIEVED: Duration = Duration::from_hours(24);

/// The machine's clock, in whole microseconds; it never goes back.
///
/// Where the machine's clock was set back, time goes on at half its pace until the machine's clock
/// has caught up: nothing that had ended is alive again (REL-08), and waits still end.
#[derive(Debug, Default)]
pub struct SystemClock(Mutex<Option<Mark>>);

/// A moment that has been, and what the machine measured then, which no setting of clocks moves.
#[derive(Debug, Clone, Copy)]
struct Mark {
    moment: Timestamp,
    measured: Instant,
}

impl SystemClock {
    /// From now on it is not before a moment that somebody knows to have been (REL-08). False, and
    /// nothing changes, if that is more than a day ahead of the machine's clock.
    #[expect(clippy::disallowed_methods, reason = "this is the clock that all others ask")]
    pub fn not_before(&self, moment: Timestamp) -> bool {
        self.raise(moment, Timestamp::now(), Instant::now())
    }

    /// The moment to give where the machine's clock and its measure say this.
    fn give(&self, read: Timestamp, measured: Instant) -> Timestamp {
        let read = Timestamp::from_microsecond(read.as_microsecond()).unwrap_or(read);
        let mut mark = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(it) = *mark {
            let at_least = later(it.moment, whole(measured.duration_since(it.measured) / 2));
            if at_least > read {
                return at_least;
            }
        }
        *mark = Some(Mark { moment: read, measured });
        read
    }

    fn raise(&self, moment: Timestamp, read: Timestamp, measured: Instant) -> bool {
        let moment = Timestamp::from_microsecond(moment.as_microsecond()).unwrap_or(moment);
        if self.give(read, measured) < moment {
            if moment > later(read, BELIEVED) {
                return false;
            }
            let mut mark = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *mark = Some(Mark { moment, measured });
        }
        true
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that all others ask")]
    fn now(&self) -> Timestamp {
        self.give(Timestamp::now(), Instant::now())
    }
}

/// Whole microseconds.
fn whole(it: Duration) -> Duration {
    Duration::from_micros(u64::try_from(it.as_micros()).unwrap_or(u64::MAX))
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

    const HOUR: u64 = 3_600;

    /// REL-08: nothing that had ended is alive again, and no wait is without an end.
    #[test]
    fn a_clock_set_back_goes_on_at_half_its_pace_until_it_has_caught_up() {
        let (clock, begun) = (SystemClock::default(), Instant::now());
        let after = |seconds| begun + Duration::from_secs(seconds);
        assert_eq!(clock.give(at(HOUR), begun), at(HOUR));
        assert_eq!(clock.give(at(0), begun), at(HOUR));
        assert_eq!(clock.give(at(60), after(60)), at(HOUR + 30));
        assert_eq!(clock.give(at(2 * HOUR - 2), after(2 * HOUR - 2)), at(2 * HOUR - 1));
        assert_eq!(clock.give(at(2 * HOUR + 2), after(2 * HOUR + 2)), at(2 * HOUR + 2));
        assert_eq!(clock.give(at(3 * HOUR), after(2 * HOUR + 3)), at(3 * HOUR), "set forward");
    }

    /// REL-08: a process that starts with a clock that was set back goes on from what it is told.
    #[test]
    fn a_moment_that_has_been_is_not_gone_behind() {
        let (clock, begun) = (SystemClock::default(), Instant::now());
        assert!(clock.raise(at(HOUR), at(0), begun));
        assert_eq!(clock.give(at(0), begun), at(HOUR));
        assert!(clock.raise(at(60), at(0), begun), "which has been");
        assert_eq!(clock.give(at(0), begun), at(HOUR));
        assert!(!clock.raise(at(25 * HOUR), at(0), begun), "which nobody believes");
        assert_eq!(clock.give(at(0), begun), at(HOUR));
    }

    #[test]
    fn it_tells_the_time_of_day() {
        assert!(SystemClock::default().now() > at(0), "later than this test was written");
    }
}
