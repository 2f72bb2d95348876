//! Proving a code.

use domain::Timestamp;
use domain::credential::code::{CodeCredential, Guess, OnRight, Purpose, proves};
use domain::id::ChallengeId;
use domain::identifier::{Identifier, IdentifierKind};
use domain::login::Visit;
use domain::password::Password;
use domain::secret::Sealed;
use ports::Ports;
use ports::keys::Seal;

use super::{Brings, Proof, Try};
use crate::counts;
use crate::error::{Error, until};
use crate::visit::failure;

/// Tries a code and gives what it proves; whatever is wrong with it, one answer.
pub async fn prove(
    ports: &Ports,
    credential: &CodeCredential,
    it: Try<'_>,
) -> Result<Proof, Error> {
    let Try { purpose, on_right, at: now, .. } = it;
    let id = credential.challenge_id.ok_or(Error::CodeInvalid)?;
    let mac = ports.keys.code_mac(purpose, &id, &credential.code);
    let wrong = &ports.policy.codes.wrong;
    let (sealed, vendor) = match ports.challenges.guess(&id, &mac, wrong, on_right, now).await? {
        Guess::Right { target, vendor } => (target, vendor),
        Guess::Wrong(sealed) => {
            tracing::info!(target: "audit", event = "code.wrong", purpose = purpose.as_str());
            if let Some((target, _)) = sealed.and_then(|sealed| open(ports, &id, purpose, &sealed))
            {
                record_failure(ports, target, it).await?;
            }
            return Err(Error::CodeInvalid);
        }
        Guess::TooMany { until: moment } => {
            return Err(Error::TooManyAttempts { retry_after: until(moment, now) });
        }
    };
    let (target, made_at) = open(ports, &id, purpose, &sealed).ok_or(Error::CodeInvalid)?;
    if on_right == OnRight::Use {
        counts::verified(&target, vendor);
    }
    let brings = Brings::default();
    Ok(Proof { identity: proves(target), made_at, brings, wrong: || Error::CodeInvalid })
}

/// Writes a wrong code down where its owner looks for it (LOG-03).
async fn record_failure(ports: &Ports, target: Identifier, it: Try<'_>) -> Result<(), Error> {
    let identifier = ports.keys.identifier_key(&target);
    let method = proves(target).method();
    let visit = Visit { identifier, method, origin: it.origin.clone(), at: it.at };
    let account = ports.accounts.find(&identifier).await?;
    let event = failure(ports, &visit, account.as_ref(), false);
    Ok(ports.accounts.record(&event, &[]).await?)
}

/// What a challenge keeps: when it was made, and where its code went.
pub(crate) fn sealed_target(
    ports: &Ports,
    id: &ChallengeId,
    purpose: Purpose,
    to: &str,
    now: Timestamp,
) -> Sealed {
    let text = format!("{} {to}", now.as_microsecond());
    ports.keys.seal(Seal::ChallengeTarget(id, purpose), &text)
}

/// Reads it back; `None` if it was made for another verb, or for a region that is not allowed any
/// more, which ends the code.
fn open(
    ports: &Ports,
    id: &ChallengeId,
    purpose: Purpose,
    sealed: &Sealed,
) -> Option<(Identifier, Timestamp)> {
    let text = ports.keys.open(Seal::ChallengeTarget(id, purpose), sealed).ok()?;
    let (sent_at, target) = text.split_once(' ')?;
    let kind = if target.contains('@') { IdentifierKind::Email } else { IdentifierKind::Phone };
    let target = Identifier::parse(target, Some(kind), &ports.policy.phones).ok()?;
    Some((target, Timestamp::from_microsecond(sent_at.parse().ok()?).ok()?))
}

/// Checks the password that a code sets, before the code is looked at: a password that cannot be
/// set leaves the code alive. The number that it must not lean on is the code's target.
pub(crate) async fn check_password(
    ports: &Ports,
    credential: &CodeCredential,
    purpose: Purpose,
    raw: &str,
) -> Result<Password, Error> {
    let sealed = match credential.challenge_id {
        Some(id) => ports.challenges.target(&id).await?.map(|it| (id, it)),
        None => None,
    };
    let target = sealed.and_then(|(id, it)| open(ports, &id, purpose, &it));
    let known: Vec<&Identifier> = target.iter().map(|(it, _)| it).collect();
    Ok(Password::parse(raw, &ports.policy.passwords, &known)?)
}
