//! Looking at tokens, and ending them (OP-08).

use domain::Timestamp;
use domain::oauth::client::{Client, ClientId};
use domain::oauth::code::Grant;
use domain::oauth::scope::Scopes;
use domain::origin::Origin;
use domain::secret::{SessionToken, TokenHash};
use domain::session::SignedIn;
use ports::Ports;
use ports::grants::Betrayed;

use super::OauthError;
use super::token::end_session;

/// What a token is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// Whose it is.
    pub client_id: ClientId,
    /// The session that stands for it, and who the person is.
    pub signed_in: SignedIn,
    /// What the client may.
    pub scope: Scopes,
    /// First moment at which it is good for nothing, as things stand.
    pub expires_at: Timestamp,
    /// True for one that calls, false for one that refreshes.
    pub is_access: bool,
}

/// Tells what a token is good for; `None` for every token that is not good, or not this client's.
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn introspect(
    ports: &Ports,
    client: &Client,
    token: &str,
) -> Result<Option<Inspected>, OauthError> {
    let now = ports.clock.now();
    let held = find(ports, token, now).await?;
    Ok(held
        .filter(|it| it.is_current && it.inspected.client_id == client.id)
        .map(|it| it.inspected))
}

/// Ends a token of a client. A refresh token and a session take all that came of them along; one
/// that is unknown or somebody else's is left as it is.
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn revoke(
    ports: &Ports,
    client: &Client,
    token: &str,
    origin: Origin,
) -> Result<(), OauthError> {
    let now = ports.clock.now();
    let Some(held) = find(ports, token, now).await? else {
        // What has ended may still have a copy, if a try before this one did not get so far.
        if let Some(token) = SessionToken::parse(token) {
            ports.session_copies.forget(&[ports.keys.token_hash(&token)]).await?;
        }
        return Ok(());
    };
    if held.inspected.client_id != client.id {
        return Ok(());
    }
    if held.is_short {
        let hash = TokenHash::new(ports.keys.digest(token));
        return Ok(ports.grants.end_access(&hash).await?);
    }
    let session = &held.inspected.signed_in.session;
    let whose = Betrayed { user_id: session.user_id, session_id: session.id };
    end_session(ports, whose, origin).await
}

/// A token that was found.
struct Held {
    inspected: Inspected,
    /// False for a refresh token that was rotated.
    is_current: bool,
    /// True for a short access token, which ends alone.
    is_short: bool,
}

/// Finds a token of any kind. They differ in their tables alone, so each is asked.
async fn find(ports: &Ports, token: &str, now: Timestamp) -> Result<Option<Held>, OauthError> {
    let Some(token) = SessionToken::parse(token) else { return Ok(None) };
    let hash = ports.keys.token_hash(&token);
    if let Some(found) = ports.grants.find_access(&hash, now).await? {
        let inspected = inspected(found.granted.grant, found.granted.signed_in, found.expires_at);
        return Ok(Some(Held { inspected, is_current: true, is_short: true }));
    }
    if let Some(found) = ports.grants.find_refresh(&hash, now).await? {
        let inspected = inspected(found.granted.grant, found.granted.signed_in, found.expires_at);
        let inspected = Inspected { is_access: false, ..inspected };
        return Ok(Some(Held { inspected, is_current: found.is_current, is_short: false }));
    }
    // The truth, not a copy: what is told here may be relied upon elsewhere.
    let Some(signed_in) = ports.sessions.find(&hash, now).await? else { return Ok(None) };
    let Some(grant) = ports.grants.of_session(signed_in.session.id).await? else { return Ok(None) };
    let ends_at = signed_in.session.ends_at();
    let inspected = inspected(grant, signed_in, ends_at);
    Ok(Some(Held { inspected, is_current: true, is_short: false }))
}

fn inspected(grant: Grant, signed_in: SignedIn, expires_at: Timestamp) -> Inspected {
    let (client_id, scope) = (grant.client_id, grant.scope);
    Inspected { client_id, signed_in, scope, expires_at, is_access: true }
}
