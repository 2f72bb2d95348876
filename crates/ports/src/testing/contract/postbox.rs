//! The promises of `postbox`.
//!
//! A postbox is tested together with the sender behind it, a [`Recorder`] that accepts everything.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use domain::Duration;
use domain::message::{Channel, CodeMessage, Message, NoticeMessage};
use tokio::sync::watch;

use crate::postbox::{Letter, Postbox, PostboxError, Slot};
use crate::sender::{MessageSender, SendError};
use crate::testing::contract::sender::message;
use crate::testing::{RACERS, ROUNDS, START, race};

/// The places that the postbox of a test has.
pub const PLACES: usize = 8;

/// A postbox of [`PLACES`] places and the sender behind it.
pub struct Office {
    /// The postbox.
    pub postbox: Arc<dyn Postbox>,
    /// The sender that all its letters go to.
    pub recorder: Arc<Recorder>,
}

impl fmt::Debug for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Office").field("recorder", &self.recorder).finish_non_exhaustive()
    }
}

/// A sender that accepts every message and keeps it.
#[derive(Debug)]
pub struct Recorder(watch::Sender<Vec<Message>>);

impl Default for Recorder {
    fn default() -> Self {
        Self(watch::Sender::new(Vec::new()))
    }
}

impl Recorder {
    /// The codes that were accepted so far, in their order.
    #[must_use]
    pub fn accepted(&self) -> Vec<CodeMessage> {
        let codes = self.0.borrow();
        codes
            .iter()
            .filter_map(|it| if let Message::Code(it) = it { Some(it.clone()) } else { None })
            .collect()
    }

    /// The notices that were accepted so far, in their order.
    #[must_use]
    pub fn told(&self) -> Vec<NoticeMessage> {
        let notices = self.0.borrow();
        notices
            .iter()
            .filter_map(|it| if let Message::Notice(it) = it { Some(it.clone()) } else { None })
            .collect()
    }

    /// Waits until `count` messages were accepted.
    pub async fn wait_for(&self, count: usize) {
        let mut accepted = self.0.subscribe();
        let waited = tokio::time::timeout(
            Duration::from_secs(20),
            accepted.wait_for(|it| it.len() >= count),
        );
        assert!(waited.await.is_ok(), "{} of {count} arrived", self.accepted().len());
    }
}

#[async_trait]
impl MessageSender for Recorder {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        self.0.send_modify(|it| it.push(message.clone()));
        Ok(())
    }
}

fn letter(number: u32) -> Letter {
    Letter { message: message(number), charges: Vec::new(), at: START }
}

fn all(postbox: &dyn Postbox) -> Vec<Slot> {
    std::iter::from_fn(|| postbox.reserve(Channel::Sms).ok()).take(10 * PLACES).collect()
}

/// OTP-09: a full queue is told before anything is stored.
#[expect(clippy::unused_async, reason = "promises are asynchronous")]
pub async fn it_has_so_many_places_and_no_more(office: Office) {
    let held = all(&*office.postbox);
    assert_eq!(held.len(), PLACES);
    assert_eq!(office.postbox.reserve(Channel::Sms).map(drop), Err(PostboxError::Full));
}

/// A place that was not used is free again at once.
#[expect(clippy::unused_async, reason = "promises are asynchronous")]
pub async fn a_dropped_slot_gives_its_place_back(office: Office) {
    for _ in 0..3 {
        let mut held = all(&*office.postbox);
        assert_eq!(held.len(), PLACES);
        held.pop();
        assert!(office.postbox.reserve(Channel::Sms).is_ok());
        drop(held);
    }
    assert!(office.recorder.accepted().is_empty(), "nothing was posted");
}

/// Of callers at the same moment, no more get a place than there are.
pub async fn racing_callers_never_pass_the_bound(office: Office) {
    for round in 0..ROUNDS {
        let held =
            race(
                RACERS,
                &office.postbox,
                |postbox, _| async move { postbox.reserve(Channel::Sms) },
            )
            .await;
        let places = held.iter().filter(|it| it.is_ok()).count();
        assert_eq!(places, PLACES, "round {round}");
    }
}

/// What is posted arrives, as it was and once, and its place is free again.
pub async fn a_posted_letter_is_delivered_exactly_once(office: Office) {
    const LETTERS: u32 = 500;
    for number in 0..LETTERS {
        let slot = loop {
            match office.postbox.reserve(Channel::Sms) {
                Ok(slot) => break slot,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        slot.post(letter(number));
    }
    let count = usize::try_from(LETTERS).expect("a small number");
    office.recorder.wait_for(count).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let accepted = office.recorder.accepted();
    let distinct: HashSet<String> = accepted.iter().map(|it| it.code.reveal().to_owned()).collect();
    assert_eq!((accepted.len(), distinct.len()), (count, count));
    assert!(accepted.iter().all(|it| it.to == message(0).to));
}

/// Makes every promise of a postbox a test, each on an office of its own.
#[macro_export]
macro_rules! postbox_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            postbox,
            $make,
            [
                it_has_so_many_places_and_no_more,
                a_dropped_slot_gives_its_place_back,
                racing_callers_never_pass_the_bound,
                a_posted_letter_is_delivered_exactly_once,
            ]
        );
    };
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use domain::message::Recipient;

    use super::*;
    use crate::testing::breaks;

    /// Looks at the number of places taken and counts afterwards; gives none back.
    #[derive(Default)]
    struct CheckThenCount(AtomicUsize);

    impl Postbox for CheckThenCount {
        fn affords(&self, _: &Recipient) -> Result<(), PostboxError> {
            Ok(())
        }

        fn reserve(&self, _: Channel) -> Result<Slot, PostboxError> {
            if self.0.load(Ordering::SeqCst) >= PLACES {
                return Err(PostboxError::Full);
            }
            std::thread::sleep(Duration::from_micros(50));
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(Slot::new(drop))
        }
    }

    /// Has room for everybody.
    struct Boundless;

    impl Postbox for Boundless {
        fn affords(&self, _: &Recipient) -> Result<(), PostboxError> {
            Ok(())
        }

        fn reserve(&self, _: Channel) -> Result<Slot, PostboxError> {
            Ok(Slot::new(drop))
        }
    }

    fn office(postbox: impl Postbox + 'static) -> Office {
        Office { postbox: Arc::new(postbox), recorder: Arc::new(Recorder::default()) }
    }

    /// TEST-01: the race is found where there is one.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_postbox_that_checks_then_counts_breaks_the_bound() {
        assert!(
            breaks(racing_callers_never_pass_the_bound(office(CheckThenCount::default()))).await
        );
        assert!(
            breaks(a_dropped_slot_gives_its_place_back(office(CheckThenCount::default()))).await
        );
    }

    #[tokio::test]
    async fn a_postbox_without_a_bound_breaks_it() {
        assert!(breaks(it_has_so_many_places_and_no_more(office(Boundless))).await);
        assert!(breaks(racing_callers_never_pass_the_bound(office(Boundless))).await);
    }

    /// Delivers every letter twice.
    struct Twice(Arc<Recorder>);

    impl Postbox for Twice {
        fn affords(&self, _: &Recipient) -> Result<(), PostboxError> {
            Ok(())
        }

        fn reserve(&self, _: Channel) -> Result<Slot, PostboxError> {
            let recorder = Arc::clone(&self.0);
            Ok(Slot::new(move |letter| {
                for _ in 0..2 {
                    recorder.0.send_modify(|it| it.push(Message::Code(letter.message.clone())));
                }
            }))
        }
    }

    #[tokio::test]
    async fn a_letter_delivered_twice_is_found() {
        let recorder = Arc::new(Recorder::default());
        let office = Office { postbox: Arc::new(Twice(Arc::clone(&recorder))), recorder };
        assert!(breaks(a_posted_letter_is_delivered_exactly_once(office)).await);
    }
}
