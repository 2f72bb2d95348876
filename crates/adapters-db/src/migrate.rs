//! Running migrations, on either engine.

use diesel::backend::Backend;
use diesel::migration::Migration;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness};
use thiserror::Error;

/// Which migrations to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// All that have not run yet.
    Up,
    /// The last one, backwards.
    Down,
    /// The last one, backwards and forwards again.
    Redo,
}

/// Why migrations did not run.
#[derive(Debug, Error)]
pub enum MigrateError {
    /// The database cannot be reached.
    #[error("the database cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The address is that of a pooler, behind which no lock can be held.
    #[error("migrations run at the server itself: give an address without `pgbouncer=true`")]
    Pooled,
    /// Another process has been migrating the database for longer than a start waits.
    #[error("another process is migrating the database")]
    Busy,
    /// A migration failed; what it had begun was rolled back.
    #[error("a migration failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database was migrated by a newer release (REL-15).
    #[error("the database has migrations that this release does not know: {0}")]
    Newer(String),
}

/// Runs migrations and names those that ran.
pub(crate) fn run<DB: Backend>(
    harness: &mut impl MigrationHarness<DB>,
    known: fn() -> EmbeddedMigrations,
    direction: Direction,
) -> Result<Vec<String>, MigrateError> {
    refuse_newer(harness, known)?;
    let ran = match direction {
        Direction::Up => harness.run_pending_migrations(known()).map_err(MigrateError::Failed)?,
        Direction::Down => {
            vec![harness.revert_last_migration(known()).map_err(MigrateError::Failed)?]
        }
        Direction::Redo => {
            harness.revert_last_migration(known()).map_err(MigrateError::Failed)?;
            harness.run_pending_migrations(known()).map_err(MigrateError::Failed)?
        }
    };
    Ok(ran.iter().map(ToString::to_string).collect())
}

/// Names the migrations that are not among the versions that ran. Unlike [`pending`] it writes
/// nothing, as a role without DDL cannot (CFG-03).
pub(crate) fn lacking<DB: Backend>(
    ran: &[String],
    known: fn() -> EmbeddedMigrations,
) -> Result<Vec<String>, MigrateError> {
    use diesel::migration::MigrationSource;
    let ours: Vec<Box<dyn Migration<DB>>> = known().migrations().map_err(MigrateError::Failed)?;
    let named = ours.iter().map(|it| (it.name().version().to_string(), it.name().to_string()));
    let named: Vec<(String, String)> = named.collect();
    if let Some(unknown) = ran.iter().find(|it| !named.iter().any(|(ours, _)| ours == *it)) {
        return Err(MigrateError::Newer(unknown.clone()));
    }
    Ok(named.into_iter().filter(|(it, _)| !ran.contains(it)).map(|(_, name)| name).collect())
}

/// Names the migrations that have not run yet.
pub(crate) fn pending<DB: Backend>(
    harness: &mut impl MigrationHarness<DB>,
    known: fn() -> EmbeddedMigrations,
) -> Result<Vec<String>, MigrateError> {
    refuse_newer(harness, known)?;
    let pending = harness.pending_migrations(known()).map_err(MigrateError::Failed)?;
    Ok(pending.iter().map(|it| it.name().to_string()).collect())
}

fn refuse_newer<DB: Backend>(
    harness: &mut impl MigrationHarness<DB>,
    known: fn() -> EmbeddedMigrations,
) -> Result<(), MigrateError> {
    use diesel::migration::MigrationSource;
    let ours: Vec<Box<dyn Migration<DB>>> = known().migrations().map_err(MigrateError::Failed)?;
    let ours: Vec<String> = ours.iter().map(|it| it.name().version().to_string()).collect();
    let applied = harness.applied_migrations().map_err(MigrateError::Failed)?;
    match applied.iter().map(ToString::to_string).find(|it| !ours.contains(it)) {
        Some(unknown) => Err(MigrateError::Newer(unknown)),
        None => Ok(()),
    }
}
