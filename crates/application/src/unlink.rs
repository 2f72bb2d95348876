//! Taking a way in away from the caller's account.

use domain::id::IdentityId;
use domain::origin::Origin;
use domain::unlink::{Refusal, unlink as plan};
use ports::Ports;

use crate::authenticate::Caller;
use crate::change::{TRIES, Written, actor, contended, ids, load_own, require_fresh, write};
use crate::error::Error;

/// Unlinks an identity; one way in is left, also when two go at once (LINK-06).
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn unlink(
    ports: &Ports,
    caller: &Caller,
    id: IdentityId,
    origin: Origin,
) -> Result<(), Error> {
    let now = ports.clock.now();
    let actor = actor(caller, &origin, now);
    for _ in 0..TRIES {
        let account = load_own(ports, caller, now).await?;
        require_fresh(ports, caller, &account, now)?;
        let change = plan(&account, id, &ports.policy.ways, &actor, ids(ports, now)).map_err(
            |it| match it {
                Refusal::NotFound => Error::NotFound,
                Refusal::LastMethod => Error::LastMethod,
            },
        )?;
        if write(ports, &account.tokens, change).await? == Written::Done {
            return Ok(());
        }
    }
    Err(contended())
}
