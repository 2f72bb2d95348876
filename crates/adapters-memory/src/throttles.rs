//! Counters of attempts from one address, in process.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use async_trait::async_trait;
use domain::cap::{Cap, Charge, full_until};
use domain::policy::GuessingPolicy;
use domain::secret::Subject;
use domain::{Timestamp, later};
use ports::error::StoreError;
use ports::throttles::{Throttled, Throttles, Ticket};

use crate::counters::Counters;
use crate::{Sweeps, lock};

/// The most attempts of one account that are kept for its place among the distinct ones, so that
/// some of them can be taken back and the account still counts.
const MOST_OF_ONE: usize = 16;

/// Throttles of this process.
#[derive(Debug, Default)]
pub struct MemoryThrottles(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    charged: Counters,
    /// By address.
    attempts: HashMap<Subject, Attempts>,
    /// The attempts of all addresses that failed or are under way, newest first.
    everyone: VecDeque<(Timestamp, Ticket)>,
    sweeps: Sweeps,
}

/// The attempts from one address that failed or are under way.
#[derive(Debug)]
struct Attempts {
    /// When each was, newest first.
    made: VecDeque<(Timestamp, Ticket)>,
    /// First moment at which no cap asks for any of them.
    dead_at: Timestamp,
}

#[async_trait]
impl Throttles for MemoryThrottles {
    async fn charge(
        &self,
        charges: &[Charge],
        now: Timestamp,
    ) -> Result<Result<(), Timestamp>, StoreError> {
        Ok(lock(&self.0).charge(charges, now))
    }

    async fn attempt(
        &self,
        ticket: Ticket,
        policy: GuessingPolicy,
        now: Timestamp,
    ) -> Result<Throttled, StoreError> {
        Ok(lock(&self.0).attempt(ticket, policy, now))
    }

    fn forgive(&self, ticket: Ticket) {
        let mut state = lock(&self.0);
        if let Some(nth) = state.everyone.iter().position(|(_, it)| *it == ticket) {
            state.everyone.remove(nth);
        }
        let Some(attempts) = state.attempts.get_mut(&ticket.ip) else { return };
        attempts.made.retain(|(_, it)| *it != ticket);
        if attempts.made.is_empty() {
            state.attempts.remove(&ticket.ip);
        }
    }
}

impl State {
    fn charge(&mut self, charges: &[Charge], now: Timestamp) -> Result<(), Timestamp> {
        let full = charges.iter().filter_map(|it| {
            let Charge { scope: _, subject, caps } = it;
            self.charged.full_until(subject, caps, now)
        });
        if let Some(until) = full.max() {
            return Err(until);
        }
        for charge in charges {
            self.charged.record(charge.subject, &charge.caps, now);
        }
        self.swept(now);
        Ok(())
    }

    fn attempt(&mut self, ticket: Ticket, policy: GuessingPolicy, now: Timestamp) -> Throttled {
        let windows = [policy.failures, policy.accounts].into_iter().flatten();
        if let Some(window) = windows.map(|it| it.window).max() {
            let attempts = self
                .attempts
                .entry(ticket.ip)
                .or_insert_with(|| Attempts { made: VecDeque::new(), dead_at: Timestamp::MIN });
            attempts.trim(policy, now);
            if let Some(until) = attempts.full_until(ticket.account, policy, now) {
                return Throttled::Full { until };
            }
            insert(&mut attempts.made, ticket, now);
            attempts.dead_at = attempts.dead_at.max(later(now, window));
            self.swept(now);
        }
        match policy.everyone {
            Some(cap) if self.is_storm(ticket, cap, now) => Throttled::Storm,
            _ => Throttled::Counted,
        }
    }

    /// Counts an attempt among those of all, and tells whether they had reached the cap before it.
    fn is_storm(&mut self, ticket: Ticket, cap: Cap, now: Timestamp) -> bool {
        while self.everyone.back().is_some_and(|(at, _)| later(*at, cap.window) <= now) {
            self.everyone.pop_back();
        }
        let most = usize::try_from(cap.count).unwrap_or(usize::MAX);
        let made = self.everyone.len();
        // A storm must not fill the memory.
        if made < most.saturating_mul(2) {
            insert(&mut self.everyone, ticket, now);
        }
        made >= most
    }

    /// Counts a write and sweeps when it is time.
    fn swept(&mut self, now: Timestamp) {
        if self.sweeps.due() {
            self.charged.sweep(now);
            self.attempts.retain(|_, it| it.dead_at > now);
            self.sweeps.done(self.charged.len() + self.attempts.len());
        }
    }
}

/// Puts an attempt in its place by time.
fn insert(made: &mut VecDeque<(Timestamp, Ticket)>, ticket: Ticket, now: Timestamp) {
    let newer = made.iter().take_while(|(at, _)| *at > now).count();
    made.insert(newer, (now, ticket));
}

impl Attempts {
    /// The first moment at which an attempt at this account keeps both caps; `None` if it does now.
    fn full_until(
        &self,
        account: Subject,
        policy: GuessingPolicy,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let failures = policy
            .failures
            .and_then(|cap| full_until(&[cap], |nth| self.made.get(nth).map(|(at, _)| *at), now));
        let accounts = policy.accounts.and_then(|cap| {
            let counted = self.made.iter().take_while(|(at, _)| later(*at, cap.window) > now);
            let mut distinct: Vec<(Subject, Timestamp)> = Vec::new();
            for (at, ticket) in counted {
                if ticket.account == account {
                    return None;
                }
                if !distinct.iter().any(|(it, _)| *it == ticket.account) {
                    distinct.push((ticket.account, *at));
                }
            }
            full_until(&[cap], |nth| distinct.get(nth).map(|(_, at)| *at), now)
        });
        failures.max(accounts)
    }

    /// Drops what no cap asks for: what is too old for both, and of what is too old for the
    /// failures all but the newest of each account.
    fn trim(&mut self, policy: GuessingPolicy, now: Timestamp) {
        let in_window = |cap: Option<Cap>, at| cap.is_some_and(|it| later(at, it.window) > now);
        let mut of_account: HashMap<Subject, usize> = HashMap::new();
        self.made.retain(|(at, ticket)| {
            let of_one = of_account.entry(ticket.account).or_default();
            *of_one += 1;
            in_window(policy.failures, *at)
                || (in_window(policy.accounts, *at) && *of_one <= MOST_OF_ONE)
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::Duration;
    use ports::testing::at;

    use super::*;

    ports::throttles_contract!(async { Arc::new(MemoryThrottles::default()) });

    fn ticket(ip: u64, account: u64, nonce: u64) -> Ticket {
        let subject = |it: u64| Subject::new(it.to_be_bytes().repeat(4).try_into().unwrap());
        let nonce = nonce.to_be_bytes().repeat(2).try_into().unwrap();
        Ticket { ip: subject(ip), account: subject(account), nonce }
    }

    /// One account tried for ever takes a bounded place.
    #[test]
    fn the_attempts_of_one_account_do_not_pile_up() {
        let accounts = Some(Cap { count: 3, window: Duration::from_hours(1) });
        let mut state = State::default();
        for nonce in 0..1000 {
            let policy = GuessingPolicy { accounts, failures: None, everyone: None };
            let said = state.attempt(ticket(1, nonce % 2, nonce), policy, at(0));
            assert!(matches!(said, Throttled::Counted));
        }
        let made = state.attempts.values().map(|it| it.made.len()).sum::<usize>();
        assert!(made <= 2 * MOST_OF_ONE + 1, "{made} are kept");
    }

    /// A storm takes a bounded place, and lasts no shorter for it.
    #[test]
    fn the_attempts_of_all_do_not_pile_up() {
        let everyone = Some(Cap { count: 3, window: Duration::from_hours(1) });
        let policy = GuessingPolicy { accounts: None, failures: None, everyone };
        let mut state = State::default();
        for number in 0..1000 {
            let said = state.attempt(ticket(number, number, number), policy, at(number));
            assert_eq!(said == Throttled::Storm, number >= 3, "attempt {number}");
        }
        assert_eq!(state.everyone.len(), 6);
    }

    /// What is dead takes no memory for long.
    #[test]
    fn dead_addresses_are_swept() {
        let failures = Some(Cap { count: 3, window: Duration::from_mins(1) });
        let mut state = State::default();
        for number in 0..10_000 {
            let policy = GuessingPolicy { accounts: None, failures, everyone: None };
            state.attempt(ticket(number, 1, 1), policy, at(number));
        }
        assert!(state.attempts.len() < 2_000, "{} are kept", state.attempts.len());
    }
}
