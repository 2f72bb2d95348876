//! The caller's own sessions: listed, and ended one by one or together.

use domain::id::SessionId;
use domain::session::Session;
use ports::Ports;

use crate::authenticate::Caller;
use crate::error::Error;

/// Which sessions end together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All but the caller's.
    Others,
    /// All of them.
    All,
}

/// The caller's live sessions, the last used first.
pub async fn list_sessions(ports: &Ports, caller: &Caller) -> Result<Vec<Session>, Error> {
    Ok(ports.sessions.list(caller.signed_in.user.id, ports.clock.now()).await?)
}

/// Ends one session of the caller: first the truth, then its copy.
///
/// A session of somebody else is as unknown as one that never was (LINK-10).
pub async fn end_session(ports: &Ports, caller: &Caller, id: SessionId) -> Result<(), Error> {
    let user_id = caller.signed_in.user.id;
    let token = ports.sessions.end_one(user_id, id, ports.clock.now()).await?;
    ports.session_copies.forget(&[token.ok_or(Error::NotFound)?]).await?;
    tracing::info!(target: "audit", event = "session.ended", user = %user_id, session = %id);
    Ok(())
}

/// Ends sessions of the caller together.
pub async fn end_sessions(ports: &Ports, caller: &Caller, scope: Scope) -> Result<(), Error> {
    let session = &caller.signed_in.session;
    let kept = match scope {
        Scope::Others => Some(session.id),
        Scope::All => None,
    };
    let ended = ports.sessions.end_all(session.user_id, kept, ports.clock.now()).await?;
    ports.session_copies.forget(&ended).await?;
    tracing::info!(target: "audit", event = "sessions.ended", user = %session.user_id, count = ended.len());
    Ok(())
}
