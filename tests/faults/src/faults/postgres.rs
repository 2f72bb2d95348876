//! PostgreSQL stopped, hanging and crashed, and back.

use test_servers::{Error, Postgres};
use tests::World;

use super::{ONE_NODE, TWO_NODES, postgres};
use crate::report::Report;
use crate::stage::{Expected, PROMPT, Stage, WHILE};

/// What clients of a node without PostgreSQL may be told.
pub(super) const KINDS: [&str; 3] =
    ["503 dependency_unavailable", "503 overloaded", "503 retry_later"];

/// How it fails, and how it comes back.
struct Failure {
    name: &'static str,
    begin: fn(&mut Postgres) -> Result<(), Error>,
    end: fn(&mut Postgres) -> Result<(), Error>,
}

const FAILURES: [Failure; 3] = [
    Failure { name: "PostgreSQL stopped", begin: Postgres::stop, end: Postgres::restart },
    Failure { name: "PostgreSQL hanging", begin: Postgres::freeze, end: Postgres::thaw },
    // It comes back by itself.
    Failure { name: "PostgreSQL crashed", begin: Postgres::crash, end: |_| Ok(()) },
];

/// On the stores that have one.
pub(crate) async fn bring() -> Vec<Report> {
    let mut reports = Vec::new();
    for failure in FAILURES {
        let server = postgres();
        let world = World::without_redis(&server).await;
        reports.push(on(world, 1, server, &failure, ONE_NODE).await);
        let server = postgres();
        let world = World::on(&server).await;
        reports.push(on(world, 2, server, &failure, TWO_NODES).await);
    }
    reports
}

async fn on(
    world: World,
    nodes: usize,
    mut server: Postgres,
    failure: &Failure,
    stores: &str,
) -> Report {
    let mut stage = Stage::on(world, nodes, &[]).await;
    stage.storm();
    tokio::time::sleep(WHILE).await;
    (failure.begin)(&mut server).expect("the fault begins");
    tokio::time::sleep(WHILE).await;
    (failure.end)(&mut server).expect("the fault ends");
    let recovery = stage.heals().await;
    tokio::time::sleep(WHILE).await;
    let expected = Expected { kinds: &KINDS, is_told: true, longest: Some(PROMPT) };
    stage.end(Report::of(failure.name, stores), Some(recovery), expected).await
}
