//! Threads behind a bounded queue.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use domain::Duration;
use ports::hasher::HashError;
use tokio::sync::oneshot;

use super::bench::Bench;

/// One piece of work, done by the thread that takes it from the queue.
type Job = Box<dyn FnOnce(&mut Bench) + Send>;

/// Threads, each with a bench of its own, and the queue before them.
pub(super) struct Threads {
    queue: SyncSender<Job>,
    wait: Duration,
}

impl Threads {
    /// Starts `count` threads behind a queue of `places`.
    pub(super) fn start(
        count: usize,
        places: usize,
        wait: Duration,
        bench: impl Fn() -> Bench,
    ) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(places);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..count {
            let (jobs, mut bench) = (Arc::clone(&jobs), bench());
            thread::Builder::new()
                .name("password-hash".to_owned())
                .spawn(move || work(&jobs, &mut bench))?;
        }
        Ok(Self { queue, wait })
    }

    /// Has one piece of work done. Busy at once when the queue is full, and in its turn when the
    /// turn comes too late; not done at all when the caller goes away before (PWD-05).
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Bench) -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let (answer, answered) = oneshot::channel();
        let (since, wait) = (Instant::now(), self.wait);
        let job: Job = Box::new(move |bench| {
            if answer.is_closed() {
                return;
            }
            let late = since.elapsed() > wait;
            let result = if late { Err(HashError::Busy) } else { Ok(work(bench)) };
            // The caller may have gone meanwhile; then nobody wants to know.
            let _ = answer.send(result);
        });
        self.queue.try_send(job).map_err(|_| HashError::Busy)?;
        let Ok(result) = answered.await else { panic!("hashing a password panicked") };
        result
    }
}

/// Takes jobs until the queue is gone.
fn work(jobs: &Mutex<Receiver<Job>>, bench: &mut Bench) {
    loop {
        // One thread waits in `recv`, the others wait for the lock.
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // A panic is a bug that its caller is told of; the thread goes on for the others.
        let _ = catch_unwind(AssertUnwindSafe(|| job(bench)));
    }
}
