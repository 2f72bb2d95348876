//! How long what is over is kept (REL-11, LOG-04).

use crate::lockout::LockoutPolicy;
use crate::{Duration, Timestamp};

/// Clocks of nodes and of the database differ: nothing goes before its time is over by all of them.
/// Well below the hour within which it is to be gone (REL-11).
pub const SKEW: Duration = Duration::from_mins(10);
/// How long sessions are kept after their end.
pub const SESSIONS_KEPT: Duration = Duration::from_hours(30 * 24);
/// How long told entries of the outbox are kept, so that they can be replayed.
pub const TOLD_KEPT: Duration = Duration::from_hours(7 * 24);
/// How long the audit log is kept (LOG-04). The database lets nothing younger go.
pub const AUDIT_KEPT: Duration = Duration::from_hours(180 * 24);

/// What is kept for a while after it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kept {
    /// Sessions that were ended, with the codes and refresh tokens that stand for them.
    EndedSessions,
    /// Sessions whose time was over, with the same.
    ExpiredSessions,
    /// Entries of the outbox that were told. Those that are parked or open stay.
    ToldEntries,
    /// Notes of proofs that are good once.
    SpentProofs,
    /// Failed passwords that made nobody wait, and that no later one adds up with. What began a
    /// wait is counted until a right password or a reset (LOCK-02).
    PasswordAttempts,
    /// Logins.
    LoginEvents,
    /// The audit log beside the logins.
    AuditEvents,
}

impl Kept {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::EndedSessions,
        Self::ExpiredSessions,
        Self::ToldEntries,
        Self::SpentProofs,
        Self::PasswordAttempts,
        Self::LoginEvents,
        Self::AuditEvents,
    ];

    /// The table that holds them.
    #[must_use]
    pub const fn table(self) -> &'static str {
        match self {
            Self::EndedSessions | Self::ExpiredSessions => "sessions",
            Self::ToldEntries => "outbox",
            Self::SpentProofs => "spent_proofs",
            Self::PasswordAttempts => "password_attempts",
            Self::LoginEvents => "login_events",
            Self::AuditEvents => "audit_events",
        }
    }

    /// How long after their end they are kept.
    #[must_use]
    pub fn term(self, lockout: &LockoutPolicy) -> Duration {
        match self {
            Self::EndedSessions | Self::ExpiredSessions => SESSIONS_KEPT,
            Self::ToldEntries => TOLD_KEPT,
            Self::SpentProofs => Duration::ZERO,
            Self::PasswordAttempts => lockout.window,
            Self::LoginEvents | Self::AuditEvents => AUDIT_KEPT,
        }
    }

    /// The last moment such that what was over then, or before it, may go now.
    #[must_use]
    pub fn may_go(self, lockout: &LockoutPolicy, now: Timestamp) -> Timestamp {
        let kept = self.term(lockout).saturating_add(SKEW);
        now.checked_sub(kept).unwrap_or(Timestamp::MIN)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    const LOCKOUT: LockoutPolicy = LockoutPolicy {
        threshold: 5,
        window: Duration::from_mins(15),
        base: Duration::from_secs(30),
        max: Duration::from_hours(1),
    };

    /// REL-11, LOG-04: each has its term, and ten minutes for clocks that differ.
    #[rstest]
    #[case(Kept::EndedSessions, 30 * DAY)]
    #[case(Kept::ExpiredSessions, 30 * DAY)]
    #[case(Kept::ToldEntries, 7 * DAY)]
    #[case(Kept::SpentProofs, Duration::ZERO)]
    #[case(Kept::PasswordAttempts, Duration::from_mins(15))]
    #[case(Kept::LoginEvents, 180 * DAY)]
    #[case(Kept::AuditEvents, 180 * DAY)]
    fn each_has_its_term(#[case] kept: Kept, #[case] term: Duration) {
        let now = Timestamp::from_second(1_000_000_000).unwrap();
        let gone_before = now.checked_sub(term + Duration::from_mins(10)).unwrap();
        assert_eq!(kept.may_go(&LOCKOUT, now), gone_before);
        assert!(SKEW < Duration::from_hours(1), "REL-11");
    }

    /// A window that no calendar holds keeps all there is.
    #[test]
    fn a_term_without_an_end_keeps_all() {
        let lockout = LockoutPolicy { window: Duration::MAX, ..LOCKOUT };
        let may_go = Kept::PasswordAttempts.may_go(&lockout, Timestamp::UNIX_EPOCH);
        assert_eq!(may_go, Timestamp::MIN);
    }
}
