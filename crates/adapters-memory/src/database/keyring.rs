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

    async fn put(&self, entry: &Entry) -> Result<bool, StoreError> {
        let entries = &mut lock(&self.0).keyring;
        let is_free = entries.iter().all(|it| it.number != entry.number);
        if is_free {
            entries.push(entry.clone());
            entries.sort_unstable_by_key(|it| it.number);
        }
        Ok(is_free)
    }

    async fn retire_all_but(&self, number: i32) -> Result<bool, StoreError> {
        let entries = &mut lock(&self.0).keyring;
        let is_held = entries.iter().any(|it| it.number == number && it.wrapped.is_some());
        if is_held {
            for other in entries.iter_mut().filter(|it| it.number != number) {
                other.wrapped = None;
            }
        }
        Ok(is_held)
    }
}
