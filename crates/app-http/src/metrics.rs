//! What is counted of requests (LOG-06).
//!
//! [`names`] has all metrics, [`listener`] serves them. Labels are names of ours
//! alone: a route's pattern, a problem's code. Without a listener nobody keeps the numbers and
//! counting does nothing.

mod listener;
mod names;

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use ::metrics::{Counter, Histogram, counter, gauge, histogram};
use adapters_sms::Answered;

use crate::problem::Problem;
pub(crate) use listener::{Gauges, Numbers, Pools};
use names::{
    ATTEMPTS, HTTP_REQUESTS, HTTP_SECONDS, MESSAGES, OUTBOX_AGE, PURGED_ROWS, SPANS_LOST,
    UNAVAILABLE,
};

/// A label's value where there is nothing to name.
const NOTHING: &str = "—";

/// One kind of answer of one route.
struct Answers {
    method: &'static str,
    status: u16,
    count: Counter,
    time: Histogram,
}

thread_local! {
    /// By route: what this thread has answered so far, so that no request looks its series up in
    /// what all threads share.
    static ANSWERS: RefCell<HashMap<String, Vec<Answers>>> = RefCell::default();
}

/// A request was answered, after so long.
pub(crate) fn answered(method: &'static str, route: &str, status: u16, took: Duration) {
    ANSWERS.with_borrow_mut(|routes| {
        let is_it = |it: &&Answers| it.status == status && it.method == method;
        if let Some(known) = routes.get(route).and_then(|it| it.iter().find(is_it)) {
            return known.note(took);
        }
        let first = Answers::new(method, route, status);
        first.note(took);
        routes.entry(route.to_owned()).or_default().push(first);
    });
}

impl Answers {
    fn new(method: &'static str, route: &str, status: u16) -> Self {
        let class = match status {
            100..200 => "1xx",
            200..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            _ => "5xx",
        };
        let (of, status_text) = (route.to_owned(), status.to_string());
        let time =
            histogram!(HTTP_SECONDS, "route" => of.clone(), "method" => method, "status" => class);
        let count =
            counter!(HTTP_REQUESTS, "route" => of, "method" => method, "status" => status_text);
        Self { method, status, count, time }
    }

    fn note(&self, took: Duration) {
        self.count.increment(1);
        self.time.record(took);
    }
}

/// A credential was shown: what for, of which type, and what was wrong with it.
pub(crate) fn tried(operation: &'static str, method: &'static str, refused: Option<&Problem>) {
    let outcome = refused.map_or("success", |it| it.code().as_str());
    let labels = [("operation", operation), ("method", method), ("outcome", outcome)];
    counter!(ATTEMPTS, &labels).increment(1);
}

/// Counts what came of a credential, and hands it on.
pub(crate) fn counted<T>(
    operation: &'static str,
    method: &'static str,
    came: Result<T, Problem>,
) -> Result<T, Problem> {
    tried(operation, method, came.as_ref().err());
    came
}

/// A vendor answered: `sent`, or why not. A message that is repeated or goes to the next vendor is
/// counted each time.
pub(crate) fn vendor_answered(answered: &Answered<'_>) {
    let Answered { vendor, what, channel, country, outcome } = *answered;
    let country = country.unwrap_or(NOTHING).to_owned();
    counter!(
        MESSAGES,
        "channel" => channel.as_str(), "country" => country, "vendor" => vendor,
        "message" => what, "outcome" => outcome,
    )
    .increment(1);
}

/// A request was answered 503.
pub(crate) fn unavailable(problem: &Problem) {
    let (code, dependency) = (problem.code().as_str(), problem.dependency().unwrap_or(NOTHING));
    counter!(UNAVAILABLE, "code" => code, "dependency" => dependency).increment(1);
}

/// Rows of a table that were over are gone.
pub(crate) fn purged(table: &'static str, rows: u64) {
    counter!(PURGED_ROWS, "table" => table).increment(rows);
}

/// How long the oldest entry that was due at the last look has been there.
pub(crate) fn outbox_age(age: Duration) {
    gauge!(OUTBOX_AGE).set(age.as_secs_f64());
}

/// Spans never reached the collector.
pub(crate) fn spans_lost(count: u64) {
    counter!(SPANS_LOST).increment(count);
}
