//! What every way in ends with: a token is drawn, a session is written, a copy is put.

use domain::Timestamp;
use domain::event::LoginEvent;
use domain::id::{EventId, SessionId};
use domain::login::{Fresh, Visit};
use domain::secret::{SessionToken, TokenHash};
use domain::session::{Session, SignedIn};
use domain::user::User;
use ports::{Ports, entropy};

use crate::change::ids;
use crate::counts;

/// A session as it is handed to the person: the one time that its token is seen.
#[derive(Debug)]
pub struct Admission {
    /// The token.
    pub token: SessionToken,
    /// The session.
    pub session: Session,
    /// Its owner.
    pub user: User,
    /// True if what they came by is another user's as well: both may be theirs.
    pub proposes_merge: bool,
}

/// Draws a token and gives its hash beside it.
pub(crate) fn draw_token(ports: &Ports) -> (SessionToken, TokenHash) {
    let token = SessionToken::new(entropy::bytes(&*ports.entropy));
    let hash = ports.keys.token_hash(&token);
    (token, hash)
}

/// Draws what a login needs.
pub(crate) fn draw(ports: &Ports, now: Timestamp) -> (SessionToken, Fresh) {
    let (token, hash) = draw_token(ports);
    let mut ids = ids(ports, now);
    let tells = ports.policy.tells_events;
    let fresh = Fresh {
        session_id: SessionId::new(now, entropy::bytes(&*ports.entropy)),
        event_id: ids(),
        token: hash,
        registered: tells.then(&mut ids),
        logged_in: tells.then(&mut ids),
        new_device: ids(),
    };
    (token, fresh)
}

/// Hands a written session out, and puts its copy where the next check looks first.
///
/// The session stands whatever becomes of the copy: without it, the check reads the truth.
pub(crate) async fn hand_out(
    ports: &Ports,
    token: SessionToken,
    hash: &TokenHash,
    signed_in: SignedIn,
) -> Admission {
    if let Err(error) = ports.session_copies.put(hash, &signed_in).await {
        tracing::debug!(%error, "no copy of the session was put");
    }
    let SignedIn { session, user } = signed_in;
    Admission { token, session, user, proposes_merge: false }
}

/// The audit line of a visit that failed.
pub(crate) fn failure(
    ports: &Ports,
    visit: &Visit,
    account: Option<&domain::login::Account>,
    locks: bool,
) -> LoginEvent {
    use domain::event::Outcome;
    if locks {
        counts::locked();
    }
    LoginEvent {
        id: EventId::new(visit.at, entropy::bytes(&*ports.entropy)),
        user_id: account.map(|it| it.user.id),
        identity_id: account.map(|it| it.identity_id),
        identifier: visit.identifier,
        method: visit.method,
        outcome: if locks { Outcome::Locked } else { Outcome::Failure },
        origin: visit.origin.clone(),
        at: visit.at,
    }
}
