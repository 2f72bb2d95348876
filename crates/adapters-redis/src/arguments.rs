//! How times and caps are told to scripts, and read from their answers.

use domain::cap::Cap;
use domain::{Duration, Timestamp};
use ports::error::StoreError;
use redis::ScriptInvocation;

/// How much longer Redis keeps what a rule may ask for, so that clocks may differ a little.
const SLACK: Duration = Duration::from_mins(1);
/// The longest life that is told to Redis, ten years: `PX` takes no number of any size.
const LONGEST: Duration = Duration::from_hours(87_600);

/// A moment as scripts compute with it: whole microseconds, which a Lua number holds exactly.
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// A length of time in the same unit.
pub(crate) fn length(of: Duration) -> i64 {
    i64::try_from(of.as_micros()).unwrap_or(i64::MAX)
}

/// How long Redis keeps a thing that counts for `life`, in milliseconds, rounded up.
pub(crate) fn px(life: Duration) -> i64 {
    let kept = life.saturating_add(SLACK).min(LONGEST);
    i64::try_from(kept.as_micros().div_ceil(1000)).unwrap_or(i64::MAX)
}

/// Reads a moment from a script's answer.
pub(crate) fn moment(text: &[u8]) -> Result<Timestamp, StoreError> {
    let corrupt = StoreError::Corrupt { what: "redis counter" };
    let micros = std::str::from_utf8(text).ok().and_then(|it| it.parse().ok());
    micros.and_then(|it| Timestamp::from_microsecond(it).ok()).ok_or(corrupt)
}

/// Adds a counter's caps, as `caps.lua` reads them.
pub(crate) fn add_caps(to: &mut ScriptInvocation<'_>, caps: &[Cap]) {
    let longest = caps.iter().map(|it| it.window).max().unwrap_or_default();
    let most = caps.iter().map(|it| it.count).max().unwrap_or_default();
    to.arg(px(longest)).arg(most).arg(caps.len());
    for cap in caps {
        to.arg(cap.count).arg(length(cap.window));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_are_rounded_up_and_bounded() {
        assert_eq!(px(Duration::ZERO), 60_000);
        assert_eq!(px(Duration::from_micros(1)), 60_001);
        assert_eq!(px(Duration::MAX), 315_360_000_000);
    }

    #[test]
    fn a_moment_is_read_back_or_not_at_all() {
        let at = ports::testing::at(1);
        assert_eq!(moment(micros(at).to_string().as_bytes()).unwrap(), at);
        for bad in [&b""[..], b"1.5", b"1e15", b"\xff", b"99999999999999999999"] {
            assert!(moment(bad).is_err(), "{bad:?}");
        }
    }
}
