//! What PostgreSQL alone has: one pool, and writes of many rows in one statement.

use std::time::Duration;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable, Text};
use diesel_async::pooled_connection::deadpool as pooled;
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig};
use diesel_async::{AsyncConnection as _, AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use domain::lockout::{LockoutPolicy, NEVER, OFF_AFTER};
use domain::login::Account;
use domain::password::PasswordHash;
use domain::secret::IdentifierKey;
use domain::session::MOST_SESSIONS;
use domain::{Duration as Span, Timestamp, later};
use futures_util::FutureExt as _;
use ports::accounts::{Attempt, Entered, Registered};
use tokio::runtime::Handle;

use super::pool::{Lane, PLACE};
use super::{Database, changes};
use crate::error::{Failure, Late, OpenError};
use crate::migrate::{self, Direction, MigrateError};
use crate::outbox_row::OutboxRow;
use crate::rows::{LoginRows, RegistrationRows, UserRow, account, token_hash};
use crate::tls::Address;
use crate::types::{Id, IdValue, Ip, Moment, MomentValue};

/// A connection.
pub(super) type Conn = AsyncPgConnection;
/// A pool of them.
pub(super) type Pool = pooled::Pool<Conn>;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
/// Connections of one node.
const CONNECTIONS: usize = 16;
/// Whether connections have another side, which may be lost.
pub(super) const HAS_SERVER: bool = true;
/// What a choice of rows ends with, so that racing ones choose others.
pub(super) const SKIP_LOCKED: &str = " FOR UPDATE SKIP LOCKED";
/// Time limits on the server's side, so that a statement nobody waits for ends (REL-13).
const OPTIONS: &str = "-c statement_timeout=2000 -c lock_timeout=1000 \
                       -c idle_in_transaction_session_timeout=5000";
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(2);

/// How long reaching the server may take before migrations; they themselves take what they take.
const REACHED: Duration = Duration::from_secs(3);
/// How long to wait for another process that looks at the migrations or runs them.
const TURN: Duration = Duration::from_secs(20);
/// The advisory lock of whoever does so, the same in every release: `latchkey` in ASCII.
const MIGRATING: i64 = 0x6c61_7463_686b_6579;

/// Opens the database that `url` names, as in `postgres://user@host/name?sslmode=verify-full`; with
/// `pgbouncer=true` each call is one transaction, and nothing is kept between them. Nothing is connected yet. `main` is the runtime that connections live on.
pub fn open(url: &str, main: &Handle) -> Result<Database, OpenError> {
    let address = Address::parse(url)?.limited(OPTIONS, CONNECT);
    let is_pooled = address.is_pooled;
    let mut config = ManagerConfig::default();
    config.recycling_method = diesel_async::pooled_connection::RecyclingMethod::Fast;
    let runtime = main.clone();
    config.custom_setup = Box::new(move |_| {
        let (address, runtime) = (address.clone(), runtime.clone());
        async move {
            // The connection's driver lives where it was made: on a worker it would die with it.
            let establish = runtime.spawn(async move { address.connect().await });
            establish.await.map_err(|it| ConnectionError::BadConnection(it.to_string()))?
        }
        .boxed()
    });
    let manager = AsyncDieselConnectionManager::<Conn>::new_with_config(url, config);
    let pool = Pool::builder(manager)
        .max_size(CONNECTIONS)
        .wait_timeout(Some(PLACE))
        .create_timeout(Some(CONNECT))
        .recycle_timeout(Some(Duration::from_secs(2)))
        .runtime(deadpool::Runtime::Tokio1)
        .build()
        .map_err(|error| OpenError::Pool(error.into()))?;
    let lane = Lane::new("all", pool, is_pooled);
    Ok(Database::new(lane.clone(), lane, main.clone()))
}

/// Reaches the server and waits for the turn to look at its migrations: two nodes that start at
/// once would both make the first table. The lock goes with the connection, so none is taken where
/// that is a pooler's.
async fn turn(address: &Address) -> Result<Conn, MigrateError> {
    let reached = tokio::time::timeout(REACHED, address.connect()).await;
    let mut conn = reached
        .map_err(|_| MigrateError::Unreachable(Late.into()))?
        .map_err(|it| MigrateError::Unreachable(it.into()))?;
    if address.is_pooled {
        return Ok(conn);
    }
    let lock = diesel::sql_query("SELECT pg_advisory_lock($1)").bind::<BigInt, _>(MIGRATING);
    let locked = tokio::time::timeout(TURN, lock.execute(&mut conn)).await;
    locked.map_err(|_| MigrateError::Busy)?.map_err(|it| MigrateError::Failed(it.into()))?;
    Ok(conn)
}

/// Runs migrations and names those that ran. Needs a multi-thread runtime.
pub async fn migrate(url: &str, direction: Direction) -> Result<Vec<String>, MigrateError> {
    let address = Address::parse(url).map_err(|it| MigrateError::Failed(it.into()))?;
    if address.is_pooled {
        return Err(MigrateError::Pooled);
    }
    let mut harness = AsyncMigrationHarness::new(turn(&address).await?);
    migrate::run(&mut harness, || MIGRATIONS, direction)
}

/// Names the migrations that have not run yet. The role needs no more than to read their table.
pub async fn migrations_pending(url: &str) -> Result<Vec<String>, MigrateError> {
    let address = Address::parse(url).map_err(|it| MigrateError::Failed(it.into()))?;
    let mut conn = turn(&address).await?;
    let ran = conn.transaction(async |conn| ran(conn).await).await;
    migrate::lacking::<Pg>(&ran.map_err(|it: Error| MigrateError::Failed(it.into()))?, || {
        MIGRATIONS
    })
}

/// The versions of the migrations that ran.
async fn ran(conn: &mut Conn) -> QueryResult<Vec<String>> {
    let table = "SELECT to_regclass('__diesel_schema_migrations')::text AS text";
    let table = diesel::sql_query(table).get_result::<OptionalRow>(conn).await;
    let ran = match table?.text {
        None => Vec::new(),
        Some(_) => {
            diesel::sql_query("SELECT version::text AS text FROM __diesel_schema_migrations")
                .get_results::<OptionalRow>(conn)
                .await?
        }
    };
    Ok(ran.into_iter().filter_map(|it| it.text).collect())
}

/// One text, or none.
#[derive(QueryableByName)]
struct OptionalRow {
    #[diesel(sql_type = Nullable<Text>)]
    text: Option<String>,
}

/// The server's clock, which is one for all nodes (REL-08).
pub(super) async fn time_of_day(conn: &mut Conn) -> Result<Option<Timestamp>, Failure> {
    let told: MomentValue =
        diesel::select(diesel::dsl::sql::<Moment>("clock_timestamp()")).get_result(conn).await?;
    Ok(Some(told.0))
}

/// Begins a transaction.
pub(super) async fn begin(conn: &mut Conn) -> Result<(), Failure> {
    use diesel_async::TransactionManager as _;
    Ok(<Conn as diesel_async::AsyncConnection>::TransactionManager::begin_transaction(conn).await?)
}

/// Writes a login; see the port's `enter`. One statement.
pub(super) async fn enter(conn: &mut Conn, rows: &LoginRows) -> Result<Entered, Failure> {
    let written = EnterStatement(rows).get_results::<Vec<u8>>(conn).await;
    let Some(tokens) = unless_spent(written)? else { return Ok(Entered::Spent) };
    if tokens.is_empty() {
        return Ok(Entered::Stale);
    }
    let own = rows.session.token_hash.as_slice();
    let pushed_out = tokens.iter().filter(|it| *it != own);
    let ended = pushed_out.map(|it| token_hash(it)).collect::<Result<_, _>>()?;
    Ok(Entered::In { ended })
}

/// Writes a new user; see the port's `register`. One statement.
pub(super) async fn register(
    conn: &mut Conn,
    rows: &RegistrationRows,
) -> Result<Registered, Failure> {
    let Some(change) = &rows.taken_from else { return insert_user(conn, rows).await };
    changes::then(conn, change, async |conn: &mut Conn| insert_user(conn, rows).await).await
}

async fn insert_user(conn: &mut Conn, rows: &RegistrationRows) -> Result<Registered, Failure> {
    let written = RegisterStatement(rows).get_results::<Vec<u8>>(conn).await;
    // A name was free and another was not: its user was not made, and the engine took it all back.
    if let Err(Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)) = &written {
        return Ok(Registered::Taken);
    }
    let Some(tokens) = unless_spent(written)? else { return Ok(Registered::Spent) };
    Ok(if tokens.is_empty() { Registered::Taken } else { Registered::New })
}

/// What a statement gave; `None` if the engine took it back because the proof was used before.
fn unless_spent<R>(written: QueryResult<R>) -> Result<Option<R>, Failure> {
    match written {
        Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, told))
            if told.table_name() == Some("spent_proofs") =>
        {
            Ok(None)
        }
        other => Ok(Some(other?)),
    }
}

/// Counts a password attempt; see the port's `begin_attempt`. One statement.
pub(super) async fn begin_attempt(
    conn: &mut Conn,
    (key, policy, now): &(IdentifierKey, LockoutPolicy, Timestamp),
) -> Result<Attempt, Failure> {
    let statement = AttemptStatement::new(key, policy, *now);
    let row = statement.get_result::<AttemptRow>(conn).await?;
    row.attempt(policy, *now)
}

/// Session, last use, audit line and the forgetting of failures, if the account is what it was.
///
/// Gives the new session's token and those of the sessions that it pushes out. The share lock on
/// the user makes a change of state or epoch wait, or makes this see it. Sessions that begin at the
/// same instant do not see each other: what they leave over the most, the next login ends.
struct EnterStatement<'a>(&'a LoginRows);

impl QueryFragment<Pg> for EnterStatement<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let LoginRows { session, event, security_epoch, names, tokens, .. } = self.0;
        out.push_sql("WITH live AS (SELECT id FROM users WHERE id = ");
        out.push_bind_param::<Id, _>(&session.user_id)?;
        out.push_sql(" AND state = 'active' AND security_epoch = ");
        out.push_bind_param::<Integer, _>(security_epoch)?;
        out.push_sql(" FOR SHARE), used AS (UPDATE identities SET tokens = COALESCE(");
        out.push_bind_param::<Nullable<Binary>, _>(tokens)?;
        out.push_sql(", identities.tokens), last_used_at = ");
        out.push_bind_param::<Moment, _>(&session.created_at)?;
        out.push_sql(", last_ip = ");
        out.push_bind_param::<Ip, _>(&session.ip)?;
        out.push_sql(" FROM live WHERE identities.user_id = live.id AND identities.id = ");
        out.push_bind_param::<Id, _>(&session.identity_id)?;
        out.push_sql(
            " RETURNING identities.id AS identity_id, live.id AS user_id, identities.kind), ",
        );
        for (number, (value, namespace)) in names.iter().enumerate() {
            // A name that somebody has by now stays theirs.
            out.push_sql(&format!("name_{number} AS (INSERT INTO identifiers "));
            out.push_sql("(value, kind, namespace, identity_id, user_id) SELECT ");
            out.push_bind_param::<Binary, _>(value)?;
            out.push_sql(", kind, ");
            out.push_bind_param::<Text, _>(namespace)?;
            out.push_sql(", identity_id, user_id FROM used ON CONFLICT DO NOTHING), ");
        }
        push_session_and_event(&mut out, self.0)?;
        let LoginRows { logged_in, new_device, .. } = self.0;
        // The notice comes last: its condition is the device's.
        push_news(&mut out, logged_in.iter().chain([new_device]))?;
        out.push_sql(" WHERE NOT EXISTS (SELECT 1 FROM login_events e WHERE e.user_id = ");
        out.push_sql("used.user_id AND e.outcome = 'success' AND ");
        out.push_sql("e.device_id IS NOT DISTINCT FROM ");
        out.push_bind_param::<Nullable<Text>, _>(&event.device_id)?;
        out.push_sql("))");
        out.push_sql(", forgotten AS (DELETE FROM password_attempts USING used WHERE ");
        out.push_sql("password_attempts.subject = uuid_send(used.user_id) AND ");
        out.push_bind_param::<Text, _>(&event.method)?;
        out.push_sql(" = 'password'), ended AS (UPDATE sessions SET ended_at = ");
        out.push_bind_param::<Moment, _>(&session.created_at)?;
        out.push_sql(" FROM used WHERE sessions.id IN (SELECT id FROM sessions WHERE user_id = ");
        out.push_bind_param::<Id, _>(&session.user_id)?;
        out.push_sql(" AND ended_at IS NULL AND idle_ends_at > ");
        out.push_bind_param::<Moment, _>(&session.created_at)?;
        out.push_sql(" ORDER BY last_seen_at DESC, id DESC OFFSET ");
        out.push_bind_param::<BigInt, _>(&OTHER_SESSIONS)?;
        out.push_sql(") AND sessions.ended_at IS NULL RETURNING sessions.token_hash) ");
        out.push_sql("SELECT token_hash FROM begun UNION ALL SELECT token_hash FROM ended");
        Ok(())
    }
}

/// Sessions that one more leaves room for.
#[expect(clippy::cast_possible_wrap, reason = "a small constant")]
const OTHER_SESSIONS: i64 = (MOST_SESSIONS - 1) as i64;

/// Identifier, user, identity, password, session and audit line, if the identifier is free.
///
/// The unique identifier is written first and decides: a racer waits for it, and then writes
/// nothing. Foreign keys are checked when the statement ends.
struct RegisterStatement<'a>(&'a RegistrationRows);

impl QueryFragment<Pg> for RegisterStatement<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let RegistrationRows { user, identity, identifiers, password, login, registered, .. } =
            self.0;
        out.push_sql("WITH claimed AS (INSERT INTO identifiers ");
        out.push_sql("(value, kind, namespace, identity_id, user_id) VALUES ");
        for (number, identifier) in identifiers.iter().enumerate() {
            out.push_sql(if number == 0 { "(" } else { ", (" });
            out.push_bind_param::<Binary, _>(&identifier.value)?;
            out.push_sql(", ");
            out.push_bind_param::<Text, _>(identifier.kind)?;
            out.push_sql(", ");
            out.push_bind_param::<Text, _>(&identifier.namespace)?;
            out.push_sql(", ");
            out.push_bind_param::<Id, _>(&identifier.identity_id)?;
            out.push_sql(", ");
            out.push_bind_param::<Id, _>(&identifier.user_id)?;
            out.push_sql(")");
        }
        out.push_sql(" ON CONFLICT DO NOTHING RETURNING user_id), made AS (INSERT INTO users ");
        out.push_sql(
            "(id, nickname, avatar_url, state, security_epoch, created_at) SELECT user_id, ",
        );
        user.push_values(&mut out)?;
        // All names, or no user.
        out.push_sql(" FROM claimed GROUP BY user_id HAVING count(*) = ");
        out.push_sql(&identifiers.len().to_string());
        out.push_sql(
            " RETURNING id), used AS (INSERT INTO identities (id, user_id, kind, display, ",
        );
        out.push_sql("verified_at, linked_at, last_used_at, last_ip, tokens) SELECT ");
        out.push_bind_param::<Id, _>(&identity.id)?;
        out.push_sql(", made.id, ");
        out.push_bind_param::<Text, _>(&identity.kind)?;
        out.push_sql(", ");
        out.push_bind_param::<Binary, _>(&identity.display)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Moment>, _>(&identity.verified_at)?;
        out.push_sql(", ");
        out.push_bind_param::<Moment, _>(&identity.linked_at)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Moment>, _>(&identity.last_used_at)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Ip>, _>(&identity.last_ip)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Binary>, _>(&login.tokens)?;
        out.push_sql(" FROM made RETURNING id AS identity_id, user_id), ");
        if let Some(password) = password {
            out.push_sql(
                "secured AS (INSERT INTO passwords (user_id, hash, changed_at) SELECT made.id, ",
            );
            out.push_bind_param::<Text, _>(&password.hash)?;
            out.push_sql(", ");
            out.push_bind_param::<Moment, _>(&password.changed_at)?;
            out.push_sql(" FROM made), ");
        }
        push_session_and_event(&mut out, login)?;
        if registered.is_some() {
            push_news(&mut out, registered.iter().chain(&login.logged_in))?;
            out.push_sql(")");
        }
        out.push_sql(" SELECT token_hash FROM begun");
        Ok(())
    }
}

/// `news`: what is told of whoever is in `used`.
fn push_news<'b>(
    out: &mut AstPass<'_, 'b, Pg>,
    rows: impl IntoIterator<Item = &'b OutboxRow>,
) -> QueryResult<()> {
    out.push_sql(", news AS (INSERT INTO outbox (id, user_id, destination, what, kind, method, ");
    out.push_sql("at, due_at) ");
    for (number, row) in rows.into_iter().enumerate() {
        out.push_sql(if number == 0 { "SELECT " } else { " UNION ALL SELECT " });
        out.push_bind_param::<Id, _>(&row.id)?;
        out.push_sql(", used.user_id, ");
        out.push_bind_param::<Text, _>(&row.destination)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&row.what)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&row.kind)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&row.method)?;
        out.push_sql(", ");
        out.push_bind_param::<Moment, _>(&row.at)?;
        out.push_sql(", ");
        out.push_bind_param::<Moment, _>(&row.due_at)?;
        out.push_sql(" FROM used");
    }
    Ok(())
}

/// `begun` and `recorded`: the session and the audit line of whoever is in `used`.
fn push_session_and_event<'b>(
    out: &mut AstPass<'_, 'b, Pg>,
    rows: &'b LoginRows,
) -> QueryResult<()> {
    let LoginRows { session, event, spent, .. } = rows;
    if let Some(spent) = spent {
        // One that is there already is an error, which takes the whole statement back.
        out.push_sql("spent AS (INSERT INTO spent_proofs (digest, until) SELECT ");
        out.push_bind_param::<Binary, _>(&spent.digest)?;
        out.push_sql(", ");
        out.push_bind_param::<Moment, _>(&spent.until)?;
        out.push_sql(" FROM used), ");
    }
    out.push_sql("begun AS (INSERT INTO sessions (id, user_id, identity_id, token_hash, method, ");
    out.push_sql("auth_time, created_at, last_seen_at, idle_ends_at, absolute_ends_at, ip, ");
    out.push_sql("device_id, device_name) SELECT ");
    out.push_bind_param::<Id, _>(&session.id)?;
    out.push_sql(", used.user_id, used.identity_id, ");
    out.push_bind_param::<Binary, _>(&session.token_hash)?;
    out.push_sql(", ");
    out.push_bind_param::<Text, _>(&session.method)?;
    for moment in
        [&session.auth_time, &session.created_at, &session.last_seen_at, &session.idle_ends_at]
    {
        out.push_sql(", ");
        out.push_bind_param::<Moment, _>(moment)?;
    }
    out.push_sql(", ");
    out.push_bind_param::<Nullable<Moment>, _>(&session.absolute_ends_at)?;
    out.push_sql(", ");
    out.push_bind_param::<Ip, _>(&session.ip)?;
    out.push_sql(", ");
    out.push_bind_param::<Nullable<Text>, _>(&session.device_id)?;
    out.push_sql(", ");
    out.push_bind_param::<Nullable<Text>, _>(&session.device_name)?;
    out.push_sql(" FROM used RETURNING token_hash), recorded AS (INSERT INTO login_events ");
    out.push_sql("(id, user_id, identity_id, identifier, method, outcome, ip, device_id, ");
    out.push_sql("device_name, at) SELECT ");
    out.push_bind_param::<Id, _>(&event.id)?;
    out.push_sql(", used.user_id, used.identity_id, ");
    out.push_bind_param::<Binary, _>(&event.identifier)?;
    out.push_sql(", ");
    out.push_bind_param::<Text, _>(&event.method)?;
    out.push_sql(", ");
    out.push_bind_param::<Text, _>(event.outcome)?;
    out.push_sql(", ");
    out.push_bind_param::<Ip, _>(&event.ip)?;
    out.push_sql(", ");
    out.push_bind_param::<Nullable<Text>, _>(&event.device_id)?;
    out.push_sql(", ");
    out.push_bind_param::<Nullable<Text>, _>(&event.device_name)?;
    out.push_sql(", ");
    out.push_bind_param::<Moment, _>(&event.at)?;
    out.push_sql(" FROM used)");
    Ok(())
}

/// The count of one attempt, beside the account and its password.
///
/// The rule is [`LockoutPolicy::attempt`]; the schedule of waits comes from there as a list, and
/// the statement looks the wait of the new count up in it.
struct AttemptStatement {
    key: Vec<u8>,
    now: MomentValue,
    stale_before: MomentValue,
    threshold: i32,
    last: i32,
    waits: Vec<Option<i64>>,
}

/// What [`AttemptStatement`] gives: the account, has a password, has a phone, last login, last use
/// of a session, of those that are gone, the hash, the count (none while it waits), the wait that begins with it, the wait
/// that was there before.
type AttemptColumns = (
    Nullable<(Id, Nullable<Text>, Nullable<Text>, Text, Integer, Moment)>,
    Nullable<Id>,
    Bool,
    Bool,
    Nullable<Moment>,
    Nullable<Moment>,
    Nullable<Moment>,
    Nullable<Text>,
    Nullable<Integer>,
    Nullable<Moment>,
    Nullable<Moment>,
);

#[derive(Queryable)]
struct AttemptRow {
    user: Option<UserRow>,
    identity: Option<IdValue>,
    has_password: bool,
    has_phone: bool,
    last_login: Option<MomentValue>,
    last_visit: Option<MomentValue>,
    last_gone: Option<MomentValue>,
    hash: Option<String>,
    failed: Option<i32>,
    waits_until: Option<MomentValue>,
    waited_until: Option<MomentValue>,
}

impl AttemptStatement {
    fn new(key: &IdentifierKey, policy: &LockoutPolicy, now: Timestamp) -> Self {
        let micros = |it: Span| i64::try_from(it.as_micros()).unwrap_or(i64::MAX);
        let mut waits: Vec<_> = (1..OFF_AFTER).map(|it| policy.wait(it).map(micros)).collect();
        waits.push(Some(NEVER.as_microsecond() - now.as_microsecond()));
        Self {
            key: key.as_bytes().to_vec(),
            now: MomentValue(now),
            stale_before: MomentValue(now.checked_sub(policy.window).unwrap_or(Timestamp::MIN)),
            threshold: i32::try_from(policy.threshold).unwrap_or(i32::MAX),
            last: i32::try_from(OFF_AFTER).unwrap_or(i32::MAX),
            waits,
        }
    }

    /// The wait of a count: the list's entry, added to now.
    fn push_wait<'b>(
        &'b self,
        out: &mut AstPass<'_, 'b, Pg>,
        count: &'static str,
    ) -> QueryResult<()> {
        out.push_bind_param::<Moment, _>(&self.now)?;
        out.push_sql(" + (");
        out.push_bind_param::<Array<Nullable<BigInt>>, _>(&self.waits)?;
        out.push_sql(")[LEAST(");
        out.push_sql(count);
        out.push_sql(", ");
        out.push_bind_param::<Integer, _>(&self.last)?;
        out.push_sql(")] * interval '1 microsecond'");
        Ok(())
    }
}

impl QueryFragment<Pg> for AttemptStatement {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH who AS (SELECT u.*, i.identity_id, p.hash, EXISTS (SELECT 1 FROM ");
        out.push_sql("identities n WHERE n.user_id = u.id AND n.kind = 'phone') AS has_phone, ");
        out.push_sql("(SELECT max(n.last_used_at) FROM identities n WHERE n.user_id = u.id) ");
        out.push_sql("AS last_login, (SELECT max(s.last_seen_at) FROM sessions s WHERE ");
        out.push_sql("s.user_id = u.id) AS last_visit, (SELECT v.at FROM last_visits v WHERE ");
        out.push_sql(
            "v.user_id = u.id) AS last_gone FROM identifiers i JOIN users u ON u.id = i.user_id ",
        );
        out.push_sql("LEFT JOIN passwords p ON p.user_id = u.id WHERE i.value = ");
        out.push_bind_param::<Binary, _>(&self.key)?;
        out.push_sql("), whom AS (SELECT COALESCE((SELECT uuid_send(id) FROM who), ");
        out.push_bind_param::<Binary, _>(&self.key)?;
        out.push_sql(") AS subject), counted AS (INSERT INTO password_attempts AS a ");
        out.push_sql("(subject, failed, last_at, waits_until) SELECT subject, 1, ");
        out.push_bind_param::<Moment, _>(&self.now)?;
        out.push_sql(", ");
        self.push_wait(&mut out, "1")?;
        out.push_sql(
            " FROM whom ON CONFLICT (subject) DO UPDATE SET (failed, last_at, waits_until) = ",
        );
        out.push_sql("(SELECT n.failed, ");
        out.push_bind_param::<Moment, _>(&self.now)?;
        out.push_sql(", ");
        self.push_wait(&mut out, "n.failed")?;
        out.push_sql(" FROM (SELECT CASE WHEN a.failed < ");
        out.push_bind_param::<Integer, _>(&self.threshold)?;
        out.push_sql(" AND a.last_at <= ");
        out.push_bind_param::<Moment, _>(&self.stale_before)?;
        out.push_sql(" THEN 1 ELSE a.failed + 1 END AS failed) n) ");
        out.push_sql("WHERE a.waits_until IS NULL OR a.waits_until <= ");
        out.push_bind_param::<Moment, _>(&self.now)?;
        out.push_sql(
            " RETURNING failed, waits_until) SELECT who.id, who.nickname, who.avatar_url, ",
        );
        out.push_sql("who.state, who.security_epoch, who.created_at, who.identity_id, ");
        out.push_sql("who.hash IS NOT NULL, COALESCE(who.has_phone, false), who.last_login, ");
        out.push_sql("who.last_visit, who.last_gone, who.hash, ");
        out.push_sql("counted.failed, counted.waits_until, before.waits_until FROM whom ");
        out.push_sql("LEFT JOIN who ON true LEFT JOIN counted ON true ");
        out.push_sql("LEFT JOIN password_attempts before ON before.subject = whom.subject");
        Ok(())
    }
}

impl AttemptRow {
    fn attempt(self, policy: &LockoutPolicy, now: Timestamp) -> Result<Attempt, Failure> {
        if self.failed.is_none() {
            // A racer's wait may have begun after this statement did: then it is the first one.
            let until = self.waited_until.map(|it| it.0).filter(|it| *it > now);
            return Ok(Attempt::Waiting {
                until: until.unwrap_or_else(|| later(now, policy.base)),
            });
        }
        let account: Option<Account> = match (self.user, self.identity) {
            (Some(user), Some(identity)) => {
                let (password, phone) = (self.has_password, self.has_phone);
                let row = (
                    user,
                    identity,
                    password,
                    phone,
                    self.last_login,
                    self.last_visit,
                    self.last_gone,
                );
                Some(account(row)?)
            }
            _ => None,
        };
        Ok(Attempt::Counted {
            account,
            password: self.hash.map(PasswordHash::new),
            locks: self.waits_until.map(|it| it.0),
        })
    }
}

macro_rules! statement {
    ($name:ty, $columns:ty) => {
        impl Query for $name {
            type SqlType = $columns;
        }
        impl<C> diesel::RunQueryDsl<C> for $name {}
    };
}

statement!(EnterStatement<'_>, Binary);
statement!(RegisterStatement<'_>, Binary);
statement!(AttemptStatement, AttemptColumns);

/// Prepared once per connection for each text; whether others are told changes it.
impl QueryId for EnterStatement<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

/// Prepared once per connection for each text; whether there is a password, and whether
/// others are told, changes it.
impl QueryId for RegisterStatement<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

/// Prepared once per connection: the text never changes.
impl QueryId for AttemptStatement {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}
