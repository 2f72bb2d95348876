//! A database: its pools, and how a call runs on them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use deadpool::managed::TimeoutType;
use diesel_async::pooled_connection::deadpool::PoolError;
use domain::breaker::Breaker;
use futures_util::future::BoxFuture;
use ports::error::StoreError;
use ports::watch::Operation;
use tokio::runtime::Handle;

use super::engine::{Conn, HAS_SERVER, Pool};
use super::queries::in_transaction;
use crate::PoolState;
use crate::error::{Failure, Late, LeftAlone, overloaded, unavailable};

/// The longest that a call may take, waiting for a connection included: a caller with a Redis call
/// before it still answers within three seconds (REL-05).
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest wait for a connection (REL-13): less than a call's time, so that a caller is told
/// what it waited for.
pub(super) const PLACE: Duration = Duration::from_millis(1_800);
/// How often a call is tried when others are at the same rows (REL-05).
const TRIES: usize = 4;

/// A database of this engine. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Database {
    /// Connections that may write. On SQLite there is one.
    writers: Lane,
    /// Connections for reading. On PostgreSQL the same.
    readers: Lane,
    /// The runtime that calls run on: not the caller's, which may be single-threaded or go away.
    pub(super) main: Handle,
}

/// A pool and its breaker: readers go on where the writer is stuck (REL-06, REL-13).
#[derive(Clone)]
pub(super) struct Lane {
    name: &'static str,
    pool: Pool,
    breaker: Arc<Mutex<Breaker>>,
    /// True if each call is a transaction, because a connection is ours no longer than that.
    in_transactions: bool,
}

impl Lane {
    /// With each call in a transaction of its own, or as it is.
    pub(super) fn new(name: &'static str, pool: Pool, in_transactions: bool) -> Self {
        Self { name, pool, breaker: Arc::default(), in_transactions }
    }

    /// How it is used at this moment.
    pub(super) fn state(&self) -> PoolState {
        let status = self.pool.status();
        PoolState {
            name: self.name,
            most: status.max_size,
            size: status.size,
            idle: status.available,
            waiting: status.waiting,
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a call and notes what became of it; a call without a connection says nothing of the
    /// database where others have them all (REL-13).
    async fn run<A, R>(&self, args: &A, call: Call<A, R>) -> Result<R, StoreError> {
        let answer = self.run_unnoted(args, call).await;
        match &answer {
            Err(StoreError::Overloaded { .. }) => {}
            Err(StoreError::Unavailable { .. }) => self.breaker().failed(Instant::now()),
            _ => self.breaker().succeeded(),
        }
        answer
    }

    async fn run_unnoted<A, R>(&self, args: &A, call: Call<A, R>) -> Result<R, StoreError> {
        let mut conn = self.pool.get().await.map_err(no_connection)?;
        let mut tries = 1;
        loop {
            let work = async {
                if self.in_transactions {
                    in_transaction(&mut conn, async |conn: &mut Conn| call(conn, args).await).await
                } else {
                    call(&mut conn, args).await
                }
            };
            match tokio::time::timeout(PATIENCE, work).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(failure)) if failure.is_worth_a_retry() && tries < TRIES => tries += 1,
                Ok(Err(failure)) => return Err(failure.into_store_error()),
                Err(_) => {
                    // Its answer may still come: the connection is of no use to others. Those that
                    // nobody has used meanwhile may have lost their server as well (REL-04).
                    drop(deadpool::managed::Object::take(conn));
                    if HAS_SERVER {
                        drop(self.pool.retain(|_, it| it.last_used() < PATIENCE));
                    }
                    return Err(unavailable(Late));
                }
            }
        }
    }
}

fn no_connection(error: PoolError) -> StoreError {
    match error {
        PoolError::Timeout(TimeoutType::Wait) => overloaded(),
        other => unavailable(other),
    }
}

/// A call on one connection. It may run more than once, so it takes its arguments by reference.
pub(super) type Call<A, R> = for<'c> fn(&'c mut Conn, &'c A) -> BoxFuture<'c, Result<R, Failure>>;

impl Database {
    pub(super) fn new(writers: Lane, readers: Lane, main: Handle) -> Self {
        Self { writers, readers, main }
    }

    /// How its pools are used at this moment; one, where all connections may write.
    #[must_use]
    pub fn pools(&self) -> Vec<PoolState> {
        let (writers, readers) = (self.writers.state(), self.readers.state());
        if writers.name == readers.name { vec![writers] } else { vec![writers, readers] }
    }

    /// Runs a call that only reads.
    pub(super) async fn read<A, R>(
        &self,
        name: &'static Operation,
        args: A,
        call: Call<A, R>,
    ) -> Result<R, StoreError>
    where
        A: Send + Sync + 'static,
        R: Send + 'static,
    {
        name.watch(self.run(self.readers.clone(), args, call)).await
    }

    /// Runs a call that writes.
    pub(super) async fn write<A, R>(
        &self,
        name: &'static Operation,
        args: A,
        call: Call<A, R>,
    ) -> Result<R, StoreError>
    where
        A: Send + Sync + 'static,
        R: Send + 'static,
    {
        name.watch(self.run(self.writers.clone(), args, call)).await
    }

    async fn run<A, R>(&self, lane: Lane, args: A, call: Call<A, R>) -> Result<R, StoreError>
    where
        A: Send + Sync + 'static,
        R: Send + 'static,
    {
        if !lane.breaker().admits(Instant::now()) {
            return Err(unavailable(LeftAlone));
        }
        // Whoever asked may stop waiting; the call ends as it would have.
        let running = self.main.spawn(async move { lane.run(&args, call).await });
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
