//! Serving: from the listening socket to the last answer.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpService;
use actix_http::KeepAlive;
use actix_server::{Server, ServerHandle};
use actix_service::{ServiceFactoryExt as _, fn_service, map_config};
use actix_web::dev::AppConfig;
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::web;
use adapters_otlp::Traces;
use anyhow::{Context as _, Result};
use domain::phone::PhoneNumber;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::app::{App, routes};
use crate::courier::Rounds;
use crate::edge::{Framed, gate};
use crate::kept_time::KeptTime;
use crate::metrics::Numbers;
use crate::migrations;
use crate::settings::Settings;
use crate::wiring::{Wired, wire};

/// Time between two requests on one connection (EDGE-05).
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a client may still talk after an answer that ends its connection.
const DISCONNECT: Duration = Duration::from_secs(2);
/// How long requests may take to finish after the signal to stop, in seconds (REL-09).
const FINISH_SECS: u64 = 20;
/// How long messages may take to leave after that.
const POST: Duration = Duration::from_secs(8);
/// How long the last spans may take to reach the collector.
const LAST_SPANS: Duration = Duration::from_secs(1);

/// Serves until it is told to stop.
pub(crate) async fn serve(mut settings: Settings, traces: Option<Traces>) -> Result<()> {
    let stop = Stop::listen()?;
    let export = traces.map(Traces::export);
    // The first number takes a tenth of a second, which no person should wait for.
    let _ = PhoneNumber::parse("13800138000", &settings.policy.phones);
    let bind = settings.server.bind;
    let listener =
        listen(bind).with_context(|| format!("setting `server.bind`: cannot listen at {bind}"))?;
    let address = listener.local_addr()?;
    if settings.policy.oauth.issuer.is_empty() {
        // Only in development: production that has clients has a public address.
        Arc::make_mut(&mut settings.policy).oauth.issuer = format!("http://{address}");
    }
    // Before anything is counted: handles that are looked up once are looked up then.
    let numbers = match settings.server.metrics_bind {
        Some(bind) => Some(Numbers::keep(bind, &settings.policy)?),
        None => None,
    };
    let Wired { ports, root, clock, dispatcher, inbox, courier, gauges } =
        wire(&settings, &Handle::current())?;
    let metrics = numbers.map(|it| it.serve(gauges)).transpose()?;
    let enabled = ports.policy.ways.providers.iter();
    let providers: Vec<_> = enabled.map(|it| it.name).collect();
    let app = App::new(&settings, ports, inbox);
    let opened = Arc::clone(&app);
    let rounds = Rounds::start(courier, move || opened.is_open());
    let (last_request, draining) = watch::channel(false);
    let server = server(listener, Arc::clone(&app), draining)?;
    tracing::info!(%address, profile = ?settings.profile, ?providers, "latchkey serves");
    if settings.server.is_https && settings.server.trusted_proxies.is_empty() {
        // TLS ends before this process: without the list all people share the proxy's limits.
        tracing::warn!(
            "`server.trusted_proxies` is empty: each client counts by its peer's address"
        );
    }
    // A task of its own, so that whatever the database does the signal to stop is heard.
    let (accounts, opened) = (Arc::clone(&app.ports.accounts), Arc::clone(&app));
    let kept = KeptTime { clock, accounts, is_ours: Arc::new(move || opened.is_open()) };
    let starting =
        tokio::spawn(migrations::at_start(Arc::clone(&app), settings.store, root, kept.clone()));
    let keeping = tokio::spawn(kept.clone().go_on());
    let drain = settings.server.drain;
    let stopping = tokio::spawn(stop_in_order(stop, server.handle(), app, last_request, drain));
    tokio::select! {
        ended = server => ended.context("the server failed")?,
        error = failed(starting) => return Err(error),
    }
    stopping.abort();
    keeping.abort();
    // Nobody is answered any more, so that this is the last moment that anybody saw.
    let (lost, (), ()) = tokio::join!(dispatcher.drain(POST), rounds.stop(POST), kept.keep());
    if lost > 0 {
        tracing::warn!(lost, "messages were not delivered in time");
    }
    if let Some(metrics) = metrics {
        metrics.stop(false).await;
    }
    if let Some(export) = export {
        export.stop(LAST_SPANS).await;
    }
    tracing::info!("latchkey has stopped");
    Ok(())
}

/// Why the start failed; never ends if it did not.
async fn failed(starting: JoinHandle<Result<()>>) -> anyhow::Error {
    match starting.await {
        Ok(Ok(())) => std::future::pending().await,
        Ok(Err(error)) => error,
        Err(ended) => anyhow::Error::new(ended).context("the start was interrupted"),
    }
}

/// A socket that listens and does not block.
pub(crate) fn listen(bind: std::net::SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(bind)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Puts the guarded stream, actix's HTTP/1 and the routes together.
fn server(listener: TcpListener, app: Arc<App>, draining: watch::Receiver<bool>) -> Result<Server> {
    let profile = app.profile;
    let builder = Server::build().disable_signals().shutdown_timeout(FINISH_SECS);
    let builder = builder.listen("latchkey", listener, move || {
        let shared = web::Data::from(Arc::clone(&app));
        let draining = draining.clone();
        let routed = actix_web::App::new()
            .app_data(shared)
            .wrap(from_fn(gate))
            .configure(|it| routes(it, profile));
        let http = HttpService::build()
            .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
            // The head's time is the guarded stream's, for every head.
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(DISCONNECT)
            .graceful_shutdown_signal(move || {
                let mut draining = draining.clone();
                async move {
                    let _ = draining.wait_for(|it| *it).await;
                }
            })
            .h1(map_config(routed, |()| AppConfig::default()));
        fn_service(|stream: TcpStream| async move {
            let peer = stream.peer_addr().ok();
            Ok((Framed::new(stream), peer))
        })
        .and_then(http)
    })?;
    Ok(builder.run())
}

/// The signals to stop. Listening begins before anything else, so that none is missed.
struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Stop {
    fn listen() -> Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn came(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Not ready at once, then no new connections, then no further requests (REL-09).
async fn stop_in_order(
    mut stop: Stop,
    server: ServerHandle,
    app: Arc<App>,
    last_request: watch::Sender<bool>,
    drain: Duration,
) {
    stop.came().await;
    tracing::info!("stopping");
    app.drain();
    tokio::select! {
        () = tokio::time::sleep(drain) => {}
        // Whoever asks twice does not want to wait.
        () = stop.came() => {}
    }
    last_request.send_replace(true);
    server.stop(true).await;
}
