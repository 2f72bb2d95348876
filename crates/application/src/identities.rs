//! The caller's own ways in.

use domain::identifier::Identifier;
use domain::identity::Identity;
use ports::Ports;
use ports::error::StoreError;
use ports::keys::Seal;

use crate::authenticate::Caller;
use crate::error::Error;

/// An identity and what may be shown of its identifier.
#[derive(Debug)]
pub struct Shown {
    /// The identity.
    pub identity: Identity,
    /// The identifier with its middle left out.
    pub masked: String,
}

/// The caller's identities, the first linked first.
pub async fn list_identities(ports: &Ports, caller: &Caller) -> Result<Vec<Shown>, Error> {
    let identities = ports.accounts.identities(caller.signed_in.user.id).await?;
    identities.into_iter().map(|it| show(ports, it)).collect()
}

pub(crate) fn show(ports: &Ports, identity: Identity) -> Result<Shown, Error> {
    let text = ports
        .keys
        .open(Seal::IdentityDisplay(&identity.id), &identity.display)
        .map_err(|_| StoreError::Corrupt { what: "identities.display" })?;
    // What cannot be read back, as a number of a region that is not allowed any more, shows nothing.
    let read = Identifier::parse(&text, Some(identity.kind), &ports.policy.phones);
    Ok(Shown { identity, masked: read.map_or_else(|_| "****".to_owned(), |it| it.masked()) })
}
