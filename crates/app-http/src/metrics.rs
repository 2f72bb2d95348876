//! `GET /metrics`, on a listener of its own (ADM-01), and what is counted of requests (LOG-06).
//!
//! Labels are names of ours alone: a route's pattern, a problem's code. Without a listener nobody
//! keeps the numbers and counting does nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::metrics::{counter, describe_counter, describe_gauge, gauge};
use actix_web::dev::ServerHandle;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpResponse, HttpServer, web};
use adapters_sms::{Answered, Dispatcher};
use anyhow::{Context as _, Result};
use domain::policy::Policy;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::problem::Problem;
use crate::serve::listen;

/// The format of Prometheus' text.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A label's value where there is nothing to name.
const NOTHING: &str = "—";

/// Begins to keep the numbers of this process, and serves them until the handle stops it.
pub(crate) fn serve(
    bind: SocketAddr,
    policy: &Policy,
    dispatcher: Arc<Dispatcher>,
) -> Result<ServerHandle> {
    let listener = listen(bind)
        .with_context(|| format!("setting `server.metrics_bind`: cannot listen at {bind}"))?;
    let address = listener.local_addr()?;
    let numbers = PrometheusBuilder::new().install_recorder()?;
    describe(policy);
    let server = HttpServer::new(move || {
        actix_web::App::new()
            .app_data(web::Data::new(numbers.clone()))
            .app_data(web::Data::from(Arc::clone(&dispatcher)))
            .route("/metrics", web::get().to(get))
    })
    .workers(1)
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = server.handle();
    tokio::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "the metrics are not served any more");
        }
    });
    tracing::info!(%address, "latchkey serves its metrics");
    Ok(handle)
}

async fn get(
    numbers: web::Data<PrometheusHandle>,
    dispatcher: web::Data<Dispatcher>,
) -> HttpResponse {
    let pending = u32::try_from(dispatcher.pending()).unwrap_or(u32::MAX);
    gauge!("latchkey_postbox_pending").set(pending);
    if let Some((spent, budget)) = dispatcher.spent() {
        gauge!("latchkey_sms_spent").set(units(spent));
        gauge!("latchkey_sms_budget").set(units(budget));
    }
    HttpResponse::Ok().insert_header((CONTENT_TYPE, TEXT)).body(numbers.render())
}

/// An amount in the currency's units; a number of this kind is exact enough to look at.
fn units(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64()
}

/// Says what each is, and gives a number to those that have one from the start.
fn describe(policy: &Policy) {
    describe_counter!("latchkey_http_requests_total", "Requests answered.");
    describe_counter!("latchkey_login_attempts_total", "Logins tried, by what came of them.");
    describe_counter!("latchkey_locks_total", "Times that wrong passwords made an account wait.");
    describe_counter!("latchkey_codes_sent_total", "Codes that went on their way.");
    describe_counter!("latchkey_codes_verified_total", "Right codes, each once.");
    describe_counter!("latchkey_messages_total", "What vendors made of codes and notices.");
    describe_counter!("latchkey_unavailable_total", "Answers 503, by problem and by what failed.");
    describe_counter!("latchkey_purged_rows_total", "Rows that were over and are removed.");
    describe_gauge!("latchkey_codes_budget", "The most codes by SMS that may be sent in an hour.");
    describe_gauge!("latchkey_sms_budget", "What a day of text messages may cost.");
    describe_gauge!("latchkey_sms_spent", "What they cost today, as far as this node knows.");
    describe_gauge!("latchkey_outbox_age_seconds", "Age of the oldest entry of the outbox due.");
    describe_gauge!("latchkey_postbox_pending", "Codes posted and not yet done with.");
    counter!("latchkey_locks_total").increment(0);
    outbox_age(Duration::ZERO);
    // Only an operator who bounds what is spent has a budget.
    if let Some(cap) = policy.codes.global.first() {
        gauge!("latchkey_codes_budget").set(cap.count);
    }
}

/// A request was answered.
pub(crate) fn answered(method: &'static str, route: &str, status: u16) {
    let (route, status) = (route.to_owned(), status.to_string());
    counter!(
        "latchkey_http_requests_total",
        "route" => route, "method" => method, "status" => status,
    )
    .increment(1);
}

/// A login was tried: by the type of its credential, and what was wrong with it.
pub(crate) fn tried(method: &'static str, refused: Option<&Problem>) {
    let outcome = refused.map_or("success", |it| it.code().as_str());
    counter!("latchkey_login_attempts_total", "method" => method, "outcome" => outcome)
        .increment(1);
}

/// A vendor answered: `sent`, or why not. A message that is repeated or goes to the next vendor is
/// counted each time.
pub(crate) fn vendor_answered(answered: &Answered<'_>) {
    let Answered { vendor, channel, country, outcome } = *answered;
    let country = country.unwrap_or(NOTHING).to_owned();
    counter!(
        "latchkey_messages_total",
        "channel" => channel.as_str(), "country" => country, "vendor" => vendor,
        "outcome" => outcome,
    )
    .increment(1);
}

/// A request was answered 503.
pub(crate) fn unavailable(problem: &Problem) {
    let (code, dependency) = (problem.code().as_str(), problem.dependency().unwrap_or(NOTHING));
    counter!("latchkey_unavailable_total", "code" => code, "dependency" => dependency).increment(1);
}

/// Rows of a table that were over are gone.
pub(crate) fn purged(table: &'static str, rows: u64) {
    counter!("latchkey_purged_rows_total", "table" => table).increment(rows);
}

/// How long the oldest entry that was due at the last look has been there.
pub(crate) fn outbox_age(age: Duration) {
    gauge!("latchkey_outbox_age_seconds").set(age.as_secs_f64());
}
