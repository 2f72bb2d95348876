//! Lockout: how long an account waits after wrong passwords (LOCK-02, LOCK-03).

use crate::{Duration, Timestamp, later};

/// Consecutive failures at which password login is off until a reset.
pub const OFF_AFTER: u32 = 100;

/// The end of a wait that only a reset ends: 9999-12-30, the last day every store can write.
pub const NEVER: Timestamp = Timestamp::constant(253_402_128_000, 0);

/// When an account has to wait, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockoutPolicy {
    /// Consecutive failures that begin the first wait.
    pub threshold: u32,
    /// Failures further apart than this do not add up, until the first wait has begun.
    pub window: Duration,
    /// The first wait; each further failure doubles it.
    pub base: Duration,
    /// The longest wait.
    pub max: Duration,
}

/// The wrong passwords of one account, or of one identifier that no account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attempts {
    /// Consecutive attempts that have not turned out right.
    pub failed: u32,
    /// When the last of them began.
    pub last_at: Option<Timestamp>,
    /// First moment at which a password is evaluated again.
    pub waits_until: Option<Timestamp>,
}

impl LockoutPolicy {
    /// The wait that the `failed`-th consecutive failure begins; `None` below the threshold.
    #[must_use]
    pub fn wait(&self, failed: u32) -> Option<Duration> {
        let over = failed.checked_sub(self.threshold)?;
        let grown = self.base.saturating_mul(2_u32.saturating_pow(over.min(31)));
        Some(grown.min(self.max))
    }

    /// Takes one attempt, counted as a failure before the password is looked at.
    ///
    /// `Err` gives the end of the wait during which nothing is evaluated and nothing counted. A
    /// right password forgets the attempts afterwards.
    pub fn attempt(&self, before: Attempts, now: Timestamp) -> Result<Attempts, Timestamp> {
        if let Some(until) = before.waits_until.filter(|it| *it > now) {
            return Err(until);
        }
        let stale = before.failed < self.threshold
            && before.last_at.is_some_and(|it| later(it, self.window) <= now);
        let failed = if stale { 1 } else { before.failed.saturating_add(1) };
        let waits_until = if failed >= OFF_AFTER {
            Some(NEVER)
        } else {
            self.wait(failed).map(|it| later(now, it))
        };
        Ok(Attempts { failed, last_at: Some(now), waits_until })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const POLICY: LockoutPolicy = LockoutPolicy {
        threshold: 5,
        window: Duration::from_mins(15),
        base: Duration::from_secs(30),
        max: Duration::from_hours(1),
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    #[rstest]
    #[case(4, None)]
    #[case(5, Some(30))]
    #[case(6, Some(60))]
    #[case(11, Some(1920))]
    #[case(12, Some(3600))]
    #[case(99, Some(3600))]
    fn the_wait_doubles_up_to_its_most(#[case] failed: u32, #[case] seconds: Option<u64>) {
        assert_eq!(POLICY.wait(failed), seconds.map(Duration::from_secs));
    }

    #[test]
    fn five_failures_wait_and_tries_meanwhile_neither_count_nor_extend() {
        let mut attempts = Attempts::default();
        for second in 0..5 {
            attempts = POLICY.attempt(attempts, at(second)).unwrap();
        }
        assert_eq!(attempts.waits_until, Some(at(34)));
        assert_eq!(POLICY.attempt(attempts, at(33)), Err(at(34)));
        let sixth = POLICY.attempt(attempts, at(34)).unwrap();
        assert_eq!((sixth.failed, sixth.waits_until), (6, Some(at(94))));
    }

    #[test]
    fn failures_far_apart_do_not_add_up_before_the_first_wait() {
        let four = Attempts { failed: 4, last_at: Some(at(0)), waits_until: None };
        assert_eq!(POLICY.attempt(four, at(899)).unwrap().failed, 5);
        assert_eq!(POLICY.attempt(four, at(900)).unwrap().failed, 1);
    }

    #[test]
    fn failures_far_apart_add_up_after_the_first_wait() {
        let nine = Attempts { failed: 9, last_at: Some(at(0)), waits_until: Some(at(480)) };
        assert_eq!(POLICY.attempt(nine, at(100_000)).unwrap().failed, 10);
    }

    #[test]
    fn the_hundredth_failure_switches_passwords_off() {
        let before = Attempts { failed: 99, last_at: Some(at(0)), waits_until: None };
        let hundredth = POLICY.attempt(before, at(0)).unwrap();
        assert_eq!(hundredth.waits_until, Some(NEVER));
        assert_eq!(POLICY.attempt(hundredth, at(1_000_000)), Err(NEVER));
    }
}
