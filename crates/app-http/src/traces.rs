//! Traces, as the settings want them.

use adapters_crypto::SystemEntropy;
use adapters_otlp::{OtlpSettings, Traces};
use anyhow::{Context as _, Result};
use ports::entropy::bytes;

use crate::metrics;
use crate::settings::Telemetry;

/// Prepares the export of traces.
pub(crate) fn traces(settings: &Telemetry) -> Result<Traces> {
    let random: [u8; 16] = bytes(&SystemEntropy);
    let settings = OtlpSettings {
        endpoint: settings.endpoint.clone(),
        service_name: settings.service_name.clone(),
        version: env!("CARGO_PKG_VERSION"),
        instance: uuid::Builder::from_random_bytes(random).into_uuid().to_string(),
        sample_ratio: settings.sample_ratio,
    };
    Traces::new(&settings, metrics::spans_lost).context("setting `telemetry.otlp_endpoint`")
}
