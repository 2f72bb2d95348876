//! Deleting the caller's account, and what an operator does to one.

use domain::change::Actor;
use domain::delete::{delete as plan, switch as plan_switch};
use domain::id::UserId;
use domain::origin::Origin;
use domain::user::UserState;
use ports::Ports;

use crate::authenticate::Caller;
use crate::change::{TRIES, Written, actor, contended, ids, load_own, require_fresh, write};
use crate::error::Error;

/// Deletes the caller's account (LINK-12).
pub async fn delete(ports: &Ports, caller: &Caller, origin: Origin) -> Result<(), Error> {
    let now = ports.clock.now();
    let actor = actor(caller, origin, now);
    for _ in 0..TRIES {
        let account = load_own(ports, caller, now).await?;
        require_fresh(ports, caller, &account, now)?;
        let change = plan(&account, ports.policy.delete_grace, &actor, ids(ports, now));
        if write(ports, &account.tokens, change).await? == Written::Done {
            return Ok(());
        }
    }
    Err(contended())
}

/// Switches an account off or on, as an operator does; tells the state that it has then.
pub async fn switch(ports: &Ports, user_id: UserId, to: UserState) -> Result<UserState, Error> {
    let now = ports.clock.now();
    let actor = Actor { session: None, origin: None, at: now };
    for _ in 0..TRIES {
        let account = ports.accounts.load(user_id, now).await?.ok_or(Error::NotFound)?;
        let Some(change) = plan_switch(&account, to, &actor, ids(ports, now)) else {
            return Ok(account.user.state);
        };
        if write(ports, &account.tokens, change).await? == Written::Done {
            return Ok(to);
        }
    }
    Err(contended())
}
