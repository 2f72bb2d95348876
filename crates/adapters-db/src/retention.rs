//! The port `Retention` on this engine: rows are chosen by an index, then removed by their keys.

use std::marker::PhantomData;

use async_trait::async_trait;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary};
use diesel_async::{AsyncConnectionCore, RunQueryDsl};
use domain::id::EventId;
use domain::retention::Kept;
use domain::{Duration, Timestamp, later};
use futures_util::FutureExt as _;
use ports::error::StoreError;
use ports::retention::Retention;

use super::Database;
use super::engine::{Conn, SKIP_LOCKED};
use super::queries::in_transaction;
use crate::error::Failure;
use crate::schema::{
    audit_events, login_events, oauth_codes, oauth_refresh_tokens, outbox, password_attempts,
    sessions, spent_proofs,
};
use crate::types::{Id, IdValue, Moment, MomentValue};

#[async_trait]
impl Retention for Database {
    async fn purge(&self, what: Kept, until: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.write(named!("retention.purge"), (what, until, limit), |conn, args| {
            purge(conn, args).boxed()
        })
        .await
    }
}

type Backend = <Conn as AsyncConnectionCore>::Backend;

/// Removes the rows that are due, of which no other node gets hold meanwhile.
macro_rules! remove {
    ($conn:ident, $args:expr, $key:ident as $held:ty, $table:ident.$column:ident) => {{
        let keys: Vec<$held> = Due::<$key>::new($args).load($conn).await?;
        let due = $table::table.filter($table::$column.eq_any(keys));
        diesel::delete(due).execute($conn).await?
    }};
}

/// Removes some rows; see the port.
async fn purge(conn: &mut Conn, args: &(Kept, Timestamp, u32)) -> Result<u64, Failure> {
    let gone = in_transaction(conn, async |conn: &mut Conn| {
        Ok(match args.0 {
            Kept::EndedSessions | Kept::ExpiredSessions => purge_sessions(conn, args).await?,
            Kept::ToldEntries => remove!(conn, args, Id as IdValue, outbox.id),
            Kept::SpentProofs => remove!(conn, args, Binary as Vec<u8>, spent_proofs.digest),
            Kept::PasswordAttempts => {
                remove!(conn, args, Binary as Vec<u8>, password_attempts.subject)
            }
            Kept::LoginEvents => remove!(conn, args, Id as IdValue, login_events.id),
            Kept::AuditEvents => remove!(conn, args, Id as IdValue, audit_events.id),
        })
    })
    .await?;
    Ok(u64::try_from(gone).unwrap_or(u64::MAX))
}

/// Removes sessions, and first what hangs on them; their last use is noted.
async fn purge_sessions(conn: &mut Conn, args: &(Kept, Timestamp, u32)) -> Result<usize, Failure> {
    let ids: Vec<IdValue> = Due::<Id>::new(args).load(conn).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let tokens: Vec<Vec<u8>> = oauth_refresh_tokens::table
        .filter(oauth_refresh_tokens::session_id.eq_any(&ids))
        .limit(args.2.into())
        .select(oauth_refresh_tokens::token_hash)
        .load(conn)
        .await?;
    let chosen = tokens.len();
    let tokens =
        oauth_refresh_tokens::table.filter(oauth_refresh_tokens::token_hash.eq_any(tokens));
    let tokens = diesel::delete(tokens).execute(conn).await?;
    if u32::try_from(chosen).is_ok_and(|it| it >= args.2) {
        // A session that was long in use has many: it goes with the last of them.
        return Ok(chosen);
    }
    let codes = oauth_codes::table.filter(oauth_codes::session_id.eq_any(&ids));
    let codes = diesel::delete(codes).execute(conn).await?;
    LastVisits(&ids).execute(conn).await?;
    let due = sessions::table.filter(sessions::id.eq_any(&ids));
    Ok(diesel::delete(due).execute(conn).await? + codes + tokens)
}

/// The keys of the rows that are due, those that were over first before the others.
pub(super) struct Due<K> {
    /// Up to the moment.
    chosen: &'static str,
    until: MomentValue,
    /// For logs, whose ids are in order of time: an id that only younger ones are not below.
    below: Option<IdValue>,
    order: &'static str,
    limit: i64,
    key: PhantomData<fn() -> K>,
}

impl<K> Due<K> {
    pub(super) fn new((what, until, limit): &(Kept, Timestamp, u32)) -> Self {
        let (chosen, order) = match what {
            Kept::EndedSessions => ("SELECT id FROM sessions WHERE ended_at", "ended_at"),
            Kept::ExpiredSessions => ("SELECT id FROM sessions WHERE idle_ends_at", "idle_ends_at"),
            Kept::ToldEntries => ("SELECT id FROM outbox WHERE done_at", "done_at"),
            Kept::SpentProofs => ("SELECT digest FROM spent_proofs WHERE until", "until"),
            Kept::PasswordAttempts => (
                "SELECT subject FROM password_attempts WHERE waits_until IS NULL AND last_at",
                "last_at",
            ),
            Kept::LoginEvents => ("SELECT id FROM login_events WHERE at", "id"),
            Kept::AuditEvents => ("SELECT id FROM audit_events WHERE at", "id"),
        };
        let is_log = matches!(what, Kept::LoginEvents | Kept::AuditEvents);
        let below = is_log.then(|| EventId::new(later(*until, Duration::from_millis(1)), [0; 10]));
        Self {
            chosen,
            until: MomentValue(*until),
            below: below.map(|it| IdValue(*it.as_uuid())),
            order,
            limit: i64::from(*limit),
            key: PhantomData,
        }
    }
}

impl<K> QueryFragment<Backend> for Due<K> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql(self.chosen);
        out.push_sql(" <= ");
        out.push_bind_param::<Moment, _>(&self.until)?;
        if let Some(below) = &self.below {
            out.push_sql(" AND id < ");
            out.push_bind_param::<Id, _>(below)?;
        }
        out.push_sql(" ORDER BY ");
        out.push_sql(self.order);
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        out.push_sql(SKIP_LOCKED);
        Ok(())
    }
}

impl<K> Query for Due<K> {
    type SqlType = K;
}

impl<K, C> diesel::RunQueryDsl<C> for Due<K> {}

/// Prepared once per connection for each text; the table changes it.
impl<K> QueryId for Due<K> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

/// Notes the last use of sessions that go. Users in order, so that two of these never wait for each
/// other.
struct LastVisits<'a>(&'a [IdValue]);

impl QueryFragment<Backend> for LastVisits<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        // As many texts as there are sizes of a batch.
        out.unsafe_to_cache_prepared();
        out.push_sql("INSERT INTO last_visits (user_id, at) SELECT user_id, max(last_seen_at) ");
        out.push_sql("FROM sessions WHERE id IN (");
        for (number, id) in self.0.iter().enumerate() {
            out.push_sql(if number == 0 { "" } else { ", " });
            out.push_bind_param::<Id, _>(id)?;
        }
        out.push_sql(") GROUP BY user_id ORDER BY user_id ON CONFLICT (user_id) DO UPDATE SET ");
        out.push_sql("at = excluded.at WHERE last_visits.at < excluded.at");
        Ok(())
    }
}

impl<C> diesel::RunQueryDsl<C> for LastVisits<'_> {}

impl QueryId for LastVisits<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
