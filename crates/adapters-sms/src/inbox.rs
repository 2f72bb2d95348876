//! The messages of development, kept in the process.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::Timestamp;
use domain::message::{CodeMessage, Recipient};
use ports::clock::Clock;

use crate::dispatcher::OnPost;

/// The most messages that are kept.
const MOST: usize = 1000;

/// A message that was posted.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The message, with its code.
    pub message: CodeMessage,
    /// When it was posted.
    pub at: Timestamp,
}

/// The newest 1000 messages, for development: in production nobody makes one (OTP-11).
pub struct Inbox {
    clock: Arc<dyn Clock>,
    kept: Mutex<VecDeque<Kept>>,
}

impl Inbox {
    /// An empty one.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock, kept: Mutex::default() })
    }

    /// What a dispatcher calls when a message is posted.
    #[must_use]
    pub fn hook(self: &Arc<Self>) -> OnPost {
        let inbox = Arc::clone(self);
        Arc::new(move |message| inbox.keep(message))
    }

    /// Keeps a message; beyond the most, the oldest goes.
    pub fn keep(&self, message: &CodeMessage) {
        let at = self.clock.now();
        let mut kept = self.lock();
        if kept.len() >= MOST {
            kept.pop_front();
        }
        kept.push_back(Kept { message: message.clone(), at });
    }

    /// The messages to one recipient, newest first.
    #[must_use]
    pub fn newest_for(&self, to: &Recipient) -> Vec<Kept> {
        self.lock().iter().rev().filter(|it| it.message.to == *to).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("kept", &self.lock().len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use domain::Duration;
    use domain::email::EmailAddress;
    use ports::testing::contract::sender::message;
    use ports::testing::{ManualClock, at};

    use super::*;

    #[test]
    fn it_gives_the_newest_first_and_to_their_recipient_only() {
        let clock = Arc::new(ManualClock::default());
        let inbox = Inbox::new(Arc::clone(&clock) as Arc<dyn Clock>);
        let mailbox = Recipient::Mailbox(EmailAddress::parse("ada@example.com").unwrap());
        for number in [1, 2] {
            inbox.keep(&message(number));
            inbox.keep(&CodeMessage { to: mailbox.clone(), ..message(10 + number) });
            clock.advance(Duration::from_mins(1));
        }
        let kept = inbox.newest_for(&message(0).to);
        let read: Vec<_> = kept.iter().map(|it| (it.message.code.reveal(), it.at)).collect();
        assert_eq!(read, [("000002", at(60)), ("000001", at(0))]);
        assert_eq!(inbox.newest_for(&mailbox).len(), 2);
    }

    #[test]
    fn it_keeps_no_more_than_the_newest_thousand() {
        let inbox = Inbox::new(Arc::new(ManualClock::default()));
        for number in 0..1010 {
            inbox.keep(&message(number));
        }
        let kept = inbox.newest_for(&message(0).to);
        assert_eq!(kept.len(), MOST);
        assert_eq!(kept.last().unwrap().message.code.reveal(), "000010");
    }
}
