//! Setting the caller's own password.

use domain::identifier::Identifier;
use domain::login::Visit;
use domain::origin::Origin;
use domain::password::{Password, PasswordAttempt};
use domain::session::{Method, SignedIn};
use ports::Ports;
use ports::accounts::{Changed, PasswordChange, PasswordState};
use ports::error::StoreError;
use ports::keys::Seal;

use crate::authenticate::Caller;
use crate::credential::password;
use crate::error::Error;
use crate::visit::{Admission, draw_token};

/// A password to be set.
#[derive(Debug)]
pub struct SetPassword {
    /// The password that is set now, where the person knows it.
    pub current: Option<PasswordAttempt>,
    /// The new one, as typed.
    pub new: String,
    /// Where the request comes from.
    pub origin: Origin,
}

/// Sets a first password, or another one; the session goes on under a new token, all others end.
pub async fn set_password(
    ports: &Ports,
    caller: &Caller,
    request: SetPassword,
) -> Result<Admission, Error> {
    let now = ports.clock.now();
    let SignedIn { session, user } = &caller.signed_in;
    let state = ports.accounts.password_state(user.id).await?.ok_or(Error::SessionInvalid)?;
    let known = identifiers(ports, &state)?;
    let known: Vec<&Identifier> = known.iter().collect();
    let new = Password::parse(&request.new, &ports.policy.passwords, &known)?;
    let place = ports.hasher.reserve().await?;
    if let Some(current) = &request.current {
        let visit = Visit {
            identifier: state.identifier,
            method: Method::Password,
            origin: request.origin,
            at: now,
        };
        password::prove(ports, current, &visit).await?;
    } else if !session.may_set_password(state.has_password, &ports.policy.sessions, now) {
        return Err(Error::ReauthRequired);
    }
    let (token, hash) = draw_token(ports);
    let change = PasswordChange {
        user_id: user.id,
        new: place.hash(&new).await,
        security_epoch: state.security_epoch,
        session_id: session.id,
        token: hash,
        at: now,
    };
    let dead = match ports.accounts.change_password(&change).await? {
        Changed::Done { dead } => dead,
        Changed::Stale => return Err(StoreError::Contended { store: "database" }.into()),
    };
    ports.session_copies.forget(&dead).await?;
    tracing::info!(target: "audit", event = "password.changed", user = %user.id);
    let mut user = user.clone();
    user.has_password = true;
    Ok(Admission { token, session: session.clone(), user })
}

/// The account's identifiers, which the new password must not lean on.
fn identifiers(ports: &Ports, state: &PasswordState) -> Result<Vec<Identifier>, Error> {
    let mut identifiers = Vec::with_capacity(state.displays.len());
    for (identity, kind, sealed) in &state.displays {
        let text = ports
            .keys
            .open(Seal::IdentityDisplay(identity), sealed)
            .map_err(|_| StoreError::Corrupt { what: "identities.display" })?;
        // A number whose region is not allowed any more cannot be read back; it is no context then.
        identifiers.extend(Identifier::parse(&text, Some(*kind), &ports.policy.phones));
    }
    Ok(identifiers)
}
