//! Proving a code.

use domain::Timestamp;
use domain::credential::VerifiedIdentity;
use domain::credential::code::{CodeCredential, Guess, Purpose, proves};
use domain::identifier::{Identifier, IdentifierKind};
use domain::password::Password;
use ports::Ports;
use ports::error::StoreError;
use ports::keys::Seal;

use crate::error::{Error, until};

/// Uses a code up and gives the identity that it proves; whatever is wrong with it, one answer.
pub async fn prove(
    ports: &Ports,
    credential: &CodeCredential,
    purpose: Purpose,
    now: Timestamp,
) -> Result<VerifiedIdentity, Error> {
    let id = credential.challenge_id.ok_or(Error::CodeInvalid)?;
    let mac = ports.keys.code_mac(purpose, &id, &credential.code);
    let sealed = match ports.challenges.guess(&id, &mac, &ports.policy.codes.wrong, now).await? {
        Guess::Right(sealed) => sealed,
        Guess::Wrong => {
            tracing::info!(target: "audit", event = "code.wrong", purpose = purpose.as_str());
            return Err(Error::CodeInvalid);
        }
        Guess::TooMany { until: moment } => {
            return Err(Error::TooManyAttempts { retry_after: until(moment, now) });
        }
    };
    let target = ports
        .keys
        .open(Seal::ChallengeTarget(&id, purpose), &sealed)
        .map_err(|_| StoreError::Corrupt { what: "challenge target" })?;
    Ok(proves(read_back(ports, &target)?))
}

/// Checks the password that a new user brings along, before the code is looked at: a password that
/// cannot be set leaves the code alive. The number that it must not lean on is the code's target.
pub(crate) async fn check_password(
    ports: &Ports,
    credential: &CodeCredential,
    password: Option<String>,
) -> Result<Option<Password>, Error> {
    let Some(raw) = password else { return Ok(None) };
    let target = match credential.challenge_id {
        Some(id) => match ports.challenges.target(&id).await? {
            Some(sealed) => {
                let opened = ports.keys.open(Seal::ChallengeTarget(&id, Purpose::Login), &sealed);
                opened.ok().and_then(|it| read_back(ports, &it).ok())
            }
            None => None,
        },
        None => None,
    };
    let known: Vec<&Identifier> = target.iter().collect();
    Ok(Some(Password::parse(&raw, &ports.policy.passwords, &known)?))
}

/// Reads a canonical target back; it was read once before it was stored.
fn read_back(ports: &Ports, target: &str) -> Result<Identifier, Error> {
    let kind = if target.contains('@') { IdentifierKind::Email } else { IdentifierKind::Phone };
    // A region that was allowed when the code was sent and is not any more ends the code.
    Identifier::parse(target, Some(kind), &ports.policy.phones).map_err(|_| Error::CodeInvalid)
}
