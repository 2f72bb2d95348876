//! Changing the caller's own profile.

use domain::outbox::{Event, News, Outgoing};
use domain::profile::ProfilePatch;
use domain::user::User;
use ports::Ports;

use crate::authenticate::Caller;
use crate::change::ids;
use crate::error::Error;

/// Changes nickname or avatar and gives the user as they are now.
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn patch_profile(
    ports: &Ports,
    caller: &Caller,
    patch: &ProfilePatch,
) -> Result<User, Error> {
    let user_id = caller.signed_in.user.id;
    let now = ports.clock.now();
    let told = ports.policy.tells_events.then(|| Outgoing {
        id: ids(ports, now)(),
        user_id,
        at: now,
        news: News::Event(Event::Updated),
    });
    let patched = ports.accounts.patch_profile(user_id, patch, told).await?;
    let (user, outdated) = patched.ok_or(Error::SessionInvalid)?;
    // The change stands. A copy that shows the old name goes by itself within a minute.
    if let Err(error) = ports.session_copies.forget(&outdated).await {
        tracing::warn!(%error, "copies of sessions show the old profile for up to a minute");
    }
    Ok(user)
}
