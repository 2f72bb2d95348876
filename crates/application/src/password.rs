//! Setting the caller's own password.

use domain::Timestamp;
use domain::account::AccountState;
use domain::identifier::Identifier;
use domain::identity::Identity;
use domain::login::Visit;
use domain::new_password::set_password as plan;
use domain::origin::Origin;
use domain::password::{Password, PasswordAttempt};
use domain::session::{Method, SignedIn};
use domain::user::User;
use ports::Ports;
use ports::error::StoreError;
use ports::keys::Seal;

use crate::authenticate::Caller;
use crate::change::{Written, actor, contended, ids, load_own, write};
use crate::credential::password;
use crate::error::Error;
use crate::visit::{Admission, draw_token, hand_out};

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
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn set_password(
    ports: &Ports,
    caller: &Caller,
    request: SetPassword,
) -> Result<Admission, Error> {
    let now = ports.clock.now();
    let account = load_own(ports, caller, now).await?;
    let known = identifiers(ports, &account)?;
    let known: Vec<&Identifier> = known.iter().collect();
    let new = Password::parse(&request.new, &ports.policy.passwords, &known)?;
    let place = ports.hasher.reserve().await?;
    allow(ports, caller, &account, &request, now).await?;
    let hash = place.hash(&new).await;
    let (token, token_hash) = draw_token(ports);
    let actor = actor(caller, &request.origin, now);
    // What is planned on the account as it was when the proof was looked at: a change made since
    // then makes the proof worthless.
    let change = plan(&account, hash, token_hash, &actor, ids(ports, now));
    if write(ports, &account.tokens, change).await? != Written::Done {
        return Err(contended());
    }
    let SignedIn { session, user } = caller.signed_in.clone();
    let user = User { has_password: true, ..user };
    Ok(hand_out(ports, token, &token_hash, SignedIn { session, user }).await)
}

/// Asks for the password that is set now, or for a fresh proof in its place (RST-06).
async fn allow(
    ports: &Ports,
    caller: &Caller,
    account: &AccountState,
    request: &SetPassword,
    now: Timestamp,
) -> Result<(), Error> {
    let session = &caller.signed_in.session;
    let Some(current) = &request.current else {
        let has_password = account.user.has_password;
        if session.may_set_password(has_password, &ports.policy.sessions, now) {
            return Ok(());
        }
        return Err(Error::ReauthRequired { methods: account.methods(&ports.policy.ways) });
    };
    let identifier = account.any_key().ok_or(Error::SessionInvalid)?;
    // The device is the session's: the account knows it, also in a storm of wrong passwords.
    let origin = Origin { device: session.origin.device.clone(), ..request.origin.clone() };
    let visit = Visit { identifier, method: Method::Password, origin, at: now };
    password::prove(ports, current, &visit).await?;
    Ok(())
}

/// The account's identifiers, which the new password must not lean on.
pub(crate) fn identifiers(ports: &Ports, account: &AccountState) -> Result<Vec<Identifier>, Error> {
    let mut identifiers = Vec::with_capacity(account.identities.len());
    for Identity { id, kind, display, .. } in &account.identities {
        let text = ports
            .keys
            .open(Seal::IdentityDisplay(id), display)
            .map_err(|_| StoreError::Corrupt { what: "identities.display" })?;
        // A number whose region is not allowed any more cannot be read back; it is no context then.
        identifiers.extend(Identifier::parse(&text, Some(*kind), &ports.policy.phones));
    }
    Ok(identifiers)
}
