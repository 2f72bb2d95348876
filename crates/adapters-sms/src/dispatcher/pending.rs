//! Letters posted and not yet done with: how many, and since when.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{Duration, Timestamp};

/// How many letters there are of each moment.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<BTreeMap<Timestamp, usize>>);

impl Pending {
    /// Counts a letter of a moment.
    pub(super) fn posted(&self, at: Timestamp) {
        *self.lock().entry(at).or_default() += 1;
    }

    /// A letter of that moment is done with.
    pub(super) fn done(&self, at: Timestamp) {
        let mut letters = self.lock();
        if let Some(count) = letters.get_mut(&at) {
            *count -= 1;
            if *count == 0 {
                letters.remove(&at);
            }
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.lock().values().sum()
    }

    /// How long the oldest has been there; nothing where there is none.
    pub(super) fn age(&self, now: Timestamp) -> Duration {
        let oldest = self.lock().keys().next().copied();
        oldest.and_then(|it| now.duration_since(it).try_into().ok()).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Timestamp, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use ports::testing::at;

    use super::*;

    /// LOG-06: the queue is as old as its oldest letter.
    #[test]
    fn the_oldest_letter_gives_the_age() {
        let pending = Pending::default();
        assert_eq!((pending.count(), pending.age(at(9))), (0, Duration::ZERO));
        for second in [3, 1, 1] {
            pending.posted(at(second));
        }
        assert_eq!((pending.count(), pending.age(at(9))), (3, Duration::from_secs(8)));
        pending.done(at(1));
        assert_eq!((pending.count(), pending.age(at(9))), (2, Duration::from_secs(8)));
        pending.done(at(1));
        assert_eq!((pending.count(), pending.age(at(9))), (1, Duration::from_secs(6)));
        assert_eq!(pending.age(at(2)), Duration::ZERO, "a clock that was set back");
    }
}
