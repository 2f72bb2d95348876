//! The outbox in process, for tests.

use async_trait::async_trait;
use domain::Timestamp;
use domain::id::EventId;
use domain::outbox::{News, Outgoing};
use ports::error::StoreError;
use ports::outbox::{Claimed, Outbox};

use super::MemoryDatabase;
use crate::lock;

/// The entries, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Table(Vec<Row>);

#[derive(Debug)]
struct Row {
    entry: Outgoing,
    tries: u32,
    due_at: Timestamp,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Parked,
    Done { at: Timestamp },
}

impl Table {
    /// Writes entries, due at the moment of which they tell.
    pub(super) fn put(&mut self, entries: &[Outgoing]) {
        self.0.extend(entries.iter().map(|it| Row {
            entry: it.clone(),
            tries: 0,
            due_at: it.at,
            state: State::Open,
        }));
        self.0.sort_by_key(|it| (it.entry.at, it.entry.id));
    }

    /// Forgets some entries that were done at a moment or before it; gives how many.
    pub(super) fn forget(&mut self, until: Timestamp, limit: usize) -> usize {
        let before = self.0.len();
        self.0.retain({
            let mut left = limit;
            move |row| {
                let goes = left > 0 && matches!(row.state, State::Done { at } if at <= until);
                left -= usize::from(goes);
                !goes
            }
        });
        before - self.0.len()
    }

    /// An entry that is neither done nor parked.
    fn open(&mut self, id: EventId) -> Option<&mut Row> {
        self.0.iter_mut().find(|it| it.entry.id == id && it.state == State::Open)
    }
}

impl MemoryDatabase {
    /// Writes entries into the outbox, as a change would.
    pub fn put_outgoing(&self, entries: &[Outgoing]) {
        lock(&self.0).outbox.put(entries);
    }

    /// The entries that are neither done nor parked, the oldest first.
    #[must_use]
    pub fn outgoing(&self) -> Vec<Outgoing> {
        let tables = lock(&self.0);
        let open = tables.outbox.0.iter().filter(|it| it.state == State::Open);
        open.map(|it| it.entry.clone()).collect()
    }
}

#[async_trait]
impl Outbox for MemoryDatabase {
    async fn claim(
        &self,
        now: Timestamp,
        held_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Claimed>, StoreError> {
        let mut tables = lock(&self.0);
        let mut users_before = Vec::new();
        let mut due = Vec::new();
        for row in tables.outbox.0.iter_mut().filter(|it| it.state == State::Open) {
            let user_id = row.entry.user_id;
            if matches!(row.entry.news, News::Event(_)) {
                if users_before.contains(&user_id) {
                    continue;
                }
                users_before.push(user_id);
            }
            if row.due_at <= now {
                due.push(row);
            }
        }
        due.sort_by_key(|it| it.due_at);
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        due.sort_by_key(|it| (it.entry.at, it.entry.id));
        let claimed = due.into_iter().map(|it| {
            it.tries += 1;
            it.due_at = held_until;
            Claimed { entry: it.entry.clone(), tries: it.tries }
        });
        Ok(claimed.collect())
    }

    async fn done(&self, id: EventId, now: Timestamp) -> Result<(), StoreError> {
        let mut tables = lock(&self.0);
        if let Some(row) = tables.outbox.0.iter_mut().find(|it| it.entry.id == id) {
            row.state = State::Done { at: now };
        }
        Ok(())
    }

    async fn postpone(&self, id: EventId, due_at: Timestamp) -> Result<(), StoreError> {
        if let Some(row) = lock(&self.0).outbox.open(id) {
            row.due_at = due_at;
        }
        Ok(())
    }

    async fn park(&self, id: EventId, _now: Timestamp) -> Result<(), StoreError> {
        if let Some(row) = lock(&self.0).outbox.open(id) {
            row.state = State::Parked;
        }
        Ok(())
    }

    async fn split(
        &self,
        id: EventId,
        parts: &[Outgoing],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tables = lock(&self.0);
        if let Some(row) = tables.outbox.open(id) {
            row.state = State::Done { at: now };
            tables.outbox.put(parts);
        }
        Ok(())
    }

    async fn replay(&self, only: Option<EventId>, now: Timestamp) -> Result<u64, StoreError> {
        let mut tables = lock(&self.0);
        let mut replayed = 0;
        for row in &mut tables.outbox.0 {
            let is_meant = match only {
                None => row.state == State::Parked,
                Some(id) => row.entry.id == id && row.state != State::Open,
            };
            if is_meant {
                (row.state, row.tries, row.due_at) = (State::Open, 0, now);
                replayed += 1;
            }
        }
        Ok(replayed)
    }

    async fn parked(&self, limit: u32) -> Result<Vec<Outgoing>, StoreError> {
        let tables = lock(&self.0);
        let parked = tables.outbox.0.iter().filter(|it| it.state == State::Parked);
        let parked = parked.take(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(parked.map(|it| it.entry.clone()).collect())
    }
}
