//! Latchkey: one person, one account, every way in.
//!
//! The binary is a thin shell: [`settings`] says what runs, [`wiring`] builds it, [`app`] has the
//! table of [`routes`], [`edge`] stands around them, and [`problem`] says what went wrong. To
//! follow one login, begin at `routes/login.rs`.

mod app;
mod bearer;
mod courier;
mod credential;
mod edge;
mod fallback;
mod form;
mod health;
mod json;
mod kept_time;
mod keyring;
mod keys;
mod logging;
mod metrics;
mod migrations;
mod openapi;
mod outbox;
mod problem;
mod query;
mod routes;
#[cfg(feature = "seed")]
mod seed;
mod serve;
mod settings;
mod shapes;
mod sweep;
mod traces;
mod users;
mod wiring;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};

use migrations::Verb;
use settings::{Settings, environment};

/// How long calls that still block a thread may take after the last answer.
const LAST_CALLS: Duration = Duration::from_secs(1);

/// A login service. Without a command it serves.
#[derive(Debug, Parser)]
#[command(name = "latchkey", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run database migrations and exit
    Migrate {
        /// Which way
        #[arg(value_enum, default_value = "up")]
        verb: Verb,
    },
    /// Look after what could not be told to other systems or to people
    Outbox {
        #[command(subcommand)]
        verb: outbox::Verb,
    },
    /// Look at a user
    Users {
        #[command(subcommand)]
        verb: users::Verb,
    },
    /// Look after the keys that sign id tokens
    Keys {
        #[command(subcommand)]
        verb: keys::Verb,
    },
    /// Look after the master secrets that open the database
    MasterSecret {
        #[command(subcommand)]
        verb: keyring::Verb,
    },
    /// Fill a PostgreSQL with users that can log in; for development
    #[cfg(feature = "seed")]
    Seed(seed::Arguments),
    /// Ask the node at `server.bind` whether it lives, as containers do
    Health,
    /// Print the OpenAPI document and exit
    Openapi,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The log may not have begun, and an operator looks here first.
            let _ = writeln!(io::stderr(), "latchkey: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    if let Some(Command::Openapi) = arguments.command {
        return Ok(writeln!(io::stdout(), "{}", openapi::document())?);
    }
    let settings = Settings::read(&environment()?)?;
    // Only whoever serves has something to trace.
    let traces = match (&arguments.command, &settings.telemetry) {
        (None, Some(telemetry)) => Some(traces::traces(telemetry)?),
        _ => None,
    };
    logging::start(settings.profile, traces.as_ref());
    logging::report_panics();
    // Pools and drivers live here; actix's workers come and go (and are single-threaded).
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        match arguments.command {
            Some(Command::Migrate { verb }) => migrations::run(&settings.store, verb).await,
            Some(Command::Outbox { verb }) => outbox::run(&settings.store, verb).await,
            Some(Command::Users { verb }) => users::run(&settings.store, verb).await,
            #[cfg(feature = "seed")]
            Some(Command::Seed(arguments)) => seed::run(&settings, arguments).await,
            Some(Command::Health) => health::run(settings.server.bind).await,
            Some(Command::Keys { verb }) => keys::run(&settings, verb).await,
            Some(Command::MasterSecret { ref verb }) => keyring::run(&settings, verb.clone()).await,
            _ => serve::serve(settings, traces).await,
        }
    });
    // A database that hangs in the middle of the start would keep its thread for ever.
    runtime.shutdown_timeout(LAST_CALLS);
    done
}
