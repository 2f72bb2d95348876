//! The port `Consents` on this engine.

use async_trait::async_trait;
use domain::change::AuditLine;
use domain::id::{SessionId, UserId};
use domain::oauth::client::ClientId;
use domain::oauth::consent::Consent;
use domain::secret::TokenHash;
use futures_util::FutureExt as _;
use ports::consents::Consents;
use ports::error::StoreError;

use super::{Database, consent_queries};

#[async_trait]
impl Consents for Database {
    async fn give(
        &self,
        consent: &Consent,
        session: SessionId,
        line: &AuditLine,
    ) -> Result<Option<Consent>, StoreError> {
        self.write(
            named!("consents.give"),
            (consent.clone(), session, line.clone()),
            |conn, args| consent_queries::give(conn, args).boxed(),
        )
        .await
    }

    async fn list(&self, user_id: UserId) -> Result<Vec<Consent>, StoreError> {
        self.read(named!("consents.list"), user_id, |conn, user_id| {
            consent_queries::list(conn, user_id).boxed()
        })
        .await
    }

    async fn withdraw(
        &self,
        user_id: UserId,
        client_id: &ClientId,
        line: &AuditLine,
    ) -> Result<Option<Vec<TokenHash>>, StoreError> {
        self.write(
            named!("consents.withdraw"),
            (user_id, client_id.clone(), line.clone()),
            |conn, args| consent_queries::withdraw(conn, args).boxed(),
        )
        .await
    }
}
