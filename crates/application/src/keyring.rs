//! Opens a store by a master secret, and follows that by another one while nodes run (CFG-01).

use domain::Timestamp;
use domain::keyring::{Closed, Entry, FIRST, held};
use domain::secret::RootSecret;
use ports::error::StoreError;
use ports::keyring::{Keyring, Master};
use thiserror::Error;

/// Why a store was not opened.
#[derive(Debug, Error)]
pub enum KeyringError {
    /// It does not open by this master secret.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// It has accounts and no root secret, as after a restore of some of its tables.
    #[error("the database has accounts and no root secret: restore its table `keyring`")]
    Lost,
    /// Another one was added, or this one retired, at the same moment.
    #[error("the master secrets were changed at the same moment: look at them, and try again")]
    Raced,
    /// The store cannot tell.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Opens the store; an empty one gets `fresh` as its root secret.
///
/// Of nodes that begin at the same time on an empty store one gives the root secret to all.
pub async fn open(
    keyring: &dyn Keyring,
    master: &dyn Master,
    fresh: RootSecret,
    now: Timestamp,
) -> Result<RootSecret, KeyringError> {
    let entries = keyring.list().await?;
    if !entries.is_empty() {
        return Ok(opened(&entries, master)?.1);
    }
    // Beside accounts another one would find nobody, and everybody would register anew.
    let is_bare = !keyring.has_accounts().await?;
    if is_bare && keyring.found(&entry(FIRST, master, &fresh, now)).await? {
        tracing::info!(target: "audit", event = "root_secret_made");
        return Ok(fresh);
    }
    // Another node may have been first, and may have accounts by now.
    let entries = keyring.list().await?;
    if entries.is_empty() {
        return Err(KeyringError::Lost);
    }
    Ok(opened(&entries, master)?.1)
}

/// Adds a master secret beside the present one; nothing happens where it opens the store already.
pub async fn add(
    keyring: &dyn Keyring,
    present: &dyn Master,
    next: &dyn Master,
    now: Timestamp,
) -> Result<(), KeyringError> {
    let entries = keyring.list().await?;
    let (own, root) = opened(&entries, present)?;
    if opened(&entries, next).is_ok() {
        return Ok(());
    }
    let number = entries.last().map_or(FIRST, |it| it.number + 1);
    if !keyring.add(&entry(number, next, &root, now), own).await? {
        return Err(KeyringError::Raced);
    }
    tracing::info!(target: "audit", event = "master_secret_added", number);
    Ok(())
}

/// Retires all master secrets but this one, and tells how many that were.
pub async fn retire_others(
    keyring: &dyn Keyring,
    present: &dyn Master,
) -> Result<usize, KeyringError> {
    let entries = keyring.list().await?;
    let (own, _) = opened(&entries, present)?;
    let others = keyring.retire_all_but(own).await?.ok_or(Closed::Retired)?;
    tracing::info!(target: "audit", event = "master_secrets_retired", but = own, others);
    Ok(others)
}

fn entry(number: i32, master: &dyn Master, root: &RootSecret, added_at: Timestamp) -> Entry {
    Entry { number, master: master.id(), wrapped: Some(master.wrap(root)), added_at }
}

/// The number of the last entry of this master secret, and the root secret in it.
fn opened(entries: &[Entry], master: &dyn Master) -> Result<(i32, RootSecret), Closed> {
    let (number, wrapped) = held(entries, &master.id())?;
    let root = master.unwrap(wrapped).map_err(|_| Closed::Garbled)?;
    Ok((number, root))
}
