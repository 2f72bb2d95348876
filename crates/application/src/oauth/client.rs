//! Finding out which program is calling (OP-05).

use std::net::IpAddr;

use domain::cap::{Cap, Charge, Scope};
use domain::oauth::assertion::{Assertion, AssertionRefusal};
use domain::oauth::client::{
    Asserted, Client, ClientRefusal, Given, Proof, SecretHash, Shown, is_proven,
};
use domain::origin::network;
use domain::{Duration, Timestamp};
use ports::Ports;
use ports::error::StoreError;

use super::OauthError;
use crate::error::until;

/// How often one client may fail from one address.
const FAILURES: Cap = Cap { count: 30, window: Duration::from_mins(1) };

/// Finds the client that shows itself: proven by its secret or by a key, or public.
///
/// Only failures are counted, by client and address: a secret has 256 random bits, so it is not
/// guessed, and whoever has the right one is heard however often others were wrong.
#[tracing::instrument(
    target = "latchkey::trace",
    level = "debug",
    skip_all,
    name = "oauth.prove_client"
)]
pub async fn prove(ports: &Ports, shown: Shown, ip: IpAddr) -> Result<&Client, OauthError> {
    let claim = shown.claim().map_err(|it| match it {
        ClientRefusal::Ambiguous => OauthError::TwoMethods,
        ClientRefusal::Unnamed => OauthError::InvalidClient,
    })?;
    let now = ports.clock.now();
    let client = ports.policy.oauth.client(&claim.id);
    let is_proven = match (&claim.given, client) {
        (Given::Nothing, _) => is_proven(client, None),
        (Given::Secret(it), _) => is_proven(client, Some(&SecretHash::new(ports.keys.digest(it)))),
        (Given::Assertion(Asserted::Read(it)), Some(client)) => {
            is_asserted(ports, client, it, now).await?
        }
        (Given::Assertion(_), _) => false,
    };
    if let Some(client) = client.filter(|_| is_proven) {
        return Ok(client);
    }
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

/// Finds out whether a client's assertion proves it; why not is for the log alone.
async fn is_asserted(
    ports: &Ports,
    client: &Client,
    assertion: &Assertion,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let refusal = match spend(ports, client, assertion, now).await? {
        Ok(()) => return Ok(true),
        Err(refusal) => refusal,
    };
    tracing::debug!(client = %client.id, %refusal, "a client's assertion is refused");
    Ok(false)
}

/// Takes an assertion that is good, once. Its name is used up last, so that nobody but the owner
/// of a key can use one up.
async fn spend(
    ports: &Ports,
    client: &Client,
    assertion: &Assertion,
    now: Timestamp,
) -> Result<Result<(), AssertionRefusal>, StoreError> {
    let open = match assertion.check(&client.id, &ports.policy.oauth, now) {
        Ok(open) => open,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let keys = match &client.proof {
        Proof::Keys(keys) => keys.as_slice(),
        Proof::Nothing | Proof::Secret(_) => &[],
    };
    let Assertion { text, signature, .. } = assertion;
    if !keys.iter().any(|it| ports.signatures.is_by(it, open.algorithm, text, signature)) {
        return Ok(Err(AssertionRefusal::Signature));
    }
    // The name of a client has no blank.
    let name = ports.keys.subject("client-assertion", &format!("{} {}", client.id, open.id));
    let is_new = ports.one_time.put(&name, &[], open.remember, now).await?;
    Ok(if is_new { Ok(()) } else { Err(AssertionRefusal::Shown) })
}
