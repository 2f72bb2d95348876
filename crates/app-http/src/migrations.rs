//! Migrations at the start, and those that an operator runs.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use adapters_db::{Direction, MigrateError};
use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use crate::app::App;
use crate::settings::{Profile, Store};
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

/// Brings the database to this release, or makes sure that it is there.
///
/// A database that cannot be reached does not stop the start: the process is not ready until it
/// can, and then goes on from here. A migration that fails does stop it, and so does a newer
/// database (REL-15).
pub(crate) async fn at_start(app: &Arc<App>, store: &Arc<Store>) -> Result<()> {
    if settle(store).await? {
        belongs(app).await?;
        app.set_migrated();
    } else {
        tokio::spawn(settle_later(Arc::clone(app), Arc::clone(store)));
    }
    Ok(())
}

async fn settle_later(app: Arc<App>, store: Arc<Store>) {
    loop {
        tokio::time::sleep(AGAIN).await;
        match settle(&store).await {
            Ok(true) => match belongs(&app).await {
                Ok(()) => {
                    tracing::info!("the database can be reached");
                    return app.set_migrated();
                }
                Err(error) => {
                    let cause = format!("{error:#}");
                    tracing::error!(cause, "this node stays not ready");
                }
            },
            Ok(false) => {}
            Err(error) => {
                let cause = format!("{error:#}");
                tracing::error!(cause, "the database cannot be used; this node stays not ready");
            }
        }
    }
}

/// Makes sure that the database belongs to this master secret: with another one nobody is found,
/// and everybody would register anew. In development that is said, and no more.
async fn belongs(app: &App) -> Result<()> {
    let secret = app.ports.keys.subject("master secret", "");
    if app.ports.accounts.belongs_to(&secret).await.context("the database cannot be used")? {
        return Ok(());
    }
    let problem = "setting `secrets.key`: the database belongs to another master secret";
    match app.profile {
        Profile::Production => bail!(problem),
        Profile::Development => {
            tracing::error!("{problem}: nobody in it will be found");
            Ok(())
        }
    }
}

/// `false` if the database cannot be reached.
async fn settle(store: &Store) -> Result<bool> {
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
        Err(error) => Err(error).context("the database cannot be used"),
    }
}
