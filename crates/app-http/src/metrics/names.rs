//! All metrics. What is not here is not told: whoever counts something new adds
//! it here and in `docs/observability.md`.

use ::metrics::{describe_counter, describe_gauge, describe_histogram};
use ports::watch::DEPENDENCY_SECONDS;

pub(super) const HTTP_REQUESTS: &str = "latchkey_http_requests_total";
pub(super) const HTTP_SECONDS: &str = "latchkey_http_request_seconds";
pub(super) const ATTEMPTS: &str = "latchkey_attempts_total";
pub(super) const LOCKS: &str = "latchkey_locks_total";
pub(super) const MESSAGES: &str = "latchkey_messages_total";
pub(super) const UNAVAILABLE: &str = "latchkey_unavailable_total";
pub(super) const PURGED_ROWS: &str = "latchkey_purged_rows_total";
pub(super) const SPANS_LOST: &str = "latchkey_spans_lost_total";
pub(super) const OUTBOX_AGE: &str = "latchkey_outbox_age_seconds";
pub(super) const CODES_BUDGET: &str = "latchkey_codes_budget";
pub(super) const SMS_BUDGET: &str = "latchkey_sms_budget";
pub(super) const SMS_SPENT: &str = "latchkey_sms_spent";
pub(super) const POSTBOX_PENDING: &str = "latchkey_postbox_pending";
pub(super) const POSTBOX_AGE: &str = "latchkey_postbox_age_seconds";
pub(super) const POOL_CONNECTIONS: &str = "latchkey_pool_connections";
pub(super) const POOL_MOST: &str = "latchkey_pool_most";
pub(super) const POOL_WAITING: &str = "latchkey_pool_waiting";
pub(super) const HASHER_THREADS: &str = "latchkey_hasher_threads";
pub(super) const HASHER_BUSY: &str = "latchkey_hasher_busy";
pub(super) const HASHER_WAITING: &str = "latchkey_hasher_waiting";

/// What of a number is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// How often something happened.
    Counter,
    /// How it is now.
    Gauge,
    /// How long it took, each time.
    Histogram,
}

/// One metric.
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
}

const fn metric(kind: Kind, name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind, help }
}

use Kind::{Counter, Gauge, Histogram};

/// All of them. The two of codes are counted in `application::counts`.
#[rustfmt::skip]
pub(super) const METRICS: [Metric; 23] = [
    metric(Counter, HTTP_REQUESTS, "Requests answered."),
    metric(Histogram, HTTP_SECONDS, "How long answers took, by the class of their status."),
    metric(Histogram, DEPENDENCY_SECONDS, "How long calls took."),
    metric(Counter, ATTEMPTS, "Credentials that were shown, by what came of them."),
    metric(Counter, LOCKS, "Times that wrong passwords made an account wait."),
    metric(Counter, "latchkey_codes_sent_total", "Codes that went on their way."),
    metric(Counter, "latchkey_codes_verified_total", "Right codes, each once."),
    metric(Counter, MESSAGES, "What vendors made of codes and notices."),
    metric(Counter, UNAVAILABLE, "Answers 503, by problem and by what failed."),
    metric(Counter, PURGED_ROWS, "Rows that were over and are removed."),
    metric(Counter, SPANS_LOST, "Spans that did not reach the collector."),
    metric(Gauge, CODES_BUDGET, "The most codes by SMS that may be sent in an hour."),
    metric(Gauge, SMS_BUDGET, "What a day of text messages may cost."),
    metric(Gauge, SMS_SPENT, "What they cost today, as far as this node knows."),
    metric(Gauge, OUTBOX_AGE, "Age of the oldest entry of the outbox due."),
    metric(Gauge, POSTBOX_PENDING, "Codes posted and not yet done with."),
    metric(Gauge, POSTBOX_AGE, "How long the oldest of them has been there."),
    metric(Gauge, POOL_CONNECTIONS, "Connections to the database."),
    metric(Gauge, POOL_MOST, "The most that there may be."),
    metric(Gauge, POOL_WAITING, "Calls that wait for one."),
    metric(Gauge, HASHER_THREADS, "Threads that hash passwords."),
    metric(Gauge, HASHER_BUSY, "Those that hash one now."),
    metric(Gauge, HASHER_WAITING, "Passwords that have a place and no thread yet."),
];

/// Says what each is.
pub(super) fn describe() {
    for Metric { name, kind, help, .. } in METRICS {
        match kind {
            Counter => describe_counter!(name, help),
            Gauge => describe_gauge!(name, help),
            Histogram => describe_histogram!(name, help),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The metrics that a text speaks of, without what a histogram adds to its name.
    fn spoken_of(text: &str) -> BTreeSet<&str> {
        let words = text.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
        let names = words.filter(|it| it.starts_with("latchkey_"));
        names
            .map(|it| {
                let parts = ["_bucket", "_sum", "_count"];
                parts.iter().find_map(|part| it.strip_suffix(part)).unwrap_or(it)
            })
            .collect()
    }

    /// An alarm or a panel on a metric that nobody tells would never ring, or stay empty.
    #[test]
    fn alarms_and_panels_speak_of_what_is_told() {
        let told: BTreeSet<&str> = METRICS.iter().map(|it| it.name).collect();
        for (file, text) in [
            ("alerts.yml", include_str!("../../../../deploy/alerts.yml")),
            ("grafana.json", include_str!("../../../../deploy/grafana.json")),
        ] {
            let named = spoken_of(text);
            let unknown: Vec<_> = named.difference(&told).collect();
            assert!(unknown.is_empty() && !named.is_empty(), "{file}: {unknown:?}");
        }
    }

    /// The table in the documentation has each metric with its type, and no other.
    #[test]
    fn the_documentation_has_the_same_metrics() {
        let text = include_str!("../../../../docs/observability.md");
        let rows = text.lines().filter_map(|it| it.strip_prefix("| `latchkey_"));
        let rows: BTreeSet<_> = rows
            .filter_map(|row| {
                let (name, rest) = row.split_once("` | ")?;
                Some((format!("latchkey_{name}"), rest.split(' ').next()?.to_owned()))
            })
            .collect();
        let told = METRICS.map(|it| (it.name.to_owned(), format!("{:?}", it.kind).to_lowercase()));
        assert_eq!(rows, BTreeSet::from(told));
    }
}
