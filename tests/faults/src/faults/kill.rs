//! `kill -9` of a node in the middle of everything.

use tests::{Topology, World};

use super::{ALONE, ONE_NODE, TWO_NODES, postgres};
use crate::report::Report;
use crate::stage::{Expected, Stage, WHILE};
use crate::tally::{FORGOTTEN, NO_ANSWER};

const NAME: &str = "`kill -9` of a node";
/// How often a node is killed.
const TIMES: usize = 3;

/// On all stores.
pub(crate) async fn bring() -> Vec<Report> {
    let alone = World::new(Topology::Sqlite).await;
    let mut reports = vec![on(alone, 1, ALONE, &[NO_ANSWER, FORGOTTEN]).await];
    let server = postgres();
    let world = World::without_redis(&server).await;
    reports.push(on(world, 1, ONE_NODE, &[NO_ANSWER, FORGOTTEN]).await);
    reports.push(on(World::on(&server).await, 2, TWO_NODES, &[NO_ANSWER]).await);
    reports
}

async fn on(world: World, nodes: usize, stores: &str, kinds: &[&str]) -> Report {
    let mut stage = Stage::on(world, nodes, &[]).await;
    stage.storm();
    let mut recovery = None;
    for time in 0..TIMES {
        tokio::time::sleep(WHILE).await;
        stage.kill(time % nodes);
        let begun = tokio::time::Instant::now();
        stage.start(time % nodes).await;
        stage.heals().await;
        recovery = recovery.max(Some(begun.elapsed()));
    }
    tokio::time::sleep(WHILE).await;
    let expected = Expected { kinds, is_told: true, longest: None };
    stage.end(Report::of(NAME, stores), recovery, expected).await
}
