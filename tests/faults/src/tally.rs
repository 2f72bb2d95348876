//! What was asked and answered while a fault went on, counted by kind.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::tests::Answer;

/// Counts over all clients of a storm.
#[derive(Default)]
pub(crate) struct Tally(Mutex<Counts>);

/// What was counted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    /// All requests that were sent.
    pub(crate) requests: u64,
    /// Writes that were answered with success.
    pub(crate) acknowledged: u64,
    /// Everything but success, by kind: status and code, or `no answer`.
    pub(crate) refused: BTreeMap<String, u64>,
    /// The longest that an answer took.
    pub(crate) longest: Duration,
    /// How long each good login took.
    pub(crate) logins: Vec<Duration>,
    /// What does not hold, in words; empty if all is well.
    pub(crate) broken: Vec<String>,
}

/// The kind of a request whose connection ended before its answer.
pub(crate) const NO_ANSWER: &str = "no answer";

/// The kind of a registration that was done though nobody was told: names are each client's own.
pub(crate) const DONE: &str = "409 username_taken";

/// The kind of a login by a code that is gone with the store that had it.
pub(crate) const FORGOTTEN: &str = "401 code_invalid";

impl Tally {
    /// Counts an answer.
    pub(crate) fn answered(&self, answer: &Answer) {
        let mut counts = self.held();
        counts.requests += 1;
        counts.longest = counts.longest.max(answer.took);
        if answer.status >= 400 {
            *counts.refused.entry(kind(answer)).or_default() += 1;
        }
        let asks_again = answer.header("retry-after").parse::<u64>().is_ok_and(|it| it >= 1);
        if answer.status == 503 && !asks_again {
            counts.broken.push(format!("503 without Retry-After: {}", answer.text));
        }
    }

    /// Counts a request that was to be refused, and was.
    pub(crate) fn looked(&self, took: Duration) {
        let mut counts = self.held();
        counts.requests += 1;
        counts.longest = counts.longest.max(took);
    }

    /// Counts a request whose answer never came.
    pub(crate) fn unanswered(&self, after: Duration) {
        let mut counts = self.held();
        counts.requests += 1;
        counts.longest = counts.longest.max(after);
        *counts.refused.entry(NO_ANSWER.to_owned()).or_default() += 1;
    }

    /// Counts a write that was acknowledged.
    pub(crate) fn acknowledged(&self) {
        self.held().acknowledged += 1;
    }

    /// Notes how long a good login took.
    pub(crate) fn logged_in(&self, took: Duration) {
        self.held().logins.push(took);
    }

    /// Notes something that does not hold.
    pub(crate) fn broke(&self, what: impl Into<String>) {
        self.held().broken.push(what.into());
    }

    /// What was counted until now.
    pub(crate) fn counts(&self) -> Counts {
        self.held().clone()
    }

    fn held(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// The moment by which 99 of 100 good logins were answered; zero without any.
    pub(crate) fn p99(&self) -> Duration {
        let mut all = self.logins.clone();
        all.sort_unstable();
        let index = (all.len() * 99).div_ceil(100).saturating_sub(1);
        all.get(index).copied().unwrap_or_default()
    }

    /// How many were refused in some way that is not among `kinds`, with what they were.
    pub(crate) fn refused_but(&self, kinds: &[&str]) -> Vec<String> {
        let others = self.refused.iter().filter(|(kind, _)| !kinds.contains(&kind.as_str()));
        others.map(|(kind, count)| format!("{kind} ({count}×)")).collect()
    }
}

/// Status and code, as in `503 dependency_unavailable`.
pub(crate) fn kind(answer: &Answer) -> String {
    let (status, code) = answer.outcome();
    format!("{status} {code}").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_hundred_logins_the_slowest_is_beyond_the_99th() {
        let logins = (1..=100).map(Duration::from_millis).collect();
        let counts = Counts { logins, ..Counts::default() };
        assert_eq!(counts.p99(), Duration::from_millis(99));
        assert_eq!(Counts::default().p99(), Duration::ZERO);
    }

    #[test]
    fn only_what_was_not_expected_is_named() {
        let refused = [("503 a".to_owned(), 2), ("500 internal".to_owned(), 1)].into();
        let counts = Counts { refused, ..Counts::default() };
        assert_eq!(counts.refused_but(&["503 a"]), ["500 internal (1×)"]);
    }
}
