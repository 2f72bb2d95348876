//! Attempts that turned out right and are still to be taken back.
//!
//! The next attempt takes them along, so that forgiving costs no round trip of its own. Where none
//! comes, a task takes them back after [`PATIENCE`]. What is lost, by a crash or for want of room,
//! stays counted as a failure until its window is over: that errs on the safe side.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use domain::Duration;
use ports::error::StoreError;
use ports::throttles::Ticket;

use crate::Redis;
use crate::throttles::{attempts_key, everyone_key, member};

/// The most that wait; beyond that the oldest are given up.
const MOST: usize = 1024;
/// How long they wait for an attempt to take them along.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is to be taken back, of one handle.
#[derive(Debug)]
pub(crate) struct Forgiven {
    redis: Redis,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Oldest first.
    tickets: VecDeque<Ticket>,
    /// True while a task will look after them.
    looked_after: bool,
}

/// Tickets on their way to Redis; unless told that they arrived, they wait again.
#[derive(Debug)]
pub(crate) struct Taken {
    tickets: VecDeque<Ticket>,
    from: Arc<Forgiven>,
}

impl Forgiven {
    pub(crate) fn new(redis: Redis) -> Self {
        Self { redis, waiting: Mutex::default() }
    }

    /// Lets attempts wait to be taken back.
    pub(crate) fn add(this: &Arc<Self>, tickets: impl IntoIterator<Item = Ticket>) {
        let mut waiting = this.waiting();
        waiting.tickets.extend(tickets);
        let too_many = waiting.tickets.len().saturating_sub(MOST);
        waiting.tickets.drain(..too_many);
        if !waiting.looked_after && !waiting.tickets.is_empty() {
            waiting.looked_after = true;
            this.redis.main().spawn(look_after(Arc::downgrade(this)));
        }
    }

    /// Takes all that wait.
    pub(crate) fn take(this: &Arc<Self>) -> Taken {
        let tickets = std::mem::take(&mut this.waiting().tickets);
        Taken { tickets, from: Arc::clone(this) }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True if there is nothing left to look after; then nobody does any more.
    fn done(&self) -> bool {
        let mut waiting = self.waiting();
        waiting.looked_after = !waiting.tickets.is_empty();
        !waiting.looked_after
    }
}

impl Taken {
    pub(crate) fn tickets(&self) -> impl Iterator<Item = &Ticket> {
        self.tickets.iter()
    }

    /// They have arrived.
    pub(crate) fn told(mut self) {
        self.tickets.clear();
    }
}

impl Drop for Taken {
    /// What did not arrive, or perhaps not, waits again: taking back twice harms nothing.
    fn drop(&mut self) {
        if !self.tickets.is_empty() {
            Forgiven::add(&self.from, self.tickets.drain(..));
        }
    }
}

/// Takes back what no attempt took along, until nothing waits.
async fn look_after(forgiven: Weak<Forgiven>) {
    loop {
        tokio::time::sleep(PATIENCE).await;
        let Some(forgiven) = forgiven.upgrade() else { return };
        if forgiven.done() {
            return;
        }
        if let Err(error) = take_back(&forgiven).await {
            tracing::warn!(%error, "right attempts are still counted as failures");
        }
    }
}

/// Takes back all that wait, in one round trip.
async fn take_back(forgiven: &Arc<Forgiven>) -> Result<(), StoreError> {
    let taken = Forgiven::take(forgiven);
    let mut removals = redis::pipe();
    for ticket in taken.tickets() {
        removals.zrem(attempts_key(&forgiven.redis, &ticket.ip), member(ticket)).ignore();
        removals.zrem(everyone_key(&forgiven.redis), &ticket.nonce[..]).ignore();
    }
    forgiven.redis.pipeline(named!("throttles.forgive"), &removals).await?;
    taken.told();
    Ok(())
}

#[cfg(test)]
mod tests {
    use domain::secret::Subject;
    use tokio::runtime::Handle;

    use super::*;
    use crate::RedisSettings;

    fn forgiven() -> Arc<Forgiven> {
        let settings = RedisSettings::new("redis://127.0.0.1:1".into());
        Arc::new(Forgiven::new(Redis::connect(&settings, Handle::current()).unwrap()))
    }

    fn ticket(number: usize) -> Ticket {
        let nonce = number.to_be_bytes().repeat(2).try_into().unwrap();
        Ticket { ip: Subject::new([1; 32]), account: Subject::new([2; 32]), nonce }
    }

    #[tokio::test]
    async fn what_did_not_arrive_waits_again() {
        let forgiven = forgiven();
        Forgiven::add(&forgiven, [ticket(1), ticket(2)]);
        drop(Forgiven::take(&forgiven));
        let taken = Forgiven::take(&forgiven);
        assert_eq!(taken.tickets().copied().collect::<Vec<_>>(), [ticket(1), ticket(2)]);
        taken.told();
        assert_eq!(Forgiven::take(&forgiven).tickets().count(), 0);
    }

    #[tokio::test]
    async fn no_more_wait_than_there_is_room_for() {
        let forgiven = forgiven();
        Forgiven::add(&forgiven, (0..MOST + 10).map(ticket));
        let taken = Forgiven::take(&forgiven);
        assert_eq!(taken.tickets().count(), MOST);
        assert_eq!(taken.tickets().next(), Some(&ticket(10)));
    }

    #[tokio::test]
    async fn what_could_not_be_taken_back_waits_again() {
        let forgiven = forgiven();
        Forgiven::add(&forgiven, [ticket(1)]);
        take_back(&forgiven).await.unwrap_err();
        assert_eq!(Forgiven::take(&forgiven).tickets().count(), 1);
    }

    /// LOCK-05: also where no further attempt comes.
    #[cfg(feature = "test-redis")]
    #[tokio::test(flavor = "multi_thread")]
    async fn what_no_attempt_took_along_is_taken_back() {
        let (url, prefix) = crate::test_server::own_part();
        let settings = RedisSettings { prefix, ..RedisSettings::new(url.into()) };
        let redis = Redis::connect(&settings, Handle::current()).unwrap();
        let (key, everyone) = (attempts_key(&redis, &ticket(1).ip), everyone_key(&redis));
        let mut made = redis::pipe();
        for number in [1, 2, 3] {
            made.zadd(&key, member(&ticket(number)), number).ignore();
            made.zadd(&everyone, &ticket(number).nonce[..], number).ignore();
        }
        redis.pipeline(named!("test"), &made).await.unwrap();

        let forgiven = Arc::new(Forgiven::new(redis.clone()));
        Forgiven::add(&forgiven, [ticket(1), ticket(3)]);
        take_back(&forgiven).await.unwrap();
        let left: Vec<Vec<u8>> = redis
            .command(named!("test"), redis::cmd("ZRANGE").arg(&key).arg(0).arg(-1))
            .await
            .unwrap();
        assert_eq!(left, [member(&ticket(2))]);
        let left: Vec<Vec<u8>> = redis
            .command(named!("test"), redis::cmd("ZRANGE").arg(&everyone).arg(0).arg(-1))
            .await
            .unwrap();
        assert_eq!(left, [ticket(2).nonce]);
        assert!(forgiven.done());
    }
}
