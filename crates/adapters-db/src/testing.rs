//! Databases for tests: each test has one of its own.

use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};

use crate::{Direction, OpenError, postgres, sqlite};

/// An empty database on the server that the test command brought up, by its address.
///
/// # Panics
/// If there is no server, or it has a database of this name.
#[expect(clippy::disallowed_methods, reason = "the test command tells where the server is")]
#[expect(clippy::expect_used, reason = "for tests")]
pub async fn empty_postgres(name: &str) -> String {
    let server = std::env::var("LATCHKEY_TEST_POSTGRES_URL")
        .expect("LATCHKEY_TEST_POSTGRES_URL: run the tests with `cargo xtask test`");
    let mut admin = AsyncPgConnection::establish(&server).await.expect("a server");
    admin.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("a new name");
    let (base, _) = server.rsplit_once('/').expect("an address with a database");
    format!("{base}/{name}")
}

/// The same database through the pooler that the test command brought up, if it did.
#[expect(clippy::disallowed_methods, reason = "the test command tells where the pooler is")]
#[must_use]
pub fn as_tested(url: &str) -> String {
    let Ok(port) = std::env::var("LATCHKEY_TEST_POOLER_PORT") else { return url.to_owned() };
    let (server, name) = url.rsplit_once('/').unwrap_or((url, ""));
    let (host, _) = server.rsplit_once(':').unwrap_or((server, ""));
    format!("{host}:{port}/{name}?pgbouncer=true")
}

/// A database with all tables on that server.
///
/// # Panics
/// As [`empty_postgres`].
#[expect(clippy::expect_used, reason = "for tests")]
pub async fn fresh_postgres(name: &str) -> Result<postgres::Database, OpenError> {
    let url = empty_postgres(name).await;
    postgres::migrate(&url, Direction::Up).await.expect("tables");
    postgres::open(&as_tested(&url), &tokio::runtime::Handle::current())
}

/// A database with all tables in a file.
///
/// # Panics
/// If the file cannot be written.
#[expect(clippy::expect_used, reason = "for tests")]
pub fn fresh_sqlite(file: &std::path::Path) -> Result<sqlite::Database, OpenError> {
    let url = format!("sqlite://{}", file.display());
    sqlite::migrate(&url, Direction::Up).expect("tables");
    sqlite::open(&url, &tokio::runtime::Handle::current())
}
