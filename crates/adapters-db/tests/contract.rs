//! The contract suites on SQLite and on PostgreSQL, and what the schema itself keeps.
#![cfg(test)]

use std::sync::Arc;

use adapters_db::{Direction, postgres, sqlite};
use domain::id::{EventId, SessionId};
use domain::session::Slide;
use ports::error::StoreError;
use ports::keyring::Keyring;
use ports::signing_keys::SigningKeys;
use ports::testing::contract::accounts::{Stores, token};
use ports::testing::contract::{consents, grants, outbox, retention};
use ports::testing::{START, at, race};
use tokio::runtime::Handle;

/// A write of one statement.
const SLIDE: Slide = Slide { last_seen_at: START, idle_ends_at: START, based_on: START };

fn stores<D>(database: D) -> Stores
where
    D: ports::accounts::Accounts + ports::sessions::Sessions + 'static,
{
    let database = Arc::new(database);
    Stores { accounts: database.clone(), sessions: database }
}

fn grant_stores<D>(database: D) -> grants::Stores
where
    D: ports::accounts::Accounts
        + ports::sessions::Sessions
        + ports::grants::Grants
        + Clone
        + 'static,
{
    grants::Stores { accounts: stores(database.clone()), grants: Arc::new(database) }
}

fn consent_stores<D>(database: D) -> consents::Stores
where
    D: ports::accounts::Accounts
        + ports::sessions::Sessions
        + ports::grants::Grants
        + ports::consents::Consents
        + Clone
        + 'static,
{
    consents::Stores { grants: grant_stores(database.clone()), consents: Arc::new(database) }
}

/// The stores of the outbox; `insert` runs one statement on the database.
///
/// Entries come in as the parts of a first one, which is written in plain SQL: `id` and `user_id`
/// as the engine writes ids, `at` as it writes moments.
fn outbox_stores<D, F>(
    database: D,
    insert: impl Fn(Seed) -> F + Send + Sync + 'static,
) -> outbox::Stores
where
    D: ports::accounts::Accounts + ports::sessions::Sessions + ports::outbox::Outbox + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let database = Arc::new(database);
    let accounts = Stores { accounts: database.clone(), sessions: database.clone() };
    let (writer, insert) = (database.clone(), Arc::new(insert));
    let put: outbox::Put = Arc::new(move |entries| {
        let (writer, insert) = (writer.clone(), insert.clone());
        Box::pin(async move {
            // An id that no entry of these has.
            let seed = uuid::Uuid::from_u128(!entries[0].id.as_uuid().as_u128());
            insert(Seed { id: seed, user_id: *entries[0].user_id.as_uuid() }).await;
            writer.split(EventId::from_uuid(seed), &entries, START).await.unwrap();
        })
    });
    outbox::Stores { accounts, outbox: database, put }
}

/// The same, with what else may go.
fn retention_stores<D>(database: D, outbox: outbox::Stores) -> retention::Stores
where
    D: ports::grants::Grants + ports::retention::Retention + 'static,
{
    let database = Arc::new(database);
    retention::Stores { outbox, grants: database.clone(), retention: database }
}

/// What differs between the first entries of two writings.
struct Seed {
    id: uuid::Uuid,
    user_id: uuid::Uuid,
}

fn entry(id: &str, user_id: &str, at: &str) -> String {
    format!(
        "INSERT INTO outbox (id, user_id, destination, what, at, due_at) \
         VALUES ({id}, {user_id}, 'notice', 'new_device', {at}, {at})"
    )
}

/// An audit line, its id and identifier as the engine writes bytes.
fn audit_line(id: &str, identifier: &str, at: &str) -> String {
    format!(
        "INSERT INTO login_events (id, identifier, method, outcome, ip, at) \
         VALUES ({id}, {identifier}, 'sms', 'success', '192.0.2.7', {at})"
    )
}

/// Days that an audit line is old, and whether it may go (LOG-04: its retention is 180 days).
const AGES: [(u32, bool); 3] = [(0, false), (179, false), (181, true)];

/// REL-05: a server that takes connections and says nothing is given up.
#[tokio::test(flavor = "multi_thread")]
async fn migrations_do_not_wait_for_a_server_that_hangs() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://somebody@{}/name", silent.local_addr().unwrap());
    let looking = postgres::migrations_pending(&url);
    let looked = tokio::time::timeout(std::time::Duration::from_secs(5), looking).await;
    assert!(matches!(looked, Ok(Err(adapters_db::MigrateError::Unreachable(_)))), "{looked:?}");
}

mod on_sqlite {
    use diesel::connection::SimpleConnection as _;
    use diesel::{Connection as _, SqliteConnection};

    use super::*;

    /// A database of its own, below cargo's target folder.
    fn fresh() -> String {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap().keep();
        let url = format!("sqlite://{}/latchkey.db", folder.display());
        sqlite::migrate(&url, Direction::Up).unwrap();
        url
    }

    async fn store() -> Stores {
        stores(sqlite::open(&fresh(), &Handle::current()).unwrap())
    }

    async fn store_with_outbox() -> outbox::Stores {
        outbox_of(&fresh())
    }

    fn store_with_all() -> std::future::Ready<retention::Stores> {
        let url = fresh();
        let database = sqlite::open(&url, &Handle::current()).unwrap();
        std::future::ready(retention_stores(database, outbox_of(&url)))
    }

    fn outbox_of(url: &str) -> outbox::Stores {
        let path = url.strip_prefix("sqlite://").unwrap().to_owned();
        outbox_stores(sqlite::open(url, &Handle::current()).unwrap(), move |it| {
            let statement = entry(&hex(it.id), &hex(it.user_id), "9000000000000000");
            let mut conn = SqliteConnection::establish(&path).unwrap();
            conn.batch_execute("PRAGMA busy_timeout = 5000").unwrap();
            conn.batch_execute(&statement).unwrap();
            std::future::ready(())
        })
    }

    fn hex(id: uuid::Uuid) -> String {
        format!("x'{}'", id.simple())
    }

    mod accounts {
        ports::accounts_contract!(super::store());
    }
    mod changes {
        ports::changes_contract!(super::store());
    }
    mod sessions {
        ports::sessions_contract!(super::store());
    }
    mod third_party {
        ports::third_party_contract!(super::store());
    }

    async fn store_with_grants() -> grants::Stores {
        grant_stores(sqlite::open(&fresh(), &Handle::current()).unwrap())
    }

    async fn store_with_consents() -> consents::Stores {
        consent_stores(sqlite::open(&fresh(), &Handle::current()).unwrap())
    }

    fn key_store() -> std::future::Ready<Arc<dyn SigningKeys>> {
        std::future::ready(Arc::new(sqlite::open(&fresh(), &Handle::current()).unwrap()))
    }

    fn keyring() -> std::future::Ready<Arc<dyn Keyring>> {
        std::future::ready(Arc::new(sqlite::open(&fresh(), &Handle::current()).unwrap()))
    }

    mod code_and_token_grants {
        ports::grants_contract!(super::store_with_grants());
    }
    mod what_people_agreed_to {
        ports::consents_contract!(super::store_with_consents());
    }
    mod keys_that_sign {
        ports::signing_keys_contract!(super::key_store());
    }
    mod root_secret {
        ports::keyring_contract!(super::keyring());
    }
    mod outbox_entries {
        ports::outbox_contract!(super::store_with_outbox());
    }
    mod what_is_over {
        ports::retention_contract!(super::store_with_all());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_racy_variant_breaks_the_promises() {
        ports::testing::racy::suites_fail_on_a_racy_variant(store).await;
        ports::testing::racy_outbox::suite_fails_on_a_racy_variant(store_with_outbox).await;
        ports::testing::racy_grants::suites_fail_on_a_racy_variant(store_with_grants).await;
        ports::testing::racy_consents::suite_fails_on_racy_variants(store_with_consents).await;
    }

    /// REL-06, REL-13: while the writer is stuck reads go on, and whoever finds no place is told
    /// that it is crowded.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_writer_that_is_stuck_stops_no_reader() {
        let url = fresh();
        let stores = stores(sqlite::open(&url, &Handle::current()).unwrap());
        let mut other =
            SqliteConnection::establish(url.strip_prefix("sqlite://").unwrap()).unwrap();
        other.batch_execute("BEGIN IMMEDIATE").unwrap();
        let mut told = race(12, &stores.sessions, |sessions, _| async move {
            match sessions.slide(SessionId::new(at(1), [1; 10]), SLIDE).await {
                Err(StoreError::Unavailable { .. }) => "unavailable",
                Err(StoreError::Overloaded { .. }) => "overloaded",
                other => panic!("{other:?}"),
            }
        })
        .await;
        told.sort_unstable();
        assert_eq!(told.pop(), Some("unavailable"), "the one that had the connection");
        assert!(told.iter().all(|it| *it == "overloaded"), "{told:?}");
        for _ in 0..3 {
            assert!(stores.sessions.find(&token(1), at(1)).await.unwrap().is_none());
        }
    }

    /// LOG-04.
    #[test]
    fn the_audit_log_is_append_only() {
        let url = fresh();
        let mut conn = SqliteConnection::establish(url.strip_prefix("sqlite://").unwrap()).unwrap();
        for (days, may_go) in AGES {
            let id = format!("x'{days:032}'");
            let at = format!("(CAST(strftime('%s', 'now') AS INTEGER) - {days} * 86400) * 1000000");
            conn.batch_execute(&audit_line(&id, "zeroblob(32)", &at)).unwrap();
            assert!(conn.batch_execute("UPDATE login_events SET outcome = 'failure'").is_err());
            let delete = format!("DELETE FROM login_events WHERE id = {id}");
            assert_eq!(conn.batch_execute(&delete).is_ok(), may_go, "after {days} days");
        }
    }
}

#[cfg(feature = "test-postgres")]
mod on_postgres {
    use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};

    use super::*;

    async fn fresh() -> String {
        let url = empty().await;
        postgres::migrate(&url, Direction::Up).await.unwrap();
        url
    }

    fn open(url: &str) -> postgres::Database {
        postgres::open(&adapters_db::testing::as_tested(url), &Handle::current()).unwrap()
    }

    /// A database that no other test has.
    async fn empty() -> String {
        let name = format!("t{}", rand::random_range(0..u128::MAX));
        adapters_db::testing::empty_postgres(&name).await
    }

    async fn store() -> Stores {
        stores(open(&fresh().await))
    }

    async fn store_with_outbox() -> outbox::Stores {
        outbox_of(fresh().await)
    }

    async fn store_with_all() -> retention::Stores {
        let url = fresh().await;
        let database = open(&url);
        retention_stores(database, outbox_of(url))
    }

    fn outbox_of(url: String) -> outbox::Stores {
        outbox_stores(open(&url), move |it| {
            let (id, user_id) = (format!("'{}'", it.id), format!("'{}'", it.user_id));
            let (url, statement) = (url.clone(), entry(&id, &user_id, "'2200-01-01Z'"));
            async move {
                let mut conn = AsyncPgConnection::establish(&url).await.unwrap();
                conn.batch_execute(&statement).await.unwrap();
            }
        })
    }

    mod accounts {
        ports::accounts_contract!(super::store());
    }
    mod changes {
        ports::changes_contract!(super::store());
    }
    mod sessions {
        ports::sessions_contract!(super::store());
    }
    mod third_party {
        ports::third_party_contract!(super::store());
    }

    async fn store_with_grants() -> grants::Stores {
        grant_stores(open(&fresh().await))
    }

    async fn store_with_consents() -> consents::Stores {
        consent_stores(postgres::open(&fresh().await, &Handle::current()).unwrap())
    }

    async fn key_store() -> Arc<dyn SigningKeys> {
        Arc::new(open(&fresh().await))
    }

    async fn keyring() -> Arc<dyn Keyring> {
        Arc::new(open(&fresh().await))
    }

    mod code_and_token_grants {
        ports::grants_contract!(super::store_with_grants());
    }
    mod what_people_agreed_to {
        ports::consents_contract!(super::store_with_consents());
    }
    mod keys_that_sign {
        ports::signing_keys_contract!(super::key_store());
    }
    mod root_secret {
        ports::keyring_contract!(super::keyring());
    }
    mod outbox_entries {
        ports::outbox_contract!(super::store_with_outbox());
    }
    mod what_is_over {
        ports::retention_contract!(super::store_with_all());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_racy_variant_breaks_the_promises() {
        ports::testing::racy::suites_fail_on_a_racy_variant(store).await;
        ports::testing::racy_outbox::suite_fails_on_a_racy_variant(store_with_outbox).await;
        ports::testing::racy_grants::suites_fail_on_a_racy_variant(store_with_grants).await;
        ports::testing::racy_consents::suite_fails_on_racy_variants(store_with_consents).await;
    }

    /// REL-05, REL-13: whoever waits too long for a lock is told to try again.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_lock_that_is_not_given_up_is_contention() {
        let url = fresh().await;
        let stores = stores(open(&url));
        let mut other = AsyncPgConnection::establish(&url).await.unwrap();
        other.batch_execute("BEGIN; LOCK TABLE sessions").await.unwrap();
        let told = stores.sessions.slide(SessionId::new(at(1), [1; 10]), SLIDE).await;
        assert!(matches!(told, Err(StoreError::Contended { .. })), "{told:?}");
    }

    /// LOG-04.
    #[tokio::test(flavor = "multi_thread")]
    async fn the_audit_log_is_append_only() {
        let mut conn = AsyncPgConnection::establish(&fresh().await).await.unwrap();
        for (days, may_go) in AGES {
            let id = format!("'{days:032}'");
            let identifier = format!("decode('{:064}', 'hex')", 0);
            let at = format!("now() - interval '{days} days'");
            conn.batch_execute(&audit_line(&id, &identifier, &at)).await.unwrap();
            let update = conn.batch_execute("UPDATE login_events SET outcome = 'failure'").await;
            assert!(update.is_err());
            assert!(conn.batch_execute("TRUNCATE login_events").await.is_err());
            let delete = format!("DELETE FROM login_events WHERE id = {id}");
            let deleted = conn.batch_execute(&delete).await;
            assert_eq!(deleted.is_ok(), may_go, "after {days} days");
        }
    }

    /// REL-09: nodes that start at once on a new database do not get in each other's way.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn two_that_migrate_at_once_take_turns() {
        let url = empty().await;
        let start = || {
            let url = url.clone();
            tokio::spawn(async move { postgres::migrate(&url, Direction::Up).await })
        };
        let mut ran = Vec::new();
        for migrating in [start(), start(), start(), start()] {
            ran.extend(migrating.await.unwrap().unwrap());
        }
        let ran_twice = ran.iter().filter(|one| ran.iter().filter(|it| it == one).count() > 1);
        assert_eq!(ran_twice.count(), 0, "{ran:?}");
        assert!(!ran.is_empty());
    }

    /// REL-15: a database of a newer release is left alone.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_newer_schema_is_refused() {
        let url = fresh().await;
        let mut conn = AsyncPgConnection::establish(&url).await.unwrap();
        let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('20990101000000')";
        conn.batch_execute(newer).await.unwrap();
        let refused = postgres::migrate(&url, Direction::Up).await;
        assert!(matches!(refused, Err(adapters_db::MigrateError::Newer(_))), "{refused:?}");
    }
}
