//! The port `SigningKeys` on this engine.

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::oauth::key::{KeyId, SigningKey};
use futures_util::FutureExt as _;
use ports::error::StoreError;
use ports::signing_keys::SigningKeys;

use super::Database;
use super::engine::Conn;
use crate::error::Failure;
use crate::grant_rows::KeyRow;
use crate::schema::oauth_keys;

#[async_trait]
impl SigningKeys for Database {
    async fn list(&self) -> Result<Vec<SigningKey>, StoreError> {
        self.read(named!("signing_keys.list"), (), |conn, none| list(conn, none).boxed()).await
    }

    async fn put(&self, key: &SigningKey) -> Result<bool, StoreError> {
        self.write(named!("signing_keys.put"), KeyRow::of(key), |conn, row| put(conn, row).boxed())
            .await
    }

    async fn remove(&self, ids: &[KeyId]) -> Result<(), StoreError> {
        let ids: Vec<String> = ids.iter().map(|it| it.as_str().to_owned()).collect();
        self.write(named!("signing_keys.remove"), ids, |conn, ids| remove(conn, ids).boxed()).await
    }
}

async fn list(conn: &mut Conn, (): &()) -> Result<Vec<SigningKey>, Failure> {
    let rows: Vec<KeyRow> =
        oauth_keys::table.order(oauth_keys::number).select(KeyRow::as_select()).load(conn).await?;
    Ok(rows.into_iter().map(KeyRow::key).collect())
}

async fn put(conn: &mut Conn, row: &KeyRow) -> Result<bool, Failure> {
    let written = diesel::insert_into(oauth_keys::table)
        .values(row.clone())
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(written == 1)
}

async fn remove(conn: &mut Conn, ids: &[String]) -> Result<(), Failure> {
    for id in ids {
        diesel::delete(oauth_keys::table.filter(oauth_keys::id.eq(id))).execute(conn).await?;
    }
    Ok(())
}
