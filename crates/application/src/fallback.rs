//! A message in the place of a carrier that proved nothing, in the same call.

use domain::credential::code::Purpose;
use domain::message::Recipient;
use domain::origin::Origin;
use ports::Ports;

use crate::challenge::{Sent, request_challenge};
use crate::error::Error;

/// Where a code goes if the carrier proves nothing.
#[derive(Debug)]
pub struct Fallback {
    /// Whom the message goes to.
    pub to: Recipient,
    /// The verb that its code is good for.
    pub purpose: Purpose,
    /// Where the request comes from.
    pub origin: Origin,
}

/// What a call came to.
#[derive(Debug)]
pub enum Outcome<T> {
    /// It is done.
    Done(T),
    /// A code was sent.
    Sent {
        /// The code's challenge.
        sent: Sent,
        /// What the carrier came to.
        instead_of: Error,
    },
}

/// Sends a code where the carrier failed and a fallback is named: one message at most, and within
/// the limits of any other.
pub async fn or_send<T>(
    ports: &Ports,
    came: Result<T, Error>,
    fallback: Option<Fallback>,
) -> Result<Outcome<T>, Error> {
    match (came, fallback) {
        (Ok(it), _) => Ok(Outcome::Done(it)),
        (Err(instead_of), Some(Fallback { to, purpose, origin }))
            if instead_of.is_the_carriers() =>
        {
            let sent = request_challenge(ports, to, purpose, &origin).await?;
            Ok(Outcome::Sent { sent, instead_of })
        }
        (Err(error), _) => Err(error),
    }
}
