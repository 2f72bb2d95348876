//! The queue before the senders: bounded, so that a full one is told before anything is stored.

use domain::cap::Charge;
use domain::message::{Channel, CodeMessage, Recipient};
use domain::{Duration, Timestamp};
use thiserror::Error;

/// Why no place in the queue was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PostboxError {
    /// All places are taken.
    #[error("the message queue is full")]
    Full,
    /// Too little is left of the day's budget for any vendor of the channel.
    #[error("the day's message budget is spent")]
    Spent {
        /// When the next day begins.
        retry_after: Duration,
    },
    /// All vendors of the channel have been failing for a while.
    #[error("no vendor delivers {} messages at present", channel.as_str())]
    Down {
        /// Which channel's.
        channel: Channel,
        /// When to try again.
        retry_after: Duration,
    },
}

/// A message with what it was charged, so that a definite refusal can be refunded.
#[derive(Debug, Clone)]
pub struct Letter {
    /// The message.
    pub message: CodeMessage,
    /// The counters that it was charged to.
    pub charges: Vec<Charge>,
    /// When it was.
    pub at: Timestamp,
}

/// A place in the queue, held for one message. Dropping it gives it back.
pub struct Slot(Box<dyn FnOnce(Letter) + Send>);

impl Slot {
    /// A place whose message is taken by `post`.
    #[must_use]
    pub fn new(post: impl FnOnce(Letter) + Send + 'static) -> Self {
        Self(Box::new(post))
    }

    /// Puts a message in it; delivery goes on in the background.
    pub fn post(self, letter: Letter) {
        (self.0)(letter);
    }
}

/// The queue before the senders.
#[cfg_attr(feature = "testing", mockall::automock)]
pub trait Postbox: Send + Sync {
    /// Refuses a message that no vendor can be paid for today, before anything is stored for it.
    ///
    /// It looks at what this process knows and asks nobody: what others spend since is noticed when
    /// the message is paid for, and the message is refunded then.
    fn affords(&self, to: &Recipient) -> Result<(), PostboxError>;

    /// Reserves a place for one message that travels by a channel.
    ///
    /// The places are everybody's; whether vendors are failing is each channel's own affair.
    fn reserve(&self, channel: Channel) -> Result<Slot, PostboxError>;
}
