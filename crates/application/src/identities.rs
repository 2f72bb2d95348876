//! The caller's own ways in.

use domain::identifier::{Identifier, IdentifierKind};
use domain::identity::Identity;
use domain::provider::ThirdPartyId;
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
    /// How a third party calls its account, where it told.
    pub display_name: Option<String>,
}

/// The caller's identities, the first linked first.
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn list_identities(ports: &Ports, caller: &Caller) -> Result<Vec<Shown>, Error> {
    let identities = ports.accounts.identities(caller.signed_in.user.id).await?;
    identities.into_iter().map(|it| show(ports, it)).collect()
}

pub(crate) fn show(ports: &Ports, identity: Identity) -> Result<Shown, Error> {
    let text = ports
        .keys
        .open(Seal::IdentityDisplay(&identity.id), &identity.display)
        .map_err(|_| StoreError::Corrupt { what: "identities.display" })?;
    let (named, nickname) = match text.split_once('\n') {
        Some((named, nickname)) => (named, Some(nickname.to_owned())),
        None => (text.as_str(), None),
    };
    let masked = match identity.kind {
        IdentifierKind::ThirdParty(kind) => {
            ThirdPartyId::new(kind, "", named).ok().map(|it| it.masked())
        }
        kind => {
            let read = Identifier::parse(named, Some(kind), &ports.policy.phones);
            read.ok().map(|it| it.masked())
        }
    };
    // What cannot be read back, as a number of a region that is not allowed any more, shows nothing.
    let masked = masked.unwrap_or_else(|| "****".to_owned());
    Ok(Shown { identity, masked, display_name: nickname })
}
