//! The port `Keyring` on this engine.

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::keyring::Entry;
use futures_util::FutureExt as _;
use ports::error::StoreError;
use ports::keyring::Keyring;

use super::Database;
use super::engine::Conn;
use super::queries::in_transaction;
use crate::error::Failure;
use crate::keyring_row::EntryRow;
use crate::schema::{keyring, users};
use crate::types::IdValue;

#[async_trait]
impl Keyring for Database {
    async fn list(&self) -> Result<Vec<Entry>, StoreError> {
        self.read(named!("keyring.list"), (), |conn, none| list(conn, none).boxed()).await
    }

    async fn has_accounts(&self) -> Result<bool, StoreError> {
        self.read(named!("keyring.has_accounts"), (), |conn, none| has_accounts(conn, none).boxed())
            .await
    }

    async fn found(&self, first: &Entry) -> Result<bool, StoreError> {
        let row = EntryRow::of(first);
        self.write(named!("keyring.found"), row, |conn, row| put(conn, row).boxed()).await
    }

    async fn add(&self, next: &Entry, by: i32) -> Result<bool, StoreError> {
        let args = (EntryRow::of(next), by);
        self.write(named!("keyring.add"), args, |conn, args| add(conn, args).boxed()).await
    }

    async fn retire_all_but(&self, number: i32) -> Result<Option<usize>, StoreError> {
        self.write(named!("keyring.retire_all_but"), number, |conn, number| {
            retire_all_but(conn, number).boxed()
        })
        .await
    }
}

async fn list(conn: &mut Conn, (): &()) -> Result<Vec<Entry>, Failure> {
    let rows: Vec<EntryRow> =
        keyring::table.order(keyring::number).select(EntryRow::as_select()).load(conn).await?;
    rows.into_iter().map(EntryRow::entry).collect()
}

async fn has_accounts(conn: &mut Conn, (): &()) -> Result<bool, Failure> {
    let first: Option<IdValue> = users::table.select(users::id).first(conn).await.optional()?;
    Ok(first.is_some())
}

async fn put(conn: &mut Conn, row: &EntryRow) -> Result<bool, Failure> {
    let written = diesel::insert_into(keyring::table)
        .values(row.clone())
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(written == 1)
}

async fn add(conn: &mut Conn, (row, by): &(EntryRow, i32)) -> Result<bool, Failure> {
    in_transaction(conn, async |conn: &mut Conn| {
        Ok(holds(conn, *by).await? && put(conn, row).await?)
    })
    .await
}

async fn retire_all_but(conn: &mut Conn, number: &i32) -> Result<Option<usize>, Failure> {
    in_transaction(conn, async |conn: &mut Conn| {
        if !holds(conn, *number).await? {
            return Ok(None);
        }
        let others = keyring::table.filter(keyring::number.ne(number));
        let retired = diesel::update(others.filter(keyring::wrapped.is_not_null()))
            .set(keyring::wrapped.eq(None::<Vec<u8>>))
            .execute(conn)
            .await?;
        Ok(Some(retired))
    })
    .await
}

/// True if the entry of this number holds the root secret; so it stays for the rest of a
/// transaction.
async fn holds(conn: &mut Conn, number: i32) -> Result<bool, Failure> {
    // All callers wait here for each other, whatever their entry: the first one is always there.
    diesel::update(keyring::table.find(1))
        .set(keyring::added_at.eq(keyring::added_at))
        .execute(conn)
        .await?;
    let own = keyring::table.find(number).filter(keyring::wrapped.is_not_null());
    Ok(own.count().get_result::<i64>(conn).await? == 1)
}
