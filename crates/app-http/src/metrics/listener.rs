//! `GET /metrics`, on a listener of its own (ADM-01).

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use ::metrics::{counter, gauge};
use actix_web::dev::ServerHandle;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpResponse, HttpServer, web};
use adapters_crypto::ArgonHasher;
use adapters_db::PoolState;
use adapters_sms::Dispatcher;
use anyhow::{Context as _, Result};
use domain::policy::Policy;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use ports::watch::DEPENDENCY_SECONDS;

use super::names::{
    CODES_BUDGET, HASHER_BUSY, HASHER_THREADS, HASHER_WAITING, HTTP_SECONDS, LOCKS,
    POOL_CONNECTIONS, POOL_MOST, POOL_WAITING, POSTBOX_AGE, POSTBOX_PENDING, SMS_BUDGET, SMS_SPENT,
    SPANS_LOST, describe,
};
use super::outbox_age;
use crate::serve::listen;

/// The format of Prometheus' text.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Where times are divided, in seconds: from a look into Redis to the longest that a route may take.
const BUCKETS: [f64; 15] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    15.0,
];

/// How often times are put into their buckets where nobody reads them: until then each takes room.
const UPKEEP: Duration = Duration::from_secs(5);

/// Tells how the database's pools are used.
pub(crate) type Pools = Arc<dyn Fn() -> Vec<PoolState> + Send + Sync>;

/// What is looked at when the metrics are read.
#[derive(Clone)]
pub(crate) struct Gauges {
    /// The queue before the senders.
    pub(crate) dispatcher: Arc<Dispatcher>,
    /// The database's pools.
    pub(crate) pools: Pools,
    /// The threads that hash.
    pub(crate) hasher: Arc<ArgonHasher>,
}

impl Gauges {
    fn look(&self) {
        gauge!(POSTBOX_PENDING).set(number(self.dispatcher.pending()));
        gauge!(POSTBOX_AGE).set(self.dispatcher.age().as_secs_f64());
        if let Some((spent, budget)) = self.dispatcher.spent() {
            gauge!(SMS_SPENT).set(units(spent));
            gauge!(SMS_BUDGET).set(units(budget));
        }
        for PoolState { name, most, size, idle, waiting } in (self.pools)() {
            let used = size.saturating_sub(idle);
            gauge!(POOL_CONNECTIONS, "pool" => name, "state" => "idle").set(number(idle));
            gauge!(POOL_CONNECTIONS, "pool" => name, "state" => "used").set(number(used));
            gauge!(POOL_MOST, "pool" => name).set(number(most));
            gauge!(POOL_WAITING, "pool" => name).set(number(waiting));
        }
        let hasher = self.hasher.state();
        gauge!(HASHER_THREADS).set(number(hasher.threads));
        gauge!(HASHER_BUSY).set(number(hasher.busy));
        gauge!(HASHER_WAITING).set(number(hasher.waiting));
    }
}

/// The numbers of this process, kept from now on.
pub(crate) struct Numbers {
    listener: TcpListener,
    kept: PrometheusHandle,
}

impl Numbers {
    /// Takes the address where they will be read, and begins to keep them.
    pub(crate) fn keep(bind: SocketAddr, policy: &Policy) -> Result<Self> {
        let listener = listen(bind)
            .with_context(|| format!("setting `server.metrics_bind`: cannot listen at {bind}"))?;
        let mut builder = PrometheusBuilder::new();
        for name in [HTTP_SECONDS, DEPENDENCY_SECONDS] {
            builder = builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), &BUCKETS)?;
        }
        let kept = builder.install_recorder()?;
        describe();
        // These have a number from the start.
        counter!(LOCKS).increment(0);
        counter!(SPANS_LOST).increment(0);
        outbox_age(Duration::ZERO);
        // Only an operator who bounds what is spent has a budget.
        if let Some(cap) = policy.codes.global.first() {
            gauge!(CODES_BUDGET).set(cap.count);
        }
        Ok(Self { listener, kept })
    }

    /// Serves them until the handle stops it.
    pub(crate) fn serve(self, gauges: Gauges) -> Result<ServerHandle> {
        let Self { listener, kept } = self;
        let address = listener.local_addr()?;
        let numbers = kept.clone();
        let server = HttpServer::new(move || {
            actix_web::App::new()
                .app_data(web::Data::new(kept.clone()))
                .app_data(web::Data::new(gauges.clone()))
                .route("/metrics", web::get().to(get))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)?
        .run();
        let handle = server.handle();
        tokio::spawn(async move {
            let upkeep = async {
                loop {
                    tokio::time::sleep(UPKEEP).await;
                    numbers.run_upkeep();
                }
            };
            tokio::select! {
                ended = server => if let Err(error) = ended {
                    tracing::error!(%error, "the metrics are not served any more");
                },
                () = upkeep => {}
            }
        });
        tracing::info!(%address, "latchkey serves its metrics");
        Ok(handle)
    }
}

async fn get(numbers: web::Data<PrometheusHandle>, gauges: web::Data<Gauges>) -> HttpResponse {
    gauges.look();
    HttpResponse::Ok().insert_header((CONTENT_TYPE, TEXT)).body(numbers.render())
}

/// An amount in the currency's units; a number of this kind is exact enough to look at.
fn units(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64()
}

fn number(count: usize) -> f64 {
    u32::try_from(count).unwrap_or(u32::MAX).into()
}
