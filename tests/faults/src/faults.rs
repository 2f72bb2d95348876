//! The faults, each in a file of its own.

mod kill;
mod postgres;
mod redis;

use std::pin::Pin;

use clap::ValueEnum;
use test_servers::Postgres;
use tests::World;

use crate::report::Report;

/// All of them, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// A node is killed
    Kill,
    /// `PostgreSQL` is stopped, hangs and crashes
    Postgres,
    /// Redis is stopped, hangs, is restarted and flushed
    Redis,
}

type Reports = Pin<Box<dyn Future<Output = Vec<Report>> + Send>>;

impl Fault {
    /// Brings it upon the service, on all the stores where it can come.
    pub(crate) fn bring(self) -> Reports {
        match self {
            Self::Kill => Box::pin(kill::bring()),
            Self::Postgres => Box::pin(postgres::bring()),
            Self::Redis => Box::pin(redis::bring()),
        }
    }

    /// What it is called on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Postgres => "postgres",
            Self::Redis => "redis",
        }
    }

    /// What is said while it goes on.
    pub(crate) fn tells(self) -> String {
        format!("==> {}", self.name())
    }
}

/// The names of the sets of stores, as the table has them.
const ALONE: &str = "SQLite";
const ONE_NODE: &str = "PostgreSQL";
const TWO_NODES: &str = "PostgreSQL + Redis, two nodes";

/// A PostgreSQL that keeps its promises to the disk, unlike those of other tests.
fn postgres() -> Postgres {
    let settings = ["fsync=on", "synchronous_commit=on", "full_page_writes=on"];
    let options: Vec<_> = settings.iter().flat_map(|it| ["-c", it]).collect();
    Postgres::start_with(&options).expect("a PostgreSQL")
}

/// PostgreSQL with in-process stores, on a server of the caller's.
async fn one_node(postgres: &Postgres) -> World {
    World::without_redis(postgres).await
}
