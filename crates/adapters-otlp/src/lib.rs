//! Traces: which request a call belongs to, also across processes, and their export to a collector
//! over OTLP (ADR 17).
//!
//! [`Traces`] makes spans of the target [`ports::watch::TRACE`] those of a trace, and of nothing
//! else: neither log lines nor their fields go out (LOG-01). [`Remote`] reads the header
//! `traceparent`, `queue` stands between the requests and the collector, so that no request ever
//! waits for it, and `sampler` says what is recorded.

mod queue;
mod remote;
mod sampler;
mod traces;

pub use queue::Export;
pub use remote::{Remote, trace_id, traceparent};
pub use traces::{OtlpSettings, SetupError, Traces};
