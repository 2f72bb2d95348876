//! Two nodes, and one of them is cut off from Redis: its wire is cut, or nothing arrives.

use tests::World;
use tests::wire::{Manner, Wire};

use super::{TWO_NODES, postgres};
use crate::report::Report;
use crate::stage::{Expected, PROMPT, Stage, WHILE};

/// Both ways to be cut off.
pub(crate) async fn bring() -> Vec<Report> {
    vec![
        on("one of two nodes cut off from Redis", Manner::Cut).await,
        on("one of two nodes: Redis does not answer it", Manner::Held).await,
    ]
}

async fn on(name: &str, manner: Manner) -> Report {
    let server = postgres();
    let world = World::on(&server).await;
    let wire = Wire::to(world.redis_url()).await;
    let mut stage = Stage::on(world, 1, &[]).await;
    let through = wire.url().to_owned();
    let lonely = stage.node(&[("LATCHKEY__STORE__REDIS_URL".to_owned(), through)]).await;
    stage.join(lonely);
    stage.storm();
    tokio::time::sleep(WHILE).await;
    wire.is(manner);
    tokio::time::sleep(WHILE).await;
    stage.is_ready([true, false]).await;
    tokio::time::sleep(WHILE).await;
    wire.is(Manner::Carries);
    let recovery = stage.heals().await;
    tokio::time::sleep(WHILE).await;
    let kinds = ["503 dependency_unavailable"];
    let expected = Expected { kinds: &kinds, is_told: true, longest: Some(PROMPT) };
    stage.end(Report::of(name, TWO_NODES), Some(recovery), expected).await
}
