//! Setting a new password by a code alone.

use domain::change::Actor;
use domain::credential::code::{CodeCredential, OnRight, Purpose};
use domain::new_password::{is_still_good, reset_password as plan};
use domain::origin::Origin;
use domain::password::Password;
use domain::user::UserState;
use ports::Ports;

use crate::change::{TRIES, Written, contended, ids, write};
use crate::credential::{Try, code};
use crate::error::Error;
use crate::password::identifiers;

/// A password to be reset.
#[derive(Debug)]
pub struct Reset {
    /// A code of purpose `reset_password`.
    pub code: CodeCredential,
    /// The new password, as typed.
    pub new: String,
    /// Where the request comes from.
    pub origin: Origin,
}

/// Sets a new password for whoever proves the address (RST-03), and ends all that opened the
/// account (RST-04). A code made before the last change of password, phone or e-mail is wrong
/// (RST-05).
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn reset_password(ports: &Ports, asked: Reset) -> Result<(), Error> {
    let now = ports.clock.now();
    let purpose = Purpose::ResetPassword;
    let first = code::check_password(ports, &asked.code, purpose, &asked.new).await?;
    let place = ports.hasher.reserve().await?;
    let tried = Try::new(purpose, &asked.origin, now);
    // Only who has the code learns what the account is known by; a password that leans on it
    // leaves the code alive.
    let tryout = Try { on_right: OnRight::Keep, ..tried };
    let proven = code::prove(ports, &asked.code, tryout).await?;
    let key = ports.keys.identifier_key(proven.identity.identifier());
    if let Some(found) = ports.accounts.find(&key).await?
        && let Some(account) = ports.accounts.load(found.user.id, now).await?
    {
        let known = identifiers(ports, &account)?;
        let known: Vec<_> = known.iter().collect();
        Password::parse(&asked.new, &ports.policy.passwords, &known)?;
    }
    let proven = code::prove(ports, &asked.code, tried).await?;
    let hash = place.hash(&first).await;
    let actor = Actor { session: None, origin: Some(asked.origin), at: now };
    for _ in 0..TRIES {
        let found = ports.accounts.find(&key).await?.ok_or(Error::CodeInvalid)?;
        let loaded = ports.accounts.load(found.user.id, now).await?;
        // The identifier may have moved meanwhile; then the next look finds where it is.
        let Some(account) = loaded.filter(|it| it.identity_of(&key).is_some()) else { continue };
        if !is_still_good(proven.made_at, account.resets_since) {
            return Err(Error::CodeInvalid);
        }
        if account.user.state != UserState::Active {
            return Err(Error::AccountDisabled);
        }
        let change = plan(&account, hash.clone(), &actor, ids(ports, now));
        if write(ports, &account.tokens, change).await? == Written::Done {
            return Ok(());
        }
    }
    Err(contended())
}
