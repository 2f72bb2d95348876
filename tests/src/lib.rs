//! What the black-box tests stand on: a world of stores, nodes of the real binary, and a client.
//!
//! Nothing here knows a crate of the product: a node is a process, spoken to over HTTP alone.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "all of this is test code")]

mod client;
mod node;
pub mod oauth;
mod receiver;
pub mod wire;
mod world;

pub use client::{Answer, Client};
pub use node::Node;
pub use receiver::{Manner, Receiver, Webhook};
pub use world::{Topology, World, python};
pub use {redis, reqwest, serde_json, test_servers, tokio, tokio_postgres};

/// Runs a test on every topology: SQLite and in-process stores, PostgreSQL and in-process stores,
/// PostgreSQL and Redis.
///
/// The test is an `async fn` that takes a [`World`].
#[macro_export]
macro_rules! on_every_topology {
    ($($(#[$doc:meta])* $test:ident),* $(,)?) => {
        mod on_sqlite {
            $($(#[$doc])* #[$crate::tokio::test(flavor = "multi_thread", crate = "tests::tokio")]
            async fn $test() { super::$test($crate::World::new($crate::Topology::Sqlite).await).await; })*
        }
        mod on_postgres {
            $($(#[$doc])* #[$crate::tokio::test(flavor = "multi_thread", crate = "tests::tokio")]
            async fn $test() { super::$test($crate::World::new($crate::Topology::Postgres).await).await; })*
        }
        mod on_postgres_and_redis {
            $($(#[$doc])* #[$crate::tokio::test(flavor = "multi_thread", crate = "tests::tokio")]
            async fn $test() { super::$test($crate::World::new($crate::Topology::PostgresRedis).await).await; })*
        }
    };
}
