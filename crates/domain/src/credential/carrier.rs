//! One tap: what a carrier's token is, and what the carrier's answer proves.

use thiserror::Error;
use zeroize::Zeroizing;

use super::VerifiedIdentity;
use crate::Duration;
use crate::cap::Cap;
use crate::identifier::Identifier;
use crate::phone::{PhoneNumber, PhonePolicy};
use crate::secret::masked_debug;
use crate::session::Method;

/// The longest token.
const LONGEST: usize = 4096;

/// How long a token stays reserved: longer than any carrier's token lives (TAP-02).
pub const RESERVED_FOR: Duration = Duration::from_hours(1);

/// How often one device may ask carriers (TAP-04).
pub const CALLS_OF_A_DEVICE: Cap = Cap { count: 5, window: Duration::from_mins(1) };

/// A carrier's token as a client presents it: whoever has it may be given a number, once.
#[derive(Clone)]
pub struct CarrierToken(Zeroizing<String>);

/// A text is no token: empty, too long, or not of printable ASCII characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a token of 1 to 4096 printable characters")]
pub struct CarrierTokenError;

impl CarrierToken {
    /// Reads a token; what is none costs no call.
    pub fn parse(text: &str) -> Result<Self, CarrierTokenError> {
        let fits = (1..=LONGEST).contains(&text.len());
        let is_printable = text.bytes().all(|it| matches!(it, b' '..=b'~'));
        (fits && is_printable)
            .then(|| Self(Zeroizing::new(text.to_owned())))
            .ok_or(CarrierTokenError)
    }

    /// The token itself: for its keyed hash, and for the one call that spends it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

masked_debug!(CarrierToken);

/// A carrier's token, and what is asked of the carrier with it.
#[derive(Debug)]
pub struct CarrierCredential {
    /// The vendor's name.
    pub vendor: &'static str,
    /// The token.
    pub token: CarrierToken,
    /// What is asked.
    pub question: Question,
}

/// What is asked of a carrier.
#[derive(Debug)]
pub enum Question {
    /// Which number the SIM has.
    Number,
    /// Whether the SIM has this one.
    IsThis(PhoneNumber),
}

/// Why a carrier's answer proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It is no whole mobile number of a region that is allowed here.
    #[error("the carrier's answer is no number that can be used")]
    NoNumber,
    /// The SIM has another number, or the carrier would not say that it has this one.
    #[error("the carrier does not confirm the number")]
    NotConfirmed,
}

/// Judges the number that a carrier gave: in E.164 form to the letter, mobile, and of an allowed
/// region (TAP-01).
pub fn gives(answer: &str, phones: &PhonePolicy) -> Result<VerifiedIdentity, Refusal> {
    let phone = PhoneNumber::parse(answer, phones).map_err(|_| Refusal::NoNumber)?;
    if phone.as_str() != answer {
        return Err(Refusal::NoNumber);
    }
    Ok(VerifiedIdentity::proven(Identifier::Phone(phone), Method::Carrier))
}

/// Judges a carrier's word on a number: only a yes proves it (TAP-01).
pub fn confirms(phone: &PhoneNumber, is_this: bool) -> Result<VerifiedIdentity, Refusal> {
    if !is_this {
        return Err(Refusal::NotConfirmed);
    }
    Ok(VerifiedIdentity::proven(Identifier::Phone(phone.clone()), Method::Carrier))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::phone::Region;

    fn phones() -> PhonePolicy {
        PhonePolicy { default_region: Region::CN, allowed_regions: vec![Region::CN] }
    }

    #[rstest]
    #[case::one("a", true)]
    #[case::blank("a b", true)]
    #[case::signs("~!@#$%^&*()_+{}|:\"<>?`-=[]\\;',./", true)]
    #[case::empty("", false)]
    #[case::line("a\n", false)]
    #[case::delete("a\u{7f}", false)]
    #[case::not_ascii("tökén", false)]
    fn a_token_is_printable(#[case] text: &str, #[case] is_good: bool) {
        assert_eq!(CarrierToken::parse(text).is_ok(), is_good);
    }

    #[test]
    fn the_longest_token_has_4096_characters() {
        assert!(CarrierToken::parse(&"a".repeat(4096)).is_ok());
        assert!(CarrierToken::parse(&"a".repeat(4097)).is_err());
    }

    /// LOG-01.
    #[test]
    fn a_token_does_not_print_itself() {
        assert_eq!(format!("{:?}", CarrierToken::parse("secret")), "Ok(CarrierToken(…))");
    }

    /// TAP-01.
    #[rstest]
    #[case::whole("+8613800138000", true)]
    #[case::local("13800138000", false)]
    #[case::spaced("+86 13800138000", false)]
    #[case::masked("+86138****8000", false)]
    #[case::landline("+861012345678", false)]
    #[case::elsewhere("+85251234567", false)]
    #[case::nothing("", false)]
    fn a_number_is_taken_as_it_should_be_or_not_at_all(
        #[case] answer: &str,
        #[case] is_good: bool,
    ) {
        let given = gives(answer, &phones());
        assert_eq!(given.is_ok(), is_good);
        if let Ok(identity) = given {
            assert_eq!(identity.identifier().as_str(), answer);
            assert_eq!(identity.method(), Method::Carrier);
        }
    }

    /// TAP-01.
    #[test]
    fn only_a_yes_confirms() {
        let phone = PhoneNumber::parse("13800138000", &phones()).unwrap();
        assert!(confirms(&phone, true).is_ok_and(|it| it.method() == Method::Carrier));
        assert_eq!(confirms(&phone, false), Err(Refusal::NotConfirmed));
    }
}
