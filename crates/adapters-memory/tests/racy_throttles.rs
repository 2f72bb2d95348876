//! The suite of `throttles` can fail: a store that reads, lets others in, and then writes.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::Timestamp;
use domain::cap::{Charge, full_until};
use domain::policy::GuessingPolicy;
use domain::secret::Subject;
use ports::error::StoreError;
use ports::testing::breaks;
use ports::testing::contract::throttles as promises;
use ports::throttles::{Throttled, Throttles, Ticket};
use tokio::task::yield_now;

#[derive(Default)]
struct RacyThrottles(Mutex<State>);

/// Everything in order of arrival.
#[derive(Default)]
struct State {
    charged: HashMap<Subject, Vec<Timestamp>>,
    attempts: Vec<(Timestamp, Ticket)>,
}

#[async_trait]
impl Throttles for RacyThrottles {
    /// Charges the counters one after the other; what a full one ends stays half done.
    async fn charge(
        &self,
        charges: &[Charge],
        now: Timestamp,
    ) -> Result<Result<(), Timestamp>, StoreError> {
        for Charge { scope: _, subject, caps } in charges {
            let times = self.0.lock().unwrap().charged.get(subject).cloned().unwrap_or_default();
            yield_now().await;
            let full = full_until(caps, |nth| times.iter().rev().nth(nth).copied(), now);
            if let Some(until) = full {
                return Ok(Err(until));
            }
            self.0.lock().unwrap().charged.entry(*subject).or_default().push(now);
        }
        Ok(Ok(()))
    }

    async fn attempt(
        &self,
        ticket: Ticket,
        policy: GuessingPolicy,
        now: Timestamp,
    ) -> Result<Throttled, StoreError> {
        let mut all = self.0.lock().unwrap().attempts.clone();
        yield_now().await;
        all.reverse();
        let mut made = all.clone();
        made.retain(|(_, it)| it.ip == ticket.ip);
        let failures = policy
            .failures
            .and_then(|cap| full_until(&[cap], |nth| made.get(nth).map(|(at, _)| *at), now));
        let accounts = policy.accounts.and_then(|cap| {
            let mut distinct: Vec<(Timestamp, Ticket)> = Vec::new();
            for (at, it) in made.iter().filter(|(at, _)| domain::later(*at, cap.window) > now) {
                if !distinct.iter().any(|(_, other)| other.account == it.account) {
                    distinct.push((*at, *it));
                }
            }
            let tried_before = distinct.iter().any(|(_, it)| it.account == ticket.account);
            let full = full_until(&[cap], |nth| distinct.get(nth).map(|(at, _)| *at), now);
            full.filter(|_| !tried_before)
        });
        if let Some(until) = failures.max(accounts) {
            return Ok(Throttled::Full { until });
        }
        let everyone = policy
            .everyone
            .and_then(|cap| full_until(&[cap], |nth| all.get(nth).map(|(at, _)| *at), now));
        self.0.lock().unwrap().attempts.push((now, ticket));
        Ok(if everyone.is_some() { Throttled::Storm } else { Throttled::Counted })
    }

    fn forgive(&self, ticket: Ticket) {
        self.0.lock().unwrap().attempts.retain(|(_, it)| *it != ticket);
    }
}

fn racy() -> Arc<dyn Throttles> {
    Arc::new(RacyThrottles::default())
}

/// It is only the races that it loses, and the half charges.
#[tokio::test]
async fn one_after_the_other_the_promises_hold() {
    promises::a_full_counter_charges_nothing(racy()).await;
    promises::failures_of_an_address_reach_their_cap(racy()).await;
    promises::distinct_accounts_of_an_address_reach_their_cap(racy()).await;
    promises::an_account_that_was_tried_before_may_go_on(racy()).await;
    promises::the_longer_of_both_waits_is_told(racy()).await;
    promises::forgiving_one_of_two_leaves_the_other_counted(racy()).await;
    promises::failures_of_all_addresses_make_a_storm(racy()).await;
}

/// TEST-01: every promise that names a race fails.
#[tokio::test(flavor = "multi_thread")]
async fn the_promises_about_races_break() {
    assert!(breaks(promises::racing_charges_never_pass_a_cap(racy())).await);
    assert!(breaks(promises::racing_charges_reach_all_counters_or_none(racy())).await);
    assert!(breaks(promises::an_event_is_charged_to_all_counters_or_none(racy())).await);
    assert!(breaks(promises::racing_attempts_never_pass_the_failures_cap(racy())).await);
    assert!(breaks(promises::racing_attempts_never_pass_the_accounts_cap(racy())).await);
    assert!(breaks(promises::racing_attempts_make_a_storm_at_its_cap(racy())).await);
}

/// Takes all attempts of the account back, not only the one that was right.
#[derive(Default)]
struct TooForgiving(RacyThrottles);

#[async_trait]
impl Throttles for TooForgiving {
    async fn charge(
        &self,
        charges: &[Charge],
        now: Timestamp,
    ) -> Result<Result<(), Timestamp>, StoreError> {
        self.0.charge(charges, now).await
    }

    async fn attempt(
        &self,
        ticket: Ticket,
        policy: GuessingPolicy,
        now: Timestamp,
    ) -> Result<Throttled, StoreError> {
        self.0.attempt(ticket, policy, now).await
    }

    fn forgive(&self, ticket: Ticket) {
        let attempts = &mut self.0.0.lock().unwrap().attempts;
        attempts.retain(|(_, it)| (it.ip, it.account) != (ticket.ip, ticket.account));
    }
}

/// LOCK-05: a right password that wipes the wrong ones before it is noticed.
#[tokio::test(flavor = "multi_thread")]
async fn forgiving_too_much_breaks_the_promises() {
    let store = Arc::new(TooForgiving::default());
    assert!(breaks(promises::forgiving_one_of_two_leaves_the_other_counted(store)).await);
}
