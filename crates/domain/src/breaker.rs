//! When to leave a failing dependency alone.

use std::time::{Duration, Instant};

/// Failures in a row after which a dependency is left alone.
const FAILURES: u32 = 5;
/// How long it is left alone before one caller may look again.
const PAUSE: Duration = Duration::from_millis(500);

/// One dependency's breaker: after so many failures in a row callers are refused at once, so that
/// none of them waits for what will not come, and one caller at a time looks whether it is back.
#[derive(Debug, Clone, Copy, Default)]
pub struct Breaker {
    failures: u32,
    closed_until: Option<Instant>,
}

impl Breaker {
    /// True if a call may be made. Of all calls refused meanwhile, one is let through each pause.
    pub fn admits(&mut self, now: Instant) -> bool {
        match self.closed_until {
            Some(until) if now < until => false,
            Some(_) => {
                self.closed_until = now.checked_add(PAUSE);
                true
            }
            None => true,
        }
    }

    /// Notes an answer.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Notes that none came.
    pub fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES {
            self.closed_until = now.checked_add(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(times: u32, now: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..times {
            breaker.failed(now);
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_close_it_and_an_answer_opens_it() {
        let now = Instant::now();
        assert!(failed(FAILURES - 1, now).admits(now));
        let mut breaker = failed(FAILURES, now);
        assert!(!breaker.admits(now));
        breaker.succeeded();
        assert!(breaker.admits(now));
    }

    #[test]
    fn an_answer_in_between_begins_the_count_anew() {
        let now = Instant::now();
        let mut breaker = failed(FAILURES - 1, now);
        breaker.succeeded();
        breaker.failed(now);
        assert!(breaker.admits(now));
    }

    #[test]
    fn one_caller_looks_again_after_the_pause() {
        let now = Instant::now();
        let mut breaker = failed(FAILURES, now);
        let later = now + PAUSE;
        assert!(breaker.admits(later));
        assert!(!breaker.admits(later), "the others wait for what the one finds");
        assert!(breaker.admits(later + PAUSE), "which may never come back");
    }
}
