//! The caller's own sessions: listed, and ended one by one or together.

use domain::change::AuditLine;
use domain::ending::{AccountEvent, Fate, Holding};
use domain::id::{EventId, SessionId};
use domain::origin::Origin;
use domain::session::Session;
use ports::{Ports, entropy};

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
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn list_sessions(ports: &Ports, caller: &Caller) -> Result<Vec<Session>, Error> {
    Ok(ports.sessions.list(caller.signed_in.user.id, ports.clock.now()).await?)
}

/// Ends one session of the caller: first the truth, then its copy.
///
/// A session of somebody else is as unknown as one that never was (LINK-10).
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn end_session(
    ports: &Ports,
    caller: &Caller,
    id: SessionId,
    origin: Origin,
) -> Result<(), Error> {
    let session = &caller.signed_in.session;
    let about = if id == session.id { AccountEvent::LoggedOut } else { AccountEvent::SessionEnded };
    let line = line(ports, session, about, id, &origin);
    let token = ports.sessions.end_one(session.user_id, id, &line).await?;
    ports.session_copies.forget(&[token.ok_or(Error::NotFound)?]).await?;
    Ok(())
}

/// Ends sessions of the caller together, as the truth table has it.
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn end_sessions(
    ports: &Ports,
    caller: &Caller,
    scope: Scope,
    origin: Origin,
) -> Result<(), Error> {
    let session = &caller.signed_in.session;
    let about = match scope {
        Scope::Others => AccountEvent::OthersLoggedOut,
        Scope::All => AccountEvent::AllLoggedOut,
    };
    let is_kept = about.fate(Holding::CurrentSession) == Fate::Kept;
    let line = line(ports, session, about, session.id, &origin);
    let kept = is_kept.then_some(session.id);
    let ended = ports.sessions.end_all(session.user_id, kept, &line).await?;
    ports.session_copies.forget(&ended).await?;
    Ok(())
}

/// The audit line of sessions that end.
pub(crate) fn line(
    ports: &Ports,
    asking: &Session,
    action: AccountEvent,
    ended: SessionId,
    origin: &Origin,
) -> AuditLine {
    let at = ports.clock.now();
    let (user, object) = (asking.user_id, *ended.as_uuid());
    tracing::info!(target: "audit", event = action.as_str(), %user, session = %ended);
    AuditLine {
        id: EventId::new(at, entropy::bytes(&*ports.entropy)),
        user_id: user,
        action,
        object: Some(object),
        client_id: None,
        origin: Some(Origin { ip: origin.ip, device: asking.origin.device.clone() }),
        at,
    }
}
