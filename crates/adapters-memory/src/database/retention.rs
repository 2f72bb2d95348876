//! What is over goes, in process, for tests.

use std::collections::HashMap;
use std::hash::Hash;

use async_trait::async_trait;
use domain::Timestamp;
use domain::retention::Kept;
use ports::error::StoreError;
use ports::retention::Retention;

use super::{MemoryDatabase, SessionRecord, Tables};
use crate::lock;

impl Tables {
    /// Forgets sessions that were over by then, and notes their last use.
    fn forget_sessions(&mut self, limit: usize, is_over: impl Fn(&SessionRecord) -> bool) -> usize {
        let due = self.sessions.iter().filter(|(_, it)| is_over(it)).take(limit);
        let due: Vec<_> = due.map(|(id, _)| *id).collect();
        let mut gone = 0;
        for id in due {
            gone += self.grants.forget(id);
            if let Some(record) = self.sessions.remove(&id) {
                let used_at = record.session.last_seen_at;
                let last = self.last_visits.entry(record.session.user_id).or_insert(used_at);
                *last = used_at.max(*last);
                gone += 1;
            }
        }
        gone
    }
}

/// Removes some entries of a table; gives how many.
fn forget<K: Copy + Eq + Hash, V>(
    table: &mut HashMap<K, V>,
    limit: usize,
    is_over: impl Fn(&V) -> bool,
) -> usize {
    let due: Vec<_> =
        table.iter().filter(|(_, it)| is_over(it)).map(|(key, _)| *key).take(limit).collect();
    for key in &due {
        table.remove(key);
    }
    due.len()
}

#[async_trait]
impl Retention for MemoryDatabase {
    async fn purge(&self, what: Kept, until: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut tables = lock(&self.0);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let gone = match what {
            Kept::EndedSessions => {
                tables.forget_sessions(limit, |it| it.ended_at.is_some_and(|it| it <= until))
            }
            Kept::ExpiredSessions => {
                tables.forget_sessions(limit, |it| it.session.idle_ends_at <= until)
            }
            Kept::ToldEntries => tables.outbox.forget(until, limit),
            Kept::SpentProofs => forget(&mut tables.spent, limit, |it| *it <= until),
            Kept::PasswordAttempts => forget(&mut tables.attempts, limit, |it| {
                it.waits_until.is_none() && it.last_at.is_none_or(|it| it <= until)
            }),
            Kept::LoginEvents => forget(&mut tables.events, limit, |it| it.at <= until),
            Kept::AuditEvents => {
                let before = tables.audit.len();
                let mut left = limit;
                tables.audit.retain(|it| {
                    let goes = left > 0 && it.at <= until;
                    left -= usize::from(goes);
                    !goes
                });
                before - tables.audit.len()
            }
        };
        Ok(u64::try_from(gone).unwrap_or(u64::MAX))
    }
}
