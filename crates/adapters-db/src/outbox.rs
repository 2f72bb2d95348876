//! The port `Outbox` on this engine.

use async_trait::async_trait;
use diesel::expression::Expression;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Integer};
use diesel_async::{AsyncConnectionCore, RunQueryDsl};
use domain::Timestamp;
use domain::id::EventId;
use domain::outbox::Outgoing;
use futures_util::FutureExt as _;
use ports::error::StoreError;
use ports::outbox::{Claimed, Outbox};

use super::Database;
use super::engine::{Conn, SKIP_LOCKED};
use super::queries::in_transaction;
use crate::error::{Failure, corrupt};
use crate::outbox_row::OutboxRow;
use crate::schema::outbox;
use crate::types::{IdValue, Moment, MomentValue};

#[async_trait]
impl Outbox for Database {
    async fn claim(
        &self,
        now: Timestamp,
        held_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.write(named!("outbox.claim"), (now, held_until, limit), |conn, args| {
            claim(conn, args).boxed()
        })
        .await
    }

    async fn done(&self, id: EventId, now: Timestamp) -> Result<(), StoreError> {
        self.write(named!("outbox.done"), (id, now), |conn, args| {
            async move {
                let (id, now) = args;
                diesel::update(outbox::table.find(IdValue(*id.as_uuid())))
                    .set((
                        outbox::done_at.eq(MomentValue(*now)),
                        outbox::parked_at.eq(None::<MomentValue>),
                    ))
                    .execute(conn)
                    .await?;
                Ok(())
            }
            .boxed()
        })
        .await
    }

    async fn postpone(&self, id: EventId, due_at: Timestamp) -> Result<(), StoreError> {
        self.write(named!("outbox.postpone"), (id, due_at), |conn, args| {
            async move {
                let (id, due_at) = args;
                diesel::update(outbox::table.find(IdValue(*id.as_uuid())))
                    .filter(outbox::done_at.is_null())
                    .filter(outbox::parked_at.is_null())
                    .set(outbox::due_at.eq(MomentValue(*due_at)))
                    .execute(conn)
                    .await?;
                Ok(())
            }
            .boxed()
        })
        .await
    }

    async fn park(&self, id: EventId, now: Timestamp) -> Result<(), StoreError> {
        self.write(named!("outbox.park"), (id, now), |conn, args| {
            async move {
                let (id, now) = args;
                diesel::update(outbox::table.find(IdValue(*id.as_uuid())))
                    .filter(outbox::done_at.is_null())
                    .filter(outbox::parked_at.is_null())
                    .set(outbox::parked_at.eq(MomentValue(*now)))
                    .execute(conn)
                    .await?;
                Ok(())
            }
            .boxed()
        })
        .await
    }

    async fn split(
        &self,
        id: EventId,
        parts: &[Outgoing],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let rows: Vec<_> = parts.iter().map(OutboxRow::of).collect();
        self.write(named!("outbox.split"), (id, rows, now), |conn, args| split(conn, args).boxed())
            .await
    }

    async fn replay(&self, only: Option<EventId>, now: Timestamp) -> Result<u64, StoreError> {
        self.write(named!("outbox.replay"), (only, now), |conn, args| replay(conn, args).boxed())
            .await
    }

    async fn parked(&self, limit: u32) -> Result<Vec<Outgoing>, StoreError> {
        self.read(named!("outbox.parked"), limit, |conn, limit| {
            async move {
                let rows = outbox::table
                    .filter(outbox::parked_at.is_not_null())
                    .order((outbox::at, outbox::id))
                    .limit(i64::from(*limit))
                    .select(OutboxRow::as_select())
                    .load(conn)
                    .await?;
                rows.into_iter().map(OutboxRow::outgoing).collect()
            }
            .boxed()
        })
        .await
    }
}

/// Takes what is due, in one statement.
async fn claim(
    conn: &mut Conn,
    (now, held_until, limit): &(Timestamp, Timestamp, u32),
) -> Result<Vec<Claimed>, Failure> {
    let statement = ClaimStatement {
        now: MomentValue(*now),
        held_until: MomentValue(*held_until),
        limit: i64::from(*limit),
    };
    let rows = statement.load::<(OutboxRow, i32)>(conn).await?;
    let mut claimed = rows
        .into_iter()
        .map(|(row, tries)| {
            let tries = u32::try_from(tries).map_err(|_| corrupt("outbox.tries"))?;
            Ok(Claimed { entry: row.outgoing()?, tries })
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    // An update gives its rows in no order.
    claimed.sort_unstable_by_key(|it| (it.entry.at, it.entry.id));
    Ok(claimed)
}

/// Writes the parts if the one was not done before.
async fn split(
    conn: &mut Conn,
    (id, parts, now): &(EventId, Vec<OutboxRow>, Timestamp),
) -> Result<(), Failure> {
    in_transaction(conn, async |conn| {
        let ended = diesel::update(outbox::table.find(IdValue(*id.as_uuid())))
            .filter(outbox::done_at.is_null())
            .filter(outbox::parked_at.is_null())
            .set(outbox::done_at.eq(MomentValue(*now)))
            .execute(conn)
            .await?;
        if ended == 1 {
            for part in parts {
                diesel::insert_into(outbox::table).values(part.clone()).execute(conn).await?;
            }
        }
        Ok(())
    })
    .await
}

/// Makes entries due again.
async fn replay(
    conn: &mut Conn,
    (only, now): &(Option<EventId>, Timestamp),
) -> Result<u64, Failure> {
    let afresh = (
        outbox::done_at.eq(None::<MomentValue>),
        outbox::parked_at.eq(None::<MomentValue>),
        outbox::tries.eq(0),
        outbox::due_at.eq(MomentValue(*now)),
    );
    let replayed = match only {
        None => {
            let parked = outbox::table.filter(outbox::parked_at.is_not_null());
            diesel::update(parked).set(afresh).execute(conn).await?
        }
        Some(id) => {
            diesel::update(outbox::table.find(IdValue(*id.as_uuid())))
                .filter(outbox::parked_at.is_not_null().or(outbox::done_at.is_not_null()))
                .set(afresh)
                .execute(conn)
                .await?
        }
    };
    Ok(u64::try_from(replayed).unwrap_or(u64::MAX))
}

type Backend = <Conn as AsyncConnectionCore>::Backend;
/// The columns of [`OutboxRow`], in its order.
type EntryColumns = <<OutboxRow as Selectable<Backend>>::SelectExpression as Expression>::SqlType;

/// Takes entries that are due and holds them.
///
/// The order is that of the index, so that a long backlog is not read to its end each time.
/// Racing nodes pass over the rows that another one is taking, and a row that another one has
/// taken meanwhile is not due any more.
struct ClaimStatement {
    now: MomentValue,
    held_until: MomentValue,
    limit: i64,
}

impl QueryFragment<Backend> for ClaimStatement {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("WITH due AS MATERIALIZED (SELECT o.id FROM outbox o WHERE ");
        out.push_sql("o.done_at IS NULL AND o.parked_at IS NULL AND o.due_at <= ");
        out.push_bind_param::<Moment, _>(&self.now)?;
        out.push_sql(" AND (o.destination <> 'webhook' OR NOT EXISTS (SELECT 1 FROM outbox b ");
        out.push_sql("WHERE b.user_id = o.user_id AND b.destination = 'webhook' ");
        out.push_sql("AND b.done_at IS NULL AND b.parked_at IS NULL ");
        out.push_sql("AND (b.at, b.id) < (o.at, o.id))) ORDER BY o.due_at, o.at, o.id LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        out.push_sql(SKIP_LOCKED);
        out.push_sql(") UPDATE outbox SET tries = tries + 1, due_at = ");
        out.push_bind_param::<Moment, _>(&self.held_until)?;
        out.push_sql(" WHERE id IN (SELECT id FROM due) RETURNING id, user_id, destination, ");
        out.push_sql("what, identity_id, kind, method, other_user_id, address, at, due_at, tries");
        Ok(())
    }
}

impl Query for ClaimStatement {
    type SqlType = (EntryColumns, Integer);
}

impl<C> diesel::RunQueryDsl<C> for ClaimStatement {}

/// Prepared once per connection: the text never changes.
impl QueryId for ClaimStatement {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}
