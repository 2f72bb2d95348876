//! The throwaway servers of `test` and `dev`.

use anyhow::{Context, Result};
use test_servers::{AnyRedis, PgBouncer, Postgres, Redis};

use crate::run::Progress;

/// More than the tests' processes open at the same time.
const CONNECTIONS: &str = "max_connections=300";

/// Starts a PostgreSQL.
pub(crate) fn postgres(progress: &Progress) -> Result<Postgres> {
    progress.step("starting a throwaway PostgreSQL");
    Postgres::start_with(&["-c", CONNECTIONS]).context("no PostgreSQL to run on")
}

/// Starts a pooler before a PostgreSQL.
pub(crate) fn pgbouncer(before: &Postgres, progress: &Progress) -> Result<PgBouncer> {
    progress.step("starting a throwaway PgBouncer");
    PgBouncer::start(before.port()).context("no PgBouncer to run through")
}

/// Starts a Redis in some shape.
pub(crate) fn any_redis(shape: &str, progress: &Progress) -> Result<AnyRedis> {
    progress.step(format!("starting a throwaway Redis ({shape})"));
    AnyRedis::start_as(shape).context("no Redis to run on")
}

/// Starts a Redis.
pub(crate) fn redis(progress: &Progress) -> Result<Redis> {
    progress.step("starting a throwaway Redis");
    Redis::start().context("no Redis to run on")
}
