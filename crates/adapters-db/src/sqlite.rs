//! What SQLite alone has: one writer, a few readers, and transactions that begin by writing.

use std::time::Duration;

use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use diesel_async::AsyncConnection as _;
use diesel_async::pooled_connection::deadpool as pooled;
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig};
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use domain::Timestamp;
use domain::event::Outcome;
use domain::lockout::{Attempts, LockoutPolicy};
use domain::password::PasswordHash;
use domain::secret::IdentifierKey;
use domain::session::MOST_SESSIONS;
use futures_util::FutureExt as _;
use ports::accounts::{Attempt, Entered, Registered};
use tokio::runtime::Handle;

use super::pool::{Lane, PLACE};
use super::{Database, changes, queries};
use crate::error::{Failure, OpenError, corrupt};
use crate::migrate::{self, Direction, MigrateError};
use crate::rows::{LoginRows, RegistrationRows, SpentRow, account, token_hash};
use crate::schema::{
    identifiers, identities, login_events, outbox, password_attempts, passwords, sessions,
    spent_proofs, users,
};
use crate::types::{IdValue, MomentValue};

/// A connection. Each call on it hops to a thread for blocking work.
pub(super) type Conn = SyncConnectionWrapper<SqliteConnection>;
/// A pool of them.
pub(super) type Pool = pooled::Pool<Conn>;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
/// Connections that only read.
const READERS: usize = 4;
/// Whether connections have another side, which may be lost.
pub(super) const HAS_SERVER: bool = false;
/// What a choice of rows ends with, so that racing ones choose others: writers never race here.
pub(super) const SKIP_LOCKED: &str = "";
/// Durable after each commit, readers beside the writer, patient with other processes (REL-06);
/// with recursive triggers, what a REPLACE deletes is deleted by the rules as well (LOG-04).
const PRAGMAS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; \
                       PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                       PRAGMA recursive_triggers = ON;";

/// Opens the database file that `url` names, as in `sqlite://data/latchkey.db`, making its folder
/// and the file where they are missing. `main` is the runtime that calls run on.
pub fn open(url: &str, main: &Handle) -> Result<Database, OpenError> {
    let path =
        url.strip_prefix("sqlite://").filter(|it| !it.is_empty()).ok_or(OpenError::Address)?;
    if let Some(folder) = std::path::Path::new(path).parent() {
        std::fs::create_dir_all(folder).map_err(|error| OpenError::Pool(error.into()))?;
    }
    let writer = Lane::new("writer", pool(path, 1)?, false);
    let readers = Lane::new("readers", pool(path, READERS)?, false);
    Ok(Database::new(writer, readers, main.clone()))
}

fn pool(path: &str, size: usize) -> Result<Pool, OpenError> {
    let mut config = ManagerConfig::default();
    config.recycling_method = diesel_async::pooled_connection::RecyclingMethod::Fast;
    config.custom_setup = Box::new(|path| establish(path).boxed());
    let manager = AsyncDieselConnectionManager::<Conn>::new_with_config(path, config);
    Pool::builder(manager)
        .max_size(size)
        .wait_timeout(Some(PLACE))
        .create_timeout(Some(Duration::from_secs(2)))
        .runtime(deadpool::Runtime::Tokio1)
        .build()
        .map_err(|error| OpenError::Pool(error.into()))
}

async fn establish(path: &str) -> ConnectionResult<Conn> {
    use diesel_async::SimpleAsyncConnection as _;
    let mut conn = Conn::establish(path).await?;
    conn.batch_execute(PRAGMAS).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}

fn connect(url: &str) -> Result<SqliteConnection, MigrateError> {
    let path = url.strip_prefix("sqlite://").unwrap_or(url);
    if let Some(folder) = std::path::Path::new(path).parent() {
        std::fs::create_dir_all(folder).map_err(|it| MigrateError::Unreachable(it.into()))?;
    }
    let unreachable = |it: ConnectionError| MigrateError::Unreachable(it.into());
    let mut conn = SqliteConnection::establish(path).map_err(unreachable)?;
    diesel::connection::SimpleConnection::batch_execute(&mut conn, PRAGMAS)
        .map_err(|it| MigrateError::Unreachable(it.into()))?;
    Ok(conn)
}

/// Runs migrations and names those that ran. Blocks.
pub fn migrate(url: &str, direction: Direction) -> Result<Vec<String>, MigrateError> {
    migrate::run(&mut connect(url)?, || MIGRATIONS, direction)
}

/// Names the migrations that have not run yet. Blocks.
pub fn migrations_pending(url: &str) -> Result<Vec<String>, MigrateError> {
    migrate::pending(&mut connect(url)?, || MIGRATIONS)
}

/// A file has no clock of its own.
pub(super) async fn time_of_day(_: &mut Conn) -> Result<Option<Timestamp>, Failure> {
    Ok(None)
}

/// Begins a transaction that holds the write lock from its beginning: one that begins by reading
/// could not take it later.
pub(super) async fn begin(conn: &mut Conn) -> Result<(), Failure> {
    use diesel::connection::AnsiTransactionManager;
    conn.spawn_blocking(|it| AnsiTransactionManager::begin_transaction_sql(it, "BEGIN IMMEDIATE"))
        .await?;
    Ok(())
}

/// Runs `work` in such a transaction, all of it on one hop to a blocking thread.
async fn in_one_hop<R: Send + 'static>(
    conn: &mut Conn,
    work: impl FnOnce(&mut SqliteConnection) -> Result<R, Failure> + Send + 'static,
) -> Result<R, Failure> {
    let mut kept = None;
    let (done, failure) = conn
        .spawn_blocking(move |conn| {
            let done = conn.immediate_transaction(|conn| {
                work(conn).map_err(|failure| {
                    kept = Some(failure);
                    diesel::result::Error::RollbackTransaction
                })
            });
            Ok((done, kept))
        })
        .await?;
    done.map_err(|error| failure.unwrap_or(Failure::Driver(error)))
}

/// Writes a login; see the port's `enter`.
pub(super) async fn enter(conn: &mut Conn, rows: &LoginRows) -> Result<Entered, Failure> {
    let rows = rows.clone();
    in_one_hop(conn, move |conn| {
        let account = users::table
            .inner_join(identities::table)
            .filter(users::id.eq(rows.session.user_id))
            .filter(users::state.eq("active"))
            .filter(users::security_epoch.eq(rows.security_epoch))
            .filter(identities::id.eq(rows.session.identity_id))
            .select(identities::kind)
            .first::<String>(conn)
            .optional()?;
        let Some(kind) = account else { return Ok(Entered::Stale) };
        if !spend(conn, rows.spent.as_ref())? {
            return Ok(Entered::Spent);
        }
        add_names(conn, &rows, &kind)?;
        tell(conn, &rows)?;
        let ended = begin_session(conn, &rows)?;
        Ok(Entered::In { ended })
    })
    .await
}

/// Writes a new user; see the port's `register`.
pub(super) async fn register(
    conn: &mut Conn,
    rows: &RegistrationRows,
) -> Result<Registered, Failure> {
    let Some(change) = &rows.taken_from else {
        let rows = rows.clone();
        return in_one_hop(conn, move |conn| insert_user(conn, rows)).await;
    };
    changes::then(conn, change, async |conn: &mut Conn| {
        let (rows, mut kept) = (rows.clone(), None);
        let done = conn
            .spawn_blocking(move |conn| {
                let done = insert_user(conn, rows).map_err(|it| kept = Some(it)).ok();
                Ok((done, kept))
            })
            .await?;
        let (done, failure) = done;
        done.ok_or_else(|| failure.unwrap_or_else(|| corrupt("users")))
    })
    .await
}

/// Writes the rows of a new user, inside of a transaction.
fn insert_user(conn: &mut SqliteConnection, rows: RegistrationRows) -> Result<Registered, Failure> {
    let names: Vec<_> = rows.identifiers.iter().map(|it| it.value.as_slice()).collect();
    let is_taken = identifiers::table.filter(identifiers::value.eq_any(names));
    if diesel::select(exists(is_taken)).get_result(conn)? {
        return Ok(Registered::Taken);
    }
    if !spend(conn, rows.login.spent.as_ref())? {
        return Ok(Registered::Spent);
    }
    diesel::insert_into(users::table).values(rows.user).execute(conn)?;
    diesel::insert_into(identities::table).values(rows.identity).execute(conn)?;
    for identifier in rows.identifiers {
        diesel::insert_into(identifiers::table).values(identifier).execute(conn)?;
    }
    if let Some(password) = rows.password {
        diesel::insert_into(passwords::table).values(password).execute(conn)?;
    }
    if let Some(registered) = rows.registered {
        diesel::insert_into(outbox::table).values(registered).execute(conn)?;
    }
    // The first device is not a new one.
    if let Some(logged_in) = rows.login.logged_in.clone() {
        diesel::insert_into(outbox::table).values(logged_in).execute(conn)?;
    }
    begin_session(conn, &rows.login)?;
    Ok(Registered::New)
}

/// Notes that a proof is used up, if there is one; false if it was before.
fn spend(conn: &mut SqliteConnection, spent: Option<&SpentRow>) -> Result<bool, Failure> {
    let Some(spent) = spent else { return Ok(true) };
    let noted = diesel::insert_into(spent_proofs::table)
        .values(spent.clone())
        .on_conflict(spent_proofs::digest)
        .do_nothing()
        .execute(conn)?;
    Ok(noted == 1)
}

/// Adds the names that the identity was not known by and that nobody has.
fn add_names(conn: &mut SqliteConnection, rows: &LoginRows, kind: &str) -> Result<(), Failure> {
    for (value, namespace) in &rows.names {
        diesel::insert_into(identifiers::table)
            .values((
                identifiers::value.eq(value),
                identifiers::kind.eq(kind),
                identifiers::namespace.eq(namespace),
                identifiers::identity_id.eq(rows.session.identity_id),
                identifiers::user_id.eq(rows.session.user_id),
            ))
            .on_conflict(identifiers::value)
            .do_nothing()
            .execute(conn)?;
    }
    Ok(())
}

/// Writes what is told of a login, before the login itself is among those that went before.
fn tell(conn: &mut SqliteConnection, rows: &LoginRows) -> Result<(), Failure> {
    let logins = login_events::table
        .filter(login_events::user_id.eq(rows.session.user_id))
        .filter(login_events::outcome.eq(Outcome::Success.as_str()));
    let from_device = match &rows.event.device_id {
        Some(id) => diesel::select(exists(logins.filter(login_events::device_id.eq(id))))
            .get_result(conn)?,
        None => diesel::select(exists(logins.filter(login_events::device_id.is_null())))
            .get_result::<bool>(conn)?,
    };
    let new_device = (!from_device).then(|| rows.new_device.clone());
    for row in rows.logged_in.iter().cloned().chain(new_device) {
        diesel::insert_into(outbox::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// Writes session, last use and audit line, and gives the tokens of the sessions pushed out.
fn begin_session(
    conn: &mut SqliteConnection,
    rows: &LoginRows,
) -> Result<Vec<domain::secret::TokenHash>, Failure> {
    let session = &rows.session;
    diesel::insert_into(sessions::table).values(session.clone()).execute(conn)?;
    diesel::insert_into(login_events::table).values(rows.event.clone()).execute(conn)?;
    diesel::update(identities::table.find(session.identity_id))
        .set((identities::last_used_at.eq(session.created_at), identities::last_ip.eq(session.ip)))
        .execute(conn)?;
    if let Some(tokens) = &rows.tokens {
        diesel::update(identities::table.find(session.identity_id))
            .set(identities::tokens.eq(tokens))
            .execute(conn)?;
    }
    if rows.event.method == domain::session::Method::Password.as_str() {
        let subject = session.user_id.0.as_bytes().as_slice();
        diesel::delete(password_attempts::table.find(subject)).execute(conn)?;
    }
    let pushed_out = sessions::table
        .filter(sessions::user_id.eq(session.user_id))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::idle_ends_at.gt(session.created_at))
        .filter(sessions::id.ne(session.id))
        .order((sessions::last_seen_at.desc(), sessions::id.desc()))
        .offset(i64::try_from(MOST_SESSIONS - 1).unwrap_or(i64::MAX))
        .limit(i64::MAX)
        .select((sessions::id, sessions::token_hash))
        .load::<(IdValue, Vec<u8>)>(conn)?;
    for (id, _) in &pushed_out {
        diesel::update(sessions::table.find(id))
            .set(sessions::ended_at.eq(session.created_at))
            .execute(conn)?;
    }
    pushed_out.iter().map(|(_, token)| token_hash(token)).collect()
}

/// Counts a password attempt; see the port's `begin_attempt`.
pub(super) async fn begin_attempt(
    conn: &mut Conn,
    (key, policy, now): &(IdentifierKey, LockoutPolicy, Timestamp),
) -> Result<Attempt, Failure> {
    let (key, policy, now) = (*key, policy.clone(), *now);
    let found = queries::find_account(conn, &key).await?.map(account).transpose()?;
    in_one_hop(conn, move |conn| {
        let user_id = found.as_ref().map(|it| IdValue(*it.user.id.as_uuid()));
        let subject = user_id.map_or(key.as_bytes().to_vec(), |it| it.0.as_bytes().to_vec());
        let before = password_attempts::table
            .find(&subject)
            .select((
                password_attempts::failed,
                password_attempts::last_at,
                password_attempts::waits_until,
            ))
            .first::<(i32, MomentValue, Option<MomentValue>)>(conn)
            .optional()?;
        let before = before.map_or(Ok(Attempts::default()), |(failed, last_at, waits_until)| {
            let failed = u32::try_from(failed).map_err(|_| corrupt("password_attempts.failed"))?;
            let waits_until = waits_until.map(|it| it.0);
            Ok::<_, Failure>(Attempts { failed, last_at: Some(last_at.0), waits_until })
        })?;
        let after = match policy.attempt(before, now) {
            Ok(after) => after,
            Err(until) => return Ok(Attempt::Waiting { until }),
        };
        let failed = i32::try_from(after.failed).unwrap_or(i32::MAX);
        let counted = (
            password_attempts::failed.eq(failed),
            password_attempts::last_at.eq(MomentValue(now)),
            password_attempts::waits_until.eq(after.waits_until.map(MomentValue)),
        );
        diesel::insert_into(password_attempts::table)
            .values((password_attempts::subject.eq(&subject), counted))
            .on_conflict(password_attempts::subject)
            .do_update()
            .set(counted)
            .execute(conn)?;
        let password = match user_id {
            Some(id) => passwords::table.find(id).select(passwords::hash).first(conn).optional()?,
            None => None,
        };
        Ok(Attempt::Counted {
            account: found,
            password: password.map(PasswordHash::new),
            locks: after.waits_until,
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection as _;

    use super::*;

    /// LOG-04: a line of the audit log is not overwritten by one with its id.
    #[test]
    fn nothing_replaces_an_audit_line() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/latchkey.db", folder.path().display());
        migrate(&url, Direction::Up).unwrap();
        let mut conn = connect(&url).unwrap();
        let line = |word| {
            format!(
                "{word} INTO login_events (id, identifier, method, outcome, ip, at) VALUES \
                 (zeroblob(16), zeroblob(32), 'sms', 'success', '192.0.2.7', \
                 CAST(strftime('%s', 'now') AS INTEGER) * 1000000)"
            )
        };
        conn.batch_execute(&line("INSERT")).unwrap();
        let refused = conn.batch_execute(&line("INSERT OR REPLACE")).unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
}
