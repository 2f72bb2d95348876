//! Making codes: for a login, and for somebody who holds a session.
//!
//! A code stands for a session. That of a login is its own: it is begun with [`until_exchange`],
//! so that it lives as long as the code does, and its token is drawn and thrown away. The exchange
//! gives it its real ends, and a token that somebody knows.

use std::sync::Arc;

use domain::id::SessionId;
use domain::oauth::authorize::is_nonce;
use domain::oauth::client::Client;
use domain::oauth::code::{CODE_LIFE, Code, Grant, expiry};
use domain::oauth::consent::Need;
use domain::oauth::pkce::Challenge;
use domain::oauth::scope::Scopes;
use domain::policy::Policy;
use domain::secret::{OpaqueToken, TokenHash};
use domain::session::{Session, SessionPolicy};
use domain::{Duration, Timestamp};
use ports::grants::{Child, Issued, NewCode};
use ports::{Ports, entropy};
use thiserror::Error;

use crate::authenticate::Caller;
use crate::error::Error;
use crate::login::{LoggedIn, Login, login};
use crate::visit::{Admission, draw_token};

/// What a code is asked for, as it was checked.
#[derive(Debug, Clone)]
pub struct CodeRequest {
    /// The client.
    pub client: Client,
    /// Where the code goes; one of the client's.
    pub redirect_uri: String,
    /// Whose verifier will open it.
    pub challenge: Challenge,
    /// What the client may know.
    pub scope: Scopes,
    /// What it wants to find in the id token.
    pub nonce: Option<String>,
}

/// Why a login gives no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CodeRefusal {
    /// There is no such client, or people may not log in through it like this.
    #[error("the client is not allowed to log people in")]
    Client,
    /// The address is not registered.
    #[error("the address is not registered")]
    Redirect,
    /// The client would have no use for it.
    #[error("the nonce is too long, or has control characters")]
    Nonce,
}

/// A code, for the one answer that hands it out.
#[derive(Debug)]
pub struct IssuedCode {
    /// The code.
    pub code: OpaqueToken,
    /// How long it lives.
    pub life: Duration,
}

/// Why somebody who held a session gets no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoCode {
    /// It has ended.
    #[error("the session has ended")]
    SessionEnded,
    /// They have not agreed to what the client asks, or not lately where that is wanted.
    #[error("the person has not agreed")]
    Unconsented,
}

impl CodeRequest {
    /// Checks what a login is to be answered with, before anything else of it is looked at: a
    /// mistake costs nobody a code that was sent to them. For a browser's way to a provider, this
    /// is what happens at its start, and again at its end.
    pub fn check(
        policy: &Policy,
        client_id: &str,
        redirect_uri: &str,
        challenge: Challenge,
        scope: Scopes,
        nonce: Option<String>,
    ) -> Result<Self, CodeRefusal> {
        let client = policy.oauth.client(client_id).filter(|it| it.is_trusted());
        let client = client.ok_or(CodeRefusal::Client)?.clone();
        if !client.takes_redirect(redirect_uri) {
            return Err(CodeRefusal::Redirect);
        }
        if nonce.as_deref().is_some_and(|it| !is_nonce(it)) {
            return Err(CodeRefusal::Nonce);
        }
        Ok(Self { client, redirect_uri: redirect_uri.to_owned(), challenge, scope, nonce })
    }
}

/// Logs in by any credential, and gives a code in place of the session.
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn login_for_code(
    ports: &Ports,
    asked: CodeRequest,
    credential: Login,
) -> Result<IssuedCode, Error> {
    let came: LoggedIn = login(&until_exchange(ports), credential).await?;
    code_for_login(ports, asked, came.admission).await
}

/// The same ports, on which sessions live as long as a code: for the login whose admission goes to
/// [`code_for_login`].
#[must_use]
pub fn until_exchange(ports: &Ports) -> Ports {
    let fresh = ports.policy.sessions.fresh;
    let sessions = SessionPolicy { idle: CODE_LIFE, absolute: None, fresh };
    Ports { policy: Arc::new(Policy { sessions, ..(*ports.policy).clone() }), ..ports.clone() }
}

/// Makes a code of a login that came in on [`until_exchange`]'s ports. Nobody gets to see the
/// session's token.
///
/// A client with tokens of its own gets no code of somebody without a phone, where one is wanted.
/// If the session ended meanwhile, by a reset, a merge or a logout from everywhere, there is no
/// code (LINK-11).
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn code_for_login(
    ports: &Ports,
    asked: CodeRequest,
    admission: Admission,
) -> Result<IssuedCode, Error> {
    // Whose tokens are not the session's own could go on without ever meeting its routes.
    let is_held_back = ports.policy.require_phone && !admission.user.has_phone;
    if is_held_back && !asked.client.gets_session() {
        return Err(Error::PhoneRequired);
    }
    let now = ports.clock.now();
    // Without a child there is no need of a consent: the session is what is missing.
    let written = write(ports, asked, admission.session.id, None, now).await?;
    written.map_err(|_| Error::SessionInvalid)
}

/// Makes a code for somebody who holds a session: a session of its own begins, of the same person
/// and the same proof, and with the same last end. `need` is the consent that it takes.
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn code_for_session(
    ports: &Ports,
    asked: CodeRequest,
    caller: &Caller,
    need: Option<Need>,
) -> Result<Result<IssuedCode, NoCode>, Error> {
    let now = ports.clock.now();
    let parent = &caller.signed_in.session;
    let id = SessionId::new(now, entropy::bytes(&*ports.entropy));
    let (_, token) = draw_token(ports);
    let session = Session {
        id,
        created_at: now,
        last_seen_at: now,
        idle_ends_at: expiry(now),
        ..parent.clone()
    };
    let child = Child { parent: parent.id, session, token, need };
    write(ports, asked, id, Some(child), now).await
}

async fn write(
    ports: &Ports,
    asked: CodeRequest,
    session_id: SessionId,
    child: Option<Child>,
    now: Timestamp,
) -> Result<Result<IssuedCode, NoCode>, Error> {
    let code = OpaqueToken::new(entropy::bytes(&*ports.entropy));
    let new = NewCode {
        code: Code {
            hash: TokenHash::new(ports.keys.digest(code.reveal())),
            grant: Grant { session_id, client_id: asked.client.id, scope: asked.scope },
            redirect_uri: asked.redirect_uri,
            challenge: asked.challenge,
            nonce: asked.nonce,
            expires_at: expiry(now),
        },
        child,
        at: now,
    };
    match ports.grants.issue(&new).await? {
        Issued::Stale => Ok(Err(NoCode::SessionEnded)),
        Issued::Unconsented => Ok(Err(NoCode::Unconsented)),
        Issued::Done { ended } => {
            // The code stands: a copy that cannot be removed goes by itself within a minute.
            if !ended.is_empty()
                && let Err(error) = ports.session_copies.forget(&ended).await
            {
                tracing::warn!(%error, "copies of sessions that were pushed out are still there");
            }
            Ok(Ok(IssuedCode { code, life: CODE_LIFE }))
        }
    }
}
