//! The number in a carrier's answer.

use ports::carrier::CarrierError;

/// A number of mainland China, plain or with its country code, as `+8613800138000` (TAP-01).
///
/// A vendor that serves the mainland alone has no other: one that is masked, foreign or malformed
/// proves nothing. Which ranges exist is not looked at, since new ones are given out.
pub(crate) fn mainland(text: &str) -> Result<String, CarrierError> {
    let national = match text.strip_prefix('+') {
        Some(international) => international.strip_prefix("86").ok_or(CarrierError::BadResponse)?,
        None if text.len() == 13 => text.strip_prefix("86").ok_or(CarrierError::BadResponse)?,
        None => text,
    };
    let is_mobile = national.len() == 11
        && national.bytes().all(|it| it.is_ascii_digit())
        && matches!(national.as_bytes(), [b'1', b'3'..=b'9', ..]);
    is_mobile.then(|| format!("+86{national}")).ok_or(CarrierError::BadResponse)
}

/// A number in E.164 form.
pub(crate) fn e164(text: &str) -> Result<String, CarrierError> {
    let digits = text.strip_prefix('+').ok_or(CarrierError::BadResponse)?;
    let is_good = (8..=15).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit());
    is_good.then(|| text.to_owned()).ok_or(CarrierError::BadResponse)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// TAP-01.
    #[rstest]
    #[case::plain("13800138000", true)]
    #[case::with_its_country("8613800138000", true)]
    #[case::international("+8613800138000", true)]
    #[case::new_range("19200138000", true)]
    #[case::masked("138****8000", false)]
    #[case::foreign("+85251234567", false)]
    #[case::hong_kong_plain("51234567", false)]
    #[case::landline("01012345678", false)]
    #[case::no_range("12800138000", false)]
    #[case::short("1380013800", false)]
    #[case::long("138001380000", false)]
    #[case::twice("+86+8613800138000", false)]
    #[case::blank("138 0013 8000", false)]
    #[case::wide("１３８００１３８０００", false)]
    #[case::empty("", false)]
    fn a_mainland_number_is_whole_or_nothing(#[case] text: &str, #[case] is_good: bool) {
        let read = mainland(text);
        assert_eq!(read.is_ok(), is_good);
        assert!(!is_good || read.is_ok_and(|it| it.len() == 14 && it.starts_with("+861")));
    }

    #[rstest]
    #[case::mainland("+8613800138000", true)]
    #[case::hong_kong("+85251234567", true)]
    #[case::bare("8613800138000", false)]
    #[case::masked("+861380013****", false)]
    #[case::short("+8613800", false)]
    #[case::long("+1234567890123456", false)]
    fn an_international_number_has_its_plus(#[case] text: &str, #[case] is_good: bool) {
        assert_eq!(e164(text).is_ok(), is_good);
    }
}
