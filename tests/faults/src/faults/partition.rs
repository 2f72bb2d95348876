//! Two nodes, and one of them is cut off from a store: its wire is cut, or nothing arrives, or what
//! was connected goes nowhere.

use test_servers::Postgres;
use tests::World;
use tests::wire::{Manner, Wire};

use super::{TWO_NODES, postgres};
use crate::report::Report;
use crate::stage::{Expected, PROMPT, Stage, WHILE};

const REDIS: &str = "LATCHKEY__STORE__REDIS_URL";
const DATABASE: &str = "LATCHKEY__STORE__DATABASE_URL";

/// What clients of a node without Redis may be told.
const KINDS: [&str; 1] = ["503 dependency_unavailable"];

/// All ways to be cut off.
pub(crate) async fn bring() -> Vec<Report> {
    vec![
        on("one of two nodes cut off from Redis", Manner::Cut).await,
        on("one of two nodes: Redis does not answer it", Manner::Held).await,
        on_moved("one of two nodes: Redis' address is another machine's", REDIS).await,
        on_moved("one of two nodes: PostgreSQL's address is another machine's", DATABASE).await,
    ]
}

async fn on(name: &str, manner: Manner) -> Report {
    let server = postgres();
    let (mut stage, wire) = stage(&server, REDIS).await;
    stage.storm();
    tokio::time::sleep(WHILE).await;
    wire.is(manner);
    tokio::time::sleep(WHILE).await;
    stage.is_ready([true, false]).await;
    tokio::time::sleep(WHILE).await;
    wire.is(Manner::Carries);
    end(stage, name, &KINDS).await
}

async fn on_moved(name: &str, store: &str) -> Report {
    let server = postgres();
    let (mut stage, wire) = stage(&server, store).await;
    stage.storm();
    tokio::time::sleep(WHILE).await;
    wire.moves();
    let kinds = if store == REDIS { &KINDS[..] } else { &postgres::KINDS };
    end(stage, name, kinds).await
}

/// Two nodes, one of them with a wire to a store.
async fn stage(server: &Postgres, store: &str) -> (Stage, Wire) {
    let world = World::on(server).await;
    let url = if store == REDIS { world.redis_url() } else { world.database_url() };
    let wire = Wire::to(url).await;
    let mut stage = Stage::on(world, 1, &[]).await;
    let lonely = stage.node(&[(store.to_owned(), wire.url().to_owned())]).await;
    stage.join(lonely);
    (stage, wire)
}

async fn end(stage: Stage, name: &str, kinds: &[&str]) -> Report {
    let recovery = stage.heals().await;
    tokio::time::sleep(WHILE).await;
    let expected = Expected { kinds, is_told: true, longest: Some(PROMPT) };
    stage.end(Report::of(name, TWO_NODES), Some(recovery), expected).await
}
