//! The suite of `challenges` can fail: a store that reads, lets others in, and then writes.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::Timestamp;
use domain::cap::{Cap, Charge, full_until};
use domain::credential::code::{Challenge, Fate, Guess, OnRight, guess};
use domain::id::ChallengeId;
use domain::secret::{CodeMac, Sealed, Subject};
use ports::challenges::{Challenges, Issued, MOST_LIVE};
use ports::error::StoreError;
use ports::testing::breaks;
use ports::testing::contract::challenges as promises;
use tokio::task::yield_now;

#[derive(Default)]
struct RacyChallenges(Mutex<State>);

/// Everything in order of arrival.
#[derive(Default)]
struct State {
    challenges: Vec<Challenge>,
    sent: HashMap<Subject, Vec<Timestamp>>,
    wrong: HashMap<Subject, Vec<Timestamp>>,
}

fn until(times: &[Timestamp], caps: &[Cap], now: Timestamp) -> Option<Timestamp> {
    full_until(caps, |nth| times.iter().rev().nth(nth).copied(), now)
}

#[async_trait]
impl Challenges for RacyChallenges {
    async fn issue(
        &self,
        challenge: &Challenge,
        charges: &[Charge],
        now: Timestamp,
    ) -> Result<Issued, StoreError> {
        let (full, live) = {
            let state = self.0.lock().unwrap();
            let full = charges.iter().find_map(|Charge { scope, subject, caps }| {
                let until = until(state.sent.get(subject)?, caps, now)?;
                Some(Issued::Full { scope: *scope, until })
            });
            let of_owner = state.challenges.iter().filter(|it| it.owner == challenge.owner);
            (full, of_owner.map(|it| it.id).collect::<Vec<_>>())
        };
        yield_now().await;
        if let Some(full) = full {
            return Ok(full);
        }
        let mut state = self.0.lock().unwrap();
        for charge in charges {
            state.sent.entry(charge.subject).or_default().push(now);
        }
        let too_many = (live.len() + 1).saturating_sub(MOST_LIVE);
        state.challenges.retain(|it| !live[..too_many].contains(&it.id));
        state.challenges.push(challenge.clone());
        Ok(Issued::Stored)
    }

    async fn guess(
        &self,
        id: &ChallengeId,
        mac: &CodeMac,
        caps: &[Cap],
        on_right: OnRight,
        now: Timestamp,
    ) -> Result<Guess, StoreError> {
        let (held, wrong) = {
            let state = self.0.lock().unwrap();
            let held = state.challenges.iter().find(|it| it.id == *id).cloned();
            let wrong = held.as_ref().and_then(|it| state.wrong.get(&it.owner)).cloned();
            (held, wrong.unwrap_or_default())
        };
        yield_now().await;
        let Some(mut held) = held else { return Ok(Guess::Wrong(None)) };
        let newest = |nth| wrong.iter().rev().nth(nth).copied();
        let (said, fate) = guess(&held, mac, newest, caps, on_right, now);
        let mut state = self.0.lock().unwrap();
        if matches!(fate, Fate::Spent | Fate::Burned) {
            state.wrong.entry(held.owner).or_default().push(now);
        }
        if fate != Fate::Kept {
            state.challenges.retain(|it| it.id != *id);
        }
        if fate == Fate::Spent {
            held.tries_left -= 1;
            state.challenges.push(held);
        }
        Ok(said)
    }

    async fn target(&self, id: &ChallengeId) -> Result<Option<Sealed>, StoreError> {
        let state = self.0.lock().unwrap();
        Ok(state.challenges.iter().find(|it| it.id == *id).map(|it| it.target.clone()))
    }

    async fn carried(&self, _: &ChallengeId, _: &'static str) -> Result<(), StoreError> {
        Ok(())
    }

    async fn refund(&self, charges: &[Charge], at: Timestamp) -> Result<(), StoreError> {
        let mut state = self.0.lock().unwrap();
        for charge in charges {
            state.sent.entry(charge.subject).or_default().retain(|it| *it != at);
        }
        Ok(())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

fn racy() -> Arc<dyn Challenges> {
    Arc::new(RacyChallenges::default())
}

/// It is only the races that it loses.
#[tokio::test]
async fn one_after_the_other_the_promises_hold() {
    promises::every_case_of_the_rule_is_answered_and_followed(racy()).await;
    promises::a_right_code_proves_once_and_gives_its_target(racy()).await;
    promises::wrong_tries_add_up_over_all_challenges_of_an_owner(racy()).await;
    promises::of_too_many_live_challenges_the_oldest_end(racy()).await;
    promises::caps_hold_in_every_window(racy()).await;
    promises::an_event_is_charged_to_all_counters_or_none(racy()).await;
    promises::a_refund_gives_room_for_one_more(racy()).await;
}

/// TEST-01: every promise that names a race fails.
#[tokio::test(flavor = "multi_thread")]
async fn the_promises_about_races_break() {
    assert!(breaks(promises::of_racing_right_codes_exactly_one_proves(racy())).await);
    assert!(breaks(promises::racing_issues_never_pass_a_cap(racy())).await);
    assert!(breaks(promises::racing_issues_leave_no_more_than_the_most_live(racy())).await);
    let promise = promises::of_racing_guesses_no_more_than_the_tries_are_evaluated(racy());
    assert!(breaks(promise).await);
    let promise = promises::of_racing_guesses_with_a_right_one_at_most_one_is_right(racy());
    assert!(breaks(promise).await);
    let promise = promises::racing_wrong_tries_never_pass_the_cap_of_their_owner(racy());
    assert!(breaks(promise).await);
}

/// Charges the counters one after the other and takes nothing back when a later one is full.
#[derive(Default)]
struct HalfCharging(RacyChallenges);

#[async_trait]
impl Challenges for HalfCharging {
    async fn issue(
        &self,
        challenge: &Challenge,
        charges: &[Charge],
        now: Timestamp,
    ) -> Result<Issued, StoreError> {
        for charge in charges {
            let said = self.0.issue(challenge, std::slice::from_ref(charge), now).await?;
            if said != Issued::Stored {
                return Ok(said);
            }
        }
        Ok(Issued::Stored)
    }

    async fn guess(
        &self,
        id: &ChallengeId,
        mac: &CodeMac,
        caps: &[Cap],
        on_right: OnRight,
        now: Timestamp,
    ) -> Result<Guess, StoreError> {
        self.0.guess(id, mac, caps, on_right, now).await
    }

    async fn target(&self, id: &ChallengeId) -> Result<Option<Sealed>, StoreError> {
        self.0.target(id).await
    }

    async fn carried(&self, id: &ChallengeId, vendor: &'static str) -> Result<(), StoreError> {
        self.0.carried(id, vendor).await
    }

    async fn refund(&self, charges: &[Charge], at: Timestamp) -> Result<(), StoreError> {
        self.0.refund(charges, at).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.0.ping().await
    }
}

/// OTP-07, TEST-01: charging only some counters is noticed, raced or not.
#[tokio::test(flavor = "multi_thread")]
async fn half_a_charge_breaks_the_promises() {
    let half = || Arc::new(HalfCharging::default());
    assert!(breaks(promises::an_event_is_charged_to_all_counters_or_none(half())).await);
    assert!(breaks(promises::racing_issues_are_charged_to_all_counters_or_none(half())).await);
}
