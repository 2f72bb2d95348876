//! Caps: at most so many events in any window of time.

use crate::secret::Subject;
use crate::{Duration, Timestamp, later};

/// At most `count` events in any `window`, wherever the window begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// The most events; never 0 (a limit that is switched off has no cap).
    pub count: u32,
    /// The length of the window.
    pub window: Duration,
}

impl Cap {
    /// A cap, or `None` where the limit is switched off by 0.
    #[must_use]
    pub fn new(count: u32, window: Duration) -> Option<Self> {
        (count > 0).then_some(Self { count, window })
    }
}

/// Whose share an event takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One phone number.
    Phone,
    /// One mailbox.
    Mailbox,
    /// One address (IPv6: one /64).
    Ip,
    /// The numbers that differ in their last four digits alone.
    Block,
    /// All numbers of one country.
    Country,
    /// Everybody.
    Everyone,
    /// Reset codes alone, to one target or from one address.
    Reset,
}

/// One counter that an event is charged to, and the caps that hold for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Whose share it is.
    pub scope: Scope,
    /// Who it is: the counter's name.
    pub subject: Subject,
    /// The caps, in any order; none where all are switched off.
    pub caps: Vec<Cap>,
}

/// The first moment at which one more event keeps all `caps`; `None` if it does now.
///
/// `newest` gives the n-th newest event's moment, counted from 0. A cap of n is full while its
/// n-th newest event is younger than the window, which is exact for every window.
#[must_use]
pub fn full_until(
    caps: &[Cap],
    newest: impl Fn(usize) -> Option<Timestamp>,
    now: Timestamp,
) -> Option<Timestamp> {
    caps.iter()
        .filter_map(|cap| {
            let oldest_counted = newest(usize::try_from(cap.count.checked_sub(1)?).ok()?)?;
            Some(later(oldest_counted, cap.window)).filter(|it| *it > now)
        })
        .max()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn cap(count: u32, seconds: u64) -> Cap {
        Cap { count, window: Duration::from_secs(seconds) }
    }

    #[rstest]
    #[case::nothing_yet(&[], &[cap(1, 60)], None)]
    #[case::one_a_minute(&[0], &[cap(1, 60)], Some(60))]
    #[case::the_minute_is_over(&[-60], &[cap(1, 60)], None)]
    #[case::one_second_before(&[-59], &[cap(1, 60)], Some(1))]
    #[case::room_for_one_more(&[-10, -20, -30, -40], &[cap(5, 3600)], None)]
    #[case::the_oldest_counted_decides(&[-10, -20, -30, -40, -50], &[cap(5, 3600)], Some(3550))]
    #[case::the_longest_wait_wins(&[-10, -20], &[cap(1, 60), cap(2, 600)], Some(580))]
    #[case::no_caps(&[0, 0, 0], &[], None)]
    fn a_cap_is_full_while_its_nth_newest_is_young(
        #[case] newest: &[i64],
        #[case] caps: &[Cap],
        #[case] until: Option<i64>,
    ) {
        let full = full_until(caps, |nth| newest.get(nth).copied().map(at), at(0));
        assert_eq!(full, until.map(at));
    }

    #[test]
    fn zero_switches_a_limit_off() {
        assert_eq!(Cap::new(0, Duration::from_secs(1)), None);
    }
}
