//! The promises of `throttles`: attempts from one address are counted, and taken back when right.

use std::sync::Arc;

use domain::cap::{Cap, Charge, Scope};
use domain::policy::GuessingPolicy;
use domain::secret::Subject;
use domain::{Duration, Timestamp};

use crate::testing::{RACERS, ROUNDS, at, race};
use crate::throttles::{Throttled, Throttles, Ticket};

/// Makes each promise of [`Throttles`] a test of its own; `$make` is a future of a fresh store.
#[macro_export]
macro_rules! throttles_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            throttles,
            $make,
            [
                a_full_counter_charges_nothing,
                an_event_is_charged_to_all_counters_or_none,
                counters_have_room_again_at_the_moment_told,
                racing_charges_never_pass_a_cap,
                racing_charges_reach_all_counters_or_none,
                failures_of_an_address_reach_their_cap,
                distinct_accounts_of_an_address_reach_their_cap,
                an_account_that_was_tried_before_may_go_on,
                the_longer_of_both_waits_is_told,
                a_refused_attempt_is_not_counted,
                caps_that_are_switched_off_never_fill,
                racing_attempts_never_pass_the_failures_cap,
                racing_attempts_never_pass_the_accounts_cap,
                a_forgiven_attempt_is_taken_back_before_the_next,
                forgiving_one_of_two_leaves_the_other_counted,
                a_forgiven_account_leaves_its_place,
                racing_right_attempts_are_all_taken_back,
                forgiving_what_was_never_counted_harms_nothing,
                failures_of_all_addresses_make_a_storm,
                a_storm_passes_with_its_window,
                forgiven_attempts_make_no_storm,
                racing_attempts_make_a_storm_at_its_cap,
            ]
        );
    };
}

type Store = Arc<dyn Throttles>;

fn cap(count: u32, seconds: u64) -> Cap {
    Cap { count, window: Duration::from_secs(seconds) }
}

fn failures(count: u32, seconds: u64) -> GuessingPolicy {
    GuessingPolicy { accounts: None, failures: Some(cap(count, seconds)), everyone: None }
}

fn accounts(count: u32, seconds: u64) -> GuessingPolicy {
    GuessingPolicy { accounts: Some(cap(count, seconds)), failures: None, everyone: None }
}

fn everyone(count: u32, seconds: u64) -> GuessingPolicy {
    GuessingPolicy { accounts: None, failures: None, everyone: Some(cap(count, seconds)) }
}

fn subject(kind: u8, number: usize) -> Subject {
    let mut bytes = [kind; 32];
    for (byte, of_number) in bytes.iter_mut().zip(number.to_be_bytes()) {
        *byte = of_number;
    }
    Subject::new(bytes)
}

fn ticket(ip: usize, account: usize, nonce: usize) -> Ticket {
    let nonce = nonce.to_be_bytes().repeat(2).try_into().expect("sixteen bytes");
    Ticket { ip: subject(b'i', ip), account: subject(b'a', account), nonce }
}

fn charges(of: &[(usize, Cap)]) -> Vec<Charge> {
    let charge = |&(number, cap)| Charge {
        scope: Scope::Ip,
        subject: subject(b'c', number),
        caps: vec![cap],
    };
    of.iter().map(charge).collect()
}

async fn charge(store: &Store, of: &[(usize, Cap)], now: Timestamp) -> Result<(), Timestamp> {
    store.charge(&charges(of), now).await.expect("a store")
}

/// `Ok` if the attempt was counted, else the end of the wait.
async fn attempt(
    store: &Store,
    ticket: Ticket,
    policy: GuessingPolicy,
    now: Timestamp,
) -> Result<(), Timestamp> {
    match store.attempt(ticket, policy, now).await.expect("a store") {
        Throttled::Counted | Throttled::Storm => Ok(()),
        Throttled::Full { until } => Err(until),
    }
}

/// Whether the attempt, which its address may make, was made in a storm.
async fn is_storm(store: &Store, ticket: Ticket, policy: GuessingPolicy, now: Timestamp) -> bool {
    match store.attempt(ticket, policy, now).await.expect("a store") {
        Throttled::Counted => false,
        Throttled::Storm => true,
        Throttled::Full { until } => panic!("the address waits until {until}"),
    }
}

/// LOCK-01: a refused event leaves no trace.
pub async fn a_full_counter_charges_nothing(store: Store) {
    let caps = [(1, cap(2, 60))];
    assert_eq!(charge(&store, &caps, at(0)).await, Ok(()));
    assert_eq!(charge(&store, &caps, at(10)).await, Ok(()));
    for second in [10, 30, 59] {
        assert_eq!(charge(&store, &caps, at(second)).await, Err(at(60)));
    }
    assert_eq!(charge(&store, &caps, at(60)).await, Ok(()));
    assert_eq!(charge(&store, &caps, at(60)).await, Err(at(70)));
    assert_eq!(charge(&store, &[(2, cap(2, 60))], at(60)).await, Ok(()), "another counter");
}

/// LOCK-01: one full counter keeps an event off the others, and the longest wait is told.
pub async fn an_event_is_charged_to_all_counters_or_none(store: Store) {
    let (one, other) = ((1, cap(1, 60)), (2, cap(1, 600)));
    assert_eq!(charge(&store, &[other], at(0)).await, Ok(()));
    assert_eq!(charge(&store, &[one, other], at(1)).await, Err(at(600)));
    assert_eq!(charge(&store, &[one], at(1)).await, Ok(()));
    assert_eq!(charge(&store, &[one, other], at(2)).await, Err(at(600)));
    assert_eq!(charge(&store, &[one, (3, cap(1, 5))], at(3)).await, Err(at(61)));
}

/// LOCK-01: windows roll, to the microsecond.
pub async fn counters_have_room_again_at_the_moment_told(store: Store) {
    let caps = [(1, cap(1, 60))];
    let before = domain::later(at(0), Duration::from_micros(59_999_999));
    assert_eq!(charge(&store, &caps, at(0)).await, Ok(()));
    assert_eq!(charge(&store, &caps, before).await, Err(at(60)));
    assert_eq!(charge(&store, &caps, at(60)).await, Ok(()));
}

/// LOCK-01: 50 racing events on a cap of five are charged exactly five times.
pub async fn racing_charges_never_pass_a_cap(store: Store) {
    for round in 0..ROUNDS {
        let answers = race(RACERS, &store, move |store, _| async move {
            charge(&store, &[(round, cap(5, 3600))], at(0)).await
        })
        .await;
        assert_eq!(answers.iter().filter(|it| it.is_ok()).count(), 5, "round {round}");
    }
}

/// LOCK-01: racing events that a shared counter refuses leave no trace on their own counters.
pub async fn racing_charges_reach_all_counters_or_none(store: Store) {
    for round in 0..ROUNDS {
        let own = move |racer| (1_000_000 + round * RACERS + racer, cap(1, 3600));
        let answers = race(RACERS, &store, move |store, racer| async move {
            charge(&store, &[own(racer), (round, cap(5, 3600))], at(0)).await
        })
        .await;
        for (racer, answer) in answers.into_iter().enumerate() {
            let again = charge(&store, &[own(racer)], at(1)).await;
            assert_eq!(again.is_ok(), answer.is_err(), "round {round}, racer {racer}");
        }
    }
}

/// LOCK-06: so many failures in a window and the address waits, each address for itself.
pub async fn failures_of_an_address_reach_their_cap(store: Store) {
    let policy = failures(3, 60);
    for (nonce, second) in [0, 10, 20].into_iter().enumerate() {
        assert_eq!(attempt(&store, ticket(1, 1, nonce), policy, at(second)).await, Ok(()));
    }
    assert_eq!(attempt(&store, ticket(1, 2, 3), policy, at(59)).await, Err(at(60)));
    assert_eq!(attempt(&store, ticket(2, 1, 4), policy, at(59)).await, Ok(()), "another address");
    assert_eq!(attempt(&store, ticket(1, 2, 5), policy, at(60)).await, Ok(()));
    assert_eq!(attempt(&store, ticket(1, 2, 6), policy, at(60)).await, Err(at(70)));
}

/// LOCK-06: so many distinct accounts in a window and the address waits, until the account that
/// was left alone longest no longer counts.
pub async fn distinct_accounts_of_an_address_reach_their_cap(store: Store) {
    let policy = accounts(3, 60);
    for (nonce, (account, second)) in [(1, 0), (2, 10), (3, 20), (1, 30)].into_iter().enumerate() {
        assert_eq!(attempt(&store, ticket(1, account, nonce), policy, at(second)).await, Ok(()));
    }
    assert_eq!(attempt(&store, ticket(1, 4, 10), policy, at(59)).await, Err(at(70)));
    assert_eq!(attempt(&store, ticket(2, 4, 11), policy, at(59)).await, Ok(()), "another address");
    assert_eq!(attempt(&store, ticket(1, 4, 12), policy, at(69)).await, Err(at(70)));
    assert_eq!(attempt(&store, ticket(1, 4, 13), policy, at(70)).await, Ok(()));
    assert_eq!(attempt(&store, ticket(1, 2, 14), policy, at(70)).await, Err(at(80)));
}

/// LOCK-06: at the cap on accounts the ones already counted may be tried again.
pub async fn an_account_that_was_tried_before_may_go_on(store: Store) {
    let policy = accounts(2, 60);
    for nonce in 0..40 {
        assert_eq!(attempt(&store, ticket(1, nonce % 2, nonce), policy, at(1)).await, Ok(()));
    }
    assert_eq!(attempt(&store, ticket(1, 2, 40), policy, at(2)).await, Err(at(61)));
    assert_eq!(attempt(&store, ticket(1, 0, 41), policy, at(60)).await, Ok(()));
    assert_eq!(attempt(&store, ticket(1, 1, 42), policy, at(61)).await, Ok(()));
    assert_eq!(attempt(&store, ticket(1, 2, 43), policy, at(61)).await, Err(at(120)));
}

/// LOCK-06: with both caps full the address waits for both.
pub async fn the_longer_of_both_waits_is_told(store: Store) {
    let policy = GuessingPolicy { failures: Some(cap(1, 60)), ..accounts(1, 600) };
    assert_eq!(attempt(&store, ticket(1, 1, 1), policy, at(0)).await, Ok(()));
    assert_eq!(attempt(&store, ticket(1, 2, 2), policy, at(1)).await, Err(at(600)));
    assert_eq!(attempt(&store, ticket(1, 1, 3), policy, at(1)).await, Err(at(60)));
    assert_eq!(attempt(&store, ticket(1, 2, 4), policy, at(60)).await, Err(at(600)));
    assert_eq!(attempt(&store, ticket(1, 1, 5), policy, at(60)).await, Ok(()));
}

/// LOCK-03, LOCK-06: tries during a wait neither count nor extend it.
pub async fn a_refused_attempt_is_not_counted(store: Store) {
    let policy = failures(1, 60);
    assert_eq!(attempt(&store, ticket(1, 1, 0), policy, at(0)).await, Ok(()));
    for second in 1..60 {
        let nonce = usize::try_from(second).expect("a small number");
        assert_eq!(attempt(&store, ticket(1, 1, nonce), policy, at(second)).await, Err(at(60)));
    }
    assert_eq!(attempt(&store, ticket(1, 1, 60), policy, at(60)).await, Ok(()));
}

/// LOCK-06: a limit of 0 is switched off.
pub async fn caps_that_are_switched_off_never_fill(store: Store) {
    let policy = GuessingPolicy { accounts: None, failures: None, everyone: None };
    for nonce in 0..300 {
        assert_eq!(attempt(&store, ticket(1, nonce, nonce), policy, at(0)).await, Ok(()));
    }
    let uncapped = Charge { scope: Scope::Ip, subject: subject(b'c', 1), caps: Vec::new() };
    for _ in 0..300 {
        assert_eq!(
            store.charge(std::slice::from_ref(&uncapped), at(0)).await.expect("a store"),
            Ok(())
        );
    }
}

/// LOCK-01, LOCK-06: of 50 racing attempts exactly the cap is counted.
pub async fn racing_attempts_never_pass_the_failures_cap(store: Store) {
    for round in 0..ROUNDS {
        let answers = race(RACERS, &store, move |store, racer| async move {
            attempt(&store, ticket(round, racer % 3, racer), failures(10, 900), at(0)).await
        })
        .await;
        assert_eq!(answers.iter().filter(|it| it.is_ok()).count(), 10, "round {round}");
    }
}

/// LOCK-01, LOCK-06: of racing attempts at 50 accounts exactly the cap's number is let through.
pub async fn racing_attempts_never_pass_the_accounts_cap(store: Store) {
    for round in 0..ROUNDS {
        let answers = race(RACERS, &store, move |store, racer| async move {
            attempt(&store, ticket(round, racer, racer), accounts(20, 3600), at(0)).await
        })
        .await;
        assert_eq!(answers.iter().filter(|it| it.is_ok()).count(), 20, "round {round}");
    }
}

/// LOCK-01, LOCK-05: the next attempt through the same handle knows that one was right, from
/// whatever address.
pub async fn a_forgiven_attempt_is_taken_back_before_the_next(store: Store) {
    let policy = failures(1, 60);
    for nonce in 0..20 {
        let now = ticket(1, 1, nonce);
        assert_eq!(attempt(&store, now, policy, at(0)).await, Ok(()));
        store.forgive(now);
    }
    assert_eq!(attempt(&store, ticket(2, 1, 30), policy, at(0)).await, Ok(()));
    assert_eq!(attempt(&store, ticket(1, 1, 31), policy, at(1)).await, Ok(()));
    assert_eq!(attempt(&store, ticket(1, 1, 32), policy, at(1)).await, Err(at(61)));
}

/// LOCK-05: a right attempt takes back itself and no failure before it.
pub async fn forgiving_one_of_two_leaves_the_other_counted(store: Store) {
    let policy = GuessingPolicy { failures: Some(cap(2, 60)), ..accounts(1, 60) };
    assert_eq!(attempt(&store, ticket(1, 1, 1), policy, at(0)).await, Ok(()));
    assert_eq!(attempt(&store, ticket(1, 1, 2), policy, at(10)).await, Ok(()));
    store.forgive(ticket(1, 1, 2));
    store.forgive(ticket(1, 1, 2));
    assert_eq!(attempt(&store, ticket(1, 2, 3), policy, at(20)).await, Err(at(60)));
    assert_eq!(attempt(&store, ticket(1, 1, 4), policy, at(20)).await, Ok(()));
    assert_eq!(attempt(&store, ticket(1, 1, 5), policy, at(20)).await, Err(at(60)));
}

/// LOCK-06: an account without failures is not one of the failing ones.
pub async fn a_forgiven_account_leaves_its_place(store: Store) {
    let policy = accounts(2, 60);
    assert_eq!(attempt(&store, ticket(1, 1, 1), policy, at(0)).await, Ok(()));
    assert_eq!(attempt(&store, ticket(1, 2, 2), policy, at(0)).await, Ok(()));
    assert_eq!(attempt(&store, ticket(1, 3, 3), policy, at(0)).await, Err(at(60)));
    store.forgive(ticket(1, 1, 1));
    assert_eq!(attempt(&store, ticket(1, 3, 4), policy, at(0)).await, Ok(()));
    assert_eq!(attempt(&store, ticket(1, 1, 5), policy, at(0)).await, Err(at(60)));
}

/// LOCK-01: after any number of parallel right attempts the address has all its room.
pub async fn racing_right_attempts_are_all_taken_back(store: Store) {
    let policy = failures(1000, 900);
    for round in 0..ROUNDS {
        race(RACERS, &store, move |store, racer| async move {
            let right = ticket(round, racer, racer);
            assert_eq!(attempt(&store, right, policy, at(0)).await, Ok(()));
            store.forgive(right);
        })
        .await;
        let first = attempt(&store, ticket(round, 0, 1000), failures(1, 900), at(1)).await;
        assert_eq!(first, Ok(()), "round {round}");
    }
}

/// LOCK-01: forgiving takes back the attempt of the ticket and no other.
pub async fn forgiving_what_was_never_counted_harms_nothing(store: Store) {
    let policy = failures(1, 60);
    store.forgive(ticket(1, 1, 9));
    assert_eq!(attempt(&store, ticket(1, 1, 1), policy, at(0)).await, Ok(()));
    store.forgive(ticket(1, 1, 2));
    store.forgive(ticket(1, 2, 1));
    store.forgive(ticket(2, 1, 1));
    assert_eq!(attempt(&store, ticket(1, 1, 3), policy, at(1)).await, Err(at(60)));
}

/// LOCK-06: failures add up over addresses and accounts; what an address may not do does not count.
pub async fn failures_of_all_addresses_make_a_storm(store: Store) {
    let policy = GuessingPolicy { failures: Some(cap(1, 60)), ..everyone(3, 60) };
    assert!(!is_storm(&store, ticket(1, 1, 1), policy, at(0)).await);
    assert!(!is_storm(&store, ticket(2, 1, 2), policy, at(1)).await);
    for nonce in 10..20 {
        assert_eq!(attempt(&store, ticket(1, 1, nonce), policy, at(2)).await, Err(at(60)));
    }
    assert!(!is_storm(&store, ticket(3, 2, 3), policy, at(2)).await);
    assert!(is_storm(&store, ticket(4, 3, 4), policy, at(3)).await);
    assert_eq!(attempt(&store, ticket(4, 3, 5), policy, at(4)).await, Err(at(63)));
    let off = GuessingPolicy { everyone: None, ..policy };
    assert!(!is_storm(&store, ticket(5, 4, 6), off, at(5)).await, "switched off");
}

/// LOCK-06: attempts in a storm count as well; it is over once fewer than the cap are left.
pub async fn a_storm_passes_with_its_window(store: Store) {
    let policy = everyone(2, 60);
    let before = domain::later(at(60), Duration::from_micros(9_999_999));
    assert!(!is_storm(&store, ticket(1, 1, 1), policy, at(0)).await);
    assert!(!is_storm(&store, ticket(2, 2, 2), policy, at(0)).await);
    assert!(is_storm(&store, ticket(3, 3, 3), policy, at(10)).await);
    assert!(is_storm(&store, ticket(4, 4, 4), policy, at(59)).await);
    assert!(is_storm(&store, ticket(5, 5, 5), policy, before).await);
    store.forgive(ticket(5, 5, 5));
    assert!(!is_storm(&store, ticket(6, 6, 6), policy, at(70)).await);
    assert!(is_storm(&store, ticket(7, 7, 7), policy, at(70)).await);
}

/// LOCK-05, LOCK-06: right attempts make no storm, and what is taken back ends one.
pub async fn forgiven_attempts_make_no_storm(store: Store) {
    let policy = everyone(2, 60);
    for nonce in 0..20 {
        let right = ticket(nonce, nonce, nonce);
        assert!(!is_storm(&store, right, policy, at(0)).await);
        store.forgive(right);
    }
    assert!(!is_storm(&store, ticket(1, 1, 30), policy, at(1)).await);
    assert!(!is_storm(&store, ticket(2, 1, 31), policy, at(1)).await);
    assert!(is_storm(&store, ticket(3, 1, 32), policy, at(1)).await);
    store.forgive(ticket(2, 1, 31));
    store.forgive(ticket(3, 1, 32));
    store.forgive(ticket(3, 1, 32));
    assert!(!is_storm(&store, ticket(4, 1, 33), policy, at(1)).await);
    assert!(is_storm(&store, ticket(5, 1, 34), policy, at(1)).await);
}

/// LOCK-01, LOCK-06: of racing attempts from 50 addresses exactly the cap's number is calm.
pub async fn racing_attempts_make_a_storm_at_its_cap(store: Store) {
    for round in 0..ROUNDS {
        let now = at(u64::try_from(round).expect("a small round") * 1_000);
        let answers = race(RACERS, &store, move |store, racer| async move {
            let nonce = round * RACERS + racer;
            is_storm(&store, ticket(nonce, racer, nonce), everyone(10, 900), now).await
        })
        .await;
        assert_eq!(answers.iter().filter(|it| !**it).count(), 10, "round {round}");
    }
}
