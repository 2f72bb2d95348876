//! Codes sent and not yet used, in process.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use domain::Timestamp;
use domain::cap::{Cap, Charge};
use domain::credential::code::{Challenge, Fate, Guess, OnRight, guess};
use domain::id::ChallengeId;
use domain::secret::{CodeMac, Sealed, Subject};
use ports::challenges::{Challenges, Issued, MOST_LIVE};
use ports::error::StoreError;

use crate::counters::Counters;
use crate::{Sweeps, lock};

/// Challenges of this process.
#[derive(Debug, Default)]
pub struct MemoryChallenges(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    challenges: HashMap<ChallengeId, Challenge>,
    /// By owner, oldest first; only ids of `challenges`, and at most [`MOST_LIVE`] of them.
    live: HashMap<Subject, Vec<ChallengeId>>,
    /// By what an issue is charged to.
    sent: Counters,
    /// By owner.
    wrong: Counters,
    sweeps: Sweeps,
}

#[async_trait]
impl Challenges for MemoryChallenges {
    async fn issue(
        &self,
        challenge: &Challenge,
        charges: &[Charge],
        now: Timestamp,
    ) -> Result<Issued, StoreError> {
        Ok(lock(&self.0).issue(challenge, charges, now))
    }

    async fn guess(
        &self,
        id: &ChallengeId,
        mac: &CodeMac,
        wrong: &[Cap],
        on_right: OnRight,
        now: Timestamp,
    ) -> Result<Guess, StoreError> {
        Ok(lock(&self.0).guess(id, mac, wrong, on_right, now))
    }

    async fn target(&self, id: &ChallengeId) -> Result<Option<Sealed>, StoreError> {
        Ok(lock(&self.0).challenges.get(id).map(|it| it.target.clone()))
    }

    async fn carried(&self, id: &ChallengeId, vendor: &'static str) -> Result<(), StoreError> {
        if let Some(held) = lock(&self.0).challenges.get_mut(id) {
            held.vendor = Some(vendor.to_owned());
        }
        Ok(())
    }

    async fn refund(&self, charges: &[Charge], at: Timestamp) -> Result<(), StoreError> {
        let mut state = lock(&self.0);
        for charge in charges {
            state.sent.take_back(&charge.subject, at);
        }
        Ok(())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl State {
    fn issue(&mut self, challenge: &Challenge, charges: &[Charge], now: Timestamp) -> Issued {
        let mut full: Option<(Timestamp, Issued)> = None;
        for Charge { scope, subject, caps } in charges {
            if let Some(until) = self.sent.full_until(subject, caps, now)
                && full.is_none_or(|(longest, _)| until > longest)
            {
                full = Some((until, Issued::Full { scope: *scope, until }));
            }
        }
        if let Some((_, full)) = full {
            return full;
        }
        for charge in charges {
            self.sent.record(charge.subject, &charge.caps, now);
        }
        self.store(challenge, now);
        if self.sweeps.due() {
            self.sweep(now);
        }
        Issued::Stored
    }

    /// Stores a challenge; the ones that end by it go.
    fn store(&mut self, challenge: &Challenge, now: Timestamp) {
        let challenges = &mut self.challenges;
        let live = self.live.entry(challenge.owner).or_default();
        live.retain(|id| {
            let goes_on = challenges.get(id).is_some_and(|older| {
                let same = older.device == challenge.device && older.purpose == challenge.purpose;
                !same && older.expires_at > now
            });
            if !goes_on {
                challenges.remove(id);
            }
            goes_on
        });
        let too_many = (live.len() + 1).saturating_sub(MOST_LIVE);
        for id in live.drain(..too_many) {
            challenges.remove(&id);
        }
        live.push(challenge.id);
        challenges.insert(challenge.id, challenge.clone());
    }

    fn guess(
        &mut self,
        id: &ChallengeId,
        mac: &CodeMac,
        caps: &[Cap],
        on_right: OnRight,
        now: Timestamp,
    ) -> Guess {
        let Some(held) = self.challenges.get_mut(id) else { return Guess::Wrong(None) };
        let owner = held.owner;
        let (said, fate) = guess(held, mac, self.wrong.newest(&owner), caps, on_right, now);
        match fate {
            Fate::Kept => {}
            Fate::Spent => {
                held.tries_left = held.tries_left.saturating_sub(1);
                self.wrong.record(owner, caps, now);
            }
            Fate::Burned => {
                self.remove(id, &owner);
                self.wrong.record(owner, caps, now);
            }
            Fate::Gone => self.remove(id, &owner),
        }
        said
    }

    fn remove(&mut self, id: &ChallengeId, owner: &Subject) {
        self.challenges.remove(id);
        if let Some(live) = self.live.get_mut(owner) {
            live.retain(|it| it != id);
            if live.is_empty() {
                self.live.remove(owner);
            }
        }
    }

    fn sweep(&mut self, now: Timestamp) {
        let challenges = &mut self.challenges;
        challenges.retain(|_, it| it.expires_at > now);
        self.live.retain(|_, ids| {
            ids.retain(|id| challenges.contains_key(id));
            !ids.is_empty()
        });
        self.sent.sweep(now);
        self.wrong.sweep(now);
        self.sweeps.done(self.challenges.len() + self.sent.len() + self.wrong.len());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::Duration;
    use domain::cap::Scope;
    use domain::credential::code::Purpose;
    use ports::testing::at;

    use super::*;

    ports::challenges_contract!(async { Arc::new(MemoryChallenges::default()) });

    /// What is dead takes no memory for long.
    #[test]
    fn dead_challenges_and_counters_are_swept() {
        let mut state = State::default();
        for number in 0..10_000_u64 {
            let name = Subject::new(number.to_be_bytes().repeat(4).try_into().unwrap());
            let challenge = Challenge {
                id: ChallengeId::new(number.to_be_bytes().repeat(2).try_into().unwrap()),
                purpose: Purpose::Login,
                target: Sealed::new(Vec::new()),
                owner: name,
                device: name,
                mac: CodeMac::new([1; 32]),
                tries_left: 5,
                expires_at: at(number + 300),
                vendor: None,
            };
            let caps = vec![Cap { count: 1, window: Duration::from_mins(1) }];
            let charge = Charge { scope: Scope::Phone, subject: name, caps: caps.clone() };
            assert_eq!(state.issue(&challenge, &[charge], at(number)), Issued::Stored);
            state.guess(&challenge.id, &CodeMac::new([2; 32]), &caps, OnRight::Use, at(number));
        }
        let sizes = [state.challenges.len(), state.live.len(), state.sent.len(), state.wrong.len()];
        assert!(sizes.iter().all(|it| *it < 2_000), "{sizes:?}");
    }
}
