//! `dev`: runs the service for development.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use crate::run::{Progress, cargo, outlive_ctrl_c, run, was_interrupted};
use crate::{setup, stores};

/// Where the stand-ins of vendors are.
const FAKES: &str = "127.0.0.1:9900";
/// Where the service is beside them.
const SERVICE: &str = "127.0.0.1:8080";

/// A store that can take the place of the one in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Store {
    /// Accounts and sessions
    Postgres,
    /// Codes, throttles and session copies
    Redis,
}

/// Runs the binary with the development settings, on throwaway `stores` if any are named, and
/// beside the stand-ins of identity providers if `fakes` are wanted.
pub(crate) fn dev(stores: &[Store], fakes: bool, arguments: &[String]) -> Result<()> {
    let progress = Progress::start();
    outlive_ctrl_c()?;
    let mut command = cargo(["run", "--package", "app-http"]);
    command.env("LATCHKEY_ENV", "development");
    if !stores.is_empty() {
        setup::servers()?;
    }
    // All live until the service has ended.
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
    let fakes = fakes.then(|| Fakes::start(&progress)).transpose()?;
    if let Some(fakes) = &fakes {
        command.envs(fakes.environment.iter().map(|(name, value)| (name, value)));
        eprintln!("WeChat, QQ, Weibo and the others are played at http://{FAKES}/: open it there");
        eprintln!("and log in as somebody who has an account with all of them.");
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

/// The stand-ins of identity providers. They end with us: their standard input does.
struct Fakes {
    child: Child,
    environment: Vec<(String, String)>,
}

impl Fakes {
    fn start(progress: &Progress) -> Result<Self> {
        progress.step("building and starting the stand-ins of identity providers");
        let mut command = cargo(["run", "--quiet", "--package", "test-vendors", "--"]);
        command.args([FAKES, SERVICE]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("the stand-ins do not start")?;
        let lines = child.stdout.take().into_iter().flat_map(|it| BufReader::new(it).lines());
        let mut environment = Vec::new();
        for line in lines {
            let line = line.context("the stand-ins do not start")?;
            match line.split_once('=') {
                Some((name, value)) => environment.push((name.to_owned(), value.to_owned())),
                None => return Ok(Self { child, environment }),
            }
        }
        bail!("the stand-ins do not start: is {FAKES} taken?")
    }
}

impl Drop for Fakes {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // Whatever became of them, there is nobody left to tell.
        let _ = self.child.wait();
    }
}
