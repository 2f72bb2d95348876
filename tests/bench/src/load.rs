//! Closed-loop load: so many callers, each with one request on its way at a time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;

use crate::http::Connection;

/// What callers do, and until when.
#[derive(Clone)]
pub(crate) struct Work {
    /// The requests, whole; each is sent once, or in turn again and again where `again` is set.
    pub(crate) requests: Arc<Vec<Vec<u8>>>,
    pub(crate) again: bool,
    /// The status that counts.
    pub(crate) expects: u16,
    /// The longest time.
    pub(crate) most: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    /// How long each good answer took, in microseconds, in order of size.
    pub(crate) took: Vec<u32>,
    /// Answers with another status.
    pub(crate) refused: usize,
    /// From the first request to the last answer.
    pub(crate) lasted: Duration,
}

impl Outcome {
    /// Good answers in a second.
    pub(crate) fn rate(&self) -> f64 {
        let seconds = self.lasted.as_secs_f64();
        if seconds > 0.0 { count(self.took.len()) / seconds } else { 0.0 }
    }

    /// The time within which so many of a hundred had their answer, in milliseconds.
    pub(crate) fn percentile(&self, of_hundred: usize) -> f64 {
        let last = self.took.len().saturating_sub(1);
        let at = (self.took.len() * of_hundred / 100).min(last);
        self.took.get(at).map_or(0.0, |it| f64::from(*it) / 1000.0)
    }

    fn add(&mut self, other: Self) {
        self.took.extend(other.took);
        self.refused += other.refused;
    }
}

/// What became of a step of [`drive`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It was done.
    Good,
    /// There was no room for it.
    Refused,
    /// There is no more to do.
    Over,
}

/// A number of things as one to compute with.
pub(crate) fn count(of: usize) -> f64 {
    u32::try_from(of).map_or(f64::INFINITY, f64::from)
}

/// Asks the server at an address by so many connections.
pub(crate) async fn ask(address: SocketAddr, connections: usize, work: &Work) -> Result<Outcome> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(Connection::open(address).await?);
    }
    let since = Instant::now();
    let mut callers = JoinSet::new();
    for connection in open {
        callers.spawn(call(connection, work.clone(), Arc::clone(&next), since));
    }
    collect(callers, since).await
}

async fn call(
    mut connection: Connection,
    work: Work,
    next: Arc<AtomicUsize>,
    since: Instant,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    while since.elapsed() < work.most {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let place = if work.again { number % work.requests.len().max(1) } else { number };
        let Some(request) = work.requests.get(place) else { break };
        let sent = Instant::now();
        let status = connection.ask(request).await?.status;
        if status == work.expects {
            outcome.took.push(micros(sent.elapsed()));
        } else {
            outcome.refused += 1;
        }
    }
    Ok(outcome)
}

/// Runs `step` again and again by so many callers, until it says that there is no more to do or
/// the time is over. It is told which caller it is, and the number of the step.
pub(crate) async fn drive<F>(
    callers: usize,
    most: Duration,
    step: impl Fn(usize, usize) -> F + Clone + Send + 'static,
) -> Result<Outcome>
where
    F: Future<Output = Result<Step>> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    let since = Instant::now();
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let (step, next) = (step.clone(), Arc::clone(&next));
        tasks.spawn(async move {
            let mut outcome = Outcome::default();
            while since.elapsed() < most {
                let begun = Instant::now();
                match step(caller, next.fetch_add(1, Ordering::Relaxed)).await? {
                    Step::Good => outcome.took.push(micros(begun.elapsed())),
                    Step::Refused => outcome.refused += 1,
                    Step::Over => break,
                }
            }
            Ok(outcome)
        });
    }
    collect(tasks, since).await
}

async fn collect(mut tasks: JoinSet<Result<Outcome>>, since: Instant) -> Result<Outcome> {
    let mut all = Outcome::default();
    while let Some(ended) = tasks.join_next().await {
        all.add(ended.context("a caller panicked")??);
    }
    all.lasted = since.elapsed();
    all.took.sort_unstable();
    Ok(all)
}

fn micros(of: Duration) -> u32 {
    u32::try_from(of.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_was_good() {
        let took = (1..=1000).map(|it| it * 1000).collect();
        let outcome = Outcome { took, refused: 7, lasted: Duration::from_secs(2) };
        assert!((outcome.rate() - 500.0).abs() < 1e-9);
        assert!((outcome.percentile(50) - 501.0).abs() < 1e-9);
        assert!((outcome.percentile(99) - 991.0).abs() < 1e-9);
        assert!(Outcome::default().percentile(99).abs() < 1e-9);
    }

    #[tokio::test]
    async fn each_step_is_done_once() {
        let step = |_, number| {
            let step = if number < 100 { Step::Good } else { Step::Over };
            std::future::ready(Ok(step))
        };
        let outcome = drive(4, Duration::from_mins(1), step).await.unwrap();
        assert_eq!(outcome.took.len(), 100);
    }
}
