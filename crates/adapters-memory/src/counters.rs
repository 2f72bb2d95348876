//! Counters: for each the moments of its events, as far back as its caps can ask.

use std::collections::{HashMap, VecDeque};

use domain::cap::{Cap, full_until};
use domain::secret::Subject;
use domain::{Timestamp, later};

/// Counters by name.
#[derive(Debug, Default)]
pub(crate) struct Counters(HashMap<Subject, Log>);

/// The events of one counter.
#[derive(Debug)]
struct Log {
    /// When they were, newest first.
    times: VecDeque<Timestamp>,
    /// First moment at which no cap asks for any of them.
    dead_at: Timestamp,
}

impl Counters {
    /// The n-th newest event of a counter, counted from 0.
    pub(crate) fn newest(&self, name: &Subject) -> impl Fn(usize) -> Option<Timestamp> + use<'_> {
        let log = self.0.get(name);
        move |nth| log.and_then(|it| it.times.get(nth)).copied()
    }

    /// The first moment at which one more event keeps all caps; `None` if it does now.
    pub(crate) fn full_until(
        &self,
        name: &Subject,
        caps: &[Cap],
        now: Timestamp,
    ) -> Option<Timestamp> {
        full_until(caps, self.newest(name), now)
    }

    /// Records one event and drops those that no cap asks for.
    pub(crate) fn record(&mut self, name: Subject, caps: &[Cap], now: Timestamp) {
        let Some(most) = caps.iter().map(|it| it.count).max() else { return };
        let log = self
            .0
            .entry(name)
            .or_insert_with(|| Log { times: VecDeque::new(), dead_at: Timestamp::MIN });
        let newer = log.times.iter().take_while(|it| **it > now).count();
        log.times.insert(newer, now);
        log.times.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        let dead_at = caps.iter().map(|it| later(now, it.window)).max().unwrap_or(now);
        log.dead_at = log.dead_at.max(dead_at);
    }

    /// Takes one event of a moment back.
    pub(crate) fn take_back(&mut self, name: &Subject, at: Timestamp) {
        let Some(log) = self.0.get_mut(name) else { return };
        if let Some(position) = log.times.iter().position(|it| *it == at) {
            log.times.remove(position);
        }
        if log.times.is_empty() {
            self.0.remove(name);
        }
    }

    /// Drops the counters that no cap asks for any more.
    pub(crate) fn sweep(&mut self, now: Timestamp) {
        self.0.retain(|_, log| log.dead_at > now);
    }

    /// How many counters there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use domain::Duration;
    use ports::testing::at;

    use super::*;

    const CAPS: [Cap; 2] = [
        Cap { count: 2, window: Duration::from_mins(1) },
        Cap { count: 4, window: Duration::from_secs(30) },
    ];
    const NAME: Subject = Subject::new([1; 32]);

    #[test]
    fn a_log_is_no_longer_than_its_largest_cap() {
        let mut counters = Counters::default();
        for second in 0..100 {
            counters.record(NAME, &CAPS, at(second));
        }
        assert_eq!(counters.0[&NAME].times, [99, 98, 97, 96].map(at));
    }

    #[test]
    fn events_out_of_order_are_put_in_order() {
        let mut counters = Counters::default();
        for second in [5, 3, 4] {
            counters.record(NAME, &CAPS, at(second));
        }
        assert_eq!(counters.0[&NAME].times, [5, 4, 3].map(at));
    }

    #[test]
    fn a_counter_is_swept_when_no_window_reaches_it() {
        let mut counters = Counters::default();
        counters.record(NAME, &CAPS, at(0));
        counters.sweep(at(59));
        assert_eq!(counters.len(), 1);
        counters.sweep(at(60));
        assert_eq!(counters.len(), 0);
    }
}
