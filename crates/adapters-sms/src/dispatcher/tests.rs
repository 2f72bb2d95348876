//! The queue and its workers, in paused time.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use domain::cap::{Charge, Scope};
use domain::message::{CodeMessage, Notice, NoticeMessage};
use domain::secret::Subject;
use ports::challenges::MockChallenges;
use ports::messenger::Messenger as _;
use ports::sender::SendError;
use ports::testing::contract::messenger::Desk;
use ports::testing::contract::postbox::{Office, PLACES, Recorder};
use ports::testing::contract::sender::{mailbox, message, phone};
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
    BadRecipient,
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
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let said = match message {
            Message::Code(it) => it.code.reveal(),
            Message::Notice(it) => it.notice.as_str(),
        };
        self.calls.lock().unwrap().push((said.to_owned(), Instant::now()));
        let step = {
            let mut script = self.script.lock().unwrap();
            if script.len() > 1 { script.pop_front() } else { script.front().copied() }
        };
        let vendor = "scripted";
        match step.unwrap_or(Does::Accept) {
            Does::Accept => Ok(()),
            Does::BadRecipient => Err(SendError::BadRecipient { vendor }),
            Does::Limited => Err(SendError::Limited { vendor }),
            Does::Misconfigured => Err(SendError::Misconfigured { vendor }),
            Does::Unavailable => Err(SendError::Unavailable { vendor }),
            Does::Ambiguous => Err(SendError::Ambiguous { vendor }),
            Does::Hang => std::future::pending().await,
        }
    }
}

/// Where it may be noted who took a code.
fn with_notes() -> MockChallenges {
    let mut challenges = MockChallenges::new();
    challenges.expect_carried().returning(|_, _| Ok(()));
    challenges
}

fn charge() -> Charge {
    Charge { scope: Scope::Phone, subject: Subject::new([7; 32]), caps: Vec::new() }
}

fn letter(number: u32) -> Letter {
    Letter { message: message(number), charges: vec![charge()], at: at(0) }
}

fn ports(vendors: Vec<Arc<dyn MessageSender>>, challenges: MockChallenges) -> DispatcherPorts {
    let vendor = |sender| Vendor { name: "tested", channel: Channel::Sms, sender };
    DispatcherPorts {
        vendors: vendors.into_iter().map(vendor).collect(),
        challenges: Arc::new(challenges),
        clock: Arc::new(ManualClock::default()),
        entropy: Arc::new(CountingEntropy::default()),
        on_post: None,
        on_answer: None,
        budget: None,
    }
}

fn start(vendors: Vec<Arc<dyn MessageSender>>, challenges: MockChallenges) -> Dispatcher {
    let ports = ports(vendors, challenges);
    Dispatcher::start(DispatcherSettings::default(), ports, &Handle::current())
}

/// Challenges that are never refunded.
fn no_refund() -> MockChallenges {
    let mut challenges = with_notes();
    challenges.expect_refund().never();
    challenges
}

/// Challenges that are refunded exactly once, with what the letter was charged.
fn one_refund() -> MockChallenges {
    let mut challenges = with_notes();
    challenges
        .expect_refund()
        .once()
        .withf(|charges, moment| charges == [charge()] && *moment == at(0))
        .returning(|_, _| Ok(()));
    challenges
}

async fn deliver(dispatcher: &Dispatcher, letter: Letter) {
    dispatcher.reserve(Channel::Sms).unwrap().post(letter);
    while dispatcher.delivery.pending.count() > 0 {
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

#[expect(clippy::unused_async, reason = "suites await what makes a desk")]
async fn desk() -> Desk {
    let recorder = Arc::new(Recorder::default());
    let messenger = start(vec![Arc::clone(&recorder) as Arc<dyn MessageSender>], no_refund());
    Desk { messenger: Arc::new(messenger), recorder }
}

ports::messenger_contract!(desk());

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
    for refusal in [Does::BadRecipient, Does::Limited] {
        let (first, second) = (Scripted::new(&[refusal]), Scripted::new(&[Does::Accept]));
        let dispatcher = start(vec![first.clone(), second.clone()], one_refund());
        deliver(&dispatcher, letter(42)).await;
        assert_eq!((first.codes().len(), second.codes().len()), (1, 0));
    }
}

/// OTP-07: it may have been sent, so it stays charged.
#[tokio::test(start_paused = true)]
async fn what_was_perhaps_sent_is_never_refunded() {
    for script in [&[Does::Ambiguous, Does::BadRecipient][..], &[Does::Ambiguous], &[Does::Hang]] {
        let vendor = Scripted::new(script);
        let dispatcher = start(vec![vendor.clone()], no_refund());
        deliver(&dispatcher, letter(42)).await;
        assert!(vendor.codes().len() >= 2);
    }
}

/// A vendor that took none of three letters costs the fourth no time, and gets its place back when
/// it is well.
#[tokio::test(start_paused = true)]
async fn a_vendor_that_keeps_failing_is_asked_last() {
    let (first, second) = (Scripted::new(&[Does::Unavailable]), Scripted::new(&[Does::Accept]));
    let dispatcher = start(vec![first.clone(), second.clone()], no_refund());
    for number in 0..4 {
        deliver(&dispatcher, letter(number)).await;
    }
    assert_eq!((first.codes().len(), second.codes().len()), (9, 4));
    second.follow(&[Does::Misconfigured]);
    first.follow(&[Does::Accept]);
    deliver(&dispatcher, letter(4)).await;
    assert_eq!((first.codes().len(), second.codes().len()), (10, 5), "it is asked all the same");
    deliver(&dispatcher, letter(5)).await;
    assert_eq!((first.codes().len(), second.codes().len()), (11, 5));
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
        match dispatcher.reserve(Channel::Sms) {
            Ok(slot) => slot.post(letter(42)),
            Err(PostboxError::Down { retry_after, .. }) => break retry_after,
            Err(error) => panic!("there is room: {error}"),
        }
        sleep(Duration::from_secs(2)).await;
    };
    assert!((Duration::from_secs(30)..Duration::from_secs(37)).contains(&begun.elapsed()));
    assert!(retry_after <= Duration::from_secs(5));
    vendor.follow(&[Does::Accept]);
    sleep(retry_after).await;
    let probe = dispatcher.reserve(Channel::Sms).unwrap();
    assert!(matches!(
        dispatcher.reserve(Channel::Sms).map(drop),
        Err(PostboxError::Down { channel: Channel::Sms, .. })
    ));
    probe.post(letter(44));
    sleep(Duration::from_millis(10)).await;
    assert!(dispatcher.reserve(Channel::Sms).is_ok() && dispatcher.reserve(Channel::Sms).is_ok());
}

/// OTP-09, REL-09: what is queued at shutdown is delivered.
#[tokio::test(start_paused = true)]
async fn draining_delivers_what_is_there_and_takes_nothing_more() {
    let vendor = Scripted::new(&[Does::Unavailable, Does::Accept]);
    let dispatcher = start(vec![vendor.clone()], no_refund());
    for number in 0..100 {
        dispatcher.reserve(Channel::Sms).unwrap().post(letter(number));
    }
    let held = dispatcher.reserve(Channel::Sms).unwrap();
    let post = async {
        sleep(Duration::from_millis(50)).await;
        assert_eq!(dispatcher.reserve(Channel::Sms).map(drop), Err(PostboxError::Full));
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
        dispatcher.reserve(Channel::Sms).unwrap().post(letter(number));
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
        dispatcher.reserve(Channel::Sms).unwrap().post(letter(number));
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
    async fn send(&self, _: &Message) -> Result<(), SendError> {
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
        dispatcher.reserve(Channel::Sms).unwrap().post(letter(number));
    }
    assert_eq!(dispatcher.drain(Duration::from_secs(30)).await, 0);
    assert_eq!(crowd.most.load(Ordering::SeqCst), DispatcherSettings::default().workers);
}

/// A sender with a bug.
struct Panicking;

#[async_trait]
impl MessageSender for Panicking {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let Message::Code(message) = message else { return Ok(()) };
        assert!(message.code.reveal() != "000000", "a bug in the test");
        Ok(())
    }
}

/// REL-10.
#[tokio::test(start_paused = true)]
async fn a_panic_costs_one_letter() {
    let dispatcher = start(vec![Arc::new(Panicking)], no_refund());
    for number in (0..50).map(|it| it % 2) {
        dispatcher.reserve(Channel::Sms).unwrap().post(letter(number));
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
    let slot = dispatcher.reserve(Channel::Sms).unwrap();
    assert!(inbox.newest_for(&phone()).is_empty());
    slot.post(letter(42));
    assert_eq!(inbox.newest_for(&phone()).len(), 1);
}

/// LOG-01: neither number nor code, whatever happens; the sender of development alone writes them.
#[tokio::test(start_paused = true)]
async fn no_line_has_a_number_or_a_code() {
    test_log::start();
    for script in [
        &[Does::BadRecipient][..],
        &[Does::Ambiguous, Does::Limited],
        &[Does::Unavailable],
        &[Does::Misconfigured],
        &[Does::Hang],
    ] {
        let mut challenges = with_notes();
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
    LogSender.send(&Message::Code(message(987_654))).await.unwrap();
    assert!(
        test_log::lines().last().is_some_and(|it| telling(&it)),
        "the check finds what it looks for"
    );
}

fn to_mailbox(number: u32) -> Letter {
    Letter { message: CodeMessage { to: mailbox(), ..message(number) }, ..letter(number) }
}

/// A dispatcher with one vendor for text messages and one for e-mail.
fn both(sms: &Arc<Scripted>, email: &Arc<Scripted>) -> Dispatcher {
    let vendor = |channel, sender: &Arc<Scripted>| Vendor {
        name: "tested",
        channel,
        sender: Arc::clone(sender) as Arc<dyn MessageSender>,
    };
    let vendors = vec![vendor(Channel::Sms, sms), vendor(Channel::Email, email)];
    let ports = DispatcherPorts { vendors, ..ports(Vec::new(), no_refund()) };
    Dispatcher::start(DispatcherSettings::default(), ports, &Handle::current())
}

/// LOG-06: each answer is counted by vendor and country, and names nobody.
#[tokio::test(start_paused = true)]
async fn each_answer_of_a_vendor_is_told() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let vendor = Scripted::new(&[Does::Unavailable, Does::Accept]);
    let ports = DispatcherPorts {
        on_answer: Some(Arc::new(move |it: &Answered<'_>| {
            heard.lock().unwrap().push(format!("{it:?}"));
        })),
        ..ports(vec![vendor], no_refund())
    };
    let dispatcher = Dispatcher::start(DispatcherSettings::default(), ports, &Handle::current());
    deliver(&dispatcher, letter(42)).await;
    let told = told.lock().unwrap();
    let expected = |outcome| {
        let (vendor, channel) = ("tested", Channel::Sms);
        format!("{:?}", Answered { vendor, what: "code", channel, country: Some("CN"), outcome })
    };
    assert_eq!(*told, [expected("unavailable"), expected("sent")]);
}

#[tokio::test(start_paused = true)]
async fn a_letter_goes_to_the_vendors_of_its_channel_alone() {
    let (sms, email) = (Scripted::new(&[Does::Unavailable]), Scripted::new(&[Does::Accept]));
    let dispatcher = both(&sms, &email);
    deliver(&dispatcher, letter(1)).await;
    deliver(&dispatcher, to_mailbox(2)).await;
    assert_eq!(sms.codes(), ["000001"; 3], "no vendor of another channel steps in");
    assert_eq!(email.codes(), ["000002"]);
}

/// OTP-10: text messages that are down refuse no e-mail.
#[tokio::test(start_paused = true)]
async fn a_channel_that_is_down_takes_no_other_with_it() {
    let (sms, email) = (Scripted::new(&[Does::Unavailable]), Scripted::new(&[Does::Accept]));
    let dispatcher = both(&sms, &email);
    while let Ok(slot) = dispatcher.reserve(Channel::Sms) {
        slot.post(letter(1));
        dispatcher.reserve(Channel::Email).unwrap().post(to_mailbox(2));
        sleep(Duration::from_secs(2)).await;
    }
    assert!(matches!(
        dispatcher.reserve(Channel::Sms).map(drop),
        Err(PostboxError::Down { channel: Channel::Sms, .. })
    ));
    for _ in 0..10 {
        dispatcher.reserve(Channel::Email).unwrap().post(to_mailbox(3));
    }
}

fn notice() -> NoticeMessage {
    NoticeMessage { to: phone(), notice: Notice::PasswordChanged, at: at(0) }
}

/// The caller repeats what failed, so each vendor is asked once; what is final is final at once.
#[tokio::test(start_paused = true)]
async fn a_notice_is_offered_to_each_vendor_once() {
    for (does, calls) in [
        (Does::Accept, [1, 0]),
        (Does::BadRecipient, [1, 0]),
        (Does::Limited, [1, 0]),
        (Does::Misconfigured, [1, 1]),
        (Does::Unavailable, [1, 1]),
        (Does::Ambiguous, [1, 1]),
        (Does::Hang, [1, 1]),
    ] {
        let (first, second) = (Scripted::new(&[does]), Scripted::new(&[Does::Accept]));
        let dispatcher = start(vec![first.clone(), second.clone()], no_refund());
        let told = dispatcher.tell(&notice()).await;
        assert_eq!([first.codes().len(), second.codes().len()], calls);
        assert_eq!(told.is_err(), matches!(does, Does::BadRecipient | Does::Limited));
    }
    let only = Scripted::new(&[Does::Hang]);
    let dispatcher = start(vec![only], no_refund());
    let told = dispatcher.tell(&notice()).await;
    assert!(matches!(told, Err(SendError::Ambiguous { vendor: "tested" })), "{told:?}");
}

/// What is told again because it failed is kept once, when it was accepted.
#[tokio::test(start_paused = true)]
async fn the_hook_sees_a_notice_when_it_is_accepted() {
    let inbox = Inbox::new(Arc::new(ManualClock::default()));
    let vendor = Scripted::new(&[Does::Unavailable, Does::Accept]);
    let ports = DispatcherPorts {
        on_post: Some(inbox.hook()),
        ..ports(vec![vendor as Arc<dyn MessageSender>], no_refund())
    };
    let dispatcher = Dispatcher::start(DispatcherSettings::default(), ports, &Handle::current());
    assert!(dispatcher.tell(&notice()).await.is_err());
    assert!(inbox.newest_for(&phone()).is_empty());
    dispatcher.tell(&notice()).await.unwrap();
    assert_eq!(inbox.newest_for(&phone()).len(), 1);
}
