//! Refresh tokens: each is good once, and one that comes back late ends them all (OP-07).

use thiserror::Error;

use super::scope::Scopes;
use crate::secret::Sealed;
use crate::{Duration, Timestamp, later};

/// How long an access token of a client that is not ours lives (OP-06).
pub const ACCESS_LIFE: Duration = Duration::from_mins(10);

/// How long a token that was rotated is answered with its successor: a client whose answer was
/// lost, or that asked twice at once, is no thief.
pub const GRACE: Duration = Duration::from_secs(10);

/// A refresh token as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// When it was exchanged for the next one; `None` if it was not.
    pub rotated_at: Option<Timestamp>,
    /// The next one, sealed; kept as long as the grace is.
    pub successor: Option<Sealed>,
}

/// What a refresh comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refreshed {
    /// The token is rotated.
    Rotate,
    /// It was, just now: here is the next one again.
    Again(Sealed),
}

/// Why a token is not refreshed. A client is told `invalid_grant` whichever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It was rotated before: its whole family has to end.
    #[error("the refresh token was used before")]
    Used,
    /// It is another client's, or its session is over.
    #[error("the refresh token does not fit")]
    Unfit,
}

impl Held {
    /// Decides on a refresh; `fits` says that the token is the client's and that its session lives.
    pub fn refresh(self, fits: bool, now: Timestamp) -> Result<Refreshed, Refusal> {
        if !fits {
            return Err(Refusal::Unfit);
        }
        match (self.rotated_at, self.successor) {
            (None, _) => Ok(Refreshed::Rotate),
            (Some(at), Some(next)) if now < later(at, GRACE) => Ok(Refreshed::Again(next)),
            (Some(_), _) => Err(Refusal::Used),
        }
    }
}

/// The scope of a refreshed access token: what was granted, or the part of it that is asked for.
/// `None` if more is asked for.
#[must_use]
pub fn narrowed(granted: Scopes, asked: Option<Scopes>) -> Option<Scopes> {
    let asked = asked.unwrap_or(granted);
    asked.is_within(granted).then_some(asked)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn at(milli: u64) -> Timestamp {
        later(Timestamp::UNIX_EPOCH, Duration::from_millis(milli))
    }

    fn next() -> Sealed {
        Sealed::new(vec![1])
    }

    /// OP-07: once, with a grace, and then never.
    #[rstest]
    #[case::fresh(None, None, true, 0, Ok(Refreshed::Rotate))]
    #[case::foreign(None, None, false, 0, Err(Refusal::Unfit))]
    #[case::at_once(Some(0), Some(next()), true, 0, Ok(Refreshed::Again(next())))]
    #[case::in_grace(Some(0), Some(next()), true, 9_999, Ok(Refreshed::Again(next())))]
    #[case::after_it(Some(0), Some(next()), true, 10_000, Err(Refusal::Used))]
    #[case::forgotten(Some(0), None, true, 0, Err(Refusal::Used))]
    #[case::foreign_again(Some(0), Some(next()), false, 99_999, Err(Refusal::Unfit))]
    fn a_token_is_good_once(
        #[case] rotated: Option<u64>,
        #[case] successor: Option<Sealed>,
        #[case] fits: bool,
        #[case] milli: u64,
        #[case] expected: Result<Refreshed, Refusal>,
    ) {
        let held = Held { rotated_at: rotated.map(at), successor };
        assert_eq!(held.refresh(fits, at(milli)), expected);
    }

    /// OP-07: scope never widens.
    #[rstest]
    #[case("openid email", None, Some("openid email"))]
    #[case("openid email", Some("email"), Some("email"))]
    #[case("openid", Some("openid email"), None)]
    fn a_scope_never_widens(
        #[case] granted: &str,
        #[case] asked: Option<&str>,
        #[case] expected: Option<&str>,
    ) {
        let read = |it: &str| Scopes::parse(it).unwrap();
        assert_eq!(narrowed(read(granted), asked.map(read)), expected.map(read));
    }
}
