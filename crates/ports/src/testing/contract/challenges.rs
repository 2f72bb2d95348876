//! The promises of `challenges`: codes are tried by the rule, once, and never sent past a cap.

use std::sync::Arc;

use domain::cap::{Cap, Charge, Scope};
use domain::credential::code::{Challenge, Guess, OnRight, Purpose};
use domain::id::ChallengeId;
use domain::secret::{CodeMac, Sealed, Subject};
use domain::{Duration, Timestamp};

use crate::challenges::{Challenges, Issued, MOST_LIVE};
use crate::testing::{RACERS, ROUNDS, at, race};

/// Makes each promise of [`Challenges`] a test of its own; `$make` is a future of a fresh store.
#[macro_export]
macro_rules! challenges_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            challenges,
            $make,
            [
                a_right_code_proves_once_and_gives_its_target,
                a_code_that_is_only_tried_out_is_still_good,
                a_wrong_code_gives_the_target_of_its_challenge,
                every_case_of_the_rule_is_answered_and_followed,
                the_last_wrong_try_burns_a_challenge,
                an_unknown_challenge_is_a_wrong_code,
                guesses_at_another_id_burn_nothing,
                wrong_tries_add_up_over_all_challenges_of_an_owner,
                a_right_code_over_the_wrong_tries_is_kept_for_later,
                of_racing_guesses_no_more_than_the_tries_are_evaluated,
                of_racing_guesses_with_a_right_one_at_most_one_is_right,
                of_racing_right_codes_exactly_one_proves,
                racing_wrong_tries_never_pass_the_cap_of_their_owner,
                a_newer_code_ends_the_older_of_its_device_owner_and_purpose,
                of_too_many_live_challenges_the_oldest_end,
                dead_challenges_take_no_live_place,
                racing_issues_leave_no_more_than_the_most_live,
                a_full_cap_stores_and_charges_nothing,
                the_longest_wait_is_named,
                an_event_is_charged_to_all_counters_or_none,
                caps_hold_in_every_window,
                counters_without_caps_never_fill,
                racing_issues_never_pass_a_cap,
                racing_issues_are_charged_to_all_counters_or_none,
                a_refund_gives_room_for_one_more,
                a_target_is_told_without_a_try,
                a_right_code_tells_who_took_its_message,
                it_answers_a_ping,
            ]
        );
    };
}

type Store = Arc<dyn Challenges>;

const RIGHT: CodeMac = CodeMac::new([1; 32]);
const WRONG: CodeMac = CodeMac::new([2; 32]);
const TRIES: u8 = 5;
/// A cap that nothing in this suite reaches, so that every wrong try is counted.
const WIDE: [Cap; 1] = [Cap { count: 1000, window: Duration::from_hours(1) }];

fn cap(count: u32, seconds: u64) -> Cap {
    Cap { count, window: Duration::from_secs(seconds) }
}

fn id(number: usize) -> ChallengeId {
    ChallengeId::new(number.to_be_bytes().repeat(2).try_into().expect("sixteen bytes"))
}

fn subject(kind: u8, number: usize) -> Subject {
    let mut bytes = [kind; 32];
    for (byte, of_number) in bytes.iter_mut().zip(number.to_be_bytes()) {
        *byte = of_number;
    }
    Subject::new(bytes)
}

fn target(number: usize) -> Sealed {
    Sealed::new([&[0, 0xff, b'\n', b'{'], &number.to_be_bytes()[..]].concat())
}

/// A challenge of an owner and a device of its own, alive until `at(300)`.
fn challenge(number: usize) -> Challenge {
    Challenge {
        id: id(number),
        purpose: Purpose::Login,
        target: target(number),
        owner: subject(b'o', number),
        device: subject(b'd', number),
        mac: RIGHT,
        tries_left: TRIES,
        expires_at: at(300),
        vendor: None,
    }
}

fn charge(scope: Scope, number: usize, caps: &[Cap]) -> Charge {
    Charge { scope, subject: subject(scope as u8, number), caps: caps.to_vec() }
}

async fn issue(store: &Store, challenge: &Challenge, charges: &[Charge], now: Timestamp) -> Issued {
    store.issue(challenge, charges, now).await.expect("a store")
}

async fn put(store: &Store, challenge: Challenge) {
    assert_eq!(issue(store, &challenge, &[], at(0)).await, Issued::Stored);
}

/// What a guess came to, comparable.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Right(Sealed),
    Wrong,
    TooMany(Timestamp),
}

async fn guess(store: &Store, number: usize, mac: &CodeMac, caps: &[Cap], now: Timestamp) -> Said {
    let said = store.guess(&id(number), mac, caps, OnRight::Use, now).await;
    match said.expect("a store") {
        Guess::Right { target, .. } => Said::Right(target),
        Guess::Wrong(_) => Said::Wrong,
        Guess::TooMany { until } => Said::TooMany(until),
    }
}

/// How many of these challenges are live; it uses them up.
async fn live(store: &Store, numbers: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut live = Vec::new();
    for number in numbers {
        if guess(store, number, &RIGHT, &WIDE, at(1)).await != Said::Wrong {
            live.push(number);
        }
    }
    live
}

/// True if `count` wrong tries or more are counted for the owner of a live challenge; if not, the
/// asking is one more.
async fn counted(store: &Store, number: usize, count: usize) -> bool {
    let cap = cap(u32::try_from(count).expect("a small number"), 3600);
    matches!(guess(store, number, &WRONG, &[cap], at(1)).await, Said::TooMany(_))
}

/// OTP-03, OTP-05: single use.
pub async fn a_right_code_proves_once_and_gives_its_target(store: Store) {
    put(&store, challenge(1)).await;
    assert_eq!(guess(&store, 1, &RIGHT, &WIDE, at(1)).await, Said::Right(target(1)));
    assert_eq!(guess(&store, 1, &RIGHT, &WIDE, at(1)).await, Said::Wrong);
}

/// OTP-05: a right code may be tried out first; a wrong one counts all the same.
pub async fn a_code_that_is_only_tried_out_is_still_good(store: Store) {
    put(&store, challenge(1)).await;
    let look = async |mac| store.guess(&id(1), &mac, &WIDE, OnRight::Keep, at(1)).await;
    for _ in 0..2 {
        assert!(matches!(look(RIGHT).await, Ok(Guess::Right { .. })));
    }
    for _ in 0..TRIES - 1 {
        assert!(matches!(look(WRONG).await, Ok(Guess::Wrong(_))));
    }
    assert_eq!(guess(&store, 1, &RIGHT, &WIDE, at(1)).await, Said::Right(target(1)));
}

/// LOG-03: a failure is written down with whom it was about.
pub async fn a_wrong_code_gives_the_target_of_its_challenge(store: Store) {
    put(&store, challenge(1)).await;
    let tried = async |number| {
        let said = store.guess(&id(number), &WRONG, &WIDE, OnRight::Use, at(1)).await;
        match said.expect("a store") {
            Guess::Wrong(target) => target,
            other => panic!("{other:?}"),
        }
    };
    for _ in 0..TRIES {
        assert_eq!(tried(1).await, Some(target(1)));
    }
    assert_eq!(tried(1).await, None, "it is burned");
    assert_eq!(tried(2).await, None, "there was none");
}

/// OTP-03, OTP-04: the rule `domain::credential::code::guess`, case by case: what is answered, and
/// what a right code is answered afterwards, by which the challenge's fate shows.
pub async fn every_case_of_the_rule_is_answered_and_followed(store: Store) {
    let cases = [
        ("right", TRIES, 300, RIGHT, 0, Some(true), false),
        ("right on the last try", 1, 300, RIGHT, 0, Some(true), false),
        ("wrong", TRIES, 300, WRONG, 0, Some(false), true),
        ("wrong on the last try", 1, 300, WRONG, 0, Some(false), false),
        ("burned", 0, 300, RIGHT, 0, Some(false), false),
        ("in its last second", TRIES, 11, RIGHT, 0, Some(true), false),
        ("expired just now", TRIES, 10, RIGHT, 0, Some(false), false),
        ("one wrong try below the cap", TRIES, 300, RIGHT, 2, Some(true), false),
        ("over the cap though right", TRIES, 300, RIGHT, 3, None, true),
        ("over the cap and expired", TRIES, 10, WRONG, 3, None, false),
    ];
    for (number, (case, tries_left, expires, mac, wrong_before, answer, then)) in
        cases.into_iter().enumerate()
    {
        let expires_at = at(expires);
        put(&store, Challenge { tries_left, expires_at, ..challenge(number) }).await;
        let (other, owner) = (number + 100, challenge(number).owner);
        put(&store, Challenge { owner, ..challenge(other) }).await;
        for _ in 0..wrong_before {
            assert_eq!(guess(&store, other, &WRONG, &WIDE, at(1)).await, Said::Wrong, "{case}");
        }
        let expected = match answer {
            Some(true) => Said::Right(target(number)),
            Some(false) => Said::Wrong,
            None => Said::TooMany(at(61)),
        };
        assert_eq!(guess(&store, number, &mac, &[cap(3, 60)], at(10)).await, expected, "{case}");
        let later = guess(&store, number, &RIGHT, &WIDE, at(10)).await;
        assert_eq!(later == Said::Right(target(number)), then, "{case}, then");
    }
}

/// OTP-04: no more than five wrong tries at one code.
pub async fn the_last_wrong_try_burns_a_challenge(store: Store) {
    put(&store, challenge(1)).await;
    for _ in 0..TRIES {
        assert_eq!(guess(&store, 1, &WRONG, &WIDE, at(1)).await, Said::Wrong);
    }
    assert_eq!(guess(&store, 1, &RIGHT, &WIDE, at(1)).await, Said::Wrong);
}

/// OTP-04: unknown is wrong, with no other answer, and counts against nobody.
pub async fn an_unknown_challenge_is_a_wrong_code(store: Store) {
    for _ in 0..3 {
        assert_eq!(guess(&store, 1, &RIGHT, &[cap(1, 60)], at(0)).await, Said::Wrong);
    }
}

/// OTP-06: without the right challenge id a challenge cannot be burned.
pub async fn guesses_at_another_id_burn_nothing(store: Store) {
    put(&store, challenge(1)).await;
    put(&store, challenge(2)).await;
    for _ in 0..=TRIES {
        guess(&store, 2, &WRONG, &WIDE, at(1)).await;
        guess(&store, 3, &WRONG, &WIDE, at(1)).await;
    }
    let said = guess(&store, 1, &RIGHT, &[cap(1, 60)], at(1)).await;
    assert_eq!(said, Said::Right(target(1)));
}

/// OTP-04: wrong tries are counted across codes, and a new code resets nothing.
pub async fn wrong_tries_add_up_over_all_challenges_of_an_owner(store: Store) {
    let caps = [cap(4, 60), cap(6, 3600)];
    let of_one = |number| Challenge { owner: subject(b'o', 1), ..challenge(number) };
    for (number, second) in [(1, 0), (1, 10), (2, 20), (2, 30)] {
        if second % 20 == 0 {
            put(&store, of_one(number)).await;
        }
        assert_eq!(guess(&store, number, &WRONG, &caps, at(second)).await, Said::Wrong);
    }
    put(&store, of_one(3)).await;
    assert_eq!(guess(&store, 3, &WRONG, &caps, at(40)).await, Said::TooMany(at(60)));
    assert_eq!(guess(&store, 3, &WRONG, &caps, at(60)).await, Said::Wrong);
    assert_eq!(guess(&store, 3, &WRONG, &caps, at(69)).await, Said::TooMany(at(70)));
    assert_eq!(guess(&store, 3, &WRONG, &caps, at(70)).await, Said::Wrong);
    assert_eq!(guess(&store, 3, &WRONG, &caps, at(100)).await, Said::TooMany(at(3600)));
    put(&store, challenge(4)).await;
    assert_eq!(guess(&store, 4, &WRONG, &caps, at(100)).await, Said::Wrong, "another owner");
}

/// OTP-04: over the cap even a right code is refused, but neither evaluated nor used up.
pub async fn a_right_code_over_the_wrong_tries_is_kept_for_later(store: Store) {
    let caps = [cap(1, 60)];
    put(&store, challenge(1)).await;
    assert_eq!(guess(&store, 1, &WRONG, &caps, at(0)).await, Said::Wrong);
    for second in [0, 30, 59] {
        assert_eq!(guess(&store, 1, &RIGHT, &caps, at(second)).await, Said::TooMany(at(60)));
    }
    assert_eq!(guess(&store, 1, &RIGHT, &caps, at(60)).await, Said::Right(target(1)));
}

/// OTP-05: of 100 parallel guesses five are evaluated, each of them counted.
pub async fn of_racing_guesses_no_more_than_the_tries_are_evaluated(store: Store) {
    for round in 0..ROUNDS {
        let (number, probe) = (2 * round, 2 * round + 1);
        put(&store, challenge(number)).await;
        let owner = challenge(number).owner;
        let said = race(100, &store, move |store, _| async move {
            guess(&store, number, &WRONG, &WIDE, at(1)).await
        })
        .await;
        assert!(said.iter().all(|it| *it == Said::Wrong));
        put(&store, Challenge { owner, ..challenge(probe) }).await;
        assert!(counted(&store, probe, usize::from(TRIES)).await, "round {round}: one is lost");
        assert!(!counted(&store, probe, usize::from(TRIES) + 1).await, "round {round}: too many");
    }
}

/// OTP-05: of 100 parallel guesses with a right one among them at most one is right, and five are
/// evaluated with it.
pub async fn of_racing_guesses_with_a_right_one_at_most_one_is_right(store: Store) {
    for round in 0..ROUNDS {
        let (number, probe) = (2 * round, 2 * round + 1);
        put(&store, challenge(number)).await;
        let owner = challenge(number).owner;
        let said = race(100, &store, move |store, racer| async move {
            let mac = if racer % 10 == 0 { RIGHT } else { WRONG };
            guess(&store, number, &mac, &WIDE, at(1)).await
        })
        .await;
        let right = said.iter().filter(|it| **it != Said::Wrong).count();
        assert!(right <= 1, "round {round}: {right} were right");
        put(&store, Challenge { owner, ..challenge(probe) }).await;
        let most = usize::from(TRIES) - right;
        assert!(!counted(&store, probe, most + 1).await, "round {round}: too many");
    }
}

/// OTP-05: of 50 parallel right answers exactly one succeeds.
pub async fn of_racing_right_codes_exactly_one_proves(store: Store) {
    for round in 0..ROUNDS {
        put(&store, challenge(round)).await;
        let said = race(RACERS, &store, move |store, _| async move {
            guess(&store, round, &RIGHT, &WIDE, at(1)).await
        })
        .await;
        let right = said.iter().filter(|it| **it == Said::Right(target(round))).count();
        assert_eq!(right, 1, "round {round}");
    }
}

/// OTP-04, OTP-05: parallel wrong tries at several codes of one owner stop exactly at the cap.
pub async fn racing_wrong_tries_never_pass_the_cap_of_their_owner(store: Store) {
    for round in 0..ROUNDS {
        let first = round * MOST_LIVE;
        for number in first..first + MOST_LIVE {
            let owner = subject(b'o', round);
            put(&store, Challenge { owner, tries_left: 100, ..challenge(number) }).await;
        }
        let said = race(RACERS, &store, move |store, racer| async move {
            guess(&store, first + racer % MOST_LIVE, &WRONG, &[cap(10, 60)], at(1)).await
        })
        .await;
        let evaluated = said.iter().filter(|it| **it == Said::Wrong).count();
        assert_eq!(evaluated, 10, "round {round}");
        assert!(said.iter().all(|it| matches!(it, Said::Wrong | Said::TooMany(_))));
    }
}

/// OTP-03: a newer code from the same device for the same target and purpose kills the older.
pub async fn a_newer_code_ends_the_older_of_its_device_owner_and_purpose(store: Store) {
    let newer = |number| Challenge { id: id(number + 10), ..challenge(number) };
    for number in 1..=4 {
        put(&store, challenge(number)).await;
    }
    put(&store, newer(1)).await;
    put(&store, Challenge { device: subject(b'd', 20), ..newer(2) }).await;
    put(&store, Challenge { purpose: Purpose::Link, ..newer(3) }).await;
    put(&store, Challenge { owner: subject(b'o', 40), ..newer(4) }).await;
    assert_eq!(live(&store, 1..=4).await, [2, 3, 4]);
    assert_eq!(live(&store, 11..=14).await, [11, 12, 13, 14]);
}

/// OTP-03: no more than three live challenges of one target.
pub async fn of_too_many_live_challenges_the_oldest_end(store: Store) {
    let owner = subject(b'o', 1);
    for number in 1..=MOST_LIVE + 2 {
        put(&store, Challenge { owner, ..challenge(number) }).await;
    }
    assert_eq!(live(&store, 1..=MOST_LIVE + 2).await, [3, 4, 5]);
}

/// OTP-03: used, burned and expired challenges do not count as live ones.
pub async fn dead_challenges_take_no_live_place(store: Store) {
    let of_one = |number| Challenge { owner: subject(b'o', 1), ..challenge(number) };
    put(&store, of_one(1)).await;
    put(&store, of_one(2)).await;
    put(&store, Challenge { tries_left: 1, ..of_one(3) }).await;
    assert_eq!(guess(&store, 2, &RIGHT, &WIDE, at(1)).await, Said::Right(target(2)));
    assert_eq!(guess(&store, 3, &WRONG, &WIDE, at(1)).await, Said::Wrong);
    put(&store, of_one(4)).await;
    put(&store, Challenge { expires_at: at(10), ..of_one(5) }).await;
    let late = Challenge { expires_at: at(400), ..of_one(6) };
    assert_eq!(issue(&store, &late, &[], at(10)).await, Issued::Stored);
    assert_eq!(live(&store, [1, 2, 3, 4, 6]).await, [1, 4, 6]);
}

/// OTP-03: the most live challenges are kept by racing issues, too.
pub async fn racing_issues_leave_no_more_than_the_most_live(store: Store) {
    for round in 0..ROUNDS {
        let owner = subject(b'o', round);
        race(RACERS, &store, move |store, racer| async move {
            put(&store, Challenge { owner, ..challenge(round * RACERS + racer) }).await;
        })
        .await;
        let live = live(&store, round * RACERS..(round + 1) * RACERS).await;
        assert_eq!(live.len(), MOST_LIVE, "round {round}");
    }
}

/// OTP-07: a refused code is not stored, ends no older one and is charged to no counter.
pub async fn a_full_cap_stores_and_charges_nothing(store: Store) {
    let phone = [charge(Scope::Phone, 1, &[cap(1, 60)])];
    let newer = Challenge { id: id(2), ..challenge(1) };
    assert_eq!(issue(&store, &challenge(1), &phone, at(0)).await, Issued::Stored);
    for second in [1, 59] {
        let full = Issued::Full { scope: Scope::Phone, until: at(60) };
        assert_eq!(issue(&store, &newer, &phone, at(second)).await, full);
    }
    assert_eq!(live(&store, 1..=2).await, [1]);
    assert_eq!(issue(&store, &newer, &phone, at(60)).await, Issued::Stored);
}

/// OTP-07: of several full counters the one with the longest wait is told.
pub async fn the_longest_wait_is_named(store: Store) {
    let charges = [
        charge(Scope::Phone, 1, &[cap(1, 60), cap(2, 100)]),
        charge(Scope::Ip, 1, &[cap(2, 3600)]),
        charge(Scope::Block, 1, &[cap(2, 1800)]),
        charge(Scope::Country, 1, &[cap(100, 86400)]),
    ];
    assert_eq!(issue(&store, &challenge(1), &charges, at(0)).await, Issued::Stored);
    let full = Issued::Full { scope: Scope::Phone, until: at(60) };
    assert_eq!(issue(&store, &challenge(2), &charges, at(1)).await, full);
    assert_eq!(issue(&store, &challenge(2), &charges, at(60)).await, Issued::Stored);
    let full = Issued::Full { scope: Scope::Ip, until: at(3600) };
    assert_eq!(issue(&store, &challenge(3), &charges, at(61)).await, full);
}

/// OTP-07: a code that one counter refuses is charged to none.
pub async fn an_event_is_charged_to_all_counters_or_none(store: Store) {
    let phone = |number| charge(Scope::Phone, number, &[cap(1, 60)]);
    let everyone = || charge(Scope::Everyone, 0, &[cap(2, 60)]);
    for number in [1, 2] {
        let charges = [phone(number), everyone()];
        assert_eq!(issue(&store, &challenge(number), &charges, at(0)).await, Issued::Stored);
    }
    let full = Issued::Full { scope: Scope::Everyone, until: at(60) };
    assert_eq!(issue(&store, &challenge(3), &[phone(3), everyone()], at(1)).await, full);
    assert_eq!(issue(&store, &challenge(3), &[phone(3)], at(1)).await, Issued::Stored);
}

/// OTP-07: windows roll: at every moment no more than the cap lies in the window behind it.
pub async fn caps_hold_in_every_window(store: Store) {
    let ip = [charge(Scope::Ip, 1, &[cap(3, 100)])];
    let mut sent = Vec::new();
    for second in (0..1000).step_by(7) {
        let number = usize::try_from(second).expect("a small number");
        let counted = sent.iter().filter(|it| second < **it + 100).count();
        let answer = issue(&store, &challenge(number), &ip, at(second)).await;
        if counted < 3 {
            assert_eq!(answer, Issued::Stored, "at {second}");
            sent.push(second);
        } else {
            let third_newest = sent.iter().rev().nth(2).expect("three were sent");
            let until = at(third_newest + 100);
            assert_eq!(answer, Issued::Full { scope: Scope::Ip, until }, "at {second}");
        }
    }
    let last_microsecond = [charge(Scope::Block, 1, &[cap(1, 60)])];
    let before = domain::later(at(0), Duration::from_micros(59_999_999));
    assert_eq!(issue(&store, &challenge(5000), &last_microsecond, at(0)).await, Issued::Stored);
    let full = Issued::Full { scope: Scope::Block, until: at(60) };
    assert_eq!(issue(&store, &challenge(5001), &last_microsecond, before).await, full);
    assert_eq!(issue(&store, &challenge(5001), &last_microsecond, at(60)).await, Issued::Stored);
}

/// OTP-07: a limit of 0 is switched off.
pub async fn counters_without_caps_never_fill(store: Store) {
    let charges = [charge(Scope::Phone, 1, &[]), charge(Scope::Ip, 1, &[cap(50, 60)])];
    for number in 0..50 {
        assert_eq!(issue(&store, &challenge(number), &charges, at(0)).await, Issued::Stored);
    }
    let full = Issued::Full { scope: Scope::Ip, until: at(60) };
    assert_eq!(issue(&store, &challenge(50), &charges, at(0)).await, full);
}

/// OTP-07: 50 racing issues on a cap of five store exactly five.
pub async fn racing_issues_never_pass_a_cap(store: Store) {
    for round in 0..ROUNDS {
        let answers = race(RACERS, &store, move |store, racer| async move {
            let ip = [charge(Scope::Ip, round, &[cap(5, 3600)])];
            issue(&store, &challenge(round * RACERS + racer), &ip, at(0)).await
        })
        .await;
        let stored = answers.iter().filter(|it| **it == Issued::Stored).count();
        assert_eq!(stored, 5, "round {round}");
    }
}

/// OTP-07: racing issues that a shared counter refuses leave no trace on their own counters.
pub async fn racing_issues_are_charged_to_all_counters_or_none(store: Store) {
    for round in 0..ROUNDS {
        let first = round * RACERS;
        let own = |number| charge(Scope::Phone, number, &[cap(1, 3600)]);
        let answers = race(RACERS, &store, move |store, racer| async move {
            let shared = charge(Scope::Ip, round, &[cap(5, 3600)]);
            issue(&store, &challenge(first + racer), &[own(first + racer), shared], at(0)).await
        })
        .await;
        for (racer, answer) in answers.into_iter().enumerate() {
            let again =
                issue(&store, &challenge(first + racer), &[own(first + racer)], at(1)).await;
            let was_refused = answer != Issued::Stored;
            assert_eq!(again == Issued::Stored, was_refused, "round {round}, racer {racer}");
        }
    }
}

/// OTP-07: what a vendor definitely refused is given back, once, and nothing else.
pub async fn a_refund_gives_room_for_one_more(store: Store) {
    let phone = charge(Scope::Phone, 1, &[cap(1, 5)]);
    let charges = [phone, charge(Scope::Ip, 1, &[cap(2, 60)])];
    assert_eq!(issue(&store, &challenge(1), &charges, at(0)).await, Issued::Stored);
    assert_eq!(issue(&store, &challenge(2), &charges, at(10)).await, Issued::Stored);
    store.refund(&charges, at(5)).await.expect("a store");
    let full = Issued::Full { scope: Scope::Ip, until: at(60) };
    assert_eq!(issue(&store, &challenge(3), &charges, at(20)).await, full, "a moment of nothing");
    store.refund(&charges, at(10)).await.expect("a store");
    assert_eq!(issue(&store, &challenge(3), &charges, at(11)).await, Issued::Stored);
    let full = Issued::Full { scope: Scope::Ip, until: at(60) };
    assert_eq!(issue(&store, &challenge(4), &charges, at(20)).await, full, "once and no more");
}

/// OTP-04, OTP-06: asking where a code went costs no try and uses nothing up.
pub async fn a_target_is_told_without_a_try(store: Store) {
    put(&store, Challenge { tries_left: 1, ..challenge(1) }).await;
    for _ in 0..3 {
        assert_eq!(store.target(&id(1)).await.expect("a store"), Some(target(1)));
        assert_eq!(store.target(&id(2)).await.expect("a store"), None, "unknown");
    }
    assert_eq!(guess(&store, 1, &RIGHT, &WIDE, at(1)).await, Said::Right(target(1)));
    assert_eq!(store.target(&id(1)).await.expect("a store"), None, "used");
}

/// LOG-06: who took the message is told with the right code and changes nothing else; one that is
/// told too late makes no challenge.
pub async fn a_right_code_tells_who_took_its_message(store: Store) {
    let tried = async |number, on_right| match store
        .guess(&id(number), &RIGHT, &WIDE, on_right, at(1))
        .await
        .expect("a store")
    {
        Guess::Right { target: told, vendor } if told == target(number) => vendor,
        other => panic!("{other:?}"),
    };
    let carried = async |number, vendor| {
        store.carried(&id(number), vendor).await.expect("a store");
    };
    for number in [1, 2] {
        put(&store, challenge(number)).await;
    }
    carried(1, "first").await;
    assert_eq!(tried(1, OnRight::Keep).await.as_deref(), Some("first"));
    carried(1, "second").await;
    assert_eq!(tried(1, OnRight::Use).await.as_deref(), Some("second"));
    assert_eq!(tried(2, OnRight::Use).await, None, "nobody did");
    for number in [1, 3] {
        carried(number, "late").await;
        assert_eq!(guess(&store, number, &RIGHT, &WIDE, at(1)).await, Said::Wrong);
        assert_eq!(store.target(&id(number)).await.expect("a store"), None);
    }
}

/// REL-04: readiness asks for no more than an answer.
pub async fn it_answers_a_ping(store: Store) {
    store.ping().await.expect("a store");
}
