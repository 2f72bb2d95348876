//! A database: its pools, and how a call runs on them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::breaker::Breaker;
use futures_util::future::BoxFuture;
use ports::error::StoreError;
use tokio::runtime::Handle;

use super::engine::{Conn, Pool};
use crate::error::{Failure, Late, LeftAlone, unavailable};

/// The longest that a call may take, waiting for a connection included: a caller with a Redis call
/// before it still answers within three seconds (REL-05).
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a call is tried when others are at the same rows (REL-05).
const TRIES: usize = 4;

/// A database of this engine. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Database {
    /// Connections that may write. On SQLite there is one.
    pub(super) writers: Pool,
    /// Connections for reading. On PostgreSQL the same pool.
    pub(super) readers: Pool,
    /// The runtime that calls run on: not the caller's, which may be single-threaded or go away.
    pub(super) main: Handle,
    breaker: Arc<Mutex<Breaker>>,
}

/// A call on one connection. It may run more than once, so it takes its arguments by reference.
pub(super) type Call<A, R> = for<'c> fn(&'c mut Conn, &'c A) -> BoxFuture<'c, Result<R, Failure>>;

impl Database {
    pub(super) fn new(writers: Pool, readers: Pool, main: Handle) -> Self {
        Self { writers, readers, main, breaker: Arc::default() }
    }

    /// Runs a call that only reads.
    pub(super) async fn read<A, R>(&self, args: A, call: Call<A, R>) -> Result<R, StoreError>
    where
        A: Send + Sync + 'static,
        R: Send + 'static,
    {
        self.run(self.readers.clone(), args, call).await
    }

    /// Runs a call that writes.
    pub(super) async fn write<A, R>(&self, args: A, call: Call<A, R>) -> Result<R, StoreError>
    where
        A: Send + Sync + 'static,
        R: Send + 'static,
    {
        self.run(self.writers.clone(), args, call).await
    }

    async fn run<A, R>(&self, pool: Pool, args: A, call: Call<A, R>) -> Result<R, StoreError>
    where
        A: Send + Sync + 'static,
        R: Send + 'static,
    {
        if !self.breaker().admits(Instant::now()) {
            return Err(unavailable(LeftAlone));
        }
        let answer = self.run_on_main(pool, args, call).await;
        match &answer {
            Err(StoreError::Unavailable { .. }) => self.breaker().failed(Instant::now()),
            _ => self.breaker().succeeded(),
        }
        answer
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run_on_main<A, R>(
        &self,
        pool: Pool,
        args: A,
        call: Call<A, R>,
    ) -> Result<R, StoreError>
    where
        A: Send + Sync + 'static,
        R: Send + 'static,
    {
        // Whoever asked may stop waiting; the call ends as it would have.
        let running = self.main.spawn(async move {
            let mut conn = pool.get().await.map_err(unavailable)?;
            let mut tries = 1;
            loop {
                match tokio::time::timeout(PATIENCE, call(&mut conn, &args)).await {
                    Ok(Ok(answer)) => return Ok(answer),
                    Ok(Err(failure)) if failure.is_contention() && tries < TRIES => tries += 1,
                    Ok(Err(failure)) => return Err(failure.into_store_error()),
                    Err(_) => {
                        // Its answer may still come: the connection is of no use to others.
                        drop(deadpool::managed::Object::take(conn));
                        return Err(unavailable(Late));
                    }
                }
            }
        });
        match tokio::time::timeout(PATIENCE, running).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(ended)) => Err(unavailable(ended)),
            Err(_) => Err(unavailable(Late)),
        }
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}
