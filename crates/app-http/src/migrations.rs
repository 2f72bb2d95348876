//! Migrations at the start, and those that an operator runs.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use adapters_db::{Direction, MigrateError};
use anyhow::{Context as _, Result, bail};
use application::keyring::KeyringError;
use clap::ValueEnum;
use ports::error::StoreError;

use crate::app::App;
use crate::kept_time::KeptTime;
use crate::keyring::Root;
use crate::settings::Store;
use crate::wiring::{MigrationsError, migrate, pending};

/// How often a database that could not be reached is asked again.
const AGAIN: Duration = Duration::from_secs(2);

/// What to do with migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Verb {
    /// Run what has not run yet
    Up,
    /// Take the last one back
    Down,
    /// Take the last one back and run it again
    Redo,
    /// List those that have not run yet
    Status,
}

/// Runs migrations for an operator.
pub(crate) async fn run(store: &Store, verb: Verb) -> Result<()> {
    let direction = match verb {
        Verb::Up => Direction::Up,
        Verb::Down => Direction::Down,
        Verb::Redo => Direction::Redo,
        Verb::Status => {
            let names = pending(store).await.context("the migrations cannot be looked at")?;
            return say(&names, "pending", "all migrations have run");
        }
    };
    let names = migrate(store, direction).await.context("the migrations did not run")?;
    say(&names, "ran", "no migration had to run")
}

fn say(names: &[String], word: &str, nothing: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    if names.is_empty() {
        writeln!(out, "{nothing}")?;
    }
    for name in names {
        writeln!(out, "{word} {name}")?;
    }
    Ok(())
}

/// Brings the database to this release, or makes sure that it is there; then the process is ready.
///
/// A database that cannot be reached is asked again until it can be. A migration that fails ends
/// the start, and so does a newer database (REL-15); after the first try the node stays not ready
/// instead, and says why.
pub(crate) async fn at_start(
    app: Arc<App>,
    store: Store,
    root: Root,
    time: KeptTime,
) -> Result<()> {
    if is_settled(&app, &store, &root, &time).await? {
        return Ok(());
    }
    loop {
        tokio::time::sleep(AGAIN).await;
        match is_settled(&app, &store, &root, &time).await {
            Ok(true) => {
                tracing::info!("the database can be reached");
                return Ok(());
            }
            Ok(false) => {}
            Err(error) => {
                let cause = format!("{error:#}");
                tracing::error!(cause, "this node stays not ready");
            }
        }
    }
}

/// `false` if the database cannot be reached.
async fn is_settled(app: &App, store: &Store, root: &Root, time: &KeptTime) -> Result<bool> {
    // The time comes last: nobody is served before it is known.
    let settled = is_migrated(store).await? && is_open(root).await? && time.look().await;
    if settled {
        app.set_open();
    }
    Ok(settled)
}

/// Opens the database by the master secret: with another one nobody would be found, and everybody
/// would register anew. `false` if it cannot be reached.
async fn is_open(root: &Root) -> Result<bool> {
    match root.open().await {
        Ok(()) => Ok(true),
        Err(KeyringError::Store(
            error @ (StoreError::Unavailable { .. } | StoreError::Overloaded { .. }),
        )) => {
            tracing::warn!(cause = %error, "the database cannot be reached yet");
            Ok(false)
        }
        Err(error) => Err(root.told(error)),
    }
}

/// `false` if the database cannot be reached.
async fn is_migrated(store: &Store) -> Result<bool> {
    let looked = if store.migrate {
        migrate(store, Direction::Up).await.map(|ran| {
            for name in ran {
                tracing::info!(name, "migration ran");
            }
            Vec::new()
        })
    } else {
        pending(store).await
    };
    match looked {
        Ok(pending) if pending.is_empty() => Ok(true),
        Ok(pending) => bail!(
            "the database lacks {} migrations of this release: run `latchkey migrate`, or set \
             `store.migrate`",
            pending.len()
        ),
        Err(MigrationsError::Migrate(MigrateError::Unreachable(cause))) => {
            if store.database_url_is_sqlite() {
                return Err(anyhow::anyhow!(cause).context("setting `store.database_url`"));
            }
            tracing::warn!(cause = %cause, "the database cannot be reached yet");
            Ok(false)
        }
        Err(MigrationsError::Migrate(error @ MigrateError::Busy)) => {
            tracing::warn!(cause = %error, "the database cannot be used yet");
            Ok(false)
        }
        Err(error) => Err(error).context("the database cannot be used"),
    }
}
