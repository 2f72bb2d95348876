//! Telling a program who the person is.

use domain::identifier::IdentifierKind;
use domain::oauth::client::ClientId;
use domain::oauth::scope::{Scope, Scopes};
use domain::secret::{SessionToken, TokenHash};
use domain::user::User;
use ports::Ports;
use ports::keys::Seal;

use super::OauthError;
use crate::authenticate::{Access, authenticate};
use crate::error::Error;

/// What a program may know of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The person.
    pub user: User,
    /// The program; none for a session that no program was given.
    pub client_id: Option<ClientId>,
    /// What it may know.
    pub scope: Scopes,
    /// The phone number, where it may know it and there is one.
    pub phone: Option<Verified>,
    /// The e-mail address, likewise.
    pub email: Option<Verified>,
}

/// An identifier and whether its owner proved it.
#[derive(Clone, PartialEq, Eq)]
pub struct Verified {
    /// The phone number or e-mail address.
    pub text: String,
    /// Whether its owner proved it.
    pub is_verified: bool,
}

impl std::fmt::Debug for Verified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verified(…)")
    }
}

/// Finds out who a token's person is: an access token's, or a session's.
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn user_info(ports: &Ports, token: &SessionToken) -> Result<Known, OauthError> {
    let now = ports.clock.now();
    let hash = TokenHash::new(ports.keys.digest(token.reveal()));
    let (user, client_id, scope) = if let Some(found) = ports.grants.find_access(&hash, now).await?
    {
        let grant = found.granted.grant;
        (found.granted.signed_in.user, Some(grant.client_id), grant.scope)
    } else {
        let caller = authenticate(ports, token, Access::Session).await?;
        match ports.grants.of_session(caller.signed_in.session.id).await? {
            Some(grant) => (caller.signed_in.user, Some(grant.client_id), grant.scope),
            // A session of a login is the person's own.
            None => (caller.signed_in.user, None, Scopes::all()),
        }
    };
    let (mut phone, mut email) = (None, None);
    if scope.has(Scope::Phone) || scope.has(Scope::Email) {
        for identity in ports.accounts.identities(user.id).await? {
            let place = match identity.kind {
                IdentifierKind::Phone if scope.has(Scope::Phone) => &mut phone,
                IdentifierKind::Email if scope.has(Scope::Email) => &mut email,
                _ => continue,
            };
            // The first of a kind is the one that the person is known by.
            if place.is_some() {
                continue;
            }
            let owner = Seal::IdentityDisplay(&identity.id);
            let text = ports.keys.open(owner, &identity.display);
            let text = text.map_err(|_| corrupt())?;
            *place = Some(Verified { text, is_verified: identity.verified_at.is_some() });
        }
    }
    Ok(Known { user, client_id, scope, phone, email })
}

fn corrupt() -> Error {
    ports::error::StoreError::Corrupt { what: "identities.display" }.into()
}
