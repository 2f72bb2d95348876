//! Exchanging codes and refreshing tokens (OP-03, OP-04, OP-07).

use domain::change::AuditLine;
use domain::ending::AccountEvent;
use domain::id::EventId;
use domain::oauth::client::Client;
use domain::oauth::code::Shown;
use domain::oauth::id_token::Claims;
use domain::oauth::pkce::Verifier;
use domain::oauth::refresh::ACCESS_LIFE;
use domain::oauth::scope::{Scope, Scopes};
use domain::origin::Origin;
use domain::secret::{OpaqueToken, SessionToken, TokenHash};
use domain::{Duration, Timestamp, later};
use ports::grants::{Betrayed, Exchange, Exchanged, Granted, NewAccess, Refresh, Renewed, Taken};
use ports::keys::Seal;
use ports::{Ports, entropy};

use super::{OauthError, keys};
use crate::error::until;

/// What a client gets.
#[derive(Debug)]
pub struct Tokens {
    /// For calling us in the person's name.
    pub access_token: String,
    /// How long it is good; a session's end is pushed on by use.
    pub life: Duration,
    /// For the next one; none for a client that has the session itself.
    pub refresh_token: Option<String>,
    /// Who the person is; none unless `openid` was granted.
    pub id_token: Option<String>,
    /// What was granted.
    pub scope: Scopes,
}

/// Exchanges a code of a client that has proven itself.
#[tracing::instrument(
    target = "latchkey::trace",
    level = "debug",
    skip_all,
    name = "oauth.exchange"
)]
pub async fn exchange(
    ports: &Ports,
    client: &Client,
    code: &str,
    redirect_uri: &str,
    verifier: Option<&str>,
    origin: Origin,
) -> Result<Tokens, OauthError> {
    let code = OpaqueToken::parse(code).ok_or(OauthError::InvalidGrant)?;
    let now = ports.clock.now();
    let verifier = verifier.and_then(Verifier::parse);
    let shown = Shown {
        client_id: client.id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        verifier: verifier.map(|it| ports.keys.digest(it.reveal())),
    };
    let drawn = Drawn::of(ports, client);
    let exchange = Exchange {
        code: hash(ports, &code),
        shown,
        taken: drawn.taken(ports, now),
        ends: client.ends(&ports.policy.sessions, now),
        at: now,
    };
    let key = keys::open(ports).await?;
    match ports.grants.exchange(&exchange).await? {
        Exchanged::Done { granted, nonce } => drawn.hand_out(ports, &granted, nonce, &key, now),
        Exchanged::Unfit => Err(OauthError::InvalidGrant),
        Exchanged::Used(betrayed) => end(ports, betrayed, origin).await,
    }
}

/// Refreshes for a client that has proven itself.
#[tracing::instrument(
    target = "latchkey::trace",
    level = "debug",
    skip_all,
    name = "oauth.refresh"
)]
pub async fn refresh(
    ports: &Ports,
    client: &Client,
    token: &str,
    scope: Option<Scopes>,
    origin: Origin,
) -> Result<Tokens, OauthError> {
    let token = OpaqueToken::parse(token).ok_or(OauthError::InvalidGrant)?;
    let now = ports.clock.now();
    let shown = hash(ports, &token);
    let (access, next) = (draw(ports), draw(ports));
    let refresh = Refresh {
        token: shown,
        client_id: client.id.clone(),
        next: hash(ports, &next),
        sealed: ports.keys.seal(Seal::Successor(&shown), next.reveal()),
        access: NewAccess { hash: hash(ports, &access), expires_at: later(now, ACCESS_LIFE) },
        scope,
        ends: client.ends(&ports.policy.sessions, now),
        at: now,
    };
    let key = keys::open(ports).await?;
    match ports.grants.refresh(&refresh).await? {
        Renewed::Done { granted, again } => {
            let next = match again {
                None => next.reveal().to_owned(),
                Some(sealed) => {
                    let opened = ports.keys.open(Seal::Successor(&shown), &sealed);
                    opened.map_err(|_| OauthError::InvalidGrant)?
                }
            };
            Drawn::Pair { access, refresh: next }.hand_out(ports, &granted, None, &key, now)
        }
        Renewed::Unfit => Err(OauthError::InvalidGrant),
        Renewed::Wider => Err(OauthError::InvalidScope),
        Renewed::Used(betrayed) => end(ports, betrayed, origin).await,
    }
}

/// Tokens that were drawn, and not yet handed out.
enum Drawn {
    Session(SessionToken),
    Pair { access: OpaqueToken, refresh: String },
}

impl Drawn {
    fn of(ports: &Ports, client: &Client) -> Self {
        if client.gets_session() {
            return Self::Session(SessionToken::new(entropy::bytes(&*ports.entropy)));
        }
        Self::Pair { access: draw(ports), refresh: draw(ports).reveal().to_owned() }
    }

    fn taken(&self, ports: &Ports, now: Timestamp) -> Taken {
        match self {
            Self::Session(token) => Taken::Session(ports.keys.token_hash(token)),
            Self::Pair { access, refresh } => Taken::Pair {
                access: NewAccess {
                    hash: hash(ports, access),
                    expires_at: later(now, ACCESS_LIFE),
                },
                refresh: TokenHash::new(ports.keys.digest(refresh)),
            },
        }
    }

    fn hand_out(
        self,
        ports: &Ports,
        granted: &Granted,
        nonce: Option<String>,
        key: &keys::Opened,
        now: Timestamp,
    ) -> Result<Tokens, OauthError> {
        let session = &granted.signed_in.session;
        let (access_token, life, refresh_token) = match self {
            Self::Session(token) => {
                (token.reveal().to_owned(), until(session.ends_at(), now), None)
            }
            Self::Pair { access, refresh } => {
                let left = until(session.ends_at(), now);
                (access.reveal().to_owned(), ACCESS_LIFE.min(left), Some(refresh))
            }
        };
        let grant = &granted.grant;
        let id_token = if grant.scope.has(Scope::OpenId) {
            let issuer = &ports.policy.oauth.issuer;
            let digest = ports.keys.digest(&access_token);
            let claims = Claims::of(session, grant.client_id.clone(), issuer, &digest, now);
            Some(keys::sign(ports, key, &Claims { nonce, ..claims })?)
        } else {
            None
        };
        Ok(Tokens { access_token, life, refresh_token, id_token, scope: grant.scope })
    }
}

/// Ends the session whose code or refresh token came back, and with it all that came of it.
async fn end<T>(ports: &Ports, betrayed: Betrayed, origin: Origin) -> Result<T, OauthError> {
    let Betrayed { user_id, session_id } = betrayed;
    tracing::warn!(target: "audit", event = "grant_reused", user = %user_id, session = %session_id);
    end_session(ports, betrayed, origin).await?;
    Err(OauthError::InvalidGrant)
}

/// Ends the session of a grant: first the truth, then its copy (SES-04).
pub(super) async fn end_session(
    ports: &Ports,
    Betrayed { user_id, session_id }: Betrayed,
    origin: Origin,
) -> Result<(), OauthError> {
    let at = ports.clock.now();
    let line = AuditLine {
        id: EventId::new(at, entropy::bytes(&*ports.entropy)),
        user_id,
        action: AccountEvent::SessionEnded,
        object: Some(*session_id.as_uuid()),
        client_id: None,
        origin: Some(origin),
        at,
    };
    if let Some(token) = ports.sessions.end_one(user_id, session_id, &line).await? {
        ports.session_copies.forget(&[token]).await?;
    }
    Ok(())
}

fn draw(ports: &Ports) -> OpaqueToken {
    OpaqueToken::new(entropy::bytes(&*ports.entropy))
}

fn hash(ports: &Ports, token: &OpaqueToken) -> TokenHash {
    TokenHash::new(ports.keys.digest(token.reveal()))
}
