//! What all requests share, and the table of routes.

use std::future::{Future, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::guard::{self, Guard as _};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource, Route};
use adapters_sms::Inbox;
use domain::message::Channel;
use ports::Ports;

use crate::edge::{Network, no_override};
use crate::problem::{Code, Problem};
use crate::routes::{
    challenges, consents, dev, docs, health, identities, login, logins, logout, me, merge, oauth2,
    openapi, password, password_reset, providers, reauthenticate, register, sessions,
};
use crate::settings::{Profile, Settings};

/// What all requests share.
pub(crate) struct App {
    /// The ports of the use cases.
    pub(crate) ports: Ports,
    /// What was sent, for developers; absent in production.
    pub(crate) inbox: Option<Arc<Inbox>>,
    /// Where the process runs.
    pub(crate) profile: Profile,
    /// Whether Redis is one of the stores.
    pub(crate) has_redis: bool,
    /// The channels that somebody delivers by; development keeps messages for developers.
    pub(crate) channels: Vec<Channel>,
    /// True where people reach it by `https`.
    pub(crate) is_https: bool,
    /// Whose word on the client's address is taken.
    pub(crate) trusted_proxies: Vec<Network>,
    /// The header in which they give it.
    pub(crate) forwarded_header: String,
    draining: AtomicBool,
    open: AtomicBool,
}

impl App {
    /// Puts it together.
    pub(crate) fn new(settings: &Settings, ports: Ports, inbox: Option<Arc<Inbox>>) -> Arc<Self> {
        Arc::new(Self {
            ports,
            inbox,
            profile: settings.profile,
            has_redis: settings.store.redis_url.is_some(),
            channels: channels(settings),
            is_https: settings.server.is_https,
            trusted_proxies: settings.server.trusted_proxies.clone(),
            forwarded_header: settings.server.forwarded_header.clone(),
            draining: AtomicBool::new(false),
            open: AtomicBool::new(false),
        })
    }

    /// From now on the process is not ready: it is about to stop.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    /// The database has the tables of this release and was opened by the master secret: there are
    /// keys.
    pub(crate) fn set_open(&self) {
        self.open.store(true, Ordering::SeqCst);
    }

    /// True once the database has the tables of this release and there are keys.
    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::SeqCst)
    }

    /// True once the process is about to stop.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }
}

fn channels(settings: &Settings) -> Vec<Channel> {
    let delivers = |it: &Channel| match it {
        Channel::Sms => !settings.senders.is_empty(),
        Channel::Email => settings.email.is_some(),
    };
    let keeps = settings.profile == Profile::Development;
    Channel::ALL.into_iter().filter(|it| keeps || delivers(it)).collect()
}

/// The table of routes. What is not in it is 404; a method that is not in it is 405.
pub(crate) fn routes(config: &mut ServiceConfig, profile: Profile) {
    config
        .service(place("/v1/challenges", "POST").route(post().to(challenges::post)))
        .service(place("/v1/login", "POST").route(post().to(login::post)))
        .service(place("/v1/register", "POST").route(post().to(register::post)))
        .service(place("/v1/logout", "POST").route(post().to(logout::post)))
        .service(
            place("/v1/me", "GET, HEAD, PATCH, DELETE")
                .route(get().to(me::get))
                .route(on(guard::Patch()).to(me::patch))
                .route(on(guard::Delete()).to(me::delete)),
        )
        .service(
            place("/v1/me/identities", "GET, HEAD, POST")
                .route(get().to(identities::get))
                .route(post().to(identities::post)),
        )
        .service(
            place("/v1/me/identities/{id}", "DELETE")
                .route(on(guard::Delete()).to(identities::delete)),
        )
        .service(place("/v1/me/merge", "POST").route(post().to(merge::post)))
        .service(place("/v1/password-reset", "POST").route(post().to(password_reset::post)))
        .service(
            place("/v1/me/sessions", "GET, HEAD, DELETE")
                .route(get().to(sessions::get))
                .route(on(guard::Delete()).to(sessions::delete)),
        )
        .service(
            place("/v1/me/sessions/{id}", "DELETE")
                .route(on(guard::Delete()).to(sessions::delete_one)),
        )
        .service(place("/v1/providers", "GET, HEAD").route(get().to(providers::list)))
        .service(
            place("/v1/providers/{provider}/start", "GET, HEAD").route(get().to(providers::begin)),
        )
        .service(
            // A look at the head of an answer must not use its state up.
            place("/v1/providers/{provider}/callback", "GET, POST")
                .route(on(guard::Get()).to(providers::back))
                .route(post().to(providers::posted_back)),
        )
        .service(place("/v1/me/consents", "GET, HEAD").route(get().to(consents::get)))
        .service(
            place("/v1/me/consents/{client_id}", "PUT, DELETE")
                .route(on(guard::Put()).to(consents::put))
                .route(on(guard::Delete()).to(consents::delete)),
        )
        .service(place("/v1/me/logins", "GET, HEAD").route(get().to(logins::get)))
        .service(place("/v1/reauthenticate", "POST").route(post().to(reauthenticate::post)))
        .service(place("/v1/me/password", "PUT").route(on(guard::Put()).to(password::put)))
        .service(place("/health/live", "GET, HEAD").route(get().to(health::live)))
        .service(place("/health/ready", "GET, HEAD").route(get().to(health::ready)))
        .service(place("/openapi.json", "GET, HEAD").route(get().to(openapi::get)))
        .service(place("/docs", "GET, HEAD").route(get().to(docs::page)))
        .service(place("/docs/{file}", "GET, HEAD").route(get().to(docs::file)));
    oauth_routes(config);
    if profile == Profile::Development {
        config.service(place("/dev/messages", "GET, HEAD").route(get().to(dev::get)));
    }
    config.default_service(web::to(|| refuse(|| Problem::new(Code::NotFound))));
}

/// What other programs call; some of it from browsers of other origins.
fn oauth_routes(config: &mut ServiceConfig) {
    use oauth2::{authorize, cors, discovery, introspect, jwks, revoke, token, userinfo};
    let preflight = || on(guard::Options()).to(cors::preflight);
    config
        .service(
            // No HEAD: an answer without a body would give a code all the same.
            place("/oauth2/authorize", "GET, POST")
                .route(on(guard::Get()).to(authorize::get))
                .route(post().to(authorize::post)),
        )
        .service(place("/oauth2/token", "POST").route(post().to(token::post)).route(preflight()))
        .service(place("/oauth2/revoke", "POST").route(post().to(revoke::post)).route(preflight()))
        .service(place("/oauth2/introspect", "POST").route(post().to(introspect::post)))
        .service(
            place("/oauth2/userinfo", "GET, HEAD, POST")
                .route(get().to(userinfo::get))
                .route(post().to(userinfo::get))
                .route(preflight()),
        )
        .service(place("/oauth2/jwks", "GET, HEAD").route(get().to(jwks::get)).route(preflight()));
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        config.service(place(path, "GET, HEAD").route(get().to(discovery::get)).route(preflight()));
    }
}

/// A path and the methods that it has; any other one is told them.
fn place(path: &str, allow: &'static str) -> Resource {
    web::resource(path)
        .default_service(web::to(move || refuse(move || Problem::method_not_allowed(allow))))
}

fn refuse(problem: impl Fn() -> Problem) -> impl Future<Output = Result<HttpResponse, Problem>> {
    ready(Err(problem()))
}

/// A route whose method is the one that proxies see (EDGE-03).
fn on(method: impl guard::Guard + 'static) -> Route {
    web::route().guard(method).guard(guard::fn_guard(no_override))
}

fn post() -> Route {
    on(guard::Post())
}

/// HEAD is wherever GET is; actix leaves the body out.
fn get() -> Route {
    on(guard::fn_guard(|context| guard::Get().check(context) || guard::Head().check(context)))
}
