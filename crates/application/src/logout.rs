//! Ending the caller's own session.

use domain::ending::AccountEvent;
use domain::origin::Origin;
use domain::secret::SessionToken;
use ports::Ports;

use crate::authenticate::{Access, authenticate};
use crate::error::Error;
use crate::sessions::line;

/// Ends the session of a token: first the truth, then its copy.
///
/// If the copy cannot be removed the caller is told to try again. Then the truth has ended already,
/// and what is left of the session is its copy: it goes before the answer says so (SES-04).
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn logout(ports: &Ports, token: &SessionToken, origin: Origin) -> Result<(), Error> {
    let caller = match authenticate(ports, token, Access::Session).await {
        Ok(caller) => caller,
        Err(Error::SessionInvalid) => {
            ports.session_copies.forget(&[ports.keys.token_hash(token)]).await?;
            return Err(Error::SessionInvalid);
        }
        Err(error) => return Err(error),
    };
    let session = &caller.signed_in.session;
    let line = line(ports, session, AccountEvent::LoggedOut, session.id, &origin);
    let last = ports.sessions.end_one(session.user_id, session.id, &line).await?;
    // A proof at the same moment may have moved the session to another token.
    let dead: Vec<_> = [caller.token].into_iter().chain(last).collect();
    ports.session_copies.forget(&dead).await?;
    Ok(())
}
