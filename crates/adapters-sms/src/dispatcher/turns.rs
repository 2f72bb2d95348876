//! Whose turn it is: a vendor that keeps failing rests, and is asked after all others meanwhile.

use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::Duration;
use tokio::time::Instant;

/// One vendor's breaker.
///
/// Letters do not wait for a vendor that takes none while another does. It is never left out: where
/// all fail, all are asked, and one letter in each rest asks it first to see if it is back.
#[derive(Debug)]
pub(super) struct Turn {
    rests_after: u32,
    rest: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Letters in a row that it did not take for a reason of its own or ours.
    failures: u32,
    /// First moment at which it may be asked first again.
    until: Option<Instant>,
}

impl Turn {
    pub(super) fn new(rests_after: u32, rest: Duration) -> Self {
        Self { rests_after, rest, state: Mutex::default() }
    }

    /// True if it keeps its place in the order.
    pub(super) fn keeps_its_place(&self, now: Instant) -> bool {
        let mut state = self.lock();
        match state.until {
            Some(until) if now < until => false,
            Some(_) => {
                state.until = now.checked_add(self.rest);
                true
            }
            None => true,
        }
    }

    /// It took a letter, or answered about its number.
    pub(super) fn went_well(&self) {
        *self.lock() = State::default();
    }

    /// It took none.
    pub(super) fn failed(&self, now: Instant) {
        let mut state = self.lock();
        state.failures = state.failures.saturating_add(1);
        if state.failures >= self.rests_after {
            state.until = now.checked_add(self.rest);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_secs(30);

    fn failed(times: u32, now: Instant) -> Turn {
        let turn = Turn::new(3, REST);
        for _ in 0..times {
            turn.failed(now);
        }
        turn
    }

    #[test]
    fn so_many_failures_in_a_row_cost_it_its_place() {
        let now = Instant::now();
        assert!(failed(2, now).keeps_its_place(now));
        let turn = failed(3, now);
        assert!(!turn.keeps_its_place(now));
        turn.went_well();
        assert!(turn.keeps_its_place(now));
        turn.failed(now);
        assert!(turn.keeps_its_place(now), "the count begins anew");
    }

    #[test]
    fn one_letter_a_rest_looks_if_it_is_back() {
        let now = Instant::now();
        let turn = failed(3, now);
        assert!(turn.keeps_its_place(now + REST));
        assert!(!turn.keeps_its_place(now + REST));
        assert!(turn.keeps_its_place(now + REST * 2));
    }
}
