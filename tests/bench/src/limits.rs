//! What limits a session check and a password: the least that any server would have to do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::AUTHORIZATION;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use adapters_crypto::{ArgonHasher, HasherSettings, RootKeys};
use anyhow::{Context as _, Result, bail};
use domain::password::{Password, PasswordAttempt, PasswordHash, PasswordPolicy, Verdict};
use domain::secret::SessionToken;
use ports::hasher::Hasher as _;
use ports::keys::Keys as _;
use redis::aio::MultiplexedConnection;

use crate::load::{Outcome, Step, drive};
use crate::people::PASSWORD;

/// Serves session checks by hashing the token and asking Redis once, and does nothing else.
pub(crate) async fn serve(bind: SocketAddr, redis: &str) -> Result<()> {
    let client = redis::Client::open(redis)?;
    let redis = client.get_multiplexed_async_connection().await?;
    let keys = Arc::new(RootKeys::new(&[0; 32])?);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(redis.clone()))
            .app_data(web::Data::from(Arc::clone(&keys)))
            .route("/v1/me", web::get().to(me))
            .route("/health/ready", web::get().to(HttpResponse::Ok))
    });
    Ok(server.bind(bind)?.run().await?)
}

async fn me(
    request: HttpRequest,
    redis: web::Data<MultiplexedConnection>,
    keys: web::Data<RootKeys>,
) -> HttpResponse {
    let token = request.headers().get(AUTHORIZATION).and_then(|it| it.to_str().ok());
    let token = token.and_then(|it| it.strip_prefix("Bearer ")).and_then(SessionToken::parse);
    let Some(token) = token else { return HttpResponse::Unauthorized().finish() };
    let hash = keys.token_hash(&token);
    let mut get = redis::cmd("GET");
    get.arg([b"latchkey:session:", hash.as_bytes().as_slice()].concat());
    let held: Result<Option<Vec<u8>>, _> = get.query_async(&mut redis.get_ref().clone()).await;
    match held {
        Ok(Some(copy)) => HttpResponse::Ok().content_type("application/json").body(copy),
        Ok(None) => HttpResponse::Unauthorized().finish(),
        Err(_) => HttpResponse::ServiceUnavailable().finish(),
    }
}

/// The code that hashes, on as many threads as the server gives it, and nothing around it.
pub(crate) struct Hashing {
    hasher: Arc<ArgonHasher>,
    /// The stored hash of everybody's password.
    pub(crate) stored: PasswordHash,
}

impl Hashing {
    /// Starts the threads, with the settings that the server has by default.
    pub(crate) async fn start() -> Result<Self> {
        let settings = HasherSettings {
            memory_kib: 19_456,
            iterations: 2,
            parallelism: 1,
            threads: usize::MAX,
            queue: 100,
            wait: Duration::from_secs(2),
            keep: Duration::from_secs(5),
        };
        let hasher = Arc::new(ArgonHasher::start(&settings)?);
        let password = Password::parse(
            PASSWORD,
            &PasswordPolicy { min_length: 8, service_words: Vec::new() },
            &[],
        )
        .context("a password that cannot be one")?;
        let stored = hasher.hash(&password).await.context("no hash")?;
        Ok(Self { hasher, stored })
    }

    /// Tries a password again and again, by so many at a time.
    pub(crate) async fn drive(
        &self,
        callers: usize,
        most: Duration,
        tried: &'static str,
    ) -> Result<Outcome> {
        let is_right = tried == PASSWORD;
        let (hasher, stored) = (Arc::clone(&self.hasher), self.stored.clone());
        let step = move |_, _| {
            let (hasher, stored) = (Arc::clone(&hasher), stored.clone());
            async move {
                let attempt = PasswordAttempt::parse(tried).context("no password")?;
                let Ok(verdict) = hasher.verify(&attempt, Some(stored)).await else {
                    return Ok(Step::Refused);
                };
                if matches!(verdict, Verdict::Right { .. }) != is_right {
                    bail!("the hasher is wrong");
                }
                Ok(Step::Good)
            }
        };
        drive(callers, most, step).await
    }
}
