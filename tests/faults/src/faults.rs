//! The faults, each in a file of its own.

mod checker;
mod clock;
mod full;
mod hanging;
mod kill;
mod partition;
mod postgres;
mod redis;
mod rolling;
mod slow;

use std::pin::Pin;

use clap::ValueEnum;
use test_servers::Postgres;

use crate::report::Report;

/// All of them, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// Nothing fails: the check itself is tried
    Checker,
    /// A node is killed
    Kill,
    /// `PostgreSQL` is stopped, hangs and crashes
    Postgres,
    /// Redis is stopped, hangs, is restarted and flushed
    Redis,
    /// One of two nodes is cut off from a store
    Partition,
    /// Two nodes are replaced one after the other
    Rolling,
    /// The disk is full
    Full,
    /// The clock is set back
    Clock,
    /// Two thousand connections say almost nothing
    Slow,
    /// An identity provider and an SMS vendor hang
    Hanging,
}

type Reports = Pin<Box<dyn Future<Output = Vec<Report>>>>;

impl Fault {
    /// Brings it upon the service, on all the stores where it can come.
    pub(crate) fn bring(self) -> Reports {
        match self {
            Self::Checker => Box::pin(checker::bring()),
            Self::Kill => Box::pin(kill::bring()),
            Self::Postgres => Box::pin(postgres::bring()),
            Self::Redis => Box::pin(redis::bring()),
            Self::Partition => Box::pin(partition::bring()),
            Self::Rolling => Box::pin(rolling::bring()),
            Self::Full => Box::pin(full::bring()),
            Self::Clock => Box::pin(clock::bring()),
            Self::Slow => Box::pin(slow::bring()),
            Self::Hanging => Box::pin(hanging::bring()),
        }
    }

    /// What it is called on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|it| it.get_name().to_owned()).unwrap_or_default()
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
