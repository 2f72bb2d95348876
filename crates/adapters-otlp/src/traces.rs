//! The layer that makes traces of spans, and what it needs.

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, RetryPolicy, SpanExporter, WithExportConfig as _,
    WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanExporter as _};
use ports::watch::TRACE;
use reqwest::redirect::Policy;
use thiserror::Error;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use crate::queue::{CALL, Export, OnLost, Queued, queue};
use crate::sampler::Share;

/// Where traces go, and what they say of us.
#[derive(Debug, Clone)]
pub struct OtlpSettings {
    /// The collector's address, without `/v1/traces`.
    pub endpoint: String,
    /// What the service is called there.
    pub service_name: String,
    /// The release.
    pub version: &'static str,
    /// Which of its processes this is; a name that no other has.
    pub instance: String,
    /// The share of traces that are recorded, between 0 and 1.
    pub sample_ratio: f64,
}

/// Why traces cannot be exported.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The HTTP client cannot be made, as without root certificates.
    #[error("no HTTPS client can be made")]
    Client(#[source] reqwest::Error),
    /// The address is none.
    #[error("cannot be exported to")]
    Exporter(#[source] ExporterBuildError),
}

/// Traces, and their way to a collector.
pub struct Traces {
    provider: SdkTracerProvider,
    queued: Queued,
    exporter: SpanExporter,
    on_lost: OnLost,
}

impl Traces {
    /// Prepares the way. Nothing is connected yet, and nothing is sent before [`Traces::export`].
    /// `on_lost` is told of spans that never reach the collector.
    pub fn new(
        settings: &OtlpSettings,
        on_lost: impl Fn(u64) + Send + Sync + 'static,
    ) -> Result<Self, SetupError> {
        let on_lost: OnLost = Arc::new(on_lost);
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(CALL)
            .build()
            .map_err(SetupError::Client)?;
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", settings.endpoint.trim_end_matches('/')))
            .with_timeout(CALL)
            .with_retry_policy(RetryPolicy::disabled())
            .build()
            .map_err(SetupError::Exporter)?;
        let resource = Resource::builder_empty()
            .with_service_name(settings.service_name.clone())
            .with_attributes([
                KeyValue::new("service.version", settings.version),
                KeyValue::new("service.instance.id", settings.instance.clone()),
            ])
            .build();
        exporter.set_resource(&resource);
        let (queue, queued) = queue(Arc::clone(&on_lost));
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_sampler(Share::new(settings.sample_ratio))
            .with_span_processor(queue)
            .build();
        Ok(Self { provider, queued, exporter, on_lost })
    }

    /// The layer. It sees spans of the target [`TRACE`] and no log lines.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let traced = filter_fn(|it| it.is_span() && it.target() == TRACE);
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("latchkey"))
            .with_context_activation(false)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_tracked_inactivity(false)
            .with_filter(traced.with_max_level_hint(LevelFilter::DEBUG))
    }

    /// Begins to send on the present runtime.
    #[must_use]
    pub fn export(self) -> Export {
        Export::start(self.queued, self.exporter, self.on_lost)
    }
}
