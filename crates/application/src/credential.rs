//! Proving credentials: one module for each type, one value for what they prove.

pub mod carrier;
pub mod code;
pub mod password;
pub mod provider;

use domain::Timestamp;
use domain::credential::code::{OnRight, Purpose};
use domain::credential::{IdentityCredential, VerifiedIdentity};
use domain::identity::Name;
use domain::login::Account;
use domain::origin::Origin;
use domain::profile::Profile;
use domain::provider::{ProviderTokens, SpentProof};
use domain::secret::IdentifierKey;
use ports::Ports;

use crate::error::Error;

/// A verb that a credential is shown for, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Try<'a> {
    /// The verb.
    pub purpose: Purpose,
    /// Whether a right code is used up.
    pub on_right: OnRight,
    /// Where the request comes from.
    pub origin: &'a Origin,
    /// When.
    pub at: Timestamp,
}

impl<'a> Try<'a> {
    /// A code that is used up.
    #[must_use]
    pub const fn new(purpose: Purpose, origin: &'a Origin, at: Timestamp) -> Self {
        Self { purpose, on_right: OnRight::Use, origin, at }
    }
}

/// What a credential proved.
#[derive(Debug)]
pub struct Proof {
    /// The identity.
    pub identity: VerifiedIdentity,
    /// When what proves it was made: what changed since then may make it worthless.
    pub made_at: Timestamp,
    /// What a third party told beside it.
    pub brings: Brings,
    /// The answer if it turns out to prove nothing after all.
    pub wrong: fn() -> Error,
}

/// What a third party tells beside an identity; nothing for what is our own.
#[derive(Debug, Default)]
pub struct Brings {
    /// How it calls its user.
    pub profile: Profile,
    /// What it gave to speak for the user.
    pub tokens: Option<ProviderTokens>,
    /// The proof that is good no more once it is written.
    pub spent: Option<SpentProof>,
}

impl Proof {
    /// What the identity is known by, the name that decides first.
    #[must_use]
    pub fn names(&self, ports: &Ports) -> Vec<Name> {
        let name =
            |it| Name { key: ports.keys.identifier_key(it), namespace: it.namespace().to_owned() };
        self.identity.identifiers().map(name).collect()
    }

    /// What is sealed for showing the identity.
    #[must_use]
    pub fn shown(&self) -> String {
        let nickname = self.brings.profile.nickname.as_ref();
        domain::credential::third_party::shown_text(
            self.identity.identifier(),
            nickname.map(domain::profile::Nickname::as_str),
        )
    }
}

/// Proves a credential.
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn prove(
    ports: &Ports,
    credential: &IdentityCredential,
    it: Try<'_>,
) -> Result<Proof, Error> {
    match credential {
        IdentityCredential::Code(code) => code::prove(ports, code, it).await,
        IdentityCredential::Provider(provider) => provider::prove(ports, provider, it).await,
        IdentityCredential::Carrier(carrier) => carrier::prove(ports, carrier, it).await,
    }
}

/// Finds whose identity it is by all its names, and whether another user has one of them.
pub(crate) async fn find_owner(
    ports: &Ports,
    names: &[Name],
) -> Result<domain::credential::third_party::Owner<Account>, Error> {
    use domain::credential::third_party::{Owner, owner};
    // The usual look-up is of one name.
    if let [name] = names {
        let found = ports.accounts.find(&name.key).await?;
        return Ok(found.map_or(Owner::Nobody, Owner::One));
    }
    let keys: Vec<IdentifierKey> = names.iter().map(|it| it.key).collect();
    let found = ports.accounts.find_all(&keys).await?;
    Ok(owner(&keys, found, |it| it.user.id))
}
