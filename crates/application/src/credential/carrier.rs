//! Proving a phone number by the carrier of its SIM.

use domain::cap::{Charge, Scope};
use domain::credential::carrier::{
    CALLS_OF_A_DEVICE, CarrierCredential, Question, RESERVED_FOR, confirms, gives,
};
use domain::credential::{Credential, IdentityCredential};
use domain::identifier::Identifier;
use domain::login::Visit;
use domain::phone::PhoneNumber;
use domain::session::Method;
use ports::Ports;
use ports::carrier::CarrierError;
use ports::watch::Operation;

use super::{Brings, Proof, Try};
use crate::authenticate::Caller;
use crate::change::load_own;
use crate::charge::{charge, to_ip};
use crate::error::Error;
use crate::visit::failure;

/// Asks the carrier, once.
///
/// The call is counted against the address and the device first; then the token is reserved, so
/// that whatever becomes of the call, no node makes a second one with it (TAP-02, TAP-04).
pub(super) async fn prove(
    ports: &Ports,
    credential: &CarrierCredential,
    it: Try<'_>,
) -> Result<Proof, Error> {
    let vendor = credential.vendor;
    let carrier = ports.carriers.get(vendor).ok_or(Error::NotFound)?;
    let token = credential.token.reveal();
    charge(ports, &charges(ports, it), it.at).await?;
    let spent = carrier.spends(token);
    let name = ports.keys.subject("carrier-token", &format!("{vendor}\n{spent}"));
    if !ports.one_time.put(&name, &[], RESERVED_FOR, it.at).await? {
        tracing::info!(target: "audit", event = "carrier.reused", vendor);
        return Err(Error::CarrierTokenInvalid);
    }
    let proven = match &credential.question {
        Question::Number => {
            let answer =
                Operation::of("carrier", vendor, "phone").watch(carrier.phone(token)).await;
            let answer = answer.map_err(|error| refused(vendor, &error))?;
            gives(&answer, &ports.policy.phones).map_err(|error| {
                tracing::error!(vendor, %error, "the carrier's number is not taken");
                Error::CarrierBadResponse
            })
        }
        Question::IsThis(phone) => {
            let asked = carrier.matches(token, phone);
            let answer = Operation::of("carrier", vendor, "matches").watch(asked).await;
            let proven = answer.map_err(|error| refused(vendor, &error)).and_then(|is_this| {
                confirms(phone, is_this).map_err(|_| Error::CarrierTokenInvalid)
            });
            if matches!(proven, Err(Error::CarrierTokenInvalid)) {
                record_failure(ports, phone, it).await?;
            }
            proven
        }
    };
    Ok(Proof {
        identity: proven?,
        made_at: it.at,
        brings: Brings::default(),
        wrong: || Error::CarrierTokenInvalid,
    })
}

/// Refuses what a carrier proves where more is asked for: it says which SIM's network path asked,
/// and not who did (TAP-03). The token is not looked at.
pub(crate) async fn require_more(
    ports: &Ports,
    caller: &Caller,
    credential: &Credential,
) -> Result<(), Error> {
    if !matches!(credential, Credential::Identity(IdentityCredential::Carrier(_))) {
        return Ok(());
    }
    let account = load_own(ports, caller, ports.clock.now()).await?;
    Err(Error::ReauthRequired { methods: account.methods(&ports.policy.ways) })
}

fn refused(vendor: &str, error: &CarrierError) -> Error {
    tracing::info!(target: "audit", event = "carrier.refused", vendor, %error);
    match error {
        CarrierError::BadToken => Error::CarrierTokenInvalid,
        CarrierError::Unavailable => Error::CarrierUnavailable,
        CarrierError::BadResponse => Error::CarrierBadResponse,
    }
}

/// Each try is a call that may cost money: an address has so many a minute, and a device that
/// names itself fewer (TAP-04).
fn charges(ports: &Ports, it: Try<'_>) -> Vec<Charge> {
    let mut charges =
        vec![to_ip(ports, "ip-carrier-calls", it.origin, &ports.policy.carrier_calls)];
    charges.extend(it.origin.device.id.as_deref().map(|device| Charge {
        scope: Scope::Ip,
        subject: ports.keys.subject("device-carrier-calls", device),
        caps: vec![CALLS_OF_A_DEVICE],
    }));
    charges.retain(|it| !it.caps.is_empty());
    charges
}

/// Writes a number that was not confirmed down where its owner looks for it (LOG-03).
async fn record_failure(ports: &Ports, phone: &PhoneNumber, it: Try<'_>) -> Result<(), Error> {
    let identifier = ports.keys.identifier_key(&Identifier::Phone(phone.clone()));
    let origin = it.origin.clone();
    let visit = Visit { identifier, method: Method::Carrier, origin, at: it.at };
    let account = ports.accounts.find(&identifier).await?;
    let event = failure(ports, &visit, account.as_ref(), false);
    Ok(ports.accounts.record(&event, &[]).await?)
}
