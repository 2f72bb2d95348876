//! Proving again who it is.

use domain::credential::Credential;
use domain::credential::code::Purpose;
use domain::credential::third_party::Owner;
use domain::event::{LoginEvent, Outcome};
use domain::id::EventId;
use domain::login::{Account, Visit};
use domain::origin::Origin;
use domain::provider::SpentProof;
use domain::session::{Method, Session, SignedIn};
use ports::accounts::{Changed, Reauthentication};
use ports::{Ports, entropy};

use crate::authenticate::Caller;
use crate::credential::{self, Try, carrier, find_owner, password};
use crate::error::Error;
use crate::visit::{Admission, draw_token, hand_out};

/// Proves again that it is the caller, who goes on in the same session under a new token.
///
/// Somebody else's credential is refused like a wrong one of its type.
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn reauthenticate(
    ports: &Ports,
    caller: &Caller,
    credential: Credential,
    origin: Origin,
) -> Result<Admission, Error> {
    carrier::require_more(ports, caller, &credential).await?;
    // The device is the session's: the account knows it, also in a storm of wrong passwords.
    let origin = Origin { device: caller.signed_in.session.origin.device.clone(), ..origin };
    let Proved { account, visit, spent, wrong } = prove(ports, credential, origin).await?;
    let SignedIn { session, user } = &caller.signed_in;
    if visit.method == Method::Password
        && let Some(other) = account.as_ref().filter(|it| it.user.id != user.id)
    {
        // The password was right, though not the caller's.
        ports.accounts.forget_attempts(other.user.id).await?;
    }
    let account = account.filter(|it| it.user.id == user.id && it.admit().is_ok());
    let account = account.ok_or_else(wrong)?;
    let (token, hash) = draw_token(ports);
    let proof = Reauthentication {
        user_id: user.id,
        security_epoch: account.security_epoch,
        session_id: session.id,
        token: hash,
        event: LoginEvent {
            id: EventId::new(visit.at, entropy::bytes(&*ports.entropy)),
            user_id: Some(user.id),
            identity_id: Some(account.identity_id),
            identifier: visit.identifier,
            method: visit.method,
            outcome: Outcome::Success,
            origin: visit.origin,
            at: visit.at,
        },
        spent,
    };
    // The copy goes first: if it cannot, nothing has happened and the token goes on (SES-04).
    ports.session_copies.forget(&[caller.token]).await?;
    match ports.accounts.reauthenticate(&proof).await? {
        Changed::Done { .. } => {}
        Changed::Spent => return Err(wrong()),
        Changed::Stale | Changed::SessionEnded | Changed::Taken => {
            return Err(Error::SessionInvalid);
        }
    }
    let session = Session { auth_time: visit.at, ..session.clone() };
    Ok(hand_out(ports, token, &hash, SignedIn { session, user: account.user }).await)
}

/// What a credential proved of somebody.
struct Proved {
    account: Option<Account>,
    visit: Visit,
    /// The proof that is used up by it.
    spent: Option<SpentProof>,
    /// The answer to a wrong one of its type.
    wrong: fn() -> Error,
}

async fn prove(ports: &Ports, credential: Credential, origin: Origin) -> Result<Proved, Error> {
    let now = ports.clock.now();
    match credential {
        Credential::Identity(it) => {
            let tried = Try::new(Purpose::Reauthenticate, &origin, now);
            let proof = credential::prove(ports, &it, tried).await?;
            let owner = find_owner(ports, &proof.names(ports)).await?;
            let account = match owner {
                Owner::Nobody => None,
                Owner::One(it) | Owner::Contested(it) => Some(it),
            };
            let identifier = ports.keys.identifier_key(proof.identity.identifier());
            let visit = Visit { identifier, method: proof.identity.method(), origin, at: now };
            Ok(Proved { account, visit, spent: proof.brings.spent, wrong: proof.wrong })
        }
        Credential::Password(it) => {
            let identifier = ports.keys.identifier_key(&it.identifier);
            let visit = Visit { identifier, method: Method::Password, origin, at: now };
            let account = password::prove(ports, &it.password, &visit).await?;
            let wrong = || Error::InvalidCredentials;
            Ok(Proved { account: Some(account), visit, spent: None, wrong })
        }
    }
}
