//! The port `Sessions` on this engine.

use async_trait::async_trait;
use domain::Timestamp;
use domain::change::AuditLine;
use domain::id::{SessionId, UserId};
use domain::secret::TokenHash;
use domain::session::{Session, SignedIn, Slide};
use futures_util::FutureExt as _;
use ports::error::StoreError;
use ports::sessions::Sessions;

use super::{Database, queries};
use crate::rows::{SessionRow, signed_in, token_hash};

#[async_trait]
impl Sessions for Database {
    async fn find(
        &self,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<SignedIn>, StoreError> {
        self.read(named!("sessions.find"), (*token, now), |conn, args| {
            async move { queries::find_session(conn, args).await?.map(signed_in).transpose() }
                .boxed()
        })
        .await
    }

    async fn slide(&self, id: SessionId, slide: Slide) -> Result<(), StoreError> {
        self.write(named!("sessions.slide"), (id, slide), |conn, args| {
            queries::slide_session(conn, args).boxed()
        })
        .await
    }

    async fn list(&self, user_id: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        self.read(named!("sessions.list"), (user_id, now), |conn, args| {
            async move {
                let rows = queries::list_sessions(conn, args).await?;
                rows.into_iter().map(SessionRow::session).collect()
            }
            .boxed()
        })
        .await
    }

    async fn end_one(
        &self,
        user_id: UserId,
        id: SessionId,
        line: &AuditLine,
    ) -> Result<Option<TokenHash>, StoreError> {
        self.write(named!("sessions.end_one"), (user_id, id, line.clone()), |conn, args| {
            async move {
                let token = queries::end_one_session(conn, args).await?;
                token.map(|it| token_hash(&it)).transpose()
            }
            .boxed()
        })
        .await
    }

    async fn end_all(
        &self,
        user_id: UserId,
        kept: Option<SessionId>,
        line: &AuditLine,
    ) -> Result<Vec<TokenHash>, StoreError> {
        self.write(named!("sessions.end_all"), (user_id, kept, line.clone()), |conn, args| {
            async move {
                let tokens = queries::end_all_sessions(conn, args).await?;
                tokens.iter().map(|it| token_hash(it)).collect()
            }
            .boxed()
        })
        .await
    }
}
