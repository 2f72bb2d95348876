//! Taking another account of the same person into the caller's.

use domain::Timestamp;
use domain::account::AccountState;
use domain::credential::Credential;
use domain::credential::code::{OnRight, Purpose};
use domain::id::UserId;
use domain::login::Visit;
use domain::merge::{Plan, ProfileFrom, Refusal, merge as carry_out, plan};
use domain::new_password::is_still_good;
use domain::origin::Origin;
use domain::provider::SpentProof;
use domain::secret::IdentifierKey;
use domain::session::Method;
use domain::user::User;
use ports::Ports;

use crate::authenticate::Caller;
use crate::change::{
    TRIES, Written, actor, contended, ids, load_active, load_own, require_fresh, write,
};
use crate::credential::{self, Try, carrier, password};
use crate::error::Error;
use crate::identities::{Shown, show};

/// A merge to be carried out, or only shown.
#[derive(Debug)]
pub struct Merge {
    /// What proves that the other account is the caller's as well.
    pub credential: Credential,
    /// Whose profile stays.
    pub profile_from: ProfileFrom,
    /// True if only the plan is wanted. A code is still good afterwards.
    pub dry_run: bool,
    /// Where the request comes from.
    pub origin: Origin,
}

/// A merge as it was carried out, or would be.
#[derive(Debug)]
pub struct Merged {
    /// The caller as they are afterwards.
    pub user: User,
    /// The identities that become the caller's.
    pub moved: Vec<Shown>,
    /// True if the other account's password goes.
    pub drops_password: bool,
}

/// Merges the account that a credential proves into the caller's (LINK-08).
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn merge(ports: &Ports, caller: &Caller, asked: Merge) -> Result<Merged, Error> {
    let now = ports.clock.now();
    require_fresh(ports, caller, &load_own(ports, caller, now).await?, now)?;
    carrier::require_more(ports, caller, &asked.credential).await?;
    let proof = prove(ports, caller, &asked, now).await?;
    let actor = actor(caller, &asked.origin, now);
    for _ in 0..TRIES {
        let mine = load_own(ports, caller, now).await?;
        let Some(other) = load_active(ports, proof.user_id, now).await? else {
            // A racer with the same wish was faster: what was wanted is so.
            if ports.accounts.resolve(proof.user_id).await? == Some(mine.user.id) {
                return Ok(Merged { user: mine.user, moved: Vec::new(), drops_password: false });
            }
            return Err((proof.wrong)());
        };
        if !proof.still_holds(&other) {
            return Err((proof.wrong)());
        }
        let one_per_type = &ports.policy.one_per_type;
        let plan = plan(&mine, &other, one_per_type).map_err(|it| match it {
            Refusal::SameAccount | Refusal::Conflict(_) => Error::MergeConflict,
            Refusal::LimitReached => Error::LimitReached,
        })?;
        let merged = merged(ports, &mine, &other, &plan, asked.profile_from)?;
        if asked.dry_run {
            return Ok(merged);
        }
        let ids = ids(ports, now);
        let mut change = carry_out(&mine, &other, &plan, asked.profile_from, &actor, ids);
        change.spent = proof.spent;
        let tokens = [mine.tokens.as_slice(), &other.tokens].concat();
        match write(ports, &tokens, change).await? {
            Written::Done => return Ok(merged),
            Written::Spent => return Err((proof.wrong)()),
            Written::Stale | Written::Taken => {}
        }
    }
    Err(contended())
}

/// The proof of the other account, as it was when it was looked at.
struct Proved {
    user_id: UserId,
    identifier: IdentifierKey,
    security_epoch: i32,
    /// When what proves it was made; `None` for a password.
    made_at: Option<Timestamp>,
    /// The proof that is used up by it.
    spent: Option<SpentProof>,
    /// The answer to a wrong one of its type.
    wrong: fn() -> Error,
}

impl Proved {
    /// True while nothing made it worthless: the identifier unlinked, the password changed, all
    /// sessions ended (LINK-09, LINK-11).
    fn still_holds(&self, other: &AccountState) -> bool {
        other.identity_of(&self.identifier).is_some()
            && other.security_epoch == self.security_epoch
            && self.made_at.is_none_or(|it| is_still_good(it, other.links_since))
    }
}

/// Proves the other account; a code of ours is used up unless the merge is only tried out. Where the
/// names of one identity are both the caller's and another user's, the other one is meant.
async fn prove(
    ports: &Ports,
    caller: &Caller,
    asked: &Merge,
    now: Timestamp,
) -> Result<Proved, Error> {
    let (identifier, account, proof) = match &asked.credential {
        Credential::Identity(it) => {
            let on_right = if asked.dry_run { OnRight::Keep } else { OnRight::Use };
            let tried = Try { on_right, ..Try::new(Purpose::Merge, &asked.origin, now) };
            let proof = credential::prove(ports, it, tried).await?;
            let keys: Vec<_> = proof.names(ports).into_iter().map(|it| it.key).collect();
            let mut found = ports.accounts.find_all(&keys).await?;
            let me = caller.signed_in.user.id;
            found.sort_by_key(|(key, it)| (it.user.id == me, keys.iter().position(|it| it == key)));
            let (identifier, account) = found.into_iter().next().ok_or_else(proof.wrong)?;
            (identifier, account, Some(proof))
        }
        Credential::Password(it) => {
            let identifier = ports.keys.identifier_key(&it.identifier);
            let origin = asked.origin.clone();
            let visit = Visit { identifier, method: Method::Password, origin, at: now };
            let account = password::prove(ports, &it.password, &visit).await?;
            // The password was right, and no login follows that would forget the failures.
            ports.accounts.forget_attempts(account.user.id).await?;
            (identifier, account, None)
        }
    };
    Ok(Proved {
        user_id: account.user.id,
        identifier,
        security_epoch: account.security_epoch,
        made_at: proof.as_ref().map(|it| it.made_at),
        spent: proof.as_ref().and_then(|it| it.brings.spent),
        wrong: proof.map_or(|| Error::InvalidCredentials, |it| it.wrong),
    })
}

fn merged(
    ports: &Ports,
    mine: &AccountState,
    other: &AccountState,
    plan: &Plan,
    profile_from: ProfileFrom,
) -> Result<Merged, Error> {
    let mut user = mine.user.clone();
    user.has_phone |= other.user.has_phone;
    if profile_from == ProfileFrom::Other {
        user.profile.clone_from(&other.user.profile);
    }
    let moved = plan.moved.iter().filter_map(|it| other.identity(*it).cloned());
    let moved = moved.map(|it| show(ports, it)).collect::<Result<_, _>>()?;
    Ok(Merged { user, moved, drops_password: plan.drops_password })
}
