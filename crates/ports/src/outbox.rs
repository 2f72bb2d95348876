//! The outbox: what is still to be told.

use async_trait::async_trait;
use domain::Timestamp;
use domain::id::EventId;
use domain::outbox::Outgoing;

use crate::error::StoreError;

/// An entry that is held by one caller for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The entry.
    pub entry: Outgoing,
    /// How often it was claimed, this time included.
    pub tries: u32,
}

/// What is still to be told. Entries are written with their changes, by `Accounts`.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Takes at most `limit` entries, those that have been due for longest, and keeps them from all
    /// other callers until `held_until`. Gives them the oldest first.
    ///
    /// Atomic: of racing callers one gets an entry. Events of one user come in their order: none
    /// is given out while an earlier one of the same user is neither done nor parked. Notices wait
    /// for nothing.
    async fn claim(
        &self,
        now: Timestamp,
        held_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Claimed>, StoreError>;

    /// The entry was told; it is never given out again unless it is replayed.
    async fn done(&self, id: EventId, now: Timestamp) -> Result<(), StoreError>;

    /// The entry was not told; it is due again at `due_at`.
    async fn postpone(&self, id: EventId, due_at: Timestamp) -> Result<(), StoreError>;

    /// The entry was not told and is given up until it is replayed; later ones go on.
    async fn park(&self, id: EventId, now: Timestamp) -> Result<(), StoreError>;

    /// Puts entries in the place of one that is done with: a notice to all addresses becomes one
    /// notice an address. Atomic.
    async fn split(
        &self,
        id: EventId,
        parts: &[Outgoing],
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Makes parked entries due again, with all their tries; all of them, or the one given, which
    /// may also be done already. Gives how many.
    async fn replay(&self, only: Option<EventId>, now: Timestamp) -> Result<u64, StoreError>;

    /// The parked entries, the oldest first, at most `limit`.
    async fn parked(&self, limit: u32) -> Result<Vec<Outgoing>, StoreError>;
}
