//! Finding out which program is calling (OP-05).

use std::net::IpAddr;

use domain::Duration;
use domain::cap::{Cap, Charge, Scope};
use domain::oauth::client::{Client, ClientRefusal, SecretHash, Shown, is_proven};
use domain::origin::network;
use ports::Ports;

use super::OauthError;
use crate::error::until;

/// How often one client may fail from one address.
const FAILURES: Cap = Cap { count: 30, window: Duration::from_mins(1) };

/// Finds the client that shows itself, proven by its secret or public.
///
/// Only failures are counted, by client and address: a secret has 256 random bits, so it is not
/// guessed, and whoever has the right one is heard however often others were wrong.
pub async fn prove(ports: &Ports, shown: Shown, ip: IpAddr) -> Result<&Client, OauthError> {
    let claim = shown.claim().map_err(|it| match it {
        ClientRefusal::Ambiguous => OauthError::TwoMethods,
        ClientRefusal::Unnamed => OauthError::InvalidClient,
    })?;
    let client = ports.policy.oauth.client(&claim.id);
    let given = claim.secret.as_deref().map(|it| SecretHash::new(ports.keys.digest(it)));
    let is_proven = is_proven(client, given.as_ref());
    if let Some(client) = client.filter(|_| is_proven) {
        return Ok(client);
    }
    let now = ports.clock.now();
    // Names that nobody has are counted as one: each would have a counter of its own.
    let named = client.map_or("", |it| it.id.as_str());
    let who = format!("{} {named}", network(ip));
    let subject = ports.keys.subject("client that failed", &who);
    let charge = Charge { scope: Scope::Ip, subject, caps: vec![FAILURES] };
    match ports.throttles.charge(&[charge], now).await? {
        Ok(()) => Err(OauthError::InvalidClient),
        Err(free_at) => Err(OauthError::Throttled { retry_after: until(free_at, now) }),
    }
}
