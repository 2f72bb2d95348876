//! Whether any vendor of a channel delivers (OTP-10).

use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::Duration;
use domain::message::Channel;
use ports::postbox::PostboxError;
use tokio::time::Instant;

/// How deliveries went lately.
#[derive(Debug)]
pub(super) struct Health {
    channel: Channel,
    down_after: Duration,
    probe_every: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the last delivery ended well.
    well_at: Option<Instant>,
    /// The first failure's beginning and the last one's end, with no success between them.
    failing: Option<(Instant, Instant)>,
    /// First moment at which the next probe may go.
    next_probe: Option<Instant>,
}

impl Health {
    pub(super) fn new(channel: Channel, down_after: Duration, probe_every: Duration) -> Self {
        Self { channel, down_after, probe_every, state: Mutex::default() }
    }

    /// A vendor took a message, or answered about its number.
    pub(super) fn went_well(&self, now: Instant) {
        *self.lock() = State { well_at: Some(now), ..State::default() };
    }

    /// No vendor took a message, from one moment to another.
    pub(super) fn failed(&self, begun: Instant, now: Instant) {
        let mut state = self.lock();
        // What failed while others went well says nothing of the time before they did.
        let begun = state.well_at.map_or(begun, |it| it.max(begun));
        let first = state.failing.map_or(begun, |(first, _)| first.min(begun));
        state.failing = Some((first, now));
    }

    /// Takes a place, unless all vendors are failing and no probe is due.
    ///
    /// A probe that finds no place leaves the probe to the next, and its caller hears that they
    /// fail: letters that wait for them are why there is none.
    pub(super) fn admit<T>(
        &self,
        now: Instant,
        take: impl FnOnce() -> Result<T, PostboxError>,
    ) -> Result<T, PostboxError> {
        let mut state = self.lock();
        let down =
            state.failing.is_some_and(|(first, last)| last.duration_since(first) > self.down_after);
        if !down {
            return take();
        }
        if let Some(next) = state.next_probe.filter(|it| *it > now) {
            let retry_after = next.duration_since(now);
            return Err(PostboxError::Down { channel: self.channel, retry_after });
        }
        let Ok(taken) = take() else {
            return Err(PostboxError::Down {
                channel: self.channel,
                retry_after: self.probe_every,
            });
        };
        state.next_probe = now.checked_add(self.probe_every);
        Ok(taken)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health() -> (Health, impl Fn(u64) -> Instant) {
        let start = Instant::now();
        let health = Health::new(Channel::Sms, Duration::from_secs(30), Duration::from_secs(5));
        (health, move |seconds| start + Duration::from_secs(seconds))
    }

    fn admitted(health: &Health, now: Instant) -> Result<(), PostboxError> {
        health.admit(now, || Ok(()))
    }

    fn down(seconds: u64) -> Result<(), PostboxError> {
        Err(PostboxError::Down { channel: Channel::Sms, retry_after: Duration::from_secs(seconds) })
    }

    /// OTP-10: for more than 30 seconds, then one probe in five.
    #[test]
    fn failing_for_a_while_is_down() {
        let (health, at) = health();
        health.failed(at(0), at(1));
        health.failed(at(25), at(30));
        assert_eq!(admitted(&health, at(1000)), Ok(()), "30 seconds are not more than 30");
        health.failed(at(28), at(31));
        assert_eq!(admitted(&health, at(31)), Ok(()), "the first is the probe");
        assert_eq!(admitted(&health, at(31)), down(5));
        assert_eq!(admitted(&health, at(34)), down(2));
        assert_eq!(admitted(&health, at(36)), Ok(()));
        assert_eq!(admitted(&health, at(37)), down(4));
    }

    #[test]
    fn one_success_heals() {
        let (health, at) = health();
        health.failed(at(0), at(40));
        assert_eq!(admitted(&health, at(40)), Ok(()));
        assert_eq!(admitted(&health, at(40)), down(5));
        health.went_well(at(41));
        for _ in 0..10 {
            assert_eq!(admitted(&health, at(41)), Ok(()));
        }
    }

    #[test]
    fn a_failure_that_began_before_a_success_counts_from_the_success() {
        let (health, at) = health();
        health.went_well(at(30));
        health.failed(at(0), at(31));
        assert_eq!(admitted(&health, at(31)), Ok(()));
        health.failed(at(40), at(59));
        assert_eq!(admitted(&health, at(59)), Ok(()));
        assert_eq!(admitted(&health, at(59)), Ok(()));
    }

    #[test]
    fn a_probe_without_a_place_is_no_probe() {
        let (health, at) = health();
        let full = |now| health.admit::<()>(now, || Err(PostboxError::Full));
        assert_eq!(full(at(20)), Err(PostboxError::Full), "nobody knows yet that they fail");
        health.failed(at(0), at(40));
        assert_eq!(full(at(40)), down(5));
        assert_eq!(admitted(&health, at(40)), Ok(()));
    }
}
