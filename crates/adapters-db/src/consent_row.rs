//! The row of a consent, and what it becomes in the domain.

use diesel::pg::Pg;
use diesel::prelude::{AsChangeset, Insertable, Queryable, Selectable};
use diesel::sqlite::Sqlite;
use domain::id::UserId;
use domain::oauth::client::ClientId;
use domain::oauth::consent::Consent;

use crate::error::{Failure, corrupt};
use crate::grant_rows::scope;
use crate::schema::oauth_consents;
use crate::types::{IdValue, MomentValue};

/// A consent.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = oauth_consents, primary_key(user_id, client_id))]
#[diesel(check_for_backend(Pg, Sqlite))]
pub(crate) struct ConsentRow {
    user_id: IdValue,
    client_id: String,
    scope: String,
    granted_at: MomentValue,
}

impl ConsentRow {
    pub(crate) fn of(consent: &Consent) -> Self {
        Self {
            user_id: IdValue(*consent.user_id.as_uuid()),
            client_id: consent.client_id.as_str().to_owned(),
            scope: consent.scope.to_string(),
            granted_at: MomentValue(consent.granted_at),
        }
    }

    pub(crate) fn consent(self) -> Result<Consent, Failure> {
        Ok(Consent {
            user_id: UserId::from_uuid(self.user_id.0),
            client_id: ClientId::parse(&self.client_id)
                .ok_or_else(|| corrupt("oauth_consents.client_id"))?,
            scope: scope(&self.scope)?,
            granted_at: self.granted_at.0,
        })
    }
}
