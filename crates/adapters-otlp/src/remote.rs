//! The trace context of W3C: what a caller says of the trace that a request belongs to.

use std::ops::Range;

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The header, both ways.
const TRACEPARENT: &str = "traceparent";

/// The span of a caller that a request belongs to.
#[derive(Debug, Clone)]
pub struct Remote(Context);

struct Header<'a>(&'a str);

impl Extractor for Header<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

impl Remote {
    /// Reads `traceparent`; `None` for whatever the recommendation says to take for absent.
    ///
    /// `tracestate` is what other vendors tell each other: it is not read, so it is not kept.
    #[must_use]
    pub fn read(traceparent: &str) -> Option<Self> {
        // The library fills ids that are too short, and takes signs and capitals.
        let bytes = traceparent.as_bytes();
        let is_digit = |it: &u8| it.is_ascii_digit() || (b'a'..=b'f').contains(it);
        let are_digits = |it: Range<usize>| bytes.get(it).is_some_and(|it| it.iter().all(is_digit));
        let is_dash = |place: usize| bytes.get(place) == Some(&b'-');
        let is_over = bytes.len() == 55 || is_dash(55) && !traceparent.starts_with("00");
        let is_whole = [0..2, 3..35, 36..52, 53..55].into_iter().all(are_digits)
            && [2, 35, 52].into_iter().all(is_dash);
        if !is_over || !is_whole {
            return None;
        }
        let context = TraceContextPropagator::new().extract(&Header(traceparent));
        context.span().span_context().is_valid().then(|| Self(context.clone()))
    }

    /// The trace's id, 32 digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        self.0.span().span_context().trace_id().to_string()
    }

    /// Makes a span part of the caller's trace. It has to be new; one that nobody traces stays as
    /// it is.
    pub fn adopt(self, span: &Span) {
        // The error says that the span is not traced, or began already.
        let _ = span.set_parent(self.0);
    }
}

/// The id of the trace that a span belongs to; `None` if it is not traced.
#[must_use]
pub fn trace_id(span: &Span) -> Option<String> {
    of(span).map(|it| it.trace_id().to_string())
}

/// The header by which whoever is called now goes on with this trace; `None` if there is none.
#[must_use]
pub fn traceparent() -> Option<String> {
    let it = of(&Span::current())?;
    let (trace, span, flags) = (it.trace_id(), it.span_id(), it.trace_flags().to_u8());
    Some(format!("00-{trace}-{span}-{flags:02x}"))
}

fn of(span: &Span) -> Option<SpanContext> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let it = context.span().span_context().clone();
    it.is_valid().then_some(it)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    /// The recommendation's own examples, and what it says to take for absent.
    #[rstest]
    #[case::sampled("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true)]
    #[case::not_sampled("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", true)]
    #[case::later_version("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what", true)]
    #[case::no_version("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false)]
    #[case::no_trace("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false)]
    #[case::no_span("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false)]
    #[case::upper_case("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false)]
    #[case::short("00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01", false)]
    #[case::more("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what", false)]
    #[case::sign("00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false)]
    #[case::signed_flags("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-+1", false)]
    #[case::dash("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-", false)]
    #[case::long_flags("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0001", false)]
    #[case::capital_version("CC-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false)]
    #[case::text("13800138000", false)]
    #[case::nothing("", false)]
    fn a_callers_word_is_taken_as_the_recommendation_says(
        #[case] header: &str,
        #[case] is_taken: bool,
    ) {
        let id = Remote::read(header).map(|it| it.trace_id());
        assert_eq!(id.as_deref(), is_taken.then_some(TRACE));
    }

    #[test]
    fn what_is_not_traced_has_no_id() {
        assert_eq!(trace_id(&Span::none()), None);
        assert_eq!(traceparent(), None);
        tracing::subscriber::with_default(tracing_subscriber::registry(), || {
            let log = tracing::info_span!("log");
            assert!(!log.is_disabled());
            assert_eq!(trace_id(&log), None);
            assert_eq!(log.in_scope(traceparent), None);
        });
    }

    proptest::proptest! {
        /// What is read is what was written, to the last digit.
        #[test]
        fn what_is_taken_has_the_callers_ids(header in "[0-9a-f+ -]{50,60}") {
            if let Some(id) = Remote::read(&header).map(|it| it.trace_id()) {
                proptest::prop_assert_eq!(header.get(3..35), Some(id.as_str()));
            }
        }
    }
}
