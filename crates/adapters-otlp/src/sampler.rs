//! Which traces are recorded.

use opentelemetry::trace::{
    Link, SpanContext, SpanKind, TraceContextExt as _, TraceId, TraceState,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{
    IdGenerator as _, RandomIdGenerator, Sampler, SamplingDecision, SamplingResult, ShouldSample,
};

/// A share of all traces: of our own by their ids, so that all nodes record the same, and of
/// callers' by a coin of ours.
///
/// A caller may ask for less by an unset flag, and never for more: whoever can send requests, and
/// so chooses ids, would decide how much is recorded. Calls that belong to nothing, as a look into
/// the outbox each second, are not recorded.
#[derive(Debug, Clone)]
pub(crate) struct Share(Sampler);

impl Share {
    /// A share between 0 and 1.
    pub(crate) fn new(ratio: f64) -> Self {
        Self(Sampler::TraceIdRatioBased(ratio))
    }
}

impl ShouldSample for Share {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let parent =
            parent.map(|it| it.span().span_context().clone()).filter(SpanContext::is_valid);
        let decided = |decision| SamplingResult {
            decision,
            attributes: Vec::new(),
            trace_state: TraceState::NONE,
        };
        match parent {
            Some(it) if !it.is_sampled() => decided(SamplingDecision::Drop),
            Some(it) if !it.is_remote() => decided(SamplingDecision::RecordAndSample),
            None if *kind == SpanKind::Client => decided(SamplingDecision::Drop),
            theirs => {
                let coin = || RandomIdGenerator::default().new_trace_id();
                let id = theirs.map_or(trace_id, |_| coin());
                self.0.should_sample(None, id, name, kind, attributes, links)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanId, TraceFlags};
    use rstest::rstest;

    use super::*;

    fn parent(is_sampled: bool, is_remote: bool) -> Context {
        let flags = TraceFlags::default().with_sampled(is_sampled);
        let (trace, span) = (TraceId::from(7_u128), SpanId::from(7_u64));
        let it = SpanContext::new(trace, span, flags, is_remote, TraceState::NONE);
        Context::new().with_remote_span_context(it)
    }

    #[rstest]
    #[case::a_request(None, 1.0, SpanKind::Server, true)]
    #[case::a_request_of_none(None, 0.0, SpanKind::Server, false)]
    #[case::background_work(None, 1.0, SpanKind::Internal, true)]
    #[case::a_call_of_nothing(None, 1.0, SpanKind::Client, false)]
    #[case::a_caller_asks(Some(parent(true, true)), 1.0, SpanKind::Server, true)]
    #[case::a_caller_asks_in_vain(Some(parent(true, true)), 0.0, SpanKind::Server, false)]
    #[case::a_caller_declines(Some(parent(false, true)), 1.0, SpanKind::Server, false)]
    #[case::a_part(Some(parent(true, false)), 0.0, SpanKind::Client, true)]
    #[case::a_part_of_none(Some(parent(false, false)), 1.0, SpanKind::Client, false)]
    fn a_trace_is_recorded_whole_or_not_at_all(
        #[case] parent: Option<Context>,
        #[case] ratio: f64,
        #[case] kind: SpanKind,
        #[case] is_recorded: bool,
    ) {
        let id = TraceId::from(7_u128);
        let said = Share::new(ratio).should_sample(parent.as_ref(), id, "it", &kind, &[], &[]);
        assert_eq!(said.decision == SamplingDecision::RecordAndSample, is_recorded);
    }

    /// An id that would be in every share does not help who chooses it.
    #[test]
    fn a_caller_does_not_choose_by_an_id() {
        let (share, parent) = (Share::new(0.001), parent(true, true));
        let id = TraceId::from(1_u128);
        let is_recorded = |_: &u32| {
            let said = share.should_sample(Some(&parent), id, "it", &SpanKind::Server, &[], &[]);
            said.decision == SamplingDecision::RecordAndSample
        };
        let recorded = (0..1000).filter(is_recorded).count();
        assert!(recorded < 100, "{recorded} of 1000, where one is due");
    }
}
