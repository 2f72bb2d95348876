//! How calls to the world are watched: each is timed by what was called and by what came of it, and
//! is a span of its trace (LOG-06, ADR 17).
//!
//! Names are ours and fixed. Neither the numbers nor the spans have anything that came from a
//! person (LOG-01).

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::OnceLock;
use std::time::Instant;

use metrics::{Histogram, histogram};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::carrier::CarrierError;
use crate::error::StoreError;
use crate::event_sink::NotTaken;
use crate::hasher::HashError;
use crate::identity_provider::ProviderError;
use crate::sender::SendError;

/// The target of all spans that are traced, and of nothing else.
pub const TRACE: &str = "latchkey::trace";

/// How long calls take, in seconds, by `dependency`, `operation` and `outcome`.
pub const DEPENDENCY_SECONDS: &str = "latchkey_dependency_seconds";

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered.
    Ok,
    /// It was answered no: a proof, a number, an event is not taken.
    Refused,
    /// There was no answer, or not in time.
    Unavailable,
    /// There was no room for it.
    Overloaded,
    /// It was answered what cannot be, or what only an operator mends.
    Failed,
    /// Who asked went away before the answer came.
    Abandoned,
}

impl Outcome {
    /// All outcomes, in their order.
    pub const ALL: [Self; 6] = [
        Self::Ok,
        Self::Refused,
        Self::Unavailable,
        Self::Overloaded,
        Self::Failed,
        Self::Abandoned,
    ];

    /// The label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
            Self::Overloaded => "overloaded",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

/// An error that says what came of a call.
pub trait Told {
    /// It.
    fn outcome(&self) -> Outcome;
}

impl Told for StoreError {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Unavailable { .. } => Outcome::Unavailable,
            Self::Overloaded { .. } | Self::Contended { .. } => Outcome::Overloaded,
            Self::ReadOnly { .. } | Self::Corrupt { .. } | Self::Rejected { .. } => Outcome::Failed,
        }
    }
}

impl Told for SendError {
    fn outcome(&self) -> Outcome {
        match self {
            Self::BadRecipient { .. } | Self::Limited { .. } | Self::NotOffered { .. } => {
                Outcome::Refused
            }
            Self::Misconfigured { .. } | Self::Exhausted { .. } => Outcome::Failed,
            Self::Unavailable { .. } | Self::Ambiguous { .. } => Outcome::Unavailable,
        }
    }
}

impl Told for ProviderError {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Refused => Outcome::Refused,
            Self::Unavailable => Outcome::Unavailable,
            Self::BadResponse => Outcome::Failed,
        }
    }
}

impl Told for CarrierError {
    fn outcome(&self) -> Outcome {
        match self {
            Self::BadToken => Outcome::Refused,
            Self::Unavailable => Outcome::Unavailable,
            Self::BadResponse => Outcome::Failed,
        }
    }
}

impl Told for NotTaken {
    fn outcome(&self) -> Outcome {
        Outcome::Refused
    }
}

impl Told for HashError {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Busy => Outcome::Overloaded,
        }
    }
}

impl Told for Infallible {
    fn outcome(&self) -> Outcome {
        match *self {}
    }
}

/// One thing that is asked of a dependency.
#[derive(Debug)]
pub struct Operation {
    dependency: &'static str,
    name: Cow<'static, str>,
    /// One for each outcome, looked up at the first call: whoever keeps numbers has begun by then.
    times: OnceLock<[Histogram; Outcome::ALL.len()]>,
}

impl Operation {
    /// An operation of a dependency, as in `database` and `accounts.enter`; see
    /// [`operation!`](crate::operation).
    #[must_use]
    pub const fn new(dependency: &'static str, name: &'static str) -> Self {
        Self { dependency, name: Cow::Borrowed(name), times: OnceLock::new() }
    }

    /// An operation of one of several vendors, as in `sms` and `aliyun.send`.
    #[must_use]
    pub fn of(dependency: &'static str, vendor: &str, what: &str) -> Self {
        Self { name: Cow::Owned(format!("{vendor}.{what}")), ..Self::new(dependency, "") }
    }

    /// Makes a call.
    pub async fn watch<T, E: Told>(
        &self,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let (dependency, operation) = (self.dependency, &*self.name);
        let span = tracing::debug_span!(
            target: TRACE,
            "call",
            otel.name = %format_args!("{dependency} {operation}"),
            otel.kind = "client",
            otel.status_code = Empty,
            dependency,
            operation,
            outcome = Empty,
        );
        let mut watched =
            Watched { it: self, span, since: Instant::now(), came: Outcome::Abandoned };
        let done = call.instrument(watched.span.clone()).await;
        watched.came = done.as_ref().err().map_or(Outcome::Ok, Told::outcome);
        done
    }

    fn time(&self, outcome: Outcome) -> Option<&Histogram> {
        let times = self.times.get_or_init(|| {
            Outcome::ALL.map(|it| {
                histogram!(
                    DEPENDENCY_SECONDS,
                    "dependency" => self.dependency,
                    "operation" => self.name.clone(),
                    "outcome" => it.as_str(),
                )
            })
        });
        times.get(outcome as usize)
    }
}

/// A call that is under way. Dropping it notes what came of it.
struct Watched<'a> {
    it: &'a Operation,
    span: Span,
    since: Instant,
    came: Outcome,
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if let Some(time) = self.it.time(self.came) {
            time.record(self.since.elapsed());
        }
        self.span.record("outcome", self.came.as_str());
        if !matches!(self.came, Outcome::Ok | Outcome::Refused) {
            self.span.record("otel.status_code", "ERROR");
        }
    }
}

/// The operation of this place in the code, as in `operation!("redis", "challenges.issue")`: its
/// times are looked up once for all calls.
#[macro_export]
macro_rules! operation {
    ($dependency:expr, $name:expr) => {{
        static IT: $crate::watch::Operation = $crate::watch::Operation::new($dependency, $name);
        &IT
    }};
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::sync::Mutex;

    use futures_util::FutureExt as _;
    use metrics::{
        Counter, Gauge, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    };
    use std::sync::Arc;

    use super::*;

    /// Keeps the labels of what was recorded.
    #[derive(Default, Clone)]
    struct Kept(Arc<Mutex<Vec<String>>>);

    struct Series(Kept, String);

    impl HistogramFn for Series {
        fn record(&self, _: f64) {
            self.0.0.lock().expect("a lock").push(self.1.clone());
        }
    }

    impl Recorder for Kept {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
            Counter::noop()
        }
        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::noop()
        }
        fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
            let labels: Vec<&str> = key.labels().map(metrics::Label::value).collect();
            Histogram::from_arc(Arc::new(Series(self.clone(), labels.join(" "))))
        }
    }

    /// LOG-06: whatever comes of a call is counted once, also if nobody waits for it any more.
    #[test]
    fn each_call_is_counted_by_what_came_of_it() {
        let kept = Kept::default();
        metrics::with_local_recorder(&kept, || {
            let it = Operation::of("sms", "aliyun", "send");
            let said = [Ok(()), Err(SendError::Limited { vendor: "aliyun" })];
            for said in said {
                let _ = it.watch(ready(said)).now_or_never().expect("an answer");
            }
            let never = it.watch(pending::<Result<(), SendError>>()).now_or_never();
            assert!(never.is_none());
        });
        let kept = kept.0.lock().expect("a lock").clone();
        let expected = ["ok", "refused", "abandoned"].map(|it| format!("sms aliyun.send {it}"));
        assert_eq!(kept, expected);
    }

    #[test]
    fn each_outcome_has_a_series_of_its_own() {
        for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, place, "{}", outcome.as_str());
        }
    }
}
