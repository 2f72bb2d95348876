//! The project's tasks: `cargo xtask <task>`.
//!
//! One file a task. `run.rs` starts other programs, `node.rs` the service, `workspace.rs` asks cargo
//! about the packages.

mod bench;
mod check;
mod contract;
mod deployment;
mod dev;
mod faults;
mod migrate;
mod node;
mod openapi;
mod run;
mod setup;
mod stores;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Looks for the tools that the other tasks use, and installs what is missing
    Setup,
    /// Runs the service for development: SQLite, codes are printed
    Dev {
        /// Throwaway servers to run on instead of what is in the process
        #[arg(long, value_delimiter = ',')]
        stores: Vec<dev::Store>,
        /// Stand-ins of identity providers beside it, to log in without an account at any
        #[arg(long)]
        fakes: bool,
        /// More arguments for the binary
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Runs or adds database migrations
    Migrate {
        #[command(subcommand)]
        verb: migrate::Verb,
    },
    /// Runs all tests on a throwaway PostgreSQL and Redis
    Test {
        /// The shape of Redis: `cluster` and `sentinel` run the suites that speak to it
        #[arg(long, default_value = "server")]
        redis: test::RedisShape,
        /// Puts a `PgBouncer` before PostgreSQL, and runs the suites that speak to it
        #[arg(long)]
        pgbouncer: bool,
        /// More arguments for the test runner, such as `-p domain` or a part of a test's name
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Brings faults upon the service under load, and writes what held into docs/reliability.md
    Faults {
        /// Only these; `--only help` names them
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
    },
    /// Asks a node all that its OpenAPI document allows, and what it does not (Schemathesis)
    Contract,
    /// Runs what deploy/ describes on a Docker of its own, and looks at the rest (as root, on Linux)
    Deployment,
    /// Runs everything that must pass: format, lints, licences, arrows, docs, OpenAPI, tests
    Check {
        /// Leaves the tests out
        #[arg(long)]
        fast: bool,
    },
    /// Measures the service beside what limits it, on a quiet machine
    Bench {
        /// More arguments for the program that measures, such as `--loads W1,W4`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measures the service with ten thousand, a million and ten million users
    Growth {
        /// More arguments for the program that measures, such as `--users 10000,1000000`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Checks the arrows between packages, module docs and migration pairs
    Tidy {
        /// Prints which requirement is named by the tests of which file
        #[arg(long)]
        ids: bool,
    },
    /// Writes the OpenAPI document to docs/openapi.json
    Openapi {
        /// Fails if the file differs, and writes nothing
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let Arguments { task } = Arguments::parse();
    let done = match task {
        Task::Setup => setup::setup(),
        Task::Dev { stores, fakes, arguments } => dev::dev(&stores, fakes, &arguments),
        Task::Migrate { verb } => migrate::migrate(verb),
        Task::Test { redis, pgbouncer, arguments } => {
            test::test(test::Stage { redis, pgbouncer }, &arguments)
        }
        Task::Bench { arguments } => bench::bench(&arguments),
        Task::Growth { arguments } => bench::growth(&arguments),
        Task::Contract => contract::contract(),
        Task::Deployment => deployment::deployment(),
        Task::Faults { only } => faults::faults(&only),
        Task::Check { fast } => check::check(fast),
        Task::Tidy { ids: false } => tidy::tidy(),
        Task::Tidy { ids: true } => tidy::print_ids(),
        Task::Openapi { check: false } => openapi::write(),
        Task::Openapi { check: true } => openapi::check(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
