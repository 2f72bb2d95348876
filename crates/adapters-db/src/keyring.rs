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
use crate::schema::keyring;

#[async_trait]
impl Keyring for Database {
    async fn list(&self) -> Result<Vec<Entry>, StoreError> {
        self.read(named!("keyring.list"), (), |conn, none| list(conn, none).boxed()).await
    }

    async fn put(&self, entry: &Entry) -> Result<bool, StoreError> {
        self.write(named!("keyring.put"), EntryRow::of(entry), |conn, row| put(conn, row).boxed())
            .await
    }

    async fn retire_all_but(&self, number: i32) -> Result<bool, StoreError> {
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

async fn put(conn: &mut Conn, row: &EntryRow) -> Result<bool, Failure> {
    let written = diesel::insert_into(keyring::table)
        .values(row.clone())
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(written == 1)
}

async fn retire_all_but(conn: &mut Conn, number: &i32) -> Result<bool, Failure> {
    in_transaction(conn, async |conn: &mut Conn| {
        // All callers wait here for each other, whatever their entry: the first one is always there.
        diesel::update(keyring::table.find(1))
            .set(keyring::added_at.eq(keyring::added_at))
            .execute(conn)
            .await?;
        let own = keyring::table.find(number).filter(keyring::wrapped.is_not_null());
        if own.count().get_result::<i64>(conn).await? == 0 {
            return Ok(false);
        }
        diesel::update(keyring::table.filter(keyring::number.ne(number)))
            .set(keyring::wrapped.eq(None::<Vec<u8>>))
            .execute(conn)
            .await?;
        Ok(true)
    })
    .await
}
