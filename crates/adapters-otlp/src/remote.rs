//! The trace context of W3C: what a caller says of the trace that a request belongs to.

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
        // The library fills ids that are too short.
        let dashes = [2, 35, 52].map(|place| traceparent.as_bytes().get(place) == Some(&b'-'));
        if traceparent.len() < 55 || dashes.contains(&false) {
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
        assert_eq!(trace_id(&tracing::info_span!("log")), None);
        assert_eq!(traceparent(), None);
    }
}
