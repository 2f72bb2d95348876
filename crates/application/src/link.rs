//! Linking a way in to the caller's account.

use domain::Timestamp;
use domain::change::NewIdentity;
use domain::credential::Credential;
use domain::credential::code::Purpose;
use domain::id::IdentityId;
use domain::identity::{Identity, Name};
use domain::link::{Refusal, link as plan};
use domain::login::Visit;
use domain::new_password::is_still_good;
use domain::origin::Origin;
use domain::session::Method;
use ports::keys::Seal;
use ports::{Ports, entropy};

use crate::authenticate::Caller;
use crate::change::{TRIES, Written, actor, contended, ids, load_own, require_fresh, write};
use crate::credential::provider::sealed;
use crate::credential::{self, Proof, Try, password};
use crate::error::Error;
use crate::identities::{Shown, show};

/// A way in to be linked.
#[derive(Debug)]
pub struct Link {
    /// What proves that it is the caller's.
    pub credential: Credential,
    /// The identity whose place it takes.
    pub replace: Option<IdentityId>,
    /// Where the request comes from.
    pub origin: Origin,
}

/// An identity that is the caller's.
#[derive(Debug)]
pub struct Linked {
    /// The identity.
    pub identity: Shown,
    /// False if it was the caller's already.
    pub is_new: bool,
}

/// Links a proved identity, also in the place of another one (LINK-03, LINK-09).
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn link(ports: &Ports, caller: &Caller, asked: Link) -> Result<Linked, Error> {
    let now = ports.clock.now();
    let account = load_own(ports, caller, now).await?;
    require_fresh(ports, caller, &account, now)?;
    // What can be told without the proof is told before it, and leaves the code alive.
    if asked.replace.is_some_and(|it| account.identity(it).is_none()) {
        return Err(Error::NotFound);
    }
    let proof = match prove(ports, caller, &asked, now).await? {
        Shows::Identity(proof) => proof,
        Shows::Me(id) => {
            let mine = account.identity(id).cloned().ok_or_else(contended)?;
            return Ok(Linked { identity: show(ports, mine)?, is_new: false });
        }
    };
    let new = new_identity(ports, &proof, now);
    let actor = actor(caller, &asked.origin, now);
    for _ in 0..TRIES {
        let account = load_own(ports, caller, now).await?;
        if !is_still_good(proof.made_at, account.links_since) {
            return Err((proof.wrong)());
        }
        let one_per_type = &ports.policy.one_per_type;
        let planned =
            plan(&account, new.clone(), asked.replace, one_per_type, &actor, ids(ports, now));
        let mut change = match planned {
            Ok(change) => change,
            Err(Refusal::AlreadyMine(id)) => {
                if let Some(spent) = &proof.brings.spent
                    && !ports.accounts.spend(spent).await?
                {
                    return Err((proof.wrong)());
                }
                let mine = account.identity(id).cloned().ok_or_else(contended)?;
                return Ok(Linked { identity: show(ports, mine)?, is_new: false });
            }
            Err(Refusal::NotFound) => return Err(Error::NotFound),
            Err(Refusal::OtherType) => return Err(Error::ReplaceType),
            Err(Refusal::LimitReached) => return Err(Error::LimitReached),
        };
        change.spent = proof.brings.spent;
        match write(ports, &account.tokens, change).await? {
            Written::Done => {
                let identity = linked_now(&new, now);
                return Ok(Linked { identity: show(ports, identity)?, is_new: true });
            }
            // A racer of mine may have linked it.
            Written::Taken if !are_mine(ports, caller, &new.names).await? => {
                return Err(Error::IdentityInUse);
            }
            Written::Taken | Written::Stale => {}
            Written::Spent => return Err((proof.wrong)()),
        }
    }
    Err(contended())
}

/// The identity as it is to be written.
fn new_identity(ports: &Ports, proof: &Proof, now: Timestamp) -> NewIdentity {
    let id = IdentityId::new(now, entropy::bytes(&*ports.entropy));
    NewIdentity {
        id,
        kind: proof.identity.identifier().kind(),
        display: ports.keys.seal(Seal::IdentityDisplay(&id), &proof.shown()),
        names: proof.names(ports),
        tokens: proof.brings.tokens.as_ref().map(|it| sealed(ports, &id, it)),
    }
}

/// What a credential shows: an identity, whosever it is, or one that is the caller's own.
enum Shows {
    Identity(Box<Proof>),
    Me(IdentityId),
}

async fn prove(
    ports: &Ports,
    caller: &Caller,
    asked: &Link,
    now: Timestamp,
) -> Result<Shows, Error> {
    match &asked.credential {
        Credential::Identity(it) => {
            let tried = Try::new(Purpose::Link, &asked.origin, now);
            Ok(Shows::Identity(Box::new(credential::prove(ports, it, tried).await?)))
        }
        // A password proves a user who has it already: the caller, or somebody else.
        Credential::Password(it) => {
            let identifier = ports.keys.identifier_key(&it.identifier);
            let origin = asked.origin.clone();
            let visit = Visit { identifier, method: Method::Password, origin, at: now };
            let account = password::prove(ports, &it.password, &visit).await?;
            // The password was right, and no login follows that would forget the failures.
            ports.accounts.forget_attempts(account.user.id).await?;
            if account.user.id == caller.signed_in.user.id {
                Ok(Shows::Me(account.identity_id))
            } else {
                Err(Error::IdentityInUse)
            }
        }
    }
}

/// True unless somebody else has one of the names.
async fn are_mine(ports: &Ports, caller: &Caller, names: &[Name]) -> Result<bool, Error> {
    let keys: Vec<_> = names.iter().map(|it| it.key).collect();
    let owners = ports.accounts.find_all(&keys).await?;
    Ok(owners.iter().all(|(_, it)| it.user.id == caller.signed_in.user.id))
}

/// The identity as it was written.
fn linked_now(new: &NewIdentity, now: Timestamp) -> Identity {
    Identity {
        id: new.id,
        kind: new.kind,
        display: new.display.clone(),
        verified_at: Some(now),
        linked_at: now,
        last_used_at: None,
        last_ip: None,
    }
}
