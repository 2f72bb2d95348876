//! What the caller lets programs know: told, given, and taken back (OP-10).

use domain::change::AuditLine;
use domain::ending::AccountEvent;
use domain::id::EventId;
use domain::oauth::client::ClientId;
use domain::oauth::consent::Consent;
use domain::oauth::scope::Scopes;
use domain::origin::Origin;
use ports::{Ports, entropy};

use crate::authenticate::Caller;
use crate::error::Error;

/// The caller's consents, the last given first.
pub async fn list_consents(ports: &Ports, caller: &Caller) -> Result<Vec<Consent>, Error> {
    Ok(ports.consents.list(caller.signed_in.user.id).await?)
}

/// Agrees to what a registered program asks, beside what the caller agreed to before; gives the
/// consent as it is from now on. Of a program that needs none it is kept all the same: it may ask
/// for one by `prompt=consent`.
pub async fn give_consent(
    ports: &Ports,
    caller: &Caller,
    client_id: &str,
    scope: Scopes,
    origin: Origin,
) -> Result<Consent, Error> {
    let client = ports.policy.oauth.client(client_id).ok_or(Error::NotFound)?;
    let line = line(ports, caller, AccountEvent::ConsentGiven, &client.id, &origin);
    let session = &caller.signed_in.session;
    let (user_id, client_id) = (session.user_id, client.id.clone());
    let consent = Consent { user_id, client_id, scope, granted_at: line.at };
    ports.consents.give(&consent, session.id, &line).await?.ok_or(Error::SessionInvalid)
}

/// Takes a consent back and ends all that the program holds: first the truth, then its copies.
///
/// A program that is registered no more can still be shown the door.
pub async fn withdraw_consent(
    ports: &Ports,
    caller: &Caller,
    client_id: &str,
    origin: Origin,
) -> Result<(), Error> {
    let client_id = ClientId::parse(client_id).ok_or(Error::NotFound)?;
    let line = line(ports, caller, AccountEvent::ConsentWithdrawn, &client_id, &origin);
    let ended = ports.consents.withdraw(caller.signed_in.user.id, &client_id, &line).await?;
    ports.session_copies.forget(&ended.ok_or(Error::NotFound)?).await?;
    Ok(())
}

fn line(
    ports: &Ports,
    caller: &Caller,
    action: AccountEvent,
    client_id: &ClientId,
    origin: &Origin,
) -> AuditLine {
    let at = ports.clock.now();
    let session = &caller.signed_in.session;
    tracing::info!(
        target: "audit", event = action.as_str(), user = %session.user_id, client = %client_id
    );
    AuditLine {
        id: EventId::new(at, entropy::bytes(&*ports.entropy)),
        user_id: session.user_id,
        action,
        object: None,
        client_id: Some(client_id.clone()),
        origin: Some(Origin { ip: origin.ip, device: session.origin.device.clone() }),
        at,
    }
}
