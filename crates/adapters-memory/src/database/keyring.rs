//! The port `Keyring` in memory.

use async_trait::async_trait;
use domain::keyring::Entry;
use ports::error::StoreError;
use ports::keyring::Keyring;

use super::MemoryDatabase;
use crate::lock;

#[async_trait]
impl Keyring for MemoryDatabase {
    async fn list(&self) -> Result<Vec<Entry>, StoreError> {
        Ok(lock(&self.0).keyring.clone())
    }

    async fn has_accounts(&self) -> Result<bool, StoreError> {
        Ok(!lock(&self.0).users.is_empty())
    }

    async fn found(&self, first: &Entry) -> Result<bool, StoreError> {
        Ok(put(&mut lock(&self.0).keyring, first))
    }

    async fn add(&self, next: &Entry, by: i32) -> Result<bool, StoreError> {
        let entries = &mut lock(&self.0).keyring;
        Ok(holds(entries, by) && put(entries, next))
    }

    async fn retire_all_but(&self, number: i32) -> Result<Option<usize>, StoreError> {
        let entries = &mut lock(&self.0).keyring;
        if !holds(entries, number) {
            return Ok(None);
        }
        let others = entries.iter_mut().filter(|it| it.number != number);
        Ok(Some(others.filter_map(|it| it.wrapped.take()).count()))
    }
}

/// True if the entry of this number holds the root secret.
fn holds(entries: &[Entry], number: i32) -> bool {
    entries.iter().any(|it| it.number == number && it.wrapped.is_some())
}

/// Stores an entry, unless its number is taken.
fn put(entries: &mut Vec<Entry>, entry: &Entry) -> bool {
    let is_free = entries.iter().all(|it| it.number != entry.number);
    if is_free {
        entries.push(entry.clone());
        entries.sort_unstable_by_key(|it| it.number);
    }
    is_free
}
