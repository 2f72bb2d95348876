//! The port `Grants` on this engine.

use async_trait::async_trait;
use domain::Timestamp;
use domain::id::SessionId;
use domain::oauth::code::Grant;
use domain::secret::TokenHash;
use futures_util::FutureExt as _;
use ports::error::StoreError;
use ports::grants::{Exchange, Exchanged, Found, Grants, Issued, NewCode, Refresh, Renewed};

use super::{Database, grant_queries};

#[async_trait]
impl Grants for Database {
    async fn issue(&self, new: &NewCode) -> Result<Issued, StoreError> {
        self.write(named!("grants.issue"), new.clone(), |conn, it| {
            grant_queries::issue(conn, it).boxed()
        })
        .await
    }

    async fn exchange(&self, exchange: &Exchange) -> Result<Exchanged, StoreError> {
        self.write(named!("grants.exchange"), exchange.clone(), |conn, it| {
            grant_queries::exchange(conn, it).boxed()
        })
        .await
    }

    async fn refresh(&self, refresh: &Refresh) -> Result<Renewed, StoreError> {
        self.write(named!("grants.refresh"), refresh.clone(), |conn, it| {
            grant_queries::refresh(conn, it).boxed()
        })
        .await
    }

    async fn find_access(
        &self,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Found>, StoreError> {
        self.read(named!("grants.find_access"), (*token, now), |conn, it| {
            grant_queries::find_access(conn, it).boxed()
        })
        .await
    }

    async fn find_refresh(
        &self,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Found>, StoreError> {
        self.read(named!("grants.find_refresh"), (*token, now), |conn, it| {
            grant_queries::find_refresh(conn, it).boxed()
        })
        .await
    }

    async fn of_session(&self, id: SessionId) -> Result<Option<Grant>, StoreError> {
        self.read(named!("grants.of_session"), id, |conn, id| {
            grant_queries::of_session(conn, id).boxed()
        })
        .await
    }

    async fn end_access(&self, token: &TokenHash) -> Result<(), StoreError> {
        self.write(named!("grants.end_access"), *token, |conn, token| {
            grant_queries::end_access(conn, token).boxed()
        })
        .await
    }

    async fn purge(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.write(named!("grants.purge"), now, |conn, now| grant_queries::purge(conn, now).boxed())
            .await
    }
}
