//! What a person lets a program know, until they take it back (OP-10).

use super::client::ClientId;
use super::scope::Scopes;
use crate::Timestamp;
use crate::id::UserId;

/// A person's consent to one program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// The person.
    pub user_id: UserId,
    /// The program.
    pub client_id: ClientId,
    /// What it may know.
    pub scope: Scopes,
    /// When the person last agreed.
    pub granted_at: Timestamp,
}

/// The consent that a code needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// What the person has to have agreed to.
    pub scope: Scopes,
    /// The moment after which they have to have done so; `None` for any time.
    pub given_after: Option<Timestamp>,
}

impl Consent {
    /// True if the person agreed to what a code needs.
    #[must_use]
    pub fn covers(&self, need: &Need) -> bool {
        need.scope.is_within(self.scope)
            && need.given_after.is_none_or(|after| self.granted_at > after)
    }

    /// The consent of a person who agreed before: it widens and never narrows, so that no token
    /// that is out there is wider than the consent behind it.
    #[must_use]
    pub fn widening(self, held: Option<&Self>) -> Self {
        let Some(held) = held else { return self };
        let scope = self.scope.union(held.scope);
        Self { scope, granted_at: self.granted_at.max(held.granted_at), ..self }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{Duration, later};

    fn at(second: u64) -> Timestamp {
        later(Timestamp::UNIX_EPOCH, Duration::from_secs(second))
    }

    fn scope(text: &str) -> Scopes {
        Scopes::parse(text).unwrap()
    }

    fn consent(to: &str, second: u64) -> Consent {
        Consent {
            user_id: UserId::new(at(0), [1; 10]),
            client_id: ClientId::parse("other").unwrap(),
            scope: scope(to),
            granted_at: at(second),
        }
    }

    /// OP-10: no code without a consent to all of it, and recent enough where that is asked.
    #[rstest]
    #[case::same("openid phone", None, true)]
    #[case::less("phone", None, true)]
    #[case::nothing("", None, true)]
    #[case::more("openid phone email", None, false)]
    #[case::other("email", None, false)]
    #[case::younger("openid", Some(99), true)]
    #[case::as_old("openid", Some(100), false)]
    #[case::older("openid", Some(101), false)]
    fn a_consent_covers_what_was_agreed_to(
        #[case] asked: &str,
        #[case] after: Option<u64>,
        #[case] expected: bool,
    ) {
        let need = Need { scope: scope(asked), given_after: after.map(at) };
        assert_eq!(consent("openid phone", 100).covers(&need), expected);
    }

    #[test]
    fn a_consent_widens_and_never_narrows() {
        let first = consent("openid phone", 100);
        assert_eq!(first.clone().widening(None), first);
        let second = consent("email", 200).widening(Some(&first));
        assert_eq!(second, consent("openid phone email", 200));
        let late = consent("openid", 150).widening(Some(&second));
        assert_eq!(late, second, "whichever is written last");
    }
}
