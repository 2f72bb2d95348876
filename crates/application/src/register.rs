//! Registering with a user name and a password.

use domain::credential::chosen_username;
use domain::identifier::Identifier;
use domain::login::Visit;
use domain::origin::Origin;
use domain::password::Password;
use domain::profile::Profile;
use domain::session::Method;
use domain::username::Username;
use ports::Ports;

use crate::charge::{charge, to_ip};
use crate::credential::{Brings, Proof};
use crate::error::Error;
use crate::login::{SignUp, sign_up};
use crate::visit::Admission;

/// A new user with a user name.
#[derive(Debug)]
pub struct Registration {
    /// The name that they chose; not a reserved one.
    pub username: Username,
    /// The password as typed.
    pub password: String,
    /// What they show of themselves.
    pub profile: Profile,
    /// Where the request comes from.
    pub origin: Origin,
}

/// Registers a user name. It is public by nature, so a taken one is told (ID-07).
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn register(ports: &Ports, registration: Registration) -> Result<Admission, Error> {
    let now = ports.clock.now();
    let identifier = Identifier::Username(registration.username.clone());
    let password =
        Password::parse(&registration.password, &ports.policy.passwords, &[&identifier])?;
    let caps = &ports.policy.registrations;
    let registers = to_ip(ports, "ip-registrations", &registration.origin, caps);
    charge(ports, &[registers], now).await?;
    let key = ports.keys.identifier_key(&identifier);
    if ports.accounts.find(&key).await?.is_some() {
        return Err(Error::UsernameTaken);
    }
    let chosen = Proof {
        identity: chosen_username(registration.username),
        made_at: now,
        brings: Brings::default(),
        wrong: || Error::UsernameTaken,
    };
    let visit =
        Visit { identifier: key, method: Method::Password, origin: registration.origin, at: now };
    let profile = &registration.profile;
    let password = Some(ports.hasher.hash(&password).await?);
    let new = SignUp { profile, password, taken_from: None };
    sign_up(ports, &chosen, new, &visit).await?.ok_or(Error::UsernameTaken)
}
