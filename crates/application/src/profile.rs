//! Changing the caller's own profile.

use domain::profile::ProfilePatch;
use domain::user::User;
use ports::Ports;

use crate::authenticate::Caller;
use crate::error::Error;

/// Changes nickname or avatar and gives the user as they are now.
pub async fn patch_profile(
    ports: &Ports,
    caller: &Caller,
    patch: &ProfilePatch,
) -> Result<User, Error> {
    let user_id = caller.signed_in.user.id;
    let (user, outdated) =
        ports.accounts.patch_profile(user_id, patch).await?.ok_or(Error::SessionInvalid)?;
    // The change stands. A copy that shows the old name goes by itself within a minute.
    if let Err(error) = ports.session_copies.forget(&outdated).await {
        tracing::warn!(%error, "copies of sessions show the old profile for up to a minute");
    }
    Ok(user)
}
