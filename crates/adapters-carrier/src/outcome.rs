//! What a vendor's code means, by its table.

use ports::carrier::CarrierError;

/// What a code means for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// The token is unknown, expired, used, for another purpose, or another app's.
    BadToken,
    /// The SIM is none of this vendor's.
    WrongCarrier,
    /// The number cannot be looked at.
    BadNumber,
    /// The number was asked for too often.
    Limited,
    /// Our key, app or clock is wrong.
    Config,
    /// What was paid for is used up.
    Quota,
    /// The vendor or the carrier behind it is not well.
    Busy,
}

/// One line: a code, or its beginning where it ends in `*`, and its class.
pub(crate) type Line = (&'static str, Class);

/// The longest text that is logged as a code.
const LONGEST_CODE: usize = 64;

/// Finds a code's class; `None` for a code that is in no table.
fn find(table: &[Line], code: &str) -> Option<Class> {
    let exact = table.iter().find(|(it, _)| *it == code);
    let by_prefix =
        || table.iter().find(|(it, _)| it.strip_suffix('*').is_some_and(|it| code.starts_with(it)));
    exact.or_else(by_prefix).map(|(_, class)| *class)
}

/// The error that a vendor's code is. What somebody has to do something about is logged as an
/// error, with the code; codes are added without notice, so an unknown one is as well.
pub(crate) fn refused(vendor: &'static str, table: &[Line], code: &str) -> CarrierError {
    let class = find(table, code);
    let code = printable(code);
    match class {
        Some(Class::BadToken | Class::WrongCarrier | Class::BadNumber) => {
            tracing::info!(vendor, code, ?class, "the carrier refused");
            CarrierError::BadToken
        }
        Some(Class::Limited | Class::Busy) => {
            tracing::warn!(vendor, code, ?class, "the carrier cannot tell now");
            CarrierError::Unavailable
        }
        Some(Class::Config | Class::Quota) => {
            tracing::error!(vendor, code, ?class, "the carrier does not serve us");
            CarrierError::Unavailable
        }
        None => {
            tracing::error!(vendor, code, "the carrier answered an unknown code");
            CarrierError::Unavailable
        }
    }
}

/// A code as it may be logged: a short word, and nothing that a person could have typed in.
fn printable(code: &str) -> &str {
    let is_word = code.len() <= LONGEST_CODE
        && code.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'_' | b'-'))
        // Eight digits and more may be a part of a number.
        && !(code.len() >= 8 && code.bytes().all(|it| it.is_ascii_digit()));
    if is_word { code } else { "?" }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const TABLE: [Line; 4] = [
        ("isv.TOKEN_INVALID", Class::BadToken),
        ("isp.ONE", Class::Config),
        ("isp.*", Class::Busy),
        ("9003", Class::BadToken),
    ];

    #[rstest]
    #[case::exact("isv.TOKEN_INVALID", Some(Class::BadToken))]
    #[case::exact_before_its_beginning("isp.ONE", Some(Class::Config))]
    #[case::beginning("isp.ANOTHER", Some(Class::Busy))]
    #[case::longer("isv.TOKEN_INVALID2", None)]
    #[case::unknown("isv.NEW", None)]
    #[case::star("*", None)]
    #[case::empty("", None)]
    fn a_code_is_found_whole_or_by_its_beginning(
        #[case] code: &str,
        #[case] expected: Option<Class>,
    ) {
        assert_eq!(find(&TABLE, code), expected);
    }

    /// TAP-02: what is not known is not granted.
    #[test]
    fn an_unknown_code_is_no_verdict_on_the_token() {
        assert!(matches!(refused("a", &TABLE, "isv.NEW"), CarrierError::Unavailable));
    }

    /// LOG-01.
    #[rstest]
    #[case("isv.TOKEN_INVALID", "isv.TOKEN_INVALID")]
    #[case("13800138000", "?")]
    #[case("a b", "?")]
    #[case("\n", "?")]
    fn a_code_is_logged_if_it_is_a_word(#[case] code: &str, #[case] logged: &str) {
        assert_eq!(printable(code), logged);
    }
}
