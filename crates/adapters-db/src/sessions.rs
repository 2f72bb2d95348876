//! The port `Sessions` on this engine.

use async_trait::async_trait;
use domain::Timestamp;
use domain::id::SessionId;
use domain::secret::TokenHash;
use domain::session::{SignedIn, Slide};
use futures_util::FutureExt as _;
use ports::error::StoreError;
use ports::sessions::Sessions;

use super::{Database, queries};
use crate::rows::signed_in;

#[async_trait]
impl Sessions for Database {
    async fn find(
        &self,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<SignedIn>, StoreError> {
        self.read((*token, now), |conn, args| {
            async move { queries::find_session(conn, args).await?.map(signed_in).transpose() }
                .boxed()
        })
        .await
    }

    async fn slide(&self, id: SessionId, slide: Slide) -> Result<(), StoreError> {
        self.write((id, slide), |conn, args| queries::slide_session(conn, args).boxed()).await
    }

    async fn end(&self, id: SessionId, now: Timestamp) -> Result<(), StoreError> {
        self.write((id, now), |conn, args| queries::end_session(conn, args).boxed()).await
    }
}
