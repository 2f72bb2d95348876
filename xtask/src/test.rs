//! `test`: runs all tests on a throwaway PostgreSQL and Redis, and with a mail server at hand.

use std::process::Command;

use anyhow::{Result, bail};
use clap::ValueEnum;
use test_servers::{AnyRedis, PgBouncer, Postgres};

use crate::run::{Progress, cargo, env, outlive_ctrl_c, run, version};
use crate::setup::{self, Program};
use crate::stores;
use crate::workspace::Workspace;

/// Where the tests find a PostgreSQL; if it is set, none is started.
const POSTGRES_URL: &str = "LATCHKEY_TEST_POSTGRES_URL";
/// Where the tests find a Redis; if it is set, none is started.
const REDIS_URL: &str = "LATCHKEY_TEST_REDIS_URL";
/// Where the tests find a pooler before that PostgreSQL; if it is not set, there is none.
const POOLER_PORT: &str = "LATCHKEY_TEST_POOLER_PORT";
/// How a Redis that tests start is to be set up.
const REDIS_SHAPE: &str = "LATCHKEY_TEST_REDIS_SHAPE";
/// Where the tests find a Python with what is from `PyPI`; if it is set, none is prepared.
const PYTHON: &str = "LATCHKEY_TEST_PYTHON";
/// Where the tests find what npm installed; if it is set, nothing is prepared.
const NODE_MODULES: &str = "LATCHKEY_TEST_NODE_MODULES";
/// Where the black-box tests find the binary.
const BINARY: &str = "LATCHKEY_BIN";
/// The package of the black-box tests.
const BLACK_BOX: &str = "tests";
/// The packages whose tests run what is from `PyPI`: mail servers, and vendors' own libraries.
const PYTHONIC: [&str; 4] = [BLACK_BOX, "adapters-carrier", "adapters-email", "adapters-sms"];

/// What a shape of Redis other than one server runs: the tests that speak to it, and not those that
/// look into the keys or count the commands of one server.
const SPEAKS_TO_REDIS: &str = "(package(adapters-redis) & not test(/^(keys|racy)::/)) \
     | (package(tests) & not test(/on_sqlite|on_postgres::|budgets/))";

/// How Redis is set up.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RedisShape {
    /// One server.
    #[default]
    Server,
    /// Three nodes of a cluster.
    Cluster,
    /// A master and its replica, and sentinels that watch over them.
    Sentinel,
}

impl RedisShape {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Cluster => "cluster",
            Self::Sentinel => "sentinel",
        }
    }
}

/// What a pooler before PostgreSQL runs: the tests that speak through it, and not those that count
/// statements.
const SPEAKS_TO_POSTGRES: &str = "(package(adapters-db) & test(on_postgres)) \
     | (package(tests) & not test(/on_sqlite|budgets/))";

/// What the tests run on.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stage {
    /// How Redis is set up.
    pub(crate) redis: RedisShape,
    /// True for a pooler before PostgreSQL.
    pub(crate) pgbouncer: bool,
}

impl Stage {
    /// Which tests such a stage is for; `None` for all.
    fn filter(self) -> Option<&'static str> {
        match self {
            Self { pgbouncer: true, .. } => Some(SPEAKS_TO_POSTGRES),
            Self { redis: RedisShape::Server, .. } => None,
            Self { .. } => Some(SPEAKS_TO_REDIS),
        }
    }
}

/// Runs the tests of the whole workspace, or of the packages that `arguments` name; the arguments
/// go to the test runner.
pub(crate) fn test(stage: Stage, arguments: &[String]) -> Result<()> {
    let progress = Progress::start();
    outlive_ctrl_c()?;
    let workspace = Workspace::load()?;
    let asked = Asked::read(arguments);

    let servers = Servers::start(stage, &progress)?;
    let binary = workspace.target_directory.join("debug").join("latchkey");
    if asked.includes(BLACK_BOX) {
        progress.step("building the binary that the black-box tests run");
        run(&mut cargo(["build", "--package", "app-http"]))?;
    }
    let asks_for_python = PYTHONIC.iter().any(|it| asked.includes(it));
    let python = match env(PYTHON) {
        None if asks_for_python => Some(setup::python_packages(&workspace)?),
        Some(_) | None => None,
    };
    let modules = match env(NODE_MODULES) {
        None if asked.includes(BLACK_BOX) => Some(setup::node_packages(&workspace)?),
        Some(_) | None => None,
    };
    let on_servers = |mut command: Command| {
        command.args(asked.selection()).arg("--all-features").env(BINARY, &binary);
        command.env(REDIS_SHAPE, stage.redis.as_str());
        servers.name_to(&mut command);
        if let Some(python) = &python {
            command.env(PYTHON, python);
        }
        if let Some(modules) = &modules {
            command.env(NODE_MODULES, modules);
        }
        command
    };

    let has_nextest = version(&mut cargo(["nextest", "--version"])).is_some();
    let runner: &[&str] = if has_nextest { &["nextest", "run"] } else { &["test"] };
    progress.step(format!("cargo {}", runner.join(" ")));
    let mut tests = on_servers(cargo(runner));
    if let Some(filter) = stage.filter().filter(|_| has_nextest) {
        tests.args(["--filterset", filter]);
    }
    run(tests.args(&asked.others))?;

    // A part of a test's name, or an option of the runner, means nothing to these.
    if has_nextest && asked.others.is_empty() && stage == Stage::default() {
        let libraries = asked.libraries(&workspace);
        if !libraries.is_empty() {
            progress.step("the examples in the documentation");
            let mut command = cargo(["test", "--doc", "--all-features", "--quiet"]);
            command.args(libraries.iter().flat_map(|it| ["--package", it]));
            run(&mut command)?;
        }
    }
    progress.step(format!("all tests passed, on {servers}"));
    Ok(())
}

/// What the arguments ask for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    /// The packages; all if there are none.
    packages: Vec<String>,
    /// Everything else.
    others: Vec<String>,
}

impl Asked {
    /// Takes `-p name`, `-pname`, `--package name` and `--package=name` out of the arguments.
    fn read(arguments: &[String]) -> Self {
        let mut asked = Self::default();
        let mut rest = arguments.iter();
        while let Some(it) = rest.next() {
            if it == "--" {
                // What follows is for the tests themselves.
                asked.others.push(it.clone());
                asked.others.extend(rest.by_ref().cloned());
            } else if it == "-p" || it == "--package" {
                asked.packages.extend(rest.next().cloned());
            } else if let Some(name) =
                it.strip_prefix("--package=").or_else(|| it.strip_prefix("-p"))
            {
                asked.packages.push(name.to_owned());
            } else {
                asked.others.push(it.clone());
            }
        }
        asked
    }

    fn includes(&self, package: &str) -> bool {
        self.packages.is_empty() || self.packages.iter().any(|it| it == package)
    }

    /// The same as options of cargo.
    fn selection(&self) -> Vec<&str> {
        if self.packages.is_empty() {
            return vec!["--workspace"];
        }
        self.packages.iter().flat_map(|it| ["--package", it]).collect()
    }

    /// Those packages that have a library: cargo refuses `--doc` for the others.
    fn libraries<'a>(&self, workspace: &'a Workspace) -> Vec<&'a str> {
        let packages = workspace.packages.iter();
        packages
            .filter(|it| it.is_library && self.includes(&it.name))
            .map(|it| it.name.as_str())
            .collect()
    }
}

/// What was started for the tests; what was given in the environment is not here.
struct Servers {
    postgres: Option<Postgres>,
    redis: Option<AnyRedis>,
    pooler: Option<PgBouncer>,
}

impl Servers {
    fn start(stage: Stage, progress: &Progress) -> Result<Self> {
        let is_given = |it| env(it).is_some();
        if !(is_given(POSTGRES_URL) && is_given(REDIS_URL)) {
            setup::servers()?;
        }
        if stage.pgbouncer {
            setup::programs(&[Program::PgBouncer])?;
        }
        let postgres = (!is_given(POSTGRES_URL)).then(|| stores::postgres(progress));
        let redis =
            (!is_given(REDIS_URL)).then(|| stores::any_redis(stage.redis.as_str(), progress));
        let (postgres, redis) = (postgres.transpose()?, redis.transpose()?);
        let pooler = match &postgres {
            Some(it) if stage.pgbouncer => Some(stores::pgbouncer(it, progress)?),
            None if stage.pgbouncer => bail!("a pooler stands before a PostgreSQL of our own"),
            _ => None,
        };
        Ok(Self { postgres, redis, pooler })
    }

    /// Says where they are, to a program that inherits our environment.
    fn name_to(&self, command: &mut Command) {
        if let Some(it) = &self.postgres {
            command.env(POSTGRES_URL, it.url());
        }
        if let Some(it) = &self.redis {
            command.env(REDIS_URL, it.url());
        }
        if let Some(it) = &self.pooler {
            command.env(POOLER_PORT, it.port().to_string());
        }
    }
}

impl std::fmt::Display for Servers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let whose = |is_ours| if is_ours { "throwaway" } else { "given" };
        write!(
            f,
            "a {} PostgreSQL and a {} Redis",
            whose(self.postgres.is_some()),
            whose(self.redis.is_some())
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(arguments: &[&str]) -> Asked {
        Asked::read(&arguments.iter().map(|&it| it.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn without_packages_the_whole_workspace_is_meant() {
        let it = asked(&["login", "--no-capture"]);
        assert_eq!(it.selection(), ["--workspace"]);
        assert_eq!(it.others, ["login", "--no-capture"]);
        assert!(it.includes(BLACK_BOX));
    }

    #[test]
    fn packages_are_read_in_every_form() {
        let it = asked(&["-p", "a", "-pb", "--package", "c", "name", "--package=d"]);
        assert_eq!(it.packages, ["a", "b", "c", "d"]);
        assert_eq!(it.others, ["name"]);
        assert!(!it.includes(BLACK_BOX));
    }

    #[test]
    fn what_is_for_the_tests_themselves_is_left_alone() {
        let it = asked(&["-p", "a", "--", "-p", "b"]);
        assert_eq!(it.packages, ["a"]);
        assert_eq!(it.others, ["--", "-p", "b"]);
    }
}
