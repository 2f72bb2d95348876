//! Threads behind a bounded queue.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvError, RecvTimeoutError, Sender, unbounded};
use domain::Duration;
use ports::hasher::HashError;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use super::HasherState;
use super::bench::Bench;

/// How many steps of priority a thread gives up. Where others want all cores, it gets a tenth of
/// one's share.
#[cfg(target_os = "linux")]
const NICER: i32 = 10;

/// One piece of work, done by the thread that takes it from the queue.
type Job = Box<dyn FnOnce(&mut Bench) + Send>;

/// Threads, each with a bench of its own, and the queue before them.
pub(super) struct Threads {
    queue: Sender<Job>,
    load: Arc<Load>,
}

impl Threads {
    /// Starts `count` threads behind a queue of `places`. A thread that had no work for `keep` gives
    /// its memory back.
    pub(super) fn start(
        count: usize,
        places: usize,
        wait: Duration,
        keep: Duration,
        bench: impl Fn() -> Bench,
    ) -> std::io::Result<Self> {
        let (queue, jobs) = unbounded();
        for _ in 0..count {
            let (jobs, mut bench) = (jobs.clone(), bench());
            thread::Builder::new().name("password-hash".to_owned()).spawn(move || {
                stand_back();
                work(&jobs, &mut bench, keep);
            })?;
        }
        let load = Load {
            threads: count,
            places,
            wait: wait / 2,
            taken: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            usual: AtomicU64::new(0),
            freed: Notify::new(),
        };
        Ok(Self { queue, load: Arc::new(load) })
    }

    /// How much there is to do at this moment.
    pub(super) fn state(&self) -> HasherState {
        let busy = self.load.busy.load(Ordering::Relaxed);
        let taken = self.load.taken.load(Ordering::Relaxed);
        HasherState { threads: self.load.threads, busy, waiting: taken.saturating_sub(busy) }
    }

    /// Takes a place, or waits for one. Busy when none comes in time: the queue is full, or by the
    /// usual time of a piece of work the turn would come too late (PWD-05).
    pub(super) async fn reserve(&self) -> Result<Place, HashError> {
        let taken = async {
            let mut freed = pin!(self.load.freed.notified());
            loop {
                // Listens before it looks, so that no place is given back unheard in between.
                freed.as_mut().enable();
                if let Some(taken) = Taken::one_more(&self.load) {
                    // There may be several: places grow when work becomes shorter.
                    self.load.freed.notify_one();
                    return taken;
                }
                freed.as_mut().await;
                freed.set(self.load.freed.notified());
            }
        };
        let taken = timeout(self.load.wait, taken).await.map_err(|_| HashError::Busy)?;
        Ok(Place { queue: self.queue.clone(), taken })
    }

    /// Takes a place and has one piece of work done.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Bench) -> T + Send + 'static,
    ) -> Result<T, HashError> {
        Ok(self.reserve().await?.run(work).await)
    }
}

/// A place on the threads or in the queue before them, for one piece of work.
pub(super) struct Place {
    queue: Sender<Job>,
    taken: Taken,
}

impl Place {
    /// Has it done, in its turn; not at all when the caller goes away before.
    pub(super) async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut Bench) -> T + Send + 'static,
    ) -> T {
        let (answer, answered) = oneshot::channel();
        let taken = self.taken;
        let job: Job = Box::new(move |bench| {
            if answer.is_closed() {
                return;
            }
            let since = Instant::now();
            let busy = Busy::one_more(&taken.0);
            let result = work(bench);
            drop(busy);
            taken.0.learn(since.elapsed());
            drop(taken);
            // The caller may have gone meanwhile; then nobody wants to know.
            let _ = answer.send(result);
        });
        // A queue without threads drops the job, and its answer with it.
        let _ = self.queue.send(job);
        let Ok(result) = answered.await else { panic!("hashing a password panicked") };
        result
    }
}

/// How much there is to do, and how long that takes.
struct Load {
    threads: usize,
    places: usize,
    /// How long a piece of work may wait for a place, and again in the queue.
    wait: Duration,
    /// Places that are held, those of work that is being done included.
    taken: AtomicUsize,
    /// Threads that do a piece of work.
    busy: AtomicUsize,
    /// The moving average of a piece of work, in microseconds; 0 until there was one.
    usual: AtomicU64,
    /// Told of each place that is given back.
    freed: Notify,
}

impl Load {
    /// How many places there are at present.
    fn most(&self) -> usize {
        let usual = u128::from(self.usual.load(Ordering::Relaxed));
        let in_time = (self.wait.as_micros() * self.threads as u128).checked_div(usual);
        let in_time = in_time.map_or(usize::MAX, |it| usize::try_from(it).unwrap_or(usize::MAX));
        self.threads + self.places.min(in_time)
    }

    /// Notes how long a piece of work took.
    fn learn(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        let before = self.usual.load(Ordering::Relaxed);
        // Two at once may lose one of both, which an average bears.
        let after = if before == 0 { took } else { (before / 8).saturating_mul(7) + took / 8 };
        self.usual.store(after.max(1), Ordering::Relaxed);
    }
}

/// One place, given back when this is dropped.
struct Taken(Arc<Load>);

impl Taken {
    fn one_more(load: &Arc<Load>) -> Option<Self> {
        let most = load.most();
        let more = |taken: usize| (taken < most).then_some(taken + 1);
        load.taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).ok()?;
        Some(Self(Arc::clone(load)))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::SeqCst);
        self.0.freed.notify_one();
    }
}

/// A thread that does a piece of work; it is free again when this is dropped, also by a panic.
struct Busy<'a>(&'a Load);

impl<'a> Busy<'a> {
    fn one_more(load: &'a Load) -> Self {
        load.busy.fetch_add(1, Ordering::Relaxed);
        Self(load)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Lets the threads go first that answer requests: they need a core for microseconds, a hash for
/// milliseconds.
fn stand_back() {
    // On other systems the whole process would. Whoever may not keeps its place.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICER);
}

/// Takes jobs until the queue is gone.
fn work(jobs: &Receiver<Job>, bench: &mut Bench, keep: Duration) {
    loop {
        let next = jobs.recv_timeout(keep).or_else(|it| match it {
            RecvTimeoutError::Timeout => {
                bench.rest();
                jobs.recv()
            }
            RecvTimeoutError::Disconnected => Err(RecvError),
        });
        let Ok(job) = next else { return };
        // A panic is a bug that its caller is told of; the thread goes on for the others.
        let _ = catch_unwind(AssertUnwindSafe(|| job(bench)));
    }
}

#[cfg(test)]
mod tests {
    use argon2_simd::Params;

    use super::*;

    /// PWD-05: places grow when work becomes shorter, and one that is given back may be news for
    /// several who wait.
    #[tokio::test]
    async fn all_who_wait_hear_of_places_that_are_more() {
        let (wait, keep) = (Duration::from_secs(4), Duration::from_secs(1));
        let bench = || Bench::new(Params::new(8, 1, 1).unwrap(), Arc::default());
        let threads = Arc::new(Threads::start(1, 8, wait, keep, bench).unwrap());
        threads.load.usual.store(u64::MAX, Ordering::Relaxed);
        let first = threads.reserve().await.unwrap();
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let threads = Arc::clone(&threads);
                tokio::spawn(async move { threads.reserve().await })
            })
            .collect();
        tokio::task::yield_now().await;
        assert!(waiting.iter().all(|it| !it.is_finished()), "there is one place");
        threads.load.usual.store(1, Ordering::Relaxed);
        drop(first);
        // Each keeps its place, so that nobody hears of another one that is given back.
        let mut places = Vec::new();
        for it in waiting {
            places.push(it.await.unwrap().unwrap());
        }
    }
}
