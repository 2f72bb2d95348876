//! Phone numbers: one canonical form, allowed countries, mobile types.

use std::fmt;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;

/// The longest text that is read as a number; longer ones are refused unread.
const LONGEST: usize = 40;

/// A country or territory, by its ISO 3166 code of two letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Region(rlibphonenumber::Region);

impl Region {
    /// Mainland China, the default.
    pub const CN: Self = Self(rlibphonenumber::Region::CN);

    /// Reads a code of two letters; `None` for one that no country has.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let region = rlibphonenumber::Region::try_from(code).ok()?;
        PHONE_NUMBER_UTIL.get_country_code_for_region(region).map(|_| Self(region))
    }

    /// The code, in capitals.
    #[must_use]
    pub fn code(self) -> String {
        self.0.to_string()
    }
}

/// A mobile phone number in E.164 form: `+`, then 8 to 15 digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PhoneNumber {
    e164: String,
    region: Region,
    national: String,
}

/// Why a text is not a phone number that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PhoneNumberError {
    /// Not a number, not of a valid length, or of a type that takes no messages.
    #[error("not a valid mobile phone number")]
    Invalid,
    /// A good number of a country that is not allowed here.
    #[error("phone numbers of this region are not accepted")]
    RegionDenied,
}

/// Which numbers are accepted, and how a local form is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhonePolicy {
    /// The region whose local form needs no country code.
    pub default_region: Region,
    /// The regions whose numbers are accepted; empty for none.
    pub allowed_regions: Vec<Region>,
}

/// True for what people type between digits, in its compatibility form: U+2011 is U+2010 there.
pub(crate) const fn is_separator(it: char) -> bool {
    matches!(it, ' ' | '-' | '\u{2010}' | '.' | '(' | ')')
}

impl PhoneNumber {
    /// Reads a number as typed: full-width digits, blanks, `+`, `00` or the local form (ID-03).
    pub fn parse(raw: &str, policy: &PhonePolicy) -> Result<Self, PhoneNumberError> {
        if raw.chars().count() > LONGEST {
            return Err(PhoneNumberError::Invalid);
        }
        let folded: String = raw.nfkc().filter(|it| !is_separator(*it)).collect();
        let typed = match folded.strip_prefix("00") {
            Some(international) => format!("+{international}"),
            None => folded,
        };
        let digits = typed.strip_prefix('+').unwrap_or(&typed);
        if digits.is_empty() || !digits.bytes().all(|it| it.is_ascii_digit()) {
            return Err(PhoneNumberError::Invalid);
        }
        let number = rlibphonenumber::PhoneNumber::parse(&typed, Some(policy.default_region.0))
            .map_err(|_| PhoneNumberError::Invalid)?;
        let region = number.get_region_code().map(Region).ok_or(PhoneNumberError::Invalid)?;
        let mobile = matches!(
            number.get_type(),
            PhoneNumberType::Mobile | PhoneNumberType::FixedLineOrMobile
        );
        if !number.is_valid() || !mobile {
            return Err(PhoneNumberError::Invalid);
        }
        if !policy.allowed_regions.contains(&region) {
            return Err(PhoneNumberError::RegionDenied);
        }
        let e164 = number.format_as(PhoneNumberFormat::E164).into_owned();
        Ok(Self { e164, region, national: number.get_national_significant_number() })
    }

    /// The canonical form, as in `+8613800138000`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.e164
    }

    /// The country or territory that it belongs to.
    #[must_use]
    pub const fn region(&self) -> Region {
        self.region
    }

    /// The number within its country, as in `13800138000`.
    #[must_use]
    pub fn national(&self) -> &str {
        &self.national
    }

    /// The number without its last four digits: what an attacker walks through (OTP-07).
    #[must_use]
    pub fn block(&self) -> &str {
        self.e164.get(..self.e164.len().saturating_sub(4)).unwrap_or_default()
    }

    /// The form that may be shown and logged, as in `138****8000` (LOG-01).
    #[must_use]
    pub fn masked(&self) -> String {
        let national = &self.national;
        let tail = national.get(national.len().saturating_sub(4)..).unwrap_or_default();
        let head = if national.len() >= 10 { national.get(..3).unwrap_or_default() } else { "" };
        format!("{head}****{tail}")
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn policy(allowed: &[&str]) -> PhonePolicy {
        let allowed_regions = allowed.iter().map(|it| Region::parse(it).unwrap()).collect();
        PhonePolicy { default_region: Region::CN, allowed_regions }
    }

    /// ID-03: every spelling is one number.
    #[rstest]
    #[case("13800138000")]
    #[case("138 0013 8000")]
    #[case("138-0013-8000")]
    #[case("+8613800138000")]
    #[case("+86 138 0013 8000")]
    #[case("008613800138000")]
    #[case("１３８００１３８０００")]
    #[case("＋８６１３８００１３８０００")]
    #[case(" (138) 0013.8000 ")]
    #[case(" +86 13800138000")]
    #[case("(+86) 138 0013 8000")]
    #[case("138\u{2010}0013\u{2010}8000")]
    #[case("138\u{2011}0013\u{2011}8000")]
    fn a_number_has_one_form(#[case] typed: &str) {
        let number = PhoneNumber::parse(typed, &policy(&["CN"])).unwrap();
        assert_eq!(number.as_str(), "+8613800138000");
        assert_eq!(number.masked(), "138****8000");
        assert_eq!(number.block(), "+861380013");
    }

    #[rstest]
    #[case("", PhoneNumberError::Invalid)]
    #[case("abc", PhoneNumberError::Invalid)]
    #[case("1380013800", PhoneNumberError::Invalid)]
    #[case("138001380001", PhoneNumberError::Invalid)]
    #[case("13800138000x1", PhoneNumberError::Invalid)]
    #[case("13800138000;ext=1", PhoneNumberError::Invalid)]
    #[case("+86+13800138000", PhoneNumberError::Invalid)]
    #[case("01062554433", PhoneNumberError::Invalid)]
    #[case("+85261234567", PhoneNumberError::RegionDenied)]
    #[case("+12025550123", PhoneNumberError::RegionDenied)]
    fn other_texts_are_refused(#[case] typed: &str, #[case] why: PhoneNumberError) {
        assert_eq!(PhoneNumber::parse(typed, &policy(&["CN"])), Err(why));
    }

    #[test]
    fn a_region_is_one_that_has_numbers() {
        assert_eq!(Region::parse("CN"), Some(Region::CN));
        for code in ["", "C", "XX", "CHN", "中国"] {
            assert_eq!(Region::parse(code), None, "{code}");
        }
    }

    #[test]
    fn other_regions_are_accepted_where_allowed() {
        let number = PhoneNumber::parse("+85261234567", &policy(&["CN", "HK"])).unwrap();
        assert_eq!(number.region(), Region::parse("HK").unwrap());
        assert_eq!(number.masked(), "****4567");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_the_form_is_stable(typed in "(?s:.){0,60}") {
            if let Ok(number) = PhoneNumber::parse(&typed, &policy(&["CN", "US", "HK"])) {
                let again = PhoneNumber::parse(number.as_str(), &policy(&["CN", "US", "HK"]));
                prop_assert_eq!(again.unwrap(), number);
            }
        }
    }
}
