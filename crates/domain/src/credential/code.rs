//! Codes sent to a phone or mailbox: their life from sending to proof.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use super::VerifiedIdentity;
use crate::cap::{Cap, full_until};
use crate::id::ChallengeId;
use crate::identifier::Identifier;
use crate::secret::{CodeMac, Sealed, Subject};
use crate::session::Method;
use crate::{Duration, Timestamp};

/// The verb that a code is good for, and for no other (OTP-06).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Logging in, which registers.
    Login,
    /// Linking to the account that asks.
    Link,
    /// Proving again who it is.
    Reauthenticate,
    /// Setting a new password.
    ResetPassword,
    /// Taking another account in.
    Merge,
}

impl Purpose {
    /// True if it asks who is there now, and not only whose account it is (LINK-01).
    #[must_use]
    pub const fn asks_for_presence(self) -> bool {
        match self {
            Self::Reauthenticate | Self::Merge => true,
            Self::Login | Self::Link | Self::ResetPassword => false,
        }
    }

    /// All purposes.
    pub const ALL: [Self; 5] =
        [Self::Login, Self::Link, Self::Reauthenticate, Self::ResetPassword, Self::Merge];

    /// The stable name, in stores and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Link => "link",
            Self::Reauthenticate => "reauthenticate",
            Self::ResetPassword => "reset_password",
            Self::Merge => "merge",
        }
    }

    /// Reads the stable name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }
}

/// A code: 6 to 8 digits, leading zeros counted (OTP-01).
#[derive(Clone, PartialEq, Eq)]
pub struct Code(Zeroizing<String>);

/// The text is not a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a code of digits")]
pub struct CodeError;

impl Code {
    /// Reads a code as typed: exactly `length` digits and nothing else.
    pub fn parse(raw: &str, length: u8) -> Result<Self, CodeError> {
        if raw.len() == usize::from(length) && raw.bytes().all(|it| it.is_ascii_digit()) {
            Ok(Self(Zeroizing::new(raw.to_owned())))
        } else {
            Err(CodeError)
        }
    }

    /// Draws a code, each as likely as any other; `next` gives random numbers.
    ///
    /// Numbers beyond the largest multiple of the range are drawn again, so none is favoured.
    pub fn draw(length: u8, mut next: impl FnMut() -> u64) -> Self {
        let range = 10_u64.pow(u32::from(length));
        let fair = u64::MAX - u64::MAX % range;
        let number = loop {
            let drawn = next();
            if drawn < fair {
                break drawn % range;
            }
        };
        Self(Zeroizing::new(format!("{number:0width$}", width = usize::from(length))))
    }

    /// The digits: for the message that carries them and for their keyed hash.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

/// A code as a client presents it. An id that names nothing is `None` and is a wrong code.
#[derive(Debug)]
pub struct CodeCredential {
    /// The challenge that it answers.
    pub challenge_id: Option<ChallengeId>,
    /// The digits.
    pub code: Code,
}

/// A code that was sent and not yet used, as stores keep it: they can read neither code nor target.
#[derive(Debug, Clone)]
pub struct Challenge {
    /// Its name.
    pub id: ChallengeId,
    /// The verb that it is good for.
    pub purpose: Purpose,
    /// Where the code went, sealed for this id.
    pub target: Sealed,
    /// Whose wrong tries and live challenges are counted together: the target.
    pub owner: Subject,
    /// The device that asked: its newer code for the same purpose ends this one.
    pub device: Subject,
    /// The keyed hash of the code.
    pub mac: CodeMac,
    /// Wrong tries before it is burned.
    pub tries_left: u8,
    /// First moment at which it no longer counts.
    pub expires_at: Timestamp,
    /// The vendor that took its message; `None` until one did. For those who count.
    pub vendor: Option<String>,
}

/// What one try at a challenge came to.
#[derive(Debug, Clone)]
pub enum Guess {
    /// The code was right; the challenge is used up.
    Right {
        /// Its sealed target.
        target: Sealed,
        /// The vendor that took its message, as far as is known.
        vendor: Option<String>,
    },
    /// Wrong, expired, burned, used or unknown: one answer for all (OTP-04). The sealed target where
    /// there still was a challenge, for the log.
    Wrong(Option<Sealed>),
    /// Too many wrong tries for this target; nothing was evaluated.
    TooMany {
        /// First moment at which a try is evaluated again.
        until: Timestamp,
    },
}

/// What a right code does to its challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRight {
    /// It is used up.
    Use,
    /// It stays for the act that was only tried out.
    Keep,
}

/// What becomes of the stored challenge after a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It stays as it is: nothing was evaluated, or a right code was only tried out.
    Kept,
    /// It stays, with one try less; the wrong try is counted against its target.
    Spent,
    /// It goes, and the wrong try is counted.
    Burned,
    /// It goes: used, or dead before the try.
    Gone,
}

/// Decides one try at a challenge that exists (OTP-04, OTP-05).
///
/// The order is the contract: a target over its wrong tries is told so whatever the code; then an
/// expired challenge is as wrong as an unknown one; only then is the code looked at. `wrong` gives
/// the n-th newest wrong try at this target.
#[must_use]
pub fn guess(
    held: &Challenge,
    given: &CodeMac,
    wrong: impl Fn(usize) -> Option<Timestamp>,
    wrong_caps: &[Cap],
    on_right: OnRight,
    now: Timestamp,
) -> (Guess, Fate) {
    if let Some(until) = full_until(wrong_caps, wrong, now) {
        return (Guess::TooMany { until }, Fate::Kept);
    }
    if held.expires_at <= now || held.tries_left == 0 {
        return (Guess::Wrong(Some(held.target.clone())), Fate::Gone);
    }
    if held.mac == *given {
        let fate = match on_right {
            OnRight::Use => Fate::Gone,
            OnRight::Keep => Fate::Kept,
        };
        let (target, vendor) = (held.target.clone(), held.vendor.clone());
        return (Guess::Right { target, vendor }, fate);
    }
    (
        Guess::Wrong(Some(held.target.clone())),
        if held.tries_left == 1 { Fate::Burned } else { Fate::Spent },
    )
}

/// The identity that a used-up challenge proves: its target is the one the code went to.
#[must_use]
pub fn proves(target: Identifier) -> VerifiedIdentity {
    let method = match target {
        Identifier::Phone(_) | Identifier::Username(_) | Identifier::ThirdParty(_) => Method::Sms,
        Identifier::Email(_) => Method::Email,
    };
    VerifiedIdentity::proven(target, method)
}

/// How codes are made and how long they live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodePolicy {
    /// Digits of a code.
    pub length: u8,
    /// How long a code lives.
    pub ttl: Duration,
    /// Time between two codes for one target.
    pub resend: Duration,
    /// Wrong tries before a code is burned.
    pub max_tries: u8,
    /// Codes sent to one phone: the resend time, an hour, a day.
    pub per_phone: Vec<Cap>,
    /// Codes asked for from one address.
    pub per_ip: Vec<Cap>,
    /// Codes sent to one block of numbers.
    pub per_block: Vec<Cap>,
    /// Codes sent to one country.
    pub per_country: Vec<Cap>,
    /// Codes sent to everybody.
    pub global: Vec<Cap>,
    /// Wrong tries at all codes of one target.
    pub wrong: Vec<Cap>,
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn held(tries_left: u8, expires: i64) -> Challenge {
        Challenge {
            id: ChallengeId::new([1; 16]),
            purpose: Purpose::Login,
            target: Sealed::new(vec![1]),
            owner: Subject::new([2; 32]),
            device: Subject::new([3; 32]),
            mac: CodeMac::new([4; 32]),
            tries_left,
            expires_at: at(expires),
            vendor: None,
        }
    }

    /// OTP-03, OTP-04: the life of a challenge, try by try.
    #[rstest]
    #[case::right(held(5, 300), 4, 0, "right", Fate::Gone)]
    #[case::right_on_the_last_try(held(1, 300), 4, 0, "right", Fate::Gone)]
    #[case::wrong(held(5, 300), 9, 0, "wrong", Fate::Spent)]
    #[case::wrong_on_the_last_try(held(1, 300), 9, 0, "wrong", Fate::Burned)]
    #[case::burned(held(0, 300), 4, 0, "wrong", Fate::Gone)]
    #[case::expired(held(5, 0), 4, 0, "wrong", Fate::Gone)]
    #[case::over_the_cap_though_right(held(5, 300), 4, 10, "too many", Fate::Kept)]
    #[case::over_the_cap_and_expired(held(5, 0), 4, 10, "too many", Fate::Kept)]
    fn a_try_is_decided(
        #[case] held: Challenge,
        #[case] given: u8,
        #[case] wrong_before: usize,
        #[case] answer: &str,
        #[case] fate: Fate,
    ) {
        let caps = [Cap { count: 10, window: Duration::from_hours(1) }];
        let wrong = |nth| (nth < wrong_before).then(|| at(-1));
        let (guess, then) =
            guess(&held, &CodeMac::new([given; 32]), wrong, &caps, OnRight::Use, at(0));
        let said = match guess {
            Guess::Right { .. } => "right",
            Guess::Wrong(_) => "wrong",
            Guess::TooMany { .. } => "too many",
        };
        assert_eq!((said, then), (answer, fate));
    }

    /// OTP-01: exactly digits, leading zeros valid.
    #[test]
    fn a_code_is_read_exactly() {
        assert_eq!(Code::parse("000042", 6).unwrap().reveal(), "000042");
        for bad in ["", "12345", "1234567", "12345a", " 12345", "１２３４５６", "-12345"] {
            assert_eq!(Code::parse(bad, 6), Err(CodeError), "{bad}");
        }
    }

    #[test]
    fn a_drawn_code_keeps_its_leading_zeros_and_favours_none() {
        assert_eq!(Code::draw(6, || 42).reveal(), "000042");
        let mut draws = [u64::MAX, 7].into_iter();
        assert_eq!(Code::draw(6, || draws.next().unwrap()).reveal(), "000007");
    }
}
