//! The messages of development, kept in the process.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::Timestamp;
use domain::message::{Message, Recipient};
use ports::clock::Clock;
use ports::sender::{MessageSender, SendError};

use crate::dispatcher::OnPost;

/// The most messages that are kept.
const MOST: usize = 1000;

/// A message that was posted, or a notice that was told.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The message, with its code if it has one.
    pub message: Message,
    /// When it was posted or told.
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

    /// What a dispatcher calls with every message.
    #[must_use]
    pub fn hook(self: &Arc<Self>) -> OnPost {
        let inbox = Arc::clone(self);
        Arc::new(move |message| inbox.keep(message))
    }

    /// Keeps a message; beyond the most, the oldest goes.
    pub fn keep(&self, message: &Message) {
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
        self.lock().iter().rev().filter(|it| it.message.to() == to).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The vendor of a channel that has no other: what goes through the hook is kept, and that is all
/// there is to do.
#[async_trait]
impl MessageSender for Inbox {
    async fn send(&self, _: &Message) -> Result<(), SendError> {
        Ok(())
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
    use domain::message::{CodeMessage, Notice, NoticeMessage};
    use ports::testing::contract::sender::{mailbox, message, phone};
    use ports::testing::{ManualClock, at};

    use super::*;

    fn code(kept: &Kept) -> &str {
        let Message::Code(message) = &kept.message else { panic!("a code: {kept:?}") };
        message.code.reveal()
    }

    #[test]
    fn it_gives_the_newest_first_and_to_their_recipient_only() {
        let clock = Arc::new(ManualClock::default());
        let inbox = Inbox::new(Arc::clone(&clock) as Arc<dyn Clock>);
        for number in [1, 2] {
            inbox.keep(&Message::Code(message(number)));
            inbox.keep(&Message::Code(CodeMessage { to: mailbox(), ..message(10 + number) }));
            clock.advance(Duration::from_mins(1));
        }
        let kept = inbox.newest_for(&phone());
        let read: Vec<_> = kept.iter().map(|it| (code(it), it.at)).collect();
        assert_eq!(read, [("000002", at(60)), ("000001", at(0))]);
        assert_eq!(inbox.newest_for(&mailbox()).len(), 2);
        let notice = NoticeMessage { to: phone(), notice: Notice::NewDevice, at: at(90) };
        inbox.keep(&Message::Notice(notice));
        let kept = inbox.newest_for(&phone());
        assert!(matches!(&kept[0].message, Message::Notice(it) if it.at == at(90)));
    }

    #[test]
    fn it_keeps_no_more_than_the_newest_thousand() {
        let inbox = Inbox::new(Arc::new(ManualClock::default()));
        for number in 0..1010 {
            inbox.keep(&Message::Code(message(number)));
        }
        let kept = inbox.newest_for(&phone());
        assert_eq!(kept.len(), MOST);
        assert_eq!(code(kept.last().unwrap()), "000010");
    }
}
