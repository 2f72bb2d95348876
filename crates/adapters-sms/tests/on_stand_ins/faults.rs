//! What a vendor may do wrong, vendor by vendor, and what becomes of a letter then.

use std::sync::Arc;

use adapters_sms::{
    AliyunSettings, Dispatcher, DispatcherPorts, DispatcherSettings, TencentSettings, Timeouts,
    Vendor,
};
use domain::Duration;
use domain::cap::{Charge, Scope};
use domain::message::{Channel, CodeMessage};
use domain::secret::Subject;
use ports::challenges::MockChallenges;
use ports::postbox::{Letter, Postbox as _};
use ports::testing::contract::sender::message;
use rstest::rstest;
use test_vendors::Fault;
use test_vendors::sms::{Refusal, Taker};
use tokio::runtime::Handle;

use crate::world::{Off, World, class, code_to, entropy, now, number, soon};

const TO: &str = "+8613800138000";

/// The class of each refusal, by the vendors' own codes.
#[rstest]
#[case::bad_number(Refusal::BadNumber, ["bad recipient"; 5])]
#[case::limited(Refusal::Limited, ["limited", "limited", "limited", "unavailable", "limited"])]
#[case::blocked(Refusal::Blocked, ["bad recipient"; 5])]
#[case::no_balance(Refusal::NoBalance, ["exhausted"; 5])]
#[case::template(Refusal::Template, ["misconfigured"; 5])]
#[case::trouble(Refusal::Trouble, ["unavailable"; 5])]
#[case::throttled(Refusal::Throttled, ["unavailable"; 5])]
#[case::unheard(Refusal::Unheard, ["unavailable"; 5])]
#[tokio::test]
async fn a_refusal_has_its_class(#[case] refusal: Refusal, #[case] classes: [&str; 5]) {
    let world = World::new().await;
    for ((name, sender, taker), expected) in world.all().into_iter().zip(classes) {
        // By the number.
        let ending = refusal.ending();
        let sent = sender.send(&code_to(&format!("+861380013{ending}"))).await;
        assert_eq!(class(&sent), expected, "{name}");
        // Whatever the number.
        taker.refuse(Some(refusal));
        assert_eq!(class(&sender.send(&code_to(TO)).await), expected, "{name}");
        assert!(taker.sent().is_empty(), "{name}");
        taker.refuse(None);
        sender.send(&code_to(TO)).await.unwrap();
        taker.forget();
    }
}

/// The class of each answer that is no vendor's. A webhook is taken by its status alone.
#[rstest]
#[case::error(Fault::Status(500), "unavailable", "unavailable")]
#[case::gateway(Fault::Status(503), "unavailable", "unavailable")]
#[case::waited(Fault::Status(504), "ambiguous", "ambiguous")]
#[case::firewall(Fault::Status(403), "misconfigured", "misconfigured")]
#[case::busy(Fault::Status(429), "unavailable", "unavailable")]
#[case::redirect(Fault::Redirect, "misconfigured", "misconfigured")]
#[case::html(Fault::Html, "ambiguous", "ok")]
#[case::empty(Fault::Empty, "ambiguous", "ok")]
#[case::truncated(Fault::Truncated, "ambiguous", "ok")]
#[case::huge(Fault::Huge, "ambiguous", "ok")]
#[case::cut(Fault::Cut, "ambiguous", "ambiguous")]
#[case::slow(Fault::SlowAfter(Duration::from_mins(10)), "ambiguous", "ambiguous")]
#[tokio::test]
async fn an_answer_that_is_no_vendors_has_its_class(
    #[case] fault: Fault,
    #[case] expected: &str,
    #[case] of_webhook: &str,
) {
    let mut world = World::new().await;
    world.patience = patience(fault);
    world.stand_in.faults().set("/", fault);
    for (name, sender, _) in world.all() {
        let expected = if name == "webhook" { of_webhook } else { expected };
        assert_eq!(class(&sender.send(&code_to(TO)).await), expected, "{name}");
    }
}

/// Whatever an answer is made of, it is judged, and the next one is as well.
#[tokio::test]
async fn a_garbled_answer_is_judged() {
    let world = World::new().await;
    for (name, sender, taker) in world.all() {
        let mut told = Vec::new();
        for number in 0..300 {
            world.stand_in.faults().set("/", Fault::Garbled(number));
            told.push(class(&sender.send(&code_to(TO)).await));
            assert_eq!(taker.sent().len(), 1, "{name} was asked once");
            world.stand_in.faults().clear();
            taker.forget();
        }
        sender.send(&code_to(TO)).await.unwrap();
        taker.forget();
        let is_refused = told.iter().any(|it| *it != "ok");
        assert!(is_refused, "{name}: {told:?}");
    }
}

#[tokio::test]
async fn nobody_at_the_address_is_unavailable() {
    let world = World::new().await;
    let all = world.all();
    drop(world);
    // The stand-in needs a moment to be gone; until then it serves.
    for (name, sender, _) in all {
        let mut told = "ok";
        for _ in 0..400 {
            told = class(&sender.send(&code_to(TO)).await);
            if told == "unavailable" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(told, "unavailable", "{name}");
    }
}

/// Nobody waits for long for what will not come.
fn patience(fault: Fault) -> Timeouts {
    if matches!(fault, Fault::SlowAfter(_)) { soon() } else { Timeouts::default() }
}

/// What is wrong with a vendor.
#[derive(Debug, Clone, Copy)]
enum Wrong {
    Nothing,
    Refuses(Refusal),
    Signature,
    Answers(Fault),
}

/// Slower than anybody waits for.
const SLOW: Fault = Fault::SlowAfter(Duration::from_mins(10));

/// One letter, two vendors: how many messages each took, and whether the letter's charge was given
/// back. A number's own refusal never goes to the other vendor; what is ours or theirs does; what
/// may have been sent is repeated with the same code alone (OTP-07, OTP-10).
#[rstest]
#[case::well(Wrong::Nothing, Wrong::Nothing, [1, 0], false)]
#[case::refused(Wrong::Refuses(Refusal::BadNumber), Wrong::Nothing, [0, 0], true)]
#[case::limited(Wrong::Refuses(Refusal::Limited), Wrong::Nothing, [0, 0], true)]
#[case::blocked(Wrong::Refuses(Refusal::Blocked), Wrong::Nothing, [0, 0], true)]
#[case::no_balance(Wrong::Refuses(Refusal::NoBalance), Wrong::Nothing, [0, 1], false)]
#[case::template(Wrong::Refuses(Refusal::Template), Wrong::Nothing, [0, 1], false)]
#[case::signature(Wrong::Signature, Wrong::Nothing, [0, 1], false)]
#[case::throttled(Wrong::Refuses(Refusal::Throttled), Wrong::Nothing, [0, 1], false)]
#[case::error(Wrong::Answers(Fault::Status(500)), Wrong::Nothing, [0, 1], false)]
#[case::slow(Wrong::Answers(SLOW), Wrong::Nothing, [3, 1], false)]
#[case::cut(Wrong::Answers(Fault::Cut), Wrong::Nothing, [0, 1], false)]
#[case::html(Wrong::Answers(Fault::Html), Wrong::Nothing, [0, 1], false)]
#[case::truncated(Wrong::Answers(Fault::Truncated), Wrong::Nothing, [0, 1], false)]
#[case::second_refuses(Wrong::Nothing, Wrong::Refuses(Refusal::BadNumber), [1, 0], false)]
#[case::second_slow(Wrong::Nothing, Wrong::Answers(SLOW), [1, 0], false)]
#[case::second_html(Wrong::Nothing, Wrong::Answers(Fault::Html), [1, 0], false)]
#[case::no_balance_twice(
    Wrong::Refuses(Refusal::NoBalance), Wrong::Refuses(Refusal::NoBalance), [0, 0], true
)]
#[case::signature_twice(Wrong::Signature, Wrong::Signature, [0, 0], true)]
#[case::no_balance_then_error(
    Wrong::Refuses(Refusal::NoBalance), Wrong::Answers(Fault::Status(500)), [0, 0], false
)]
#[case::no_balance_then_limited(
    Wrong::Refuses(Refusal::NoBalance), Wrong::Refuses(Refusal::Limited), [0, 0], true
)]
#[case::error_then_refused(
    Wrong::Answers(Fault::Status(500)), Wrong::Refuses(Refusal::BadNumber), [0, 0], true
)]
#[case::slow_then_refused(
    Wrong::Answers(SLOW), Wrong::Refuses(Refusal::BadNumber), [3, 0], false
)]
#[case::html_then_limited(
    Wrong::Answers(Fault::Html), Wrong::Refuses(Refusal::Limited), [0, 0], false
)]
#[case::slow_twice(Wrong::Answers(SLOW), Wrong::Answers(SLOW), [3, 3], false)]
#[case::cut_twice(Wrong::Answers(Fault::Cut), Wrong::Answers(Fault::Cut), [0, 0], false)]
#[tokio::test(flavor = "multi_thread")]
async fn a_letter_meets_two_vendors(
    #[case] first: Wrong,
    #[case] second: Wrong,
    #[case] taken: [usize; 2],
    #[case] refunded: bool,
) {
    let world = World::new().await;
    let off = |wrong| if matches!(wrong, Wrong::Signature) { 100_000 } else { 0 };
    let wait =
        |wrong| if let Wrong::Answers(it) = wrong { patience(it) } else { Timeouts::default() };
    let aliyun = AliyunSettings {
        timeouts: wait(first),
        ..world.aliyun(adapters_sms::AliyunSignature::Acs3)
    };
    let tencent = TencentSettings { timeouts: wait(second), ..world.tencent() };
    let aliyun = adapters_sms::AliyunSender::new(aliyun, Arc::new(Off(off(first))), entropy());
    let tencent = adapters_sms::TencentSender::new(tencent, Arc::new(Off(off(second))));
    make(&world, first, "/aliyun", &world.sms.aliyun);
    make(&world, second, "/tencent", &world.sms.tencent);
    let vendor = |name, sender| Vendor { name, channel: Channel::Sms, sender };
    let mut challenges = MockChallenges::new();
    challenges.expect_carried().returning(|_, _| Ok(()));
    challenges
        .expect_refund()
        .times(usize::from(refunded))
        .withf(|charges, _| charges == [charge()])
        .returning(|_, _| Ok(()));
    let ports = DispatcherPorts {
        vendors: vec![
            vendor("aliyun", Arc::new(aliyun.unwrap())),
            vendor("tencent", Arc::new(tencent.unwrap())),
        ],
        challenges: Arc::new(challenges),
        clock: now(),
        entropy: entropy(),
        on_post: None,
        on_answer: None,
        budget: None,
    };
    let settings =
        DispatcherSettings { back_off: Duration::from_millis(1), ..DispatcherSettings::default() };
    let dispatcher = Dispatcher::start(settings, ports, &Handle::current());
    dispatcher.reserve(Channel::Sms).unwrap().post(letter());
    assert_eq!(dispatcher.drain(Duration::from_secs(20)).await, 0);

    let sent = [world.sms.aliyun.sent(), world.sms.tencent.sent()];
    assert_eq!([sent[0].len(), sent[1].len()], taken);
    assert!(sent.concat().iter().all(|it| it.text.contains("123456")), "{sent:?}");
}

fn make(world: &World, wrong: Wrong, path: &str, taker: &Taker) {
    match wrong {
        Wrong::Nothing | Wrong::Signature => {}
        Wrong::Refuses(refusal) => taker.refuse(Some(refusal)),
        Wrong::Answers(fault) => world.stand_in.faults().set(path, fault),
    }
}

fn charge() -> Charge {
    Charge { scope: Scope::Phone, subject: Subject::new([7; 32]), caps: Vec::new() }
}

fn letter() -> Letter {
    let message = CodeMessage { to: number(TO), ..message(123_456) };
    Letter { message, charges: vec![charge()], at: now().now() }
}

/// LOG-01: whatever a vendor answers, no line of a sender has a number, a code or a secret.
#[tokio::test]
async fn what_is_shown_of_a_sender_has_no_secret() {
    let world = World::new().await;
    let said = format!(
        "{:?} {:?} {:?} {:?}",
        world.aliyun(adapters_sms::AliyunSignature::Acs3),
        world.tencent(),
        world.twilio(),
        world.webhook()
    );
    let keys = test_vendors::sms::keys::WEBHOOK;
    for secret in ["testSecret", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE", "12345", keys] {
        assert!(!said.contains(secret), "{said}");
    }
}
