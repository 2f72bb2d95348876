//! The courier's rounds: what the outbox holds is told for as long as the process serves.

use std::sync::Arc;
use std::time::Duration;

use application::oauth::keys::tend;
use application::outbox::{Courier, deliver, take_due};
use domain::Timestamp;
use ports::error::StoreError;
use ports::outbox::Claimed;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

use crate::metrics;
use crate::sweep::Sweeper;

/// How often the outbox is looked into while nothing is due.
const POLL: Duration = Duration::from_secs(1);
/// How long it is left alone when it cannot be read.
const PAUSE: Duration = Duration::from_secs(3);
/// Entries that are told at the same time.
const HANDS: usize = 16;
/// How often it is looked whether the grace of a deleted account is over (LINK-12), and what else
/// is over (REL-11).
const FREE_EVERY: Duration = Duration::from_mins(1);
/// The longest that telling one may take; well below its hold.
const PATIENCE: Duration = Duration::from_secs(30);

/// The rounds, in the background.
pub(crate) struct Rounds {
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
}

impl Rounds {
    /// Begins them on the present runtime; before `is_ready` nothing is looked at.
    pub(crate) fn start(
        courier: Courier,
        is_ready: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(go_round(Arc::new(courier), is_ready, stopped));
        Self { stop, running }
    }

    /// Takes no more entries, and finishes those that are taken `within` a time. What it cannot
    /// finish is told by whoever looks once its hold is over.
    pub(crate) async fn stop(mut self, within: Duration) {
        self.stop.send_replace(true);
        if timeout(within, &mut self.running).await.is_err() {
            self.running.abort();
            tracing::warn!("not all that was taken from the outbox was told in time");
        }
    }
}

async fn go_round(
    courier: Arc<Courier>,
    is_ready: impl Fn() -> bool,
    mut stopped: watch::Receiver<bool>,
) {
    let mut hands = JoinSet::new();
    let mut is_well = true;
    let mut freed_at = Instant::now();
    let mut has_keys = false;
    let mut sweeper = Sweeper::default();
    while !*stopped.borrow() {
        if !is_ready() {
            tokio::select! {
                () = sleep(POLL) => continue,
                _ = stopped.wait_for(|it| *it) => break,
            }
        }
        let outcome = hand_out(&courier, &mut hands).await;
        let pause = if outcome.is_ok() { POLL } else { PAUSE };
        match outcome {
            Ok(()) if is_well => {}
            Ok(()) => tracing::info!("the outbox can be read again"),
            Err(ref error) if is_well => tracing::warn!(%error, "the outbox cannot be read"),
            Err(_) => {}
        }
        is_well = outcome.is_ok();
        if is_well && !has_keys {
            has_keys = true;
            tend_keys(&courier).await;
        }
        if is_well && freed_at.elapsed() >= FREE_EVERY {
            freed_at = Instant::now();
            free_deleted(&courier).await;
            tidy_grants(&courier).await;
            sweeper.begin(&courier);
        }
        tokio::select! {
            () = sleep(pause) => {}
            // A free hand, and perhaps the next event of a user.
            Some(_) = hands.join_next(), if is_well => {}
            // An error means that whoever stops it is gone, which stops it as well.
            _ = stopped.wait_for(|it| *it) => break,
        }
        while hands.try_join_next().is_some() {}
    }
    while hands.join_next().await.is_some() {}
}

/// Frees what deleted accounts still hold when their grace is over.
async fn free_deleted(courier: &Courier) {
    let now = courier.ports.clock.now();
    match courier.ports.accounts.free_deleted(now).await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "the identifiers of deleted accounts are free"),
        Err(error) => tracing::warn!(%error, "deleted accounts could not be looked at"),
    }
}

/// Deletes codes and tokens that are over, and looks after the keys that sign.
async fn tidy_grants(courier: &Courier) {
    match courier.ports.grants.purge(courier.ports.clock.now()).await {
        Ok(0) => {}
        Ok(count) => metrics::purged("oauth", count),
        Err(error) => tracing::warn!(%error, "codes and tokens could not be looked at"),
    }
    tend_keys(courier).await;
}

/// Makes the key that is wanted, before the first client waits for it. Without clients there is
/// nothing to sign.
async fn tend_keys(courier: &Courier) {
    if courier.ports.policy.oauth.clients.is_empty() {
        return;
    }
    if let Err(error) = tend(&courier.ports).await {
        tracing::warn!(%error, "the keys that sign could not be looked at");
    }
}

/// Gives what is due to the hands that are free.
async fn hand_out(courier: &Arc<Courier>, hands: &mut JoinSet<()>) -> Result<(), StoreError> {
    let free = u32::try_from(HANDS.saturating_sub(hands.len())).unwrap_or(u32::MAX);
    if free == 0 {
        return Ok(());
    }
    let taken = take_due(courier, free).await?;
    metrics::outbox_age(oldest(&taken, courier.ports.clock.now()));
    for claimed in taken {
        hands.spawn(tell(Arc::clone(courier), claimed));
    }
    Ok(())
}

/// The age of the oldest of them; nothing where nothing is due.
fn oldest(taken: &[Claimed], now: Timestamp) -> Duration {
    let since = taken.iter().map(|it| it.entry.at).min().unwrap_or(now);
    now.duration_since(since).try_into().unwrap_or(Duration::ZERO)
}

async fn tell(courier: Arc<Courier>, claimed: Claimed) {
    let id = claimed.entry.id;
    match timeout(PATIENCE, deliver(&courier, &claimed)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%id, %error, "what came of an entry was not noted"),
        Err(_) => tracing::warn!(%id, "telling an entry took too long"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use adapters_memory::Fakes;
    use domain::id::{EventId, UserId};
    use domain::later;
    use domain::oauth::client::{Client, ClientId, Proof, Standing};
    use domain::outbox::{Event, News, Outgoing};
    use ports::event_sink::{EventSink, MockEventSink, NotTaken};
    use ports::outbox::MockOutbox;
    use ports::testing::START;
    use tokio::sync::Semaphore;

    use super::*;

    /// An event of the `of`-th user.
    fn event(of: u8) -> Outgoing {
        let (id, user_id) = (EventId::new(START, [of; 10]), UserId::new(START, [of; 10]));
        Outgoing { id, user_id, at: START, news: News::Event(Event::Updated) }
    }

    fn courier(fakes: &Fakes, sink: Arc<dyn EventSink>) -> Courier {
        let (ports, outbox) = (fakes.ports(), fakes.database.clone());
        let retention = outbox.clone();
        Courier { ports, outbox, retention, sink: Some(sink), messenger: None }
    }

    /// LOG-06: the queue is as old as its oldest entry.
    #[test]
    fn the_oldest_entry_gives_the_age() {
        let taken = |after| {
            let entry = Outgoing { at: later(START, Duration::from_secs(after)), ..event(1) };
            Claimed { entry, tries: 1 }
        };
        let now = later(START, Duration::from_mins(1));
        assert_eq!(oldest(&[taken(50), taken(20)], now), Duration::from_secs(40));
        assert_eq!(oldest(&[taken(90)], now), Duration::ZERO, "a clock that was set back");
        assert_eq!(oldest(&[], now), Duration::ZERO);
    }

    /// Takes an event when it is let.
    struct Gate {
        waiting: Mutex<usize>,
        open: Semaphore,
    }

    impl Gate {
        fn shut() -> Arc<Self> {
            Arc::new(Self { waiting: Mutex::new(0), open: Semaphore::new(0) })
        }

        fn waiting(&self) -> usize {
            *self.waiting.lock().unwrap()
        }
    }

    #[async_trait::async_trait]
    impl EventSink for Gate {
        async fn tell(&self, _event: &Outgoing) -> Result<(), NotTaken> {
            *self.waiting.lock().unwrap() += 1;
            self.open.acquire().await.unwrap().forget();
            *self.waiting.lock().unwrap() -= 1;
            Ok(())
        }
    }

    /// Users do not wait for one another, and no more are told than there are hands.
    #[tokio::test(start_paused = true)]
    async fn so_many_are_told_at_the_same_time() {
        let (fakes, gate) = (Fakes::default(), Gate::shut());
        fakes.database.put_outgoing(&(0..40).map(event).collect::<Vec<_>>());
        let rounds = Rounds::start(courier(&fakes, gate.clone()), || true);
        sleep(Duration::from_millis(10)).await;
        assert_eq!(gate.waiting(), HANDS);
        gate.open.add_permits(1);
        sleep(Duration::from_millis(10)).await;
        assert_eq!((gate.waiting(), fakes.database.outgoing().len()), (HANDS, 39));
        gate.open.add_permits(100);
        sleep(Duration::from_millis(10)).await;
        assert_eq!(fakes.database.outgoing(), [], "a free hand does not wait for the next look");
        rounds.stop(Duration::from_secs(1)).await;
    }

    /// REL-09: what is taken is finished, and nothing more is taken.
    #[tokio::test(start_paused = true)]
    async fn stopping_finishes_what_is_taken() {
        let (fakes, gate) = (Fakes::default(), Gate::shut());
        fakes.database.put_outgoing(&[event(1)]);
        let rounds = Rounds::start(courier(&fakes, gate.clone()), || true);
        sleep(Duration::from_millis(10)).await;
        let stopping = tokio::spawn(rounds.stop(Duration::from_secs(8)));
        sleep(Duration::from_secs(1)).await;
        fakes.database.put_outgoing(&[event(2)]);
        assert!(!stopping.is_finished());
        gate.open.add_permits(9);
        stopping.await.unwrap();
        assert_eq!(fakes.database.outgoing(), [event(2)]);
    }

    #[tokio::test(start_paused = true)]
    async fn stopping_does_not_wait_for_ever() {
        let (fakes, gate) = (Fakes::default(), Gate::shut());
        fakes.database.put_outgoing(&[event(1)]);
        let rounds = Rounds::start(courier(&fakes, gate), || true);
        sleep(Duration::from_millis(10)).await;
        let begun = tokio::time::Instant::now();
        rounds.stop(Duration::from_secs(8)).await;
        assert_eq!(begun.elapsed().as_secs(), 8);
    }

    /// REL-05: a store that goes and comes stops nothing for good.
    #[tokio::test(start_paused = true)]
    async fn an_outbox_that_comes_back_is_read_again() {
        let fakes = Fakes::default();
        let (mut sink, mut outbox) = (MockEventSink::new(), MockOutbox::new());
        let down = || StoreError::Unavailable { store: "database", source: "down".into() };
        outbox.expect_claim().times(2).returning(move |_, _, _| Err(down()));
        let entry = event(1);
        let claimed = move || vec![Claimed { entry: entry.clone(), tries: 1 }];
        outbox.expect_claim().times(1).returning(move |_, _, _| Ok(claimed()));
        outbox.expect_claim().returning(|_, _, _| Ok(Vec::new()));
        outbox.expect_done().times(1).returning(|_, _| Ok(()));
        sink.expect_tell().times(1).returning(|_| Ok(()));
        let courier = Courier { outbox: Arc::new(outbox), ..courier(&fakes, Arc::new(sink)) };
        let rounds = Rounds::start(courier, || true);
        sleep(2 * PAUSE + POLL).await;
        rounds.stop(Duration::from_secs(1)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_looked_at_before_the_database_is_ours() {
        let fakes = Fakes::default();
        let mut outbox = MockOutbox::new();
        outbox.expect_claim().never();
        let sink = Arc::new(MockEventSink::new());
        let mut courier = Courier { outbox: Arc::new(outbox), ..courier(&fakes, sink) };
        let mut policy = (*courier.ports.policy).clone();
        policy.oauth.clients = vec![Client {
            id: ClientId::parse("web").unwrap(),
            proof: Proof::Nothing,
            redirect_uris: Vec::new(),
            standing: Standing::FirstParty,
            origins: Vec::new(),
        }];
        courier.ports.policy = Arc::new(policy);
        let keys = Arc::clone(&courier.ports.signing_keys);
        let rounds = Rounds::start(courier, || false);
        sleep(2 * FREE_EVERY).await;
        assert_eq!(keys.list().await.unwrap(), [], "no key is made");
        rounds.stop(Duration::from_secs(1)).await;
    }
}
