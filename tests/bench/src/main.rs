//! How fast the service is, as a ratio to what limits it: `cargo xtask bench`.
//!
//! [`run`] is the story of one run: [`stage`] starts what it takes, [`people`] makes ready who logs
//! in, [`load`] asks, [`recording`] and [`replay`] drive the same statements bare, [`limits`] are
//! the other limits, and [`report`] says what came of it. [`growth`] is the other story: the same
//! logins with ever more users. The method stands in `docs/performance.md`.

mod chart;
mod growth;
mod http;
mod limits;
mod load;
mod people;
mod process;
mod recording;
mod replay;
mod report;
mod run;
mod stage;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};

use run::Kind;

/// Measures the service.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// The six loads beside their limits
    Run {
        /// The service's binary
        #[arg(long)]
        server: PathBuf,
        /// Where the results go
        #[arg(long)]
        out: PathBuf,
        /// The longest time of one run
        #[arg(long, default_value_t = 2)]
        seconds: u64,
        /// Some of the loads only, as in W1,W4
        #[arg(long, value_delimiter = ',')]
        loads: Vec<String>,
    },
    /// Logins and session checks with more and more users
    Growth {
        /// The service's binary, with the command that seeds
        #[arg(long)]
        server: PathBuf,
        /// Where the results go
        #[arg(long)]
        out: PathBuf,
        /// The numbers of users
        #[arg(long, value_delimiter = ',', default_value = "10000,1000000,10000000")]
        users: Vec<u32>,
        /// Rounds of all sizes, a minute for each size
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=i64::from(growth::MOST_ROUNDS)))]
        rounds: u32,
    },
    /// The server that is the limit of session checks
    #[command(hide = true)]
    Limit {
        #[arg(long)]
        redis: String,
        #[arg(long)]
        bind: SocketAddr,
    },
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match Arguments::parse().task {
            Task::Run { server, out, seconds, loads } => {
                let kinds = kinds(&loads)?;
                let server = std::path::absolute(server)?;
                let report = run::run(&server, Duration::from_secs(seconds), &kinds).await?;
                run::write(&report, &out)?;
                Ok(writeln!(io::stdout(), "{}", report.table())?)
            }
            Task::Growth { server, out, users, rounds } => {
                let server = std::path::absolute(server)?;
                let grown = growth::run(&server, &users, rounds).await?;
                grown.write(&out)?;
                Ok(writeln!(io::stdout(), "{}", grown.table())?)
            }
            Task::Limit { redis, bind } => limits::serve(bind, &redis).await,
        }
    })
}

/// The loads of these names; all if there are none.
fn kinds(names: &[String]) -> Result<Vec<Kind>> {
    if let Some(other) = names.iter().find(|name| Kind::ALL.iter().all(|it| it.name() != **name)) {
        bail!("there is no load {other}");
    }
    let is_asked = |it: &Kind| names.is_empty() || names.iter().any(|name| name == it.name());
    Ok(Kind::ALL.into_iter().filter(is_asked).collect())
}
