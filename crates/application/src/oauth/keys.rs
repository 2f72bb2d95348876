//! The keys that sign: made at first need, followed by the next one in time (OP-09).

use domain::Timestamp;
use domain::oauth::id_token::Claims;
use domain::oauth::key::{KeyId, PrivateKey, Ring, SigningKey, TOLD_BEFORE};
use domain::{Duration, later};
use ports::Ports;
use ports::keys::Seal;
use ports::signer::SignerError;

use super::OauthError;

/// The keys that everybody is told: the one that signs, the next one, and former ones.
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all, name = "oauth.keys")]
pub async fn told(ports: &Ports) -> Result<Vec<SigningKey>, OauthError> {
    let now = ports.clock.now();
    let keys = with_one_that_signs(ports, now).await?;
    Ok(Ring::at(&keys, now).told.into_iter().cloned().collect())
}

/// A key that signs now, opened.
pub(super) struct Opened {
    id: KeyId,
    private: PrivateKey,
}

/// Opens the key that signs now; the first one is made. What may fail does so here, before a code
/// is used up.
pub(super) async fn open(ports: &Ports) -> Result<Opened, OauthError> {
    let now = ports.clock.now();
    let keys = with_one_that_signs(ports, now).await?;
    let key = Ring::at(&keys, now).signing.ok_or(SignerError::Make)?;
    let private = ports.keys.open(Seal::SigningKey(&key.id), &key.private);
    let private = PrivateKey::new(private.map_err(|_| SignerError::Key)?);
    Ok(Opened { id: key.id.clone(), private })
}

/// Signs what is said of a person.
pub(super) fn sign(ports: &Ports, key: &Opened, claims: &Claims) -> Result<String, OauthError> {
    Ok(ports.signer.sign(&key.id, &key.private, claims)?)
}

/// Makes the key that is wanted by now, and forgets those that are told no more.
pub async fn tend(ports: &Ports) -> Result<(), OauthError> {
    let now = ports.clock.now();
    let keys = ports.signing_keys.list().await?;
    let ring = Ring::at(&keys, now);
    if let Some((number, signs_from)) = ring.wanted {
        make(ports, &keys, number, signs_from).await?;
    }
    if !ring.over.is_empty() {
        let over: Vec<_> = ring.over.into_iter().map(|it| it.id.clone()).collect();
        ports.signing_keys.remove(&over).await?;
    }
    Ok(())
}

/// Makes the next key before its time: it is told at once, and signs a day later, or at once where
/// the present one must not sign any more. `None` if another one was made at the same moment.
pub async fn rotate(ports: &Ports, at_once: bool) -> Result<Option<SigningKey>, OauthError> {
    let now = ports.clock.now();
    let keys = ports.signing_keys.list().await?;
    let wait = if at_once || keys.is_empty() { Duration::ZERO } else { TOLD_BEFORE };
    let number = keys.last().map_or(1, |it| it.number + 1);
    make(ports, &keys, number, later(now, wait)).await
}

/// All keys, one of which signs at least.
async fn with_one_that_signs(ports: &Ports, now: Timestamp) -> Result<Vec<SigningKey>, OauthError> {
    let keys = ports.signing_keys.list().await?;
    if !keys.is_empty() {
        return Ok(keys);
    }
    make(ports, &keys, 1, now).await?;
    // Another node may have been first: then theirs is the one.
    Ok(ports.signing_keys.list().await?)
}

async fn make(
    ports: &Ports,
    keys: &[SigningKey],
    number: i32,
    signs_from: Timestamp,
) -> Result<Option<SigningKey>, OauthError> {
    let known: Vec<_> = keys.iter().map(|it| it.id.clone()).collect();
    let made = ports.signer.make(&known).await?;
    let private = ports.keys.seal(Seal::SigningKey(&made.id), made.private.reveal());
    let key = SigningKey { id: made.id, number, public: made.public, private, signs_from };
    let is_kept = ports.signing_keys.put(&key).await?;
    if is_kept {
        tracing::info!(target: "audit", event = "signing_key_made", key = %key.id, number);
    }
    Ok(is_kept.then_some(key))
}
