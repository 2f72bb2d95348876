//! Deleting the caller's account.

use domain::delete::delete as plan;
use domain::origin::Origin;
use ports::Ports;

use crate::authenticate::Caller;
use crate::change::{TRIES, Written, actor, contended, ids, load_own, require_fresh, write};
use crate::error::Error;

/// Deletes the caller's account (LINK-12).
#[tracing::instrument(
    target = "latchkey::trace",
    level = "debug",
    skip_all,
    name = "delete_account"
)]
pub async fn delete(ports: &Ports, caller: &Caller, origin: Origin) -> Result<(), Error> {
    let now = ports.clock.now();
    let actor = actor(caller, &origin, now);
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
