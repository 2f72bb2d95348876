//! Values that are used once, in process.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Mutex;

use async_trait::async_trait;
use domain::secret::Subject;
use domain::{Duration, Timestamp, later};
use ports::error::StoreError;
use ports::one_time::OneTimeStates;

use crate::{Sweeps, lock};

/// One-time values of this process.
#[derive(Debug, Default)]
pub struct MemoryOneTimeStates(Mutex<State>);

#[derive(Default)]
struct State {
    held: HashMap<Subject, Held>,
    sweeps: Sweeps,
}

struct Held {
    value: Vec<u8>,
    /// First moment at which it is gone.
    expires_at: Timestamp,
}

impl std::fmt::Debug for State {
    /// Tells how many there are: the values are nobody's to see.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("held", &self.held.len()).finish_non_exhaustive()
    }
}

#[async_trait]
impl OneTimeStates for MemoryOneTimeStates {
    async fn put(
        &self,
        name: &Subject,
        value: &[u8],
        life: Duration,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let put = Held { value: value.to_vec(), expires_at: later(now, life) };
        Ok(lock(&self.0).put(*name, put, now))
    }

    async fn take(&self, name: &Subject, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        let taken = lock(&self.0).held.remove(name);
        Ok(taken.filter(|it| it.expires_at > now).map(|it| it.value))
    }
}

impl State {
    fn put(&mut self, name: Subject, put: Held, now: Timestamp) -> bool {
        match self.held.entry(name) {
            Entry::Occupied(held) if held.get().expires_at > now => return false,
            Entry::Occupied(mut dead) => drop(dead.insert(put)),
            Entry::Vacant(free) => drop(free.insert(put)),
        }
        if self.sweeps.due() {
            self.held.retain(|_, it| it.expires_at > now);
            self.sweeps.done(self.held.len());
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ports::testing::at;

    use super::*;

    ports::one_time_contract!(async { Arc::new(MemoryOneTimeStates::default()) });

    /// What is dead takes no memory for long.
    #[test]
    fn dead_values_are_swept() {
        let mut state = State::default();
        for number in 0..10_000_u64 {
            let name = Subject::new(number.to_be_bytes().repeat(4).try_into().unwrap());
            let put = Held { value: Vec::new(), expires_at: at(number + 60) };
            assert!(state.put(name, put, at(number)));
        }
        assert!(state.held.len() < 2_000, "{} are kept", state.held.len());
    }
}
