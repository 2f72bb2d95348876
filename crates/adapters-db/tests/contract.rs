//! The contract suites on SQLite and on PostgreSQL.
#![cfg(test)]

use std::sync::Arc;

use ports::testing::contract::accounts::Stores;

fn stores<D>(database: D) -> Stores
where
    D: ports::accounts::Accounts + ports::sessions::Sessions + 'static,
{
    let database = Arc::new(database);
    Stores { accounts: database.clone(), sessions: database }
}

/// A database of its own, below cargo's target folder.
async fn sqlite() -> Stores {
    use adapters_db::sqlite;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap().keep();
    let url = format!("sqlite://{}/latchkey.db", folder.display());
    sqlite::migrate(&url, adapters_db::Direction::Up).unwrap();
    stores(sqlite::open(&url, &tokio::runtime::Handle::current()).unwrap())
}

mod on_sqlite {
    mod accounts {
        ports::accounts_contract!(crate::sqlite());
    }
    mod sessions {
        ports::sessions_contract!(crate::sqlite());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_racy_variant_breaks_the_promises() {
        ports::testing::racy::suites_fail_on_a_racy_variant(crate::sqlite).await;
    }
}

#[cfg(feature = "test-postgres")]
mod on_postgres {
    use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
    use ports::testing::contract::accounts::Stores;

    /// A database of its own on the server that the tests were given.
    #[expect(clippy::disallowed_methods, reason = "the test command tells where the server is")]
    async fn postgres() -> Stores {
        use adapters_db::postgres;
        let server = std::env::var("LATCHKEY_TEST_POSTGRES_URL")
            .expect("LATCHKEY_TEST_POSTGRES_URL: run the tests with `cargo xtask test`");
        let name = format!("t{}", uuid::Uuid::from_u128(rand::random()).simple());
        let mut admin = AsyncPgConnection::establish(&server).await.unwrap();
        admin.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        let url = format!("{base}/{name}");
        postgres::migrate(&url, adapters_db::Direction::Up).await.unwrap();
        crate::stores(postgres::open(&url, &tokio::runtime::Handle::current()).unwrap())
    }

    mod accounts {
        ports::accounts_contract!(super::postgres());
    }
    mod sessions {
        ports::sessions_contract!(super::postgres());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_racy_variant_breaks_the_promises() {
        ports::testing::racy::suites_fail_on_a_racy_variant(postgres).await;
    }
}
