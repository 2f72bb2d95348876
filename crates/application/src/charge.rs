//! What an address may ask for in a while.

use domain::Timestamp;
use domain::cap::{Cap, Charge, Scope};
use domain::origin::{Origin, network};
use ports::Ports;

use crate::error::{Error, until};

/// A charge to the network that a request came from; `counter` tells its counts from others'.
pub(crate) fn to_ip(ports: &Ports, counter: &str, origin: &Origin, caps: &[Cap]) -> Charge {
    Charge {
        scope: Scope::Ip,
        subject: ports.keys.subject(counter, &network(origin.ip).to_string()),
        caps: caps.to_vec(),
    }
}

/// Makes all charges or, if one of them is full, none.
pub(crate) async fn charge(ports: &Ports, charges: &[Charge], now: Timestamp) -> Result<(), Error> {
    let full = |moment| Error::RateLimited { retry_after: until(moment, now) };
    ports.throttles.charge(charges, now).await?.map_err(full)
}
