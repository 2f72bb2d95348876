//! The ports in process: what one node alone runs on, and what tests run on.
//!
//! Everything is behind a mutex that is held for no more than a few look-ups, and never while
//! waiting. What no window, life or rule can ask for any more is swept out now and then, so that
//! memory follows what is live. A restart forgets all of it.

mod counters;

pub mod challenges;
#[cfg(feature = "testing")]
pub mod database;
#[cfg(feature = "testing")]
mod fakes;
pub mod one_time;
pub mod session_copies;
pub mod spending;
pub mod throttles;

#[cfg(feature = "testing")]
pub use fakes::{
    FakeHasher, FakeKeys, FakeMaster, FakePostbox, FakeSignatures, FakeSigner, Fakes, policy, ports,
};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex, also one whose holder panicked: no step here leaves a state half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells when to sweep: after as many writes as the last sweep left entries, and 1024 at least, so
/// that a write costs the same on average however many there are.
#[derive(Debug, Default)]
pub(crate) struct Sweeps {
    writes: usize,
    left: usize,
}

impl Sweeps {
    /// Counts a write; true when it is time.
    pub(crate) fn due(&mut self) -> bool {
        self.writes += 1;
        self.writes >= self.left.max(1024)
    }

    /// Notes how many entries a sweep left.
    pub(crate) fn done(&mut self, left: usize) {
        *self = Self { writes: 0, left };
    }
}
