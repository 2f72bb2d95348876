//! The connection: a few sockets that all callers share, but for those that stay on one thread and
//! have their own.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bb8_redis::bb8;
use domain::Duration;
use domain::breaker::Breaker;
use ports::error::StoreError;
use ports::watch::Operation;
use redis::{Cmd, FromRedisValue, Pipeline, RedisError, ScriptInvocation};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::address::Address;
use crate::doubts::{Doubts, Held};
use crate::error::Failure;
use crate::own::{self, Own};
use crate::socket::{Socket, Sockets};

/// The longest that connecting, that one answer, and that a call in all may take (REL-13).
const PATIENCE: Duration = Duration::from_millis(500);

/// Where Redis is and what is ours in it.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// `redis://` or `rediss://` (TLS), with user, password and database where needed; or
    /// `redis-cluster://host:port,host:port`, or `redis-sentinel://host:port,host:port/master`.
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
        Ok(Address::parse(self.url.expose_secret())?.is_private())
    }
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

/// A Redis server or cluster, reached through a few sockets; one that fails is not used again.
///
/// Usable from any runtime. What a call leaves running does so on the main one, or, where the
/// caller's runtime has one thread, there, on a socket that nobody else uses.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    /// What makes the sockets of callers that have one of their own; none where a socket of one
    /// server is not enough.
    own: Option<Own>,
    pool: bb8::Pool<Sockets>,
    main: Handle,
    prefix: String,
    breaker: Mutex<Breaker>,
    doubts: Doubts,
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
        let address = Address::parse(url.expose_secret())?;
        let made = Sockets::new(address, PATIENCE).map_err(|_| RedisSettingsError::Url)?;
        let (own, doubts) = (made.own(), made.doubts());
        let pool = {
            let _on_main = main.enter();
            bb8::Pool::builder()
                .max_size(*sockets)
                .min_idle(*sockets)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_on_check_out(true)
                .queue_strategy(bb8::QueueStrategy::Fifo)
                .connection_timeout(PATIENCE)
                .build_unchecked(made)
        };
        let (prefix, breaker) = (prefix.clone(), Mutex::default());
        Ok(Self(Arc::new(Inner { own, pool, main, prefix, breaker, doubts })))
    }

    /// Asks the server for an answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.command::<String>(named!("ping"), &redis::cmd("PING")).await.map(drop)
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
    pub(crate) async fn command<T: FromRedisValue>(
        &self,
        name: &'static Operation,
        cmd: &Cmd,
    ) -> Result<T, StoreError> {
        self.call(name, async |mut socket| cmd.query_async(&mut socket).await).await
    }

    /// Runs several commands in one round trip; all must succeed.
    pub(crate) async fn pipeline(
        &self,
        name: &'static Operation,
        commands: &Pipeline,
    ) -> Result<(), StoreError> {
        self.call(name, async |mut socket| socket.all(commands).await).await
    }

    /// Runs a script, and loads it first where the server does not know it.
    pub(crate) async fn script<T: FromRedisValue>(
        &self,
        name: &'static Operation,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        self.call(name, async |mut socket| script.invoke_async(&mut socket).await).await
    }

    /// Runs a call under the name that it is watched by.
    async fn call<T>(
        &self,
        name: &'static Operation,
        call: impl AsyncFnOnce(Socket) -> Result<T, RedisError>,
    ) -> Result<T, StoreError> {
        name.watch(self.call_if_well(call)).await
    }

    /// Runs a call, unless the server failed so often in a row that it is left alone for a moment.
    async fn call_if_well<T>(
        &self,
        call: impl AsyncFnOnce(Socket) -> Result<T, RedisError>,
    ) -> Result<T, StoreError> {
        if !self.breaker().admits(Instant::now()) {
            return Err(Failure::left_alone().into());
        }
        let call = self.call_in_time(call);
        let answer = if self.0.own.is_some() && own::is_alone() {
            call.await
        } else {
            self.with_main_at_hand(call).await
        };
        match &answer {
            Err(StoreError::Unavailable { .. }) => self.breaker().failed(Instant::now()),
            _ => self.breaker().succeeded(),
        }
        answer
    }

    /// Runs a call in its time, and notes what came of it on its socket.
    async fn call_in_time<T>(
        &self,
        call: impl AsyncFnOnce(Socket) -> Result<T, RedisError>,
    ) -> Result<T, StoreError> {
        let mut used = None;
        let answer = timeout(PATIENCE, async {
            let held = used.insert(self.socket().await?);
            call(held.socket.clone()).await.map_err(Failure::from)
        });
        let answer = answer.await.unwrap_or_else(|_| Err(Failure::timed_out()));
        if let Some(used) = &used {
            self.0.doubts.note(used, answer.as_ref().err().map(|it| it.doubt));
        }
        answer.map_err(StoreError::from)
    }

    /// Takes the caller's own socket, or one to share: that is given back at once, so that callers
    /// never wait for it.
    async fn socket(&self) -> Result<Held, Failure> {
        match self.0.own.as_ref().and_then(Own::socket) {
            Some(own) => Ok(own?),
            None => Ok(self.0.pool.get().await?.clone()),
        }
    }

    /// Runs a call with the main runtime at hand: the drivers of shared connections are spawned
    /// there, not on the caller's runtime, with which they would die.
    async fn with_main_at_hand<R>(&self, call: impl Future<Output = R>) -> R {
        let mut call = pin!(call);
        let answer = poll_fn(|context| {
            let _on_main = self.0.main.enter();
            call.as_mut().poll(context)
        });
        answer.await
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.0.breaker.lock().unwrap_or_else(PoisonError::into_inner)
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
