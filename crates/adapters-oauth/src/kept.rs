//! What is fetched from a provider now and then, and kept: its metadata and its keys.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use domain::{Duration, Timestamp, later};

use crate::failure::{Class, Failure};

/// How long a copy is used without looking again.
const FRESH: Duration = Duration::from_hours(1);
/// How long after a look nobody looks again, whatever is missing.
const PAUSE: Duration = Duration::from_mins(1);

/// The last good copy of something. Many callers who want it at the same time fetch it once.
pub(crate) struct Kept<T> {
    held: Mutex<Option<Held<T>>>,
    turn: tokio::sync::Mutex<()>,
    /// Fetches that have ended, well or not.
    ended: AtomicU64,
}

struct Held<T> {
    value: Arc<T>,
    fetched_at: Timestamp,
    looked_at: Timestamp,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self {
            held: Mutex::new(None),
            turn: tokio::sync::Mutex::default(),
            ended: AtomicU64::new(0),
        }
    }
}

/// Counts a fetch as ended, also where its caller went away.
struct Ended<'a>(&'a AtomicU64);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl<T> Kept<T> {
    /// Gives the copy that is held, if it is fresh and `suits`, else a new one; the old one where
    /// none can be had, or where the last look is less than a minute ago.
    pub(crate) async fn get(
        &self,
        now: Timestamp,
        suits: impl Fn(&T) -> bool + Send + Sync,
        fetch: impl Future<Output = Result<T, Failure>> + Send,
    ) -> Result<Arc<T>, Failure> {
        if let Some(value) = self.good(now, &suits) {
            return Ok(value);
        }
        let before = self.ended.load(Ordering::SeqCst);
        let _turn = self.turn.lock().await;
        if let Some(value) = self.good(now, &suits) {
            return Ok(value);
        }
        if self.ended.load(Ordering::SeqCst) != before {
            // Somebody looked while we waited, and found nothing new.
            return self.last(now).ok_or_else(|| Failure::new(Class::Busy, "not_fetched"));
        }
        let ended = Ended(&self.ended);
        let fetched = fetch.await;
        let found = match fetched {
            Ok(value) => {
                let value = Arc::new(value);
                *self.held() =
                    Some(Held { value: Arc::clone(&value), fetched_at: now, looked_at: now });
                Ok(value)
            }
            Err(failure) => self.last(now).ok_or(failure),
        };
        drop(ended);
        found
    }

    fn good(&self, now: Timestamp, suits: &impl Fn(&T) -> bool) -> Option<Arc<T>> {
        let held = self.held();
        let it = held.as_ref()?;
        let is_fresh = now < later(it.fetched_at, FRESH) && suits(&it.value);
        let is_too_soon = now < later(it.looked_at, PAUSE);
        (is_fresh || is_too_soon).then(|| Arc::clone(&it.value))
    }

    /// The last good copy, noted as looked at.
    fn last(&self, now: Timestamp) -> Option<Arc<T>> {
        let mut held = self.held();
        let it = held.as_mut()?;
        it.looked_at = now;
        Some(Arc::clone(&it.value))
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Option<Held<T>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use ports::testing::{RACERS, at, race};

    use super::*;

    async fn get(
        kept: &Kept<u32>,
        seconds: u64,
        suits: bool,
        fetched: Result<u32, Failure>,
    ) -> Result<u32, Failure> {
        kept.get(at(seconds), |_| suits, async { fetched }).await.map(|it| *it)
    }

    fn busy() -> Failure {
        Failure::new(Class::Busy, "")
    }

    #[tokio::test]
    async fn a_copy_is_used_for_an_hour_and_then_as_long_as_there_is_no_other() {
        let kept = Kept::default();
        assert_eq!(get(&kept, 0, true, Err(busy())).await, Err(busy()));
        assert_eq!(get(&kept, 0, true, Ok(1)).await, Ok(1));
        assert_eq!(get(&kept, 3_599, true, Ok(2)).await, Ok(1));
        assert_eq!(get(&kept, 3_600, true, Err(busy())).await, Ok(1));
        assert_eq!(get(&kept, 3_659, true, Ok(2)).await, Ok(1), "looked a minute ago");
        assert_eq!(get(&kept, 3_660, true, Ok(2)).await, Ok(2));
    }

    /// EXT-07: a key that nobody knows makes us look once a minute at most.
    #[tokio::test]
    async fn what_does_not_suit_is_fetched_again_once_a_minute() {
        let kept = Kept::default();
        assert_eq!(get(&kept, 0, false, Ok(1)).await, Ok(1));
        assert_eq!(get(&kept, 59, false, Ok(2)).await, Ok(1));
        assert_eq!(get(&kept, 60, false, Ok(2)).await, Ok(2));
        assert_eq!(get(&kept, 61, false, Ok(3)).await, Ok(2));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn many_waiters_fetch_once_whether_it_works_or_not() {
        for works in [true, false] {
            let shared = Arc::new((Kept::default(), AtomicU64::new(0)));
            let got = race(RACERS, &shared, move |shared, _| async move {
                let (kept, fetches) = &*shared;
                let fetch = async {
                    fetches.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    if works { Ok(1) } else { Err(busy()) }
                };
                kept.get(at(0), |_| true, fetch).await.map(|it| *it)
            })
            .await;
            assert!(got.iter().all(|it| it.is_ok() == works));
            assert_eq!(shared.1.load(Ordering::SeqCst), 1);
        }
    }
}
