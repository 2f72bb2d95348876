//! Two nodes, and one of them is cut off from a store: its wire is cut, or nothing arrives, or what
//! was connected goes nowhere.

use test_servers::Postgres;
use tests::World;
use tests::wire::{Manner, Wire};

use super::{TWO_NODES, postgres};
use crate::report::Report;
use crate::stage::{Expected, PROMPT, Stage, WHILE};

/// A store that a wire leads to.
struct Store {
    /// What names it to a node.
    setting: &'static str,
    url: fn(&World) -> &str,
    /// What clients of a node without it may be told.
    kinds: &'static [&'static str],
}

const REDIS: Store = Store {
    setting: "LATCHKEY__STORE__REDIS_URL",
    url: World::redis_url,
    kinds: &["503 dependency_unavailable"],
};

const POSTGRES: Store = Store {
    setting: "LATCHKEY__STORE__DATABASE_URL",
    url: World::database_url,
    kinds: &postgres::KINDS,
};

/// All ways to be cut off.
pub(crate) async fn bring() -> Vec<Report> {
    vec![
        on("one of two nodes cut off from Redis", Manner::Cut).await,
        on("one of two nodes: Redis does not answer it", Manner::Held).await,
        on_moved("one of two nodes: its connections to Redis go nowhere", REDIS).await,
        on_moved("one of two nodes: its connections to PostgreSQL go nowhere", POSTGRES).await,
    ]
}

async fn on(name: &str, manner: Manner) -> Report {
    let server = postgres();
    let (mut stage, wire) = stage(&server, &REDIS).await;
    stage.storm();
    tokio::time::sleep(WHILE).await;
    wire.is(manner);
    tokio::time::sleep(WHILE).await;
    stage.is_ready([true, false]).await;
    tokio::time::sleep(WHILE).await;
    wire.is(Manner::Carries);
    end(stage, name, &REDIS).await
}

async fn on_moved(name: &str, store: Store) -> Report {
    let server = postgres();
    let (mut stage, wire) = stage(&server, &store).await;
    stage.storm();
    tokio::time::sleep(WHILE).await;
    wire.moves();
    end(stage, name, &store).await
}

/// Two nodes, one of them with a wire to a store.
async fn stage(server: &Postgres, store: &Store) -> (Stage, Wire) {
    let world = World::on(server).await;
    let wire = Wire::to((store.url)(&world)).await;
    let mut stage = Stage::on(world, 1, &[]).await;
    let lonely = stage.node(&[(store.setting.to_owned(), wire.url().to_owned())]).await;
    stage.join(lonely);
    (stage, wire)
}

async fn end(stage: Stage, name: &str, store: &Store) -> Report {
    let recovery = stage.heals().await;
    tokio::time::sleep(WHILE).await;
    let expected = Expected { kinds: store.kinds, is_told: true, longest: Some(PROMPT) };
    stage.end(Report::of(name, TWO_NODES), Some(recovery), expected).await
}
