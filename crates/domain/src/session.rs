//! Sessions: how one begins, how use pushes its end on, when it is over.

use crate::id::{IdentityId, SessionId, UserId};
use crate::origin::Origin;
use crate::provider::ProviderName;
use crate::user::User;
use crate::{Duration, Timestamp, later};

/// How a person proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// A code sent by SMS.
    Sms,
    /// A code sent by e-mail.
    Email,
    /// A password.
    Password,
    /// One tap: the carrier knows the SIM. Little is proved by it (TAP-03).
    Carrier,
    /// An account at a configured provider.
    Provider(ProviderName),
}

impl Method {
    const OWN: [Self; 4] = [Self::Sms, Self::Email, Self::Password, Self::Carrier];

    /// The stable name in the login history: a provider's is its own.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Sms => "sms",
            Self::Email => "email",
            Self::Password => "password",
            Self::Carrier => "carrier",
            Self::Provider(name) => name.as_str(),
        }
    }

    /// The value for `amr` (RFC 8176 where it has one).
    #[must_use]
    pub const fn amr(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Email => "email",
            Self::Password => "pwd",
            Self::Carrier => "carrier",
            Self::Provider(_) => "fed",
        }
    }

    /// Reads the stable name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::OWN
            .into_iter()
            .find(|it| it.as_str() == name)
            .or_else(|| ProviderName::parse(name).ok().map(Self::Provider))
    }
}

/// How long sessions live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPolicy {
    /// Time without use after which a session is over.
    pub idle: Duration,
    /// Time after which a session is over whatever its use; `None` for never.
    pub absolute: Option<Duration>,
    /// How long a proof counts as fresh.
    pub fresh: Duration,
}

/// The most live sessions of one user; the longest unused go (SES-05).
pub const MOST_SESSIONS: usize = 20;

/// One login that is still good, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its name. The token is known by its hash alone.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// The identity that it was born from.
    pub identity_id: IdentityId,
    /// How its owner proved who they are.
    pub method: Method,
    /// When they last did.
    pub auth_time: Timestamp,
    /// When it began.
    pub created_at: Timestamp,
    /// Last use that was written down.
    pub last_seen_at: Timestamp,
    /// First moment at which it is over for want of use.
    pub idle_ends_at: Timestamp,
    /// First moment at which it is over whatever its use.
    pub absolute_ends_at: Option<Timestamp>,
    /// Where it began.
    pub origin: Origin,
}

/// A session and its owner: what one look-up by token gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The session.
    pub session: Session,
    /// Its owner.
    pub user: User,
}

/// A session's end pushed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slide {
    /// The use that pushes it.
    pub last_seen_at: Timestamp,
    /// Its new end.
    pub idle_ends_at: Timestamp,
    /// The last use that was known when it was decided: whoever knew no newer one writes nothing
    /// after the first (SES-03).
    pub based_on: Timestamp,
}

impl SessionPolicy {
    /// How often a use is written down at most: ten minutes, or a tenth of the idle time (SES-03).
    #[must_use]
    pub fn slide_every(&self) -> Duration {
        Duration::from_mins(10).min(self.idle / 10)
    }

    /// The first ends of a session that begins now: for want of use, and whatever its use.
    #[must_use]
    pub fn ends(&self, now: Timestamp) -> (Timestamp, Option<Timestamp>) {
        let absolute = self.absolute.map(|it| later(now, it));
        (cut(later(now, self.idle), absolute), absolute)
    }
}

impl Session {
    /// First moment at which it is over.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        cut(self.idle_ends_at, self.absolute_ends_at)
    }

    /// True until it is over.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.ends_at()
    }

    /// What a use now writes down; `None` when the last writing is recent, or nothing is gained.
    ///
    /// The end never moves back and never passes the absolute end (SES-03).
    #[must_use]
    pub fn slide(&self, policy: &SessionPolicy, now: Timestamp) -> Option<Slide> {
        if now < later(self.last_seen_at, policy.slide_every()) {
            return None;
        }
        let pushed = cut(later(now, policy.idle), self.absolute_ends_at);
        let idle_ends_at = pushed.max(self.idle_ends_at);
        Some(Slide { last_seen_at: now, idle_ends_at, based_on: self.last_seen_at })
    }

    /// The session after a slide.
    #[must_use]
    pub fn slid(self, slide: Slide) -> Self {
        Self { last_seen_at: slide.last_seen_at, idle_ends_at: slide.idle_ends_at, ..self }
    }

    /// Decides whether a password may be set without knowing the one that is set now: a first one
    /// after a fresh proof, another one after a fresh proof made since the login (RST-06).
    #[must_use]
    pub fn may_set_password(
        &self,
        has_password: bool,
        policy: &SessionPolicy,
        now: Timestamp,
    ) -> bool {
        self.is_fresh(policy, now) && (!has_password || self.auth_time > self.created_at)
    }

    /// True while its last proof is recent enough to change what logs in (LINK-01). What began by
    /// one tap proves too little until its owner proves more (TAP-03).
    #[must_use]
    pub fn is_fresh(&self, policy: &SessionPolicy, now: Timestamp) -> bool {
        let is_proved = self.method != Method::Carrier || self.auth_time > self.created_at;
        is_proved && now < later(self.auth_time, policy.fresh)
    }
}

fn cut(end: Timestamp, absolute: Option<Timestamp>) -> Timestamp {
    absolute.map_or(end, |it| end.min(it))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use rstest::rstest;

    use super::*;
    use crate::origin::Device;

    const DAY: u64 = 86_400;

    fn policy() -> SessionPolicy {
        SessionPolicy {
            idle: Duration::from_secs(7 * DAY),
            absolute: Some(Duration::from_secs(30 * DAY)),
            fresh: Duration::from_mins(10),
        }
    }

    fn at(second: u64) -> Timestamp {
        later(Timestamp::UNIX_EPOCH, Duration::from_secs(second))
    }

    fn begun() -> Session {
        let (idle_ends_at, absolute_ends_at) = policy().ends(at(0));
        Session {
            id: SessionId::new(at(0), [1; 10]),
            user_id: UserId::new(at(0), [2; 10]),
            identity_id: IdentityId::new(at(0), [3; 10]),
            method: Method::Sms,
            auth_time: at(0),
            created_at: at(0),
            last_seen_at: at(0),
            idle_ends_at,
            absolute_ends_at,
            origin: Origin { ip: Ipv4Addr::LOCALHOST.into(), device: Device::default() },
        }
    }

    /// SES-03: written at most every ten minutes, never past the absolute end.
    #[rstest]
    #[case::at_once(0, None)]
    #[case::before_ten_minutes(599, None)]
    #[case::after_ten_minutes(600, Some(600 + 7 * DAY))]
    #[case::near_the_absolute_end(25 * DAY, Some(30 * DAY))]
    fn a_use_pushes_the_end_on(#[case] second: u64, #[case] end: Option<u64>) {
        let slide = begun().slide(&policy(), at(second));
        assert_eq!(slide.map(|it| it.idle_ends_at), end.map(at));
    }

    #[test]
    fn a_shorter_setting_does_not_shorten_a_session() {
        let shorter = SessionPolicy { idle: Duration::from_secs(DAY), ..policy() };
        let slide = begun().slide(&shorter, at(DAY)).unwrap();
        assert_eq!(slide.idle_ends_at, at(7 * DAY));
    }

    #[test]
    fn a_session_is_over_at_its_end() {
        assert!(begun().is_live(at(7 * DAY - 1)));
        assert!(!begun().is_live(at(7 * DAY)));
        let used = begun().slid(Slide {
            last_seen_at: at(1),
            idle_ends_at: at(40 * DAY),
            based_on: at(0),
        });
        assert!(!used.is_live(at(30 * DAY)));
    }

    #[rstest]
    #[case::after_the_login(0, 0, true, false)]
    #[case::long_after_the_login(0, 600, false, false)]
    #[case::proved_again(100, 100, true, true)]
    #[case::proved_again_a_while_ago(100, 699, true, true)]
    #[case::proved_again_too_long_ago(100, 700, false, false)]
    fn a_password_is_set_after_a_fresh_proof(
        #[case] proved: u64,
        #[case] second: u64,
        #[case] first: bool,
        #[case] another: bool,
    ) {
        let session = Session { auth_time: at(proved), ..begun() };
        assert_eq!(session.may_set_password(false, &policy(), at(second)), first);
        assert_eq!(session.may_set_password(true, &policy(), at(second)), another);
    }

    #[test]
    fn short_idle_times_slide_more_often() {
        let short = SessionPolicy { idle: Duration::from_mins(5), ..policy() };
        assert_eq!(short.slide_every(), Duration::from_secs(30));
    }
}
