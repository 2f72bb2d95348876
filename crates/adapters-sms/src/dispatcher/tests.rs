//! The queue and its workers, in paused time.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use domain::cap::{Charge, Scope};
use domain::secret::Subject;
use ports::challenges::MockChallenges;
use ports::sender::SendError;
use ports::testing::contract::postbox::{Office, PLACES, Recorder};
use ports::testing::contract::sender::message;
use ports::testing::{CountingEntropy, ManualClock, at};
use tokio::time::sleep;

use super::*;
use crate::inbox::Inbox;
use crate::log_sender::LogSender;
use crate::test_log;

/// What a vendor does with a call.
#[derive(Clone, Copy)]
enum Does {
    Accept,
    BadNumber,
    Limited,
    Misconfigured,
    Unavailable,
    Ambiguous,
    Hang,
}

/// A vendor that follows a script, and does the last step again and again.
struct Scripted {
    script: Mutex<VecDeque<Does>>,
    calls: Mutex<Vec<(String, Instant)>>,
}

impl Scripted {
    fn new(script: &[Does]) -> Arc<Self> {
        let script = Mutex::new(script.iter().copied().collect());
        Arc::new(Self { script, calls: Mutex::default() })
    }

    fn follow(&self, script: &[Does]) {
        *self.script.lock().unwrap() = script.iter().copied().collect();
    }

    /// The codes that it was handed.
    fn codes(&self) -> Vec<String> {
        self.calls.lock().unwrap().iter().map(|(code, _)| code.clone()).collect()
    }

    /// The whole seconds between its calls.
    fn gaps(&self) -> Vec<Duration> {
        let calls = self.calls.lock().unwrap();
        calls.windows(2).map(|it| it[1].1.duration_since(it[0].1)).collect()
    }
}

#[async_trait]
impl MessageSender for Scripted {
    async fn send(&self, message: &CodeMessage) -> Result<(), SendError> {
        self.calls.lock().unwrap().push((message.code.reveal().to_owned(), Instant::now()));
        let step = {
            let mut script = self.script.lock().unwrap();
            if script.len() > 1 { script.pop_front() } else { script.front().copied() }
        };
        let vendor = "scripted";
        match step.unwrap_or(Does::Accept) {
            Does::Accept => Ok(()),
            Does::BadNumber => Err(SendError::BadNumber { vendor }),
            Does::Limited => Err(SendError::Limited { vendor }),
            Does::Misconfigured => Err(SendError::Misconfigured { vendor }),
            Does::Unavailable => Err(SendError::Unavailable { vendor }),
            Does::Ambiguous => Err(SendError::Ambiguous { vendor }),
            Does::Hang => std::future::pending().await,
        }
    }
}

fn charge() -> Charge {
    Charge { scope: Scope::Phone, subject: Subject::new([7; 32]), caps: Vec::new() }
}

fn letter(number: u32) -> Letter {
    Letter { message: message(number), charges: vec![charge()], at: at(0) }
}

fn ports(vendors: Vec<Arc<dyn MessageSender>>, challenges: MockChallenges) -> DispatcherPorts {
    let vendor = |sender| Vendor { name: "tested", sender };
    DispatcherPorts {
        vendors: vendors.into_iter().map(vendor).collect(),
        challenges: Arc::new(challenges),
        clock: Arc::new(ManualClock::default()),
        entropy: Arc::new(CountingEntropy::default()),
        on_post: None,
    }
}

fn start(vendors: Vec<Arc<dyn MessageSender>>, challenges: MockChallenges) -> Dispatcher {
    let ports = ports(vendors, challenges);
    Dispatcher::start(DispatcherSettings::default(), ports, &Handle::current())
}

/// Challenges that are never refunded.
fn no_refund() -> MockChallenges {
    let mut challenges = MockChallenges::new();
    challenges.expect_refund().never();
    challenges
}

/// Challenges that are refunded exactly once, with what the letter was charged.
fn one_refund() -> MockChallenges {
    let mut challenges = MockChallenges::new();
    challenges
        .expect_refund()
        .once()
        .withf(|charges, moment| charges == [charge()] && *moment == at(0))
        .returning(|_, _| Ok(()));
    challenges
}

async fn deliver(dispatcher: &Dispatcher, letter: Letter) {
    dispatcher.reserve().unwrap().post(letter);
    while dispatcher.delivery.pending() > 0 {
        sleep(Duration::from_millis(10)).await;
    }
}

#[expect(clippy::unused_async, reason = "suites await what makes an office")]
async fn fresh() -> Office {
    let recorder = Arc::new(Recorder::default());
    let settings =
        DispatcherSettings { queue: PLACES, workers: 3, ..DispatcherSettings::default() };
    let ports = ports(vec![Arc::clone(&recorder) as Arc<dyn MessageSender>], no_refund());
    let postbox = Dispatcher::start(settings, ports, &Handle::current());
    Office { postbox: Arc::new(postbox), recorder }
}

ports::postbox_contract!(fresh());

/// OTP-10: the same code, at most three times, then the next vendor.
#[tokio::test(start_paused = true)]
async fn a_vendor_that_is_down_is_asked_three_times_then_the_next_one() {
    let (first, second) = (Scripted::new(&[Does::Unavailable]), Scripted::new(&[Does::Accept]));
    let dispatcher = start(vec![first.clone(), second.clone()], no_refund());
    deliver(&dispatcher, letter(42)).await;
    assert_eq!(first.codes(), ["000042"; 3]);
    assert_eq!(second.codes(), ["000042"]);
    let back_off = DispatcherSettings::default().back_off;
    for (gap, longest) in first.gaps().into_iter().zip([back_off, back_off * 2]) {
        let slack = Duration::from_millis(2);
        assert!((longest / 2..=longest + slack).contains(&gap), "{gap:?} of {longest:?}");
    }
}

/// OTP-10: five seconds a call; what was perhaps sent is sent again with the same code only.
#[tokio::test(start_paused = true)]
async fn a_vendor_that_hangs_is_given_five_seconds_a_call() {
    let (first, second) = (Scripted::new(&[Does::Hang]), Scripted::new(&[Does::Accept]));
    let dispatcher = start(vec![first.clone(), second.clone()], no_refund());
    let begun = Instant::now();
    deliver(&dispatcher, letter(42)).await;
    let took = begun.elapsed();
    assert!((Duration::from_secs(15)..Duration::from_secs(17)).contains(&took), "{took:?}");
    assert_eq!([first.codes(), second.codes()].concat(), ["000042"; 4]);
}

/// OTP-07: the other vendor is not asked, and the charge is given back.
#[tokio::test(start_paused = true)]
async fn a_definite_refusal_is_final_and_refunded() {
    for refusal in [Does::BadNumber, Does::Limited] {
        let (first, second) = (Scripted::new(&[refusal]), Scripted::new(&[Does::Accept]));
        let dispatcher = start(vec![first.clone(), second.clone()], one_refund());
        deliver(&dispatcher, letter(42)).await;
        assert_eq!((first.codes().len(), second.codes().len()), (1, 0));
    }
}

/// OTP-07: it may have been sent, so it stays charged.
#[tokio::test(start_paused = true)]
async fn what_was_perhaps_sent_is_never_refunded() {
    for script in [&[Does::Ambiguous, Does::BadNumber][..], &[Does::Ambiguous], &[Does::Hang]] {
        let vendor = Scripted::new(script);
        let dispatcher = start(vec![vendor.clone()], no_refund());
        deliver(&dispatcher, letter(42)).await;
        assert!(vendor.codes().len() >= 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_is_not_set_up_is_left_at_once() {
    let (first, second) = (Scripted::new(&[Does::Misconfigured]), Scripted::new(&[Does::Accept]));
    let dispatcher = start(vec![first.clone(), second.clone()], no_refund());
    deliver(&dispatcher, letter(42)).await;
    assert_eq!((first.codes().len(), second.codes().len()), (1, 1));
}

/// OTP-10: told after 30 seconds of failing, until a probe gets through.
#[tokio::test(start_paused = true)]
async fn failing_vendors_are_told_until_a_probe_gets_through() {
    let vendor = Scripted::new(&[Does::Unavailable]);
    let dispatcher = start(vec![vendor.clone()], no_refund());
    let begun = Instant::now();
    let retry_after = loop {
        match dispatcher.reserve() {
            Ok(slot) => slot.post(letter(42)),
            Err(PostboxError::Down { retry_after }) => break retry_after,
            Err(PostboxError::Full) => panic!("there is room"),
        }
        sleep(Duration::from_secs(2)).await;
    };
    assert!((Duration::from_secs(30)..Duration::from_secs(37)).contains(&begun.elapsed()));
    assert!(retry_after <= Duration::from_secs(5));
    vendor.follow(&[Does::Accept]);
    sleep(retry_after).await;
    let probe = dispatcher.reserve().unwrap();
    assert!(matches!(dispatcher.reserve().map(drop), Err(PostboxError::Down { .. })));
    probe.post(letter(44));
    sleep(Duration::from_millis(10)).await;
    assert!(dispatcher.reserve().is_ok() && dispatcher.reserve().is_ok());
}

/// OTP-09, REL-09: what is queued at shutdown is delivered.
#[tokio::test(start_paused = true)]
async fn draining_delivers_what_is_there_and_takes_nothing_more() {
    let vendor = Scripted::new(&[Does::Unavailable, Does::Accept]);
    let dispatcher = start(vec![vendor.clone()], no_refund());
    for number in 0..100 {
        dispatcher.reserve().unwrap().post(letter(number));
    }
    let held = dispatcher.reserve().unwrap();
    let post = async {
        sleep(Duration::from_millis(50)).await;
        assert_eq!(dispatcher.reserve().map(drop), Err(PostboxError::Full));
        held.post(letter(100));
    };
    let (left, ()) = tokio::join!(dispatcher.drain(Duration::from_secs(30)), post);
    assert_eq!(left, 0);
    assert_eq!(vendor.codes().len(), 102, "101 letters and one repetition");
}

#[tokio::test(start_paused = true)]
async fn draining_ends_when_its_time_is_over() {
    let vendor = Scripted::new(&[Does::Hang]);
    let dispatcher = start(vec![vendor], no_refund());
    for number in 0..100 {
        dispatcher.reserve().unwrap().post(letter(number));
    }
    let begun = Instant::now();
    assert_eq!(dispatcher.drain(Duration::from_secs(2)).await, 100);
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert_eq!(dispatcher.drain(Duration::from_secs(2)).await, 100);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_dispatcher_delivers_what_it_has() {
    let recorder = Arc::new(Recorder::default());
    let dispatcher = start(vec![Arc::clone(&recorder) as Arc<dyn MessageSender>], no_refund());
    for number in 0..100 {
        dispatcher.reserve().unwrap().post(letter(number));
    }
    drop(dispatcher);
    recorder.wait_for(100).await;
}

/// OTP-03: a code that has died on the way helps nobody.
#[tokio::test(start_paused = true)]
async fn a_code_that_is_no_longer_good_is_not_sent() {
    let vendor = Scripted::new(&[Does::Accept]);
    let clock = Arc::new(ManualClock::default());
    let ports = DispatcherPorts {
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        ..ports(vec![vendor.clone()], no_refund())
    };
    let dispatcher = Dispatcher::start(DispatcherSettings::default(), ports, &Handle::current());
    clock.advance(Duration::from_secs(299));
    deliver(&dispatcher, letter(1)).await;
    clock.advance(Duration::from_secs(1));
    deliver(&dispatcher, letter(2)).await;
    assert_eq!(vendor.codes(), ["000001"]);
}

/// A sender that knows how many of its calls ran at the same time.
#[derive(Default)]
struct Crowd {
    running: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait]
impl MessageSender for Crowd {
    async fn send(&self, _: &CodeMessage) -> Result<(), SendError> {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        sleep(Duration::from_secs(1)).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn so_many_are_delivered_at_the_same_time_and_no_more() {
    let crowd = Arc::new(Crowd::default());
    let dispatcher = start(vec![Arc::clone(&crowd) as Arc<dyn MessageSender>], no_refund());
    for number in 0..100 {
        dispatcher.reserve().unwrap().post(letter(number));
    }
    assert_eq!(dispatcher.drain(Duration::from_secs(30)).await, 0);
    assert_eq!(crowd.most.load(Ordering::SeqCst), DispatcherSettings::default().workers);
}

/// A sender with a bug.
struct Panicking;

#[async_trait]
impl MessageSender for Panicking {
    async fn send(&self, message: &CodeMessage) -> Result<(), SendError> {
        assert!(message.code.reveal() != "000000", "a bug in the test");
        Ok(())
    }
}

/// REL-10.
#[tokio::test(start_paused = true)]
async fn a_panic_costs_one_letter() {
    let dispatcher = start(vec![Arc::new(Panicking)], no_refund());
    for number in (0..50).map(|it| it % 2) {
        dispatcher.reserve().unwrap().post(letter(number));
    }
    assert_eq!(dispatcher.drain(Duration::from_secs(30)).await, 25);
}

#[tokio::test(start_paused = true)]
async fn the_hook_sees_a_message_when_it_is_posted() {
    let inbox = Inbox::new(Arc::new(ManualClock::default()));
    let ports = DispatcherPorts {
        on_post: Some(inbox.hook()),
        ..ports(vec![Scripted::new(&[Does::Hang]) as Arc<dyn MessageSender>], no_refund())
    };
    let dispatcher = Dispatcher::start(DispatcherSettings::default(), ports, &Handle::current());
    let slot = dispatcher.reserve().unwrap();
    assert!(inbox.newest_for(&message(0).to).is_empty());
    slot.post(letter(42));
    assert_eq!(inbox.newest_for(&message(0).to).len(), 1);
}

/// LOG-01: neither number nor code, whatever happens; the sender of development alone writes them.
#[tokio::test(start_paused = true)]
async fn no_line_has_a_number_or_a_code() {
    test_log::start();
    for script in [
        &[Does::BadNumber][..],
        &[Does::Ambiguous, Does::Limited],
        &[Does::Unavailable],
        &[Does::Misconfigured],
        &[Does::Hang],
    ] {
        let mut challenges = MockChallenges::new();
        challenges
            .expect_refund()
            .returning(|_, _| Err(ports::error::StoreError::Contended { store: "redis" }));
        let dispatcher = start(vec![Scripted::new(script) as Arc<dyn MessageSender>], challenges);
        deliver(&dispatcher, letter(987_654)).await;
        let late = Letter { at: at(0), ..letter(987_654) };
        let dead = CodeMessage { ttl: Duration::ZERO, ..late.message };
        deliver(&dispatcher, Letter { message: dead, ..letter(1) }).await;
    }
    let lines = test_log::lines();
    assert!(lines.len() > 10 && lines.iter().all(|it| it.contains("138****8000")), "{lines:?}");
    let telling = |it: &&String| it.contains("13800138000") || it.contains("987654");
    assert_eq!(lines.iter().find(telling), None);
    LogSender.send(&message(987_654)).await.unwrap();
    assert!(
        test_log::lines().last().is_some_and(|it| telling(&it)),
        "the check finds what it looks for"
    );
}
