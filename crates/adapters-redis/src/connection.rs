//! The connection: a few sockets that all callers share, but for those that stay on one thread and
//! have their own.

use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bb8_redis::bb8;
use domain::Duration;
use domain::breaker::Breaker;
use ports::error::StoreError;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Cmd, ConnectionAddr, FromRedisValue, Pipeline, RedisError, ScriptInvocation};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::error::{Failure, left_alone, timed_out};
use crate::own;

/// The longest that connecting, that one answer, and that a call in all may take (REL-13).
const PATIENCE: Duration = Duration::from_millis(500);
/// How many there were in this process.
static MADE: AtomicU64 = AtomicU64::new(0);

/// Where Redis is and what is ours in it.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// `redis://` or `rediss://` (TLS), with user, password and database where needed.
    pub url: SecretString,
    /// What all our keys begin with: no braces, which would move them to another cluster slot.
    pub prefix: String,
    /// How many sockets are shared; two are enough for one node. Each runtime of one thread, as
    /// every worker of a web server is, has one more of its own.
    pub sockets: u32,
}

impl RedisSettings {
    /// Settings with the default prefix, `latchkey`, and two sockets.
    #[must_use]
    pub fn new(url: SecretString) -> Self {
        Self { url, prefix: "latchkey".to_owned(), sockets: 2 }
    }
}

impl RedisSettings {
    /// True if nobody between could read what is said: the server is on this machine, or it is
    /// spoken to by TLS, which is always verified (CFG-03).
    pub fn is_private(&self) -> Result<bool, RedisSettingsError> {
        let client = redis::Client::open(self.url.expose_secret());
        let client = client.map_err(|_| RedisSettingsError::Url)?;
        Ok(match client.get_connection_info().addr() {
            ConnectionAddr::Tcp(host, _) => is_loopback(host),
            ConnectionAddr::TcpTls { host, insecure, .. } => !insecure || is_loopback(host),
            ConnectionAddr::Unix(_) => true,
            _ => false,
        })
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|it: IpAddr| it.is_loopback())
}

/// Why settings cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RedisSettingsError {
    /// The address is none.
    #[error("not an address of a redis server")]
    Url,
    /// The prefix is empty or has other characters than ASCII letters, digits, `-`, `_`, `.`, `:`.
    #[error("not a prefix for keys")]
    Prefix,
    /// No sockets.
    #[error("at least one socket is needed")]
    Sockets,
}

/// A Redis server, reached through a few sockets that reconnect by themselves.
///
/// Usable from any runtime. What a call leaves running does so on the main one, or, where the
/// caller's runtime has one thread, there, on a socket that nobody else uses.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    /// Tells it from the others of the process.
    number: u64,
    client: redis::Client,
    config: ConnectionManagerConfig,
    pool: bb8::Pool<Sockets>,
    main: Handle,
    prefix: String,
    breaker: Mutex<Breaker>,
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis").field("prefix", &self.0.prefix).finish_non_exhaustive()
    }
}

impl Redis {
    /// Prepares the sockets. They connect when first used: a server that is down is no error here,
    /// and each call tries again.
    ///
    /// `main` is the runtime that outlives all callers, of several threads.
    pub fn connect(settings: &RedisSettings, main: Handle) -> Result<Self, RedisSettingsError> {
        let RedisSettings { url, prefix, sockets } = settings;
        let plain = |it: u8| it.is_ascii_alphanumeric() || b"-_.:".contains(&it);
        if prefix.is_empty() || !prefix.bytes().all(plain) {
            return Err(RedisSettingsError::Prefix);
        }
        if *sockets == 0 {
            return Err(RedisSettingsError::Sockets);
        }
        let client =
            redis::Client::open(url.expose_secret()).map_err(|_| RedisSettingsError::Url)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_number_of_retries(0)
            .set_pipeline_buffer_size(1024)
            .set_concurrency_limit(4096);
        let pool = {
            let _on_main = main.enter();
            bb8::Pool::builder()
                .max_size(*sockets)
                .min_idle(*sockets)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_on_check_out(false)
                .queue_strategy(bb8::QueueStrategy::Fifo)
                .connection_timeout(PATIENCE)
                .build_unchecked(Sockets { client: client.clone(), config: config.clone() })
        };
        let (breaker, prefix) = (Mutex::default(), prefix.clone());
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        Ok(Self(Arc::new(Inner { number, client, config, pool, main, prefix, breaker })))
    }

    /// Asks the server for an answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.command::<String>(&redis::cmd("PING")).await.map(drop)
    }

    /// A key of ours: the prefix, the kind, and raw bytes.
    pub(crate) fn key(&self, kind: &str, name: &[u8]) -> Vec<u8> {
        [self.0.prefix.as_bytes(), b":", kind.as_bytes(), b":", name].concat()
    }

    /// The main runtime.
    pub(crate) fn main(&self) -> &Handle {
        &self.0.main
    }

    /// Runs one command.
    pub(crate) async fn command<T: FromRedisValue>(&self, cmd: &Cmd) -> Result<T, StoreError> {
        self.call(async { cmd.query_async(&mut self.socket().await?).await.map_err(Failure::from) })
            .await
    }

    /// Runs several commands in one round trip; all must succeed.
    pub(crate) async fn pipeline(&self, pipeline: &Pipeline) -> Result<(), StoreError> {
        self.call(async {
            pipeline.exec_async(&mut self.socket().await?).await.map_err(Failure::from)
        })
        .await
    }

    /// Runs a script, and loads it first where the server does not know it.
    pub(crate) async fn script<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        self.call(async {
            script.invoke_async(&mut self.socket().await?).await.map_err(Failure::from)
        })
        .await
    }

    /// Takes the caller's own socket, or one to share: that is given back at once, so that callers
    /// never wait for it.
    async fn socket(&self) -> Result<ConnectionManager, Failure> {
        let Inner { number, client, config, pool, .. } = &*self.0;
        match own::runtime() {
            Some(runtime) => Ok(own::socket(*number, runtime, client, config)?),
            None => Ok(pool.get().await?.clone()),
        }
    }

    /// Runs a call, unless the server failed so often in a row that it is left alone for a moment.
    async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, StoreError> {
        if !self.breaker().admits(Instant::now()) {
            return Err(left_alone());
        }
        let answer = match own::runtime() {
            Some(_) => in_time(call).await,
            None => self.call_on_main(call).await,
        };
        match &answer {
            Err(StoreError::Unavailable { .. }) => self.breaker().failed(Instant::now()),
            _ => self.breaker().succeeded(),
        }
        answer
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.0.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a call with the main runtime at hand: the drivers of shared connections are spawned
    /// there, not on the caller's runtime, with which they would die.
    async fn call_on_main<T>(
        &self,
        call: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, StoreError> {
        let mut call = pin!(in_time(call));
        let answer = poll_fn(|context| {
            let _on_main = self.0.main.enter();
            call.as_mut().poll(context)
        });
        answer.await
    }
}

/// Runs a call in its time.
async fn in_time<T>(call: impl Future<Output = Result<T, Failure>>) -> Result<T, StoreError> {
    timeout(PATIENCE, call).await.map_err(|_| timed_out())?.map_err(StoreError::from)
}

/// Makes the pool's sockets. They reconnect by themselves, so they are never broken.
struct Sockets {
    client: redis::Client,
    config: ConnectionManagerConfig,
}

impl bb8::ManageConnection for Sockets {
    type Connection = ConnectionManager;
    type Error = RedisError;

    async fn connect(&self) -> Result<ConnectionManager, RedisError> {
        ConnectionManager::new_lazy_with_config(self.client.clone(), self.config.clone())
    }

    async fn is_valid(&self, _: &mut ConnectionManager) -> Result<(), RedisError> {
        Ok(())
    }

    fn has_broken(&self, _: &mut ConnectionManager) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> RedisSettings {
        RedisSettings::new("redis://user:hush@127.0.0.1:1".into())
    }

    fn refused(settings: &RedisSettings) -> RedisSettingsError {
        Redis::connect(settings, Handle::current()).unwrap_err()
    }

    #[tokio::test]
    async fn settings_that_cannot_be_used_are_refused() {
        let url = RedisSettings { url: "https://example.com".into(), ..settings() };
        assert_eq!(refused(&url), RedisSettingsError::Url);
        for prefix in ["", "a{b}", "a b", "ä"] {
            let prefix = RedisSettings { prefix: prefix.to_owned(), ..settings() };
            assert_eq!(refused(&prefix), RedisSettingsError::Prefix);
        }
        let sockets = RedisSettings { sockets: 0, ..settings() };
        assert_eq!(refused(&sockets), RedisSettingsError::Sockets);
    }

    /// CFG-03: what is said to another machine is encrypted, for a server that proved its name.
    #[test]
    fn an_address_says_who_could_listen() {
        for (url, expected) in [
            ("redis://127.0.0.1", true),
            ("redis://localhost:6380", true),
            ("redis://[::1]", true),
            ("redis+unix:///run/redis.sock", true),
            ("rediss://redis.example.com", true),
            ("redis://redis.example.com", false),
            ("redis://localhost:hush@redis.example.com", false),
            ("rediss://redis.example.com/#insecure", false),
        ] {
            assert_eq!(RedisSettings::new(url.into()).is_private(), Ok(expected), "{url}");
        }
    }

    /// REL-04: a server that is down is told at once, without its address or password.
    #[tokio::test]
    async fn a_server_that_is_down_is_unavailable() {
        let redis = Redis::connect(&settings(), Handle::current()).unwrap();
        let error = redis.ping().await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { store: "redis", .. }), "{error:?}");
        let told = format!("{error:?} {redis:?} {:?}", settings());
        assert!(!told.contains("hush") && !told.contains("127.0.0.1"), "{told}");
    }

    /// REL-04: a server that hangs is given up in half a second.
    #[tokio::test]
    async fn a_server_that_hangs_is_unavailable_in_time() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("redis://{}", silent.local_addr().unwrap()).into();
        let settings = RedisSettings { url, ..settings() };
        let redis = Redis::connect(&settings, Handle::current()).unwrap();
        let answer = timeout(PATIENCE * 3 / 2, redis.ping()).await;
        assert!(matches!(answer, Ok(Err(StoreError::Unavailable { .. }))), "{answer:?}");
    }
}
