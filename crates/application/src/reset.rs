//! Setting a new password by a code alone.

use domain::change::Actor;
use domain::credential::code::{CodeCredential, Purpose};
use domain::new_password::{is_still_good, reset_password as plan};
use domain::origin::Origin;
use domain::user::UserState;
use ports::Ports;

use crate::change::{TRIES, Written, contended, ids, write};
use crate::credential::code::{self, Try};
use crate::error::Error;

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
pub async fn reset_password(ports: &Ports, asked: Reset) -> Result<(), Error> {
    let now = ports.clock.now();
    let purpose = Purpose::ResetPassword;
    let password = code::check_password(ports, &asked.code, purpose, &asked.new).await?;
    let place = ports.hasher.reserve().await?;
    let proven = code::prove(ports, &asked.code, Try::new(purpose, &asked.origin, now)).await?;
    let hash = place.hash(&password).await;
    let key = ports.keys.identifier_key(proven.identity.identifier());
    let actor = Actor { session: None, origin: Some(asked.origin), at: now };
    for _ in 0..TRIES {
        let found = ports.accounts.find(&key).await?.ok_or(Error::CodeInvalid)?;
        let loaded = ports.accounts.load(found.user.id, now).await?;
        // The identifier may have moved meanwhile; then the next look finds where it is.
        let Some(account) = loaded.filter(|it| it.identity_of(&key).is_some()) else { continue };
        if account.user.state != UserState::Active {
            return Err(Error::AccountDisabled);
        }
        if !is_still_good(proven.sent_at, account.resets_since) {
            return Err(Error::CodeInvalid);
        }
        let change = plan(&account, hash.clone(), &actor, ids(ports, now));
        if write(ports, &account.tokens, change).await? == Written::Done {
            return Ok(());
        }
    }
    Err(contended())
}
