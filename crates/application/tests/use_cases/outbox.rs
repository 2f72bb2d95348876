//! Telling what the outbox holds: done, tried again, parked, split.

use std::sync::{Arc, Mutex};

use application::outbox::{Courier, HOLD, deliver, take_due};
use async_trait::async_trait;
use domain::Duration;
use domain::id::{EventId, UserId};
use domain::identifier::IdentifierKind;
use domain::message::{Notice, NoticeMessage};
use domain::outbox::{Address, Event, MOST_TRIES, News, Outgoing};
use ports::event_sink::{EventSink, MockEventSink, NotTaken};
use ports::keys::{Keys as _, Seal};
use ports::messenger::{Messenger, MockMessenger};
use ports::outbox::Outbox as _;
use ports::sender::SendError;
use ports::testing::START;
use rstest::rstest;

use super::*;

fn id(of: u8) -> EventId {
    EventId::new(START, [of; 10])
}

fn event(of: u8, user_id: UserId) -> Outgoing {
    Outgoing { id: id(of), user_id, at: START, news: News::Event(Event::Updated) }
}

fn notice(of: u8, user_id: UserId, to: Option<Address>) -> Outgoing {
    let news = News::Notice { notice: Notice::PasswordChanged, to };
    Outgoing { id: id(of), user_id, at: START, news }
}

fn address(kind: IdentifierKind, text: &str) -> Address {
    let identity_id = domain::id::IdentityId::new(START, [1; 10]);
    let display = adapters_memory::FakeKeys.seal(Seal::IdentityDisplay(&identity_id), text);
    Address { identity_id, kind, display }
}

fn nobody() -> UserId {
    UserId::new(START, [0; 10])
}

fn courier(fakes: &Fakes) -> Courier {
    let (ports, database) = (fakes.ports(), fakes.database.clone());
    Courier { ports, outbox: database.clone(), retention: database, sink: None, messenger: None }
}

/// Tells everything that is due, and gives how much that was.
async fn run(courier: &Courier) -> usize {
    let mut count = 0;
    loop {
        let due = take_due(courier, 100).await.unwrap();
        if due.is_empty() {
            return count;
        }
        count += due.len();
        for it in due {
            deliver(courier, &it).await.unwrap();
        }
    }
}

/// Keeps what it is told, and takes it while it is told to.
#[derive(Default)]
struct Receiver {
    told: Mutex<Vec<EventId>>,
    is_down: std::sync::atomic::AtomicBool,
}

impl Receiver {
    fn set_down(&self, down: bool) {
        self.is_down.store(down, std::sync::atomic::Ordering::SeqCst);
    }

    fn told(&self) -> Vec<EventId> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }
}

#[async_trait]
impl EventSink for Receiver {
    async fn tell(&self, event: &Outgoing) -> Result<(), NotTaken> {
        self.told.lock().unwrap().push(event.id);
        if self.is_down.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(NotTaken("down".into()));
        }
        Ok(())
    }
}

#[tokio::test]
async fn events_are_told_in_their_order_and_once() {
    let (fakes, receiver) = (Fakes::default(), Arc::new(Receiver::default()));
    let courier = Courier { sink: Some(receiver.clone()), ..courier(&fakes) };
    fakes.database.put_outgoing(&[2, 1, 3].map(|it| event(it, nobody())));
    assert_eq!(run(&courier).await, 3);
    assert_eq!(receiver.told(), [1, 2, 3].map(id));
    fakes.clock.advance(Duration::from_hours(24));
    assert_eq!(run(&courier).await, 0);
}

/// REL-14: five tries, then it is parked, the later ones go, and a replay tells it after all.
#[tokio::test]
async fn an_event_that_nobody_takes_is_parked_and_can_be_replayed() {
    let (fakes, receiver) = (Fakes::default(), Arc::new(Receiver::default()));
    let courier = Courier { sink: Some(receiver.clone()), ..courier(&fakes) };
    fakes.database.put_outgoing(&[1, 2].map(|it| event(it, nobody())));
    receiver.set_down(true);
    for wait in [0, 2, 7, 40, 160] {
        fakes.clock.advance(Duration::from_secs(wait));
        assert_eq!(run(&courier).await, if wait == 160 { 2 } else { 1 }, "after {wait} s");
    }
    assert_eq!(receiver.told(), [1, 1, 1, 1, 1, 2].map(id));
    assert_eq!(fakes.database.parked(9).await.unwrap(), [event(1, nobody())]);
    receiver.set_down(false);
    fakes.clock.advance(Duration::from_secs(2));
    let now = courier.ports.clock.now();
    assert_eq!(fakes.database.replay(None, now).await.unwrap(), 1);
    run(&courier).await;
    assert_eq!(receiver.told(), [1, 2].map(id));
}

/// REL-14: what ends its process each time is not tried for ever.
#[tokio::test]
async fn an_entry_that_nobody_answers_for_is_parked() {
    let (fakes, receiver) = (Fakes::default(), Arc::new(Receiver::default()));
    let courier = Courier { sink: Some(receiver.clone()), ..courier(&fakes) };
    fakes.database.put_outgoing(&[event(1, nobody())]);
    for _ in 0..MOST_TRIES {
        assert_eq!(take_due(&courier, 1).await.unwrap().len(), 1);
        assert_eq!(take_due(&courier, 1).await.unwrap().len(), 0, "it is held");
        fakes.clock.advance(HOLD);
    }
    assert_eq!(run(&courier).await, 1);
    assert_eq!(receiver.told(), []);
    assert_eq!(fakes.database.parked(9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn without_receivers_entries_are_let_go() {
    let fakes = Fakes::default();
    let to = address(IdentifierKind::Phone, "+8613800138000");
    fakes.database.put_outgoing(&[event(1, nobody()), notice(2, nobody(), Some(to))]);
    assert_eq!(run(&courier(&fakes)).await, 2);
    assert_eq!(fakes.database.outgoing(), []);
    assert_eq!(fakes.database.parked(9).await.unwrap(), []);
}

/// Keeps what it is to tell.
#[derive(Default)]
struct Told(Mutex<Vec<NoticeMessage>>);

#[async_trait]
impl Messenger for Told {
    async fn tell(&self, notice: &NoticeMessage) -> Result<(), SendError> {
        self.0.lock().unwrap().push(notice.clone());
        Ok(())
    }
}

/// LOG-05: all verified addresses that the account has, and a user name is none.
#[tokio::test]
async fn a_notice_to_all_reaches_each_verified_address() {
    let (fakes, told) = (Fakes::default(), Arc::new(Told::default()));
    let courier = Courier { messenger: Some(told.clone()), ..courier(&fakes) };
    let owner = logged_in(&fakes, &courier.ports, 1).await.admission.user.id;
    run(&courier).await;
    told.0.lock().unwrap().clear();
    fakes.database.put_outgoing(&[notice(1, owner, None), notice(2, nobody(), None)]);
    run(&courier).await;
    let expected = NoticeMessage {
        to: Recipient::Phone(phone(1)),
        notice: Notice::PasswordChanged,
        at: START,
    };
    assert_eq!(*told.0.lock().unwrap(), [expected]);
}

/// The address of the entry is told, whatever the account has by now.
#[tokio::test]
async fn a_notice_with_an_address_goes_there() {
    let (fakes, told) = (Fakes::default(), Arc::new(Told::default()));
    let courier = Courier { messenger: Some(told.clone()), ..courier(&fakes) };
    let old = address(IdentifierKind::Email, "ada@example.com");
    let abroad = address(IdentifierKind::Phone, "+14155550123");
    let name = address(IdentifierKind::Username, "ada");
    let entries = [(1, old), (2, abroad), (3, name)].map(|(of, to)| notice(of, nobody(), Some(to)));
    fakes.database.put_outgoing(&entries);
    run(&courier).await;
    let told = told.0.lock().unwrap();
    let to: Vec<_> = told.iter().map(|it| it.to.as_str()).collect();
    assert_eq!(to, ["ada@example.com"], "what is no address of today is let go");
    assert_eq!(fakes.database.outgoing(), []);
}

#[rstest]
#[case::no_number(|| SendError::BadRecipient { vendor: "v" }, false)]
#[case::limit(|| SendError::Limited { vendor: "v" }, false)]
#[case::set_up(|| SendError::Misconfigured { vendor: "v" }, false)]
#[case::no_text(|| SendError::NotOffered { vendor: "v" }, false)]
#[case::no_balance(|| SendError::Exhausted { vendor: "v" }, true)]
#[case::down(|| SendError::Unavailable { vendor: "v" }, true)]
#[case::perhaps(|| SendError::Ambiguous { vendor: "v" }, true)]
#[tokio::test]
async fn a_refusal_for_good_is_an_end(#[case] error: fn() -> SendError, #[case] again: bool) {
    let fakes = Fakes::default();
    let mut messenger = MockMessenger::new();
    messenger.expect_tell().times(1).returning(move |_| Err(error()));
    let courier = Courier { messenger: Some(Arc::new(messenger)), ..courier(&fakes) };
    let to = address(IdentifierKind::Phone, "+8613800138000");
    fakes.database.put_outgoing(&[notice(1, nobody(), Some(to))]);
    run(&courier).await;
    assert_eq!(fakes.database.outgoing().len(), usize::from(again));
}

/// A text that does not open is nobody's fault that time heals: it is parked, and told to nobody.
#[tokio::test]
async fn an_address_of_another_key_is_parked() {
    let fakes = Fakes::default();
    let mut messenger = MockMessenger::new();
    messenger.expect_tell().never();
    let courier = Courier { messenger: Some(Arc::new(messenger)), ..courier(&fakes) };
    let display = domain::secret::Sealed::new(b"?".to_vec());
    let to = Address { display, ..address(IdentifierKind::Phone, "") };
    fakes.database.put_outgoing(&[notice(1, nobody(), Some(to))]);
    for _ in 0..MOST_TRIES {
        run(&courier).await;
        fakes.clock.advance(Duration::from_hours(1));
    }
    assert_eq!(fakes.database.parked(9).await.unwrap().len(), 1);
}

/// A notice is not told to other systems, nor an event to people.
#[tokio::test]
async fn each_goes_its_own_way() {
    let fakes = Fakes::default();
    let (mut sink, mut messenger) = (MockEventSink::new(), MockMessenger::new());
    sink.expect_tell().times(1).withf(|it| it.id == id(1)).returning(|_| Ok(()));
    messenger.expect_tell().times(1).returning(|_| Ok(()));
    let courier = Courier {
        sink: Some(Arc::new(sink)),
        messenger: Some(Arc::new(messenger)),
        ..courier(&fakes)
    };
    let to = address(IdentifierKind::Phone, "+8613800138000");
    fakes.database.put_outgoing(&[event(1, nobody()), notice(2, nobody(), Some(to))]);
    run(&courier).await;
}
