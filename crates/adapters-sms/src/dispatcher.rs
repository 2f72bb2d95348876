//! The queue before the vendors of all channels.
//!
//! [`delivery`] is what becomes of one letter, [`notices`] of one notice, [`health`] knows whether
//! any vendor of a channel delivers, [`pending`] counts the letters, [`turns`] asks those first that do,
//! [`spend`] pays for them.

mod delivery;
mod health;
mod notices;
mod pending;
mod spend;
mod turns;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use domain::Duration;
use domain::message::{Channel, Message, Recipient};
use ports::challenges::Challenges;
use ports::clock::Clock;
use ports::entropy::Entropy;
use ports::postbox::{Letter, Postbox, PostboxError, Slot};
use ports::sender::MessageSender;
use ports::spending::{Micros, Spending};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout};

use delivery::Delivery;
pub use spend::Budget;

/// Called with every code at the moment it is posted, and with every notice that was accepted.
pub type OnPost = Arc<dyn Fn(&Message) + Send + Sync>;

/// Called with each answer of a vendor.
pub type OnAnswer = Arc<dyn Fn(&Answered<'_>) + Send + Sync>;

/// What a vendor made of a code or notice, in words that name nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered<'a> {
    /// The vendor.
    pub vendor: &'static str,
    /// `code` or `notice`.
    pub what: &'static str,
    /// The channel.
    pub channel: Channel,
    /// The country of the number; `None` for a mailbox.
    pub country: Option<&'a str>,
    /// `sent`, or why not.
    pub outcome: &'static str,
}

/// One vendor, by the name that logs call it.
#[derive(Clone)]
pub struct Vendor {
    /// The name; never a secret.
    pub name: &'static str,
    /// The channel that it serves.
    pub channel: Channel,
    /// What hands messages to it.
    pub sender: Arc<dyn MessageSender>,
}

impl fmt::Debug for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Vendor").field(&self.name).finish()
    }
}

/// How letters are delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DispatcherSettings {
    /// Letters that may wait; at least one.
    pub queue: usize,
    /// Letters that are delivered at the same time; at least one.
    pub workers: usize,
    /// How long a vendor may take to answer (OTP-10).
    pub send_timeout: Duration,
    /// How often one vendor is asked again (OTP-10).
    pub retries: u32,
    /// The wait before the first repetition, doubled before each further one; half of it is
    /// jitter.
    pub back_off: Duration,
    /// How long all vendors of a channel fail before callers are told (OTP-10).
    pub down_after: Duration,
    /// After how many letters in a row that it did not take a vendor rests.
    pub rests_after: u32,
    /// How long it rests, which means that all others are asked before it.
    pub rest: Duration,
    /// While they fail, one message in this time is let through to see if they still do.
    pub probe_every: Duration,
}

impl Default for DispatcherSettings {
    fn default() -> Self {
        Self {
            queue: 1000,
            workers: 16,
            send_timeout: Duration::from_secs(5),
            retries: 2,
            back_off: Duration::from_millis(400),
            down_after: Duration::from_secs(30),
            rests_after: 3,
            rest: Duration::from_secs(30),
            probe_every: Duration::from_secs(5),
        }
    }
}

/// What a dispatcher needs of the world.
#[derive(Clone)]
pub struct DispatcherPorts {
    /// The vendors of all channels, in the order in which they are tried.
    pub vendors: Vec<Vendor>,
    /// What messages cost and may cost, and where that is counted; `None` for no bound.
    pub budget: Option<(Budget, Arc<dyn Spending>)>,
    /// Where a definite refusal is refunded, and where it is noted who took a code.
    pub challenges: Arc<dyn Challenges>,
    /// Tells whether a code is still alive when its turn comes.
    pub clock: Arc<dyn Clock>,
    /// The jitter of repetitions.
    pub entropy: Arc<dyn Entropy>,
    /// Sees every message; development only.
    pub on_post: Option<OnPost>,
    /// Counts what vendors say.
    pub on_answer: Option<OnAnswer>,
}

/// A bounded queue in the process, emptied by a few tasks (OTP-09).
///
/// Dropping it lets the letters that wait be delivered, as long as the runtime lives; a message
/// lost with the process costs its user one more request.
pub struct Dispatcher {
    queue: mpsc::Sender<Letter>,
    delivery: Arc<Delivery>,
    on_post: Option<OnPost>,
    closing: watch::Sender<bool>,
    emptying: Mutex<Option<JoinHandle<()>>>,
}

impl Dispatcher {
    /// Starts delivering on a runtime.
    #[must_use]
    pub fn start(settings: DispatcherSettings, ports: DispatcherPorts, runtime: &Handle) -> Self {
        let (queue, letters) = mpsc::channel(settings.queue.max(1));
        let (closing, close) = watch::channel(false);
        let workers = settings.workers.max(1);
        let on_post = ports.on_post.clone();
        let delivery = Arc::new(Delivery::new(settings, ports));
        let emptying = runtime.spawn(empty(letters, close, workers, Arc::clone(&delivery)));
        Self { queue, delivery, on_post, closing, emptying: Mutex::new(Some(emptying)) }
    }

    /// Letters posted and not yet done with.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.delivery.pending.count()
    }

    /// How long the oldest of them has been there.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.delivery.pending.age(self.delivery.ports.clock.now())
    }

    /// What the day has cost so far, as far as this process knows, and what it may cost; `None`
    /// without a budget.
    #[must_use]
    pub fn spent(&self) -> Option<(Micros, Micros)> {
        self.delivery.purse.as_ref().map(spend::Purse::state)
    }

    /// Takes no more letters, delivers those that are there, and gives the number of those that
    /// were not delivered `within` that time.
    ///
    /// Slots that are held still take their letter. A letter whose vendor is being asked when the
    /// time is over counts as not delivered. A second call gives what is left at once.
    pub async fn drain(&self, within: Duration) -> usize {
        self.closing.send_replace(true);
        let emptying = self.emptying.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut emptying) = emptying
            && timeout(within, &mut emptying).await.is_err()
        {
            emptying.abort();
        }
        self.delivery.pending.count()
    }
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher")
            .field("pending", &self.delivery.pending.count())
            .finish_non_exhaustive()
    }
}

impl Postbox for Dispatcher {
    fn affords(&self, to: &Recipient) -> Result<(), PostboxError> {
        let Some(purse) = &self.delivery.purse else { return Ok(()) };
        let vendors = self.delivery.ports.vendors.iter();
        purse.affords(vendors.filter(|it| it.channel == to.channel()).map(|it| it.name), to)
    }

    fn reserve(&self, channel: Channel) -> Result<Slot, PostboxError> {
        if *self.closing.borrow() {
            return Err(PostboxError::Full);
        }
        let place = self.delivery.health(channel).admit(Instant::now(), || {
            self.queue.clone().try_reserve_owned().map_err(|_| PostboxError::Full)
        })?;
        let (delivery, on_post) = (Arc::clone(&self.delivery), self.on_post.clone());
        Ok(Slot::new(move |letter| {
            if let Some(on_post) = on_post {
                on_post(&Message::Code(letter.message.clone()));
            }
            delivery.pending.posted(letter.at);
            place.send(letter);
        }))
    }
}

/// Delivers letters until the queue is closed and empty, so many at the same time.
async fn empty(
    mut letters: mpsc::Receiver<Letter>,
    mut close: watch::Receiver<bool>,
    workers: usize,
    delivery: Arc<Delivery>,
) {
    let hands = Arc::new(Semaphore::new(workers));
    let mut running = JoinSet::new();
    let mut open = true;
    while let Ok(hand) = Arc::clone(&hands).acquire_owned().await {
        let letter = tokio::select! {
            letter = letters.recv() => letter,
            // An error means that the dispatcher was dropped, which closes as well.
            _ = close.wait_for(|it| *it), if open => {
                letters.close();
                open = false;
                continue;
            }
        };
        let Some(letter) = letter else { break };
        let delivery = Arc::clone(&delivery);
        running.spawn(async move {
            delivery.deliver(letter).await;
            drop(hand);
        });
        while running.try_join_next().is_some() {}
    }
    while running.join_next().await.is_some() {}
}

#[cfg(test)]
mod tests;
