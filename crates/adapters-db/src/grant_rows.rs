//! Rows of codes, tokens and signing keys, and what they become in the domain.

use diesel::pg::Pg;
use diesel::prelude::{Insertable, Queryable, Selectable};
use diesel::sqlite::Sqlite;
use domain::id::SessionId;
use domain::oauth::client::ClientId;
use domain::oauth::code::{Code, Grant};
use domain::oauth::key::{KeyId, PublicKey, SigningKey};
use domain::oauth::pkce::Challenge;
use domain::oauth::refresh::Held;
use domain::oauth::scope::Scopes;
use domain::secret::{Sealed, TokenHash};

use crate::error::{Failure, corrupt};
use crate::schema::{oauth_access_tokens, oauth_codes, oauth_keys, oauth_refresh_tokens};
use crate::types::{IdValue, MomentValue};

/// A code.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_codes, check_for_backend(Pg, Sqlite))]
pub(crate) struct CodeRow {
    pub(crate) code_hash: Vec<u8>,
    pub(crate) session_id: IdValue,
    client_id: String,
    redirect_uri: String,
    challenge: Vec<u8>,
    scope: String,
    nonce: Option<String>,
    expires_at: MomentValue,
    pub(crate) used_at: Option<MomentValue>,
    kept_until: Option<MomentValue>,
}

impl CodeRow {
    pub(crate) fn of(code: &Code) -> Self {
        Self {
            code_hash: code.hash.as_bytes().to_vec(),
            session_id: IdValue(*code.grant.session_id.as_uuid()),
            client_id: code.grant.client_id.as_str().to_owned(),
            redirect_uri: code.redirect_uri.clone(),
            challenge: code.challenge.as_bytes().to_vec(),
            scope: code.grant.scope.to_string(),
            nonce: code.nonce.clone(),
            expires_at: MomentValue(code.expires_at),
            used_at: None,
            kept_until: Some(MomentValue(code.expires_at)),
        }
    }

    pub(crate) fn code(self) -> Result<Code, Failure> {
        let hash = self.code_hash.as_slice().try_into();
        let challenge = self.challenge.as_slice().try_into();
        Ok(Code {
            hash: hash.map(TokenHash::new).map_err(|_| corrupt("oauth_codes.code_hash"))?,
            grant: Grant {
                session_id: SessionId::from_uuid(self.session_id.0),
                client_id: ClientId::parse(&self.client_id)
                    .ok_or_else(|| corrupt("oauth_codes.client_id"))?,
                scope: scope(&self.scope)?,
            },
            redirect_uri: self.redirect_uri,
            challenge: challenge
                .map(Challenge::new)
                .map_err(|_| corrupt("oauth_codes.challenge"))?,
            nonce: self.nonce,
            expires_at: self.expires_at.0,
        })
    }
}

/// Reads a stored scope.
pub(crate) fn scope(text: &str) -> Result<Scopes, Failure> {
    Scopes::parse(text).map_err(|_| corrupt("oauth scope"))
}

/// A refresh token.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_refresh_tokens, check_for_backend(Pg, Sqlite))]
pub(crate) struct RefreshRow {
    pub(crate) token_hash: Vec<u8>,
    pub(crate) session_id: IdValue,
    rotated_at: Option<MomentValue>,
    successor: Option<Vec<u8>>,
    kept_until: Option<MomentValue>,
}

impl RefreshRow {
    /// One that was not used yet.
    pub(crate) fn new(
        token: &TokenHash,
        session_id: IdValue,
        kept_until: Option<MomentValue>,
    ) -> Self {
        let token_hash = token.as_bytes().to_vec();
        Self { token_hash, session_id, rotated_at: None, successor: None, kept_until }
    }

    pub(crate) fn held(self) -> Held {
        Held {
            rotated_at: self.rotated_at.map(|it| it.0),
            successor: self.successor.map(Sealed::new),
        }
    }
}

/// An access token.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_access_tokens, check_for_backend(Pg, Sqlite))]
pub(crate) struct AccessRow {
    pub(crate) token_hash: Vec<u8>,
    pub(crate) session_id: IdValue,
    pub(crate) scope: String,
    pub(crate) expires_at: MomentValue,
}

/// A signing key.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_keys, check_for_backend(Pg, Sqlite))]
pub(crate) struct KeyRow {
    number: i32,
    id: String,
    n: Vec<u8>,
    e: Vec<u8>,
    private: Vec<u8>,
    signs_from: MomentValue,
}

impl KeyRow {
    pub(crate) fn of(key: &SigningKey) -> Self {
        Self {
            number: key.number,
            id: key.id.as_str().to_owned(),
            n: key.public.n.clone(),
            e: key.public.e.clone(),
            private: key.private.as_bytes().to_vec(),
            signs_from: MomentValue(key.signs_from),
        }
    }

    pub(crate) fn key(self) -> SigningKey {
        SigningKey {
            id: KeyId::new(self.id),
            number: self.number,
            public: PublicKey { n: self.n, e: self.e },
            private: Sealed::new(self.private),
            signs_from: self.signs_from.0,
        }
    }
}
