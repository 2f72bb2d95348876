//! Accounts, sessions and the audit log on PostgreSQL and on SQLite.
//!
//! The shared files (`queries.rs`, `accounts.rs`, `sessions.rs`, `grants.rs`, `consents.rs`,
//! `keyring.rs`, `outbox.rs`, `retention.rs`, `pool.rs`) are compiled once for each engine; only what `postgres.rs` and `sqlite.rs` define differs: the connection, its pools,
//! transactions, and the three writes that PostgreSQL does in one statement. There is no `if` on
//! the engine anywhere.

/// What a call of a port is watched as, as in `named!("accounts.enter")`.
macro_rules! named {
    ($name:expr) => {
        ports::operation!("database", $name)
    };
}

mod consent_row;
mod error;
mod grant_rows;
mod keyring_row;
mod outbox_row;
mod pool_state;
mod rows;
mod schema;
mod tls;
mod types;

#[expect(clippy::duplicate_mod, reason = "one set of queries, compiled for each engine")]
#[path = "."]
pub mod postgres {
    //! The stores on PostgreSQL.

    #[path = "accounts.rs"]
    mod accounts;
    #[path = "changes.rs"]
    mod changes;
    #[path = "consent_queries.rs"]
    mod consent_queries;
    #[path = "consents.rs"]
    mod consents;
    #[path = "postgres.rs"]
    mod engine;
    #[path = "grant_queries.rs"]
    mod grant_queries;
    #[path = "grants.rs"]
    mod grants;
    #[path = "keyring.rs"]
    mod keyring;
    #[path = "outbox.rs"]
    mod outbox;
    #[path = "pool.rs"]
    mod pool;
    #[path = "queries.rs"]
    mod queries;
    #[path = "retention.rs"]
    mod retention;
    #[path = "sessions.rs"]
    mod sessions;
    #[path = "signing_keys.rs"]
    mod signing_keys;

    #[cfg(all(test, feature = "test-postgres"))]
    #[path = "retention_plans.rs"]
    mod retention_plans;

    pub use crate::tls::{Link, link};
    pub use engine::{migrate, migrations_pending, open};
    pub use pool::Database;
}

#[expect(clippy::duplicate_mod, reason = "one set of queries, compiled for each engine")]
#[path = "."]
pub mod sqlite {
    //! The stores on SQLite.

    #[path = "accounts.rs"]
    mod accounts;
    #[path = "changes.rs"]
    mod changes;
    #[path = "consent_queries.rs"]
    mod consent_queries;
    #[path = "consents.rs"]
    mod consents;
    #[path = "sqlite.rs"]
    mod engine;
    #[path = "grant_queries.rs"]
    mod grant_queries;
    #[path = "grants.rs"]
    mod grants;
    #[path = "keyring.rs"]
    mod keyring;
    #[path = "outbox.rs"]
    mod outbox;
    #[path = "pool.rs"]
    mod pool;
    #[path = "queries.rs"]
    mod queries;
    #[path = "retention.rs"]
    mod retention;
    #[path = "sessions.rs"]
    mod sessions;
    #[path = "signing_keys.rs"]
    mod signing_keys;

    pub use engine::{migrate, migrations_pending, open};
    pub use pool::Database;
}

mod migrate;
#[cfg(feature = "seed")]
pub mod seed;
#[cfg(feature = "testing")]
pub mod testing;

pub use error::OpenError;
pub use migrate::{Direction, MigrateError};
pub use pool_state::PoolState;
