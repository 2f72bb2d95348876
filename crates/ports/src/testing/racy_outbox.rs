//! An outbox made racy: it reads, lets others go, and then writes by what it read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::Timestamp;
use domain::id::EventId;
use domain::outbox::{News, Outgoing};

use super::breaks;
use super::contract::outbox::{self as promises, Stores};
use crate::error::StoreError;
use crate::outbox::{Claimed, Outbox};

/// Shows that the suite of the outbox fails on a racy variant of a store: `make` gives a fresh
/// store of the kind, for its users.
///
/// # Panics
/// If a promise about a race holds on the racy variant, or another one does not: then the suite
/// proves nothing.
pub async fn suite_fails_on_a_racy_variant<F>(make: impl Fn() -> F)
where
    F: Future<Output = Stores>,
{
    let racy = async || RacyOutbox::beside(make().await);
    promises::events_of_a_user_come_one_after_the_other(racy().await).await;
    promises::a_notice_is_split_in_the_place_of_one(racy().await).await;
    assert!(breaks(promises::racing_claims_get_each_entry_once(racy().await)).await);
    assert!(breaks(promises::racing_claims_keep_the_order_of_a_user(racy().await)).await);
    assert!(breaks(promises::of_racing_splits_one_is_written(racy().await)).await);
}

#[derive(Clone)]
struct Row {
    entry: Outgoing,
    tries: u32,
    due_at: Timestamp,
    is_done: bool,
}

#[derive(Default)]
struct RacyOutbox(Mutex<Vec<Row>>);

impl RacyOutbox {
    fn beside(kept: Stores) -> Stores {
        let racy = Arc::new(Self::default());
        let writer = Arc::clone(&racy);
        let put: promises::Put = Arc::new(move |entries| {
            writer.write(&entries);
            Box::pin(std::future::ready(()))
        });
        Stores { outbox: racy, put, ..kept }
    }

    fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, entries: &[Outgoing]) {
        let mut rows = self.rows();
        rows.extend(entries.iter().map(|it| Row {
            entry: it.clone(),
            tries: 0,
            due_at: it.at,
            is_done: false,
        }));
        rows.sort_by_key(|it| (it.entry.at, it.entry.id));
    }

    fn due(&self, now: Timestamp) -> Vec<Row> {
        let rows = self.rows();
        let open: Vec<_> = rows.iter().filter(|it| !it.is_done).collect();
        let is_event = |it: &Row| matches!(it.entry.news, News::Event(_));
        let is_first = |it: &Row| {
            let mut events = open.iter().filter(|other| is_event(other));
            let first = events.find(|other| other.entry.user_id == it.entry.user_id);
            first.is_some_and(|first| first.entry.id == it.entry.id)
        };
        let due = open.iter().filter(|it| it.due_at <= now && (!is_event(it) || is_first(it)));
        due.map(|it| (*it).clone()).collect()
    }

    fn change(&self, id: EventId, change: impl FnOnce(&mut Row)) {
        if let Some(row) = self.rows().iter_mut().find(|it| it.entry.id == id && !it.is_done) {
            change(row);
        }
    }
}

#[async_trait]
impl Outbox for RacyOutbox {
    async fn claim(
        &self,
        now: Timestamp,
        held_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Claimed>, StoreError> {
        let mut due = self.due(now);
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        tokio::task::yield_now().await;
        let claimed = due.into_iter().map(|it| {
            let tries = it.tries + 1;
            self.change(it.entry.id, |row| (row.tries, row.due_at) = (tries, held_until));
            Claimed { entry: it.entry, tries }
        });
        Ok(claimed.collect())
    }

    async fn done(&self, id: EventId, _now: Timestamp) -> Result<(), StoreError> {
        self.change(id, |row| row.is_done = true);
        Ok(())
    }

    async fn postpone(&self, id: EventId, due_at: Timestamp) -> Result<(), StoreError> {
        self.change(id, |row| row.due_at = due_at);
        Ok(())
    }

    async fn park(&self, id: EventId, _now: Timestamp) -> Result<(), StoreError> {
        self.change(id, |row| row.is_done = true);
        Ok(())
    }

    async fn split(
        &self,
        id: EventId,
        parts: &[Outgoing],
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        let is_there = self.rows().iter().any(|it| it.entry.id == id && !it.is_done);
        tokio::task::yield_now().await;
        if is_there {
            self.change(id, |row| row.is_done = true);
            self.write(parts);
        }
        Ok(())
    }

    async fn replay(&self, _only: Option<EventId>, _now: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn parked(&self, _limit: u32) -> Result<Vec<Outgoing>, StoreError> {
        Ok(Vec::new())
    }
}
