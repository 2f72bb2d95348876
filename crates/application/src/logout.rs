//! Ending the caller's own session.

use ports::Ports;

use crate::authenticate::Caller;
use crate::error::Error;

/// Ends a session: first the truth, then its copy.
///
/// If the copy cannot be removed the caller is told to try again, and trying again finishes it.
pub async fn logout(ports: &Ports, caller: &Caller) -> Result<(), Error> {
    let session = &caller.signed_in.session;
    ports.sessions.end(session.id, ports.clock.now()).await?;
    ports.session_copies.forget(&[caller.token]).await?;
    tracing::info!(target: "audit", event = "session.ended", user = %session.user_id, session = %session.id);
    Ok(())
}
