//! Checking a session: who is calling.

use domain::secret::{SessionToken, TokenHash};
use domain::session::{SignedIn, Slide};
use domain::{Duration, Timestamp, later};
use ports::Ports;

use crate::error::Error;

/// A read of the truth that took longer than this is not kept as a copy: a revoke may have come
/// and gone meanwhile. Well below [`ports::session_copies::FORGET_LIFE`].
const KEEP_WITHIN: Duration = Duration::from_secs(5);

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Their session and who they are.
    pub signed_in: SignedIn,
    /// The hash of the token that they came with.
    pub token: TokenHash,
}

/// What a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A session.
    Session,
    /// A session, and a phone number where the service wants one.
    Complete,
}

/// Finds who a token belongs to, and pushes the session's end on.
///
/// The copy answers; without one, or without the store of copies, the truth does (REL-04).
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn authenticate(
    ports: &Ports,
    token: &SessionToken,
    access: Access,
) -> Result<Caller, Error> {
    let now = ports.clock.now();
    let hash = ports.keys.token_hash(token);
    let copy = match ports.session_copies.find(&hash).await {
        Ok(copy) => copy.filter(|it| it.session.is_live(now)),
        Err(error) => {
            tracing::debug!(%error, "the session is read from the database");
            None
        }
    };
    let signed_in = match copy {
        Some(copy) => slide(ports, &hash, copy, now).await,
        None => read(ports, &hash, now).await?,
    };
    if access == Access::Complete && ports.policy.require_phone && !signed_in.user.has_phone {
        return Err(Error::PhoneRequired);
    }
    Ok(Caller { signed_in, token: hash })
}

/// Reads the truth and keeps a copy of it.
async fn read(ports: &Ports, hash: &TokenHash, now: Timestamp) -> Result<SignedIn, Error> {
    let found = ports.sessions.find(hash, now).await?.ok_or(Error::SessionInvalid)?;
    let signed_in = match found.session.slide(&ports.policy.sessions, now) {
        Some(slide) if written(ports, &found, slide).await => {
            SignedIn { session: found.session.slid(slide), ..found }
        }
        _ => found,
    };
    if ports.clock.now() < later(now, KEEP_WITHIN)
        && let Err(error) = ports.session_copies.put(hash, &signed_in).await
    {
        tracing::debug!(%error, "no copy of the session was put");
    }
    Ok(signed_in)
}

/// Pushes a copy's session on when that is due.
async fn slide(ports: &Ports, hash: &TokenHash, copy: SignedIn, now: Timestamp) -> SignedIn {
    let Some(slide) = copy.session.slide(&ports.policy.sessions, now) else { return copy };
    if !written(ports, &copy, slide).await {
        return copy;
    }
    let slid = SignedIn { session: copy.session.slid(slide), ..copy };
    if let Err(error) = ports.session_copies.replace(hash, &slid).await {
        tracing::debug!(%error, "the copy of the session was not replaced");
    }
    slid
}

/// Writes a use down. A store that cannot be written does not end a session that can be read
/// (REL-06): the next use tries again.
async fn written(ports: &Ports, signed_in: &SignedIn, slide: Slide) -> bool {
    let written = ports.sessions.slide(signed_in.session.id, slide).await;
    if let Err(error) = &written {
        tracing::warn!(%error, "the use of a session was not written down");
    }
    written.is_ok()
}
