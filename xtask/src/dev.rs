//! `dev`: runs the service for development.

use anyhow::Result;
use clap::ValueEnum;

use crate::run::{Progress, cargo, outlive_ctrl_c, run, was_interrupted};
use crate::{setup, stores};

/// A store that can take the place of the one in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Store {
    /// Accounts and sessions
    Postgres,
    /// Codes, throttles and session copies
    Redis,
}

/// Runs the binary with the development settings, on throwaway `stores` if any are named.
pub(crate) fn dev(stores: &[Store], arguments: &[String]) -> Result<()> {
    let progress = Progress::start();
    outlive_ctrl_c()?;
    let mut command = cargo(["run", "--package", "app-http"]);
    command.env("LATCHKEY_ENV", "development");
    if !stores.is_empty() {
        setup::servers()?;
    }
    // Both live until the service has ended.
    let wants = |it: Store| stores.contains(&it).then_some(());
    let postgres = wants(Store::Postgres).map(|()| stores::postgres(&progress)).transpose()?;
    if let Some(server) = &postgres {
        command.env("LATCHKEY__STORE__DATABASE_URL", server.url());
        eprintln!("PostgreSQL is at {}", server.url());
    }
    let redis = wants(Store::Redis).map(|()| stores::redis(&progress)).transpose()?;
    if let Some(server) = &redis {
        command.env("LATCHKEY__STORE__REDIS_URL", server.url());
        eprintln!("Redis is at {}", server.url());
    }
    if !arguments.is_empty() {
        command.arg("--").args(arguments);
    }
    progress.step("building and starting the service; Ctrl-C ends it");
    match run(&mut command) {
        Err(_) if was_interrupted() => Ok(()),
        result => result,
    }
}
