//! What an id token says (OpenID Connect Core, 2).

use super::client::ClientId;
use crate::id::UserId;
use crate::session::Session;
use crate::{Duration, Timestamp, later};

/// How long an id token is good.
pub const ID_TOKEN_LIFE: Duration = Duration::from_mins(10);

/// What an id token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// `iss`: us.
    pub issuer: String,
    /// `sub`: the person.
    pub subject: UserId,
    /// `aud`: the client.
    pub audience: ClientId,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
    /// `auth_time`: when the person last proved who they are.
    pub auth_time: Timestamp,
    /// `nonce`, as the client sent it.
    pub nonce: Option<String>,
    /// `amr`: how they proved it.
    pub amr: &'static str,
    /// `at_hash`: the left half of the access token's SHA-256.
    pub at_hash: [u8; 16],
}

impl Claims {
    /// Says who a session belongs to. `access_token` is the token's SHA-256.
    #[must_use]
    pub fn of(
        session: &Session,
        audience: ClientId,
        issuer: &str,
        access_token: &[u8; 32],
        now: Timestamp,
    ) -> Self {
        let mut at_hash = [0; 16];
        at_hash.iter_mut().zip(access_token).for_each(|(left, byte)| *left = *byte);
        Self {
            issuer: issuer.to_owned(),
            subject: session.user_id,
            audience,
            issued_at: now,
            expires_at: later(now, ID_TOKEN_LIFE),
            auth_time: session.auth_time,
            nonce: None,
            amr: session.method.amr(),
            at_hash,
        }
    }
}
