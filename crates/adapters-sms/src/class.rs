//! What a vendor's answer comes to: one word for all vendors' codes.

use ports::sender::SendError;

/// What is to be done about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// The number is malformed, or takes no messages.
    BadNumber,
    /// The number opted out, is on a blacklist, or its country is closed.
    Blocked,
    /// The vendor's own limit for this number.
    Limited,
    /// Our key, signature, template or address.
    Config,
    /// Our balance, package or ceiling.
    Quota,
    /// Their trouble, or too much of ours at the same time.
    Busy,
    /// It may have been sent.
    Ambiguous,
}

/// A vendor's codes; one that ends with `*` stands for all that begin so.
pub(crate) type Codes = &'static [(Class, &'static [&'static str])];

/// What a vendor calls its refusal, for the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said<'a> {
    /// The vendor's code.
    pub(crate) code: &'a str,
    /// The vendor's name for the call.
    pub(crate) request_id: &'a str,
}

/// The class of a code; `None` for one that we do not know.
fn class(codes: Codes, code: &str) -> Option<Class> {
    let is_meant = |it: &&str| match it.strip_suffix('*') {
        Some(beginning) => code.starts_with(beginning),
        None => code == *it,
    };
    let found = codes.iter().find(|(_, all)| all.iter().any(is_meant));
    found.map(|(class, _)| *class)
}

/// What a code comes to. One that we do not know is tried again, and somebody is told.
pub(crate) fn refused(vendor: &'static str, codes: Codes, said: Said<'_>) -> SendError {
    if let Some(class) = class(codes, said.code) {
        return told(vendor, class, said);
    }
    let (code, request_id) = (shown(said.code), shown(said.request_id));
    tracing::error!(vendor, code, request_id, "a vendor answered a code that is not known");
    SendError::Unavailable { vendor }
}

/// What a class comes to. What only we can mend is told as an error.
pub(crate) fn told(vendor: &'static str, class: Class, said: Said<'_>) -> SendError {
    let (code, request_id) = (shown(said.code), shown(said.request_id));
    match class {
        Class::Config => {
            tracing::error!(vendor, code, request_id, "a vendor refuses our settings");
            SendError::Misconfigured { vendor }
        }
        Class::Quota => {
            tracing::error!(vendor, code, request_id, "a vendor's balance or ceiling is reached");
            SendError::Exhausted { vendor }
        }
        Class::BadNumber | Class::Blocked => {
            tracing::info!(vendor, code, request_id, "a vendor refuses a number");
            SendError::BadRecipient { vendor }
        }
        Class::Limited => {
            tracing::info!(vendor, code, request_id, "a vendor's limit for a number is reached");
            SendError::Limited { vendor }
        }
        Class::Busy => {
            tracing::warn!(vendor, code, request_id, "a vendor is busy");
            SendError::Unavailable { vendor }
        }
        Class::Ambiguous => {
            tracing::warn!(vendor, code, request_id, "a vendor gave no usable answer");
            SendError::Ambiguous { vendor }
        }
    }
}

/// A vendor's word as it may be logged: short, of plain characters, and without a number in it
/// that could be a phone's; anything else is no word (LOG-01).
fn shown(text: &str) -> String {
    let plain = |it: &char| it.is_ascii_alphanumeric() || matches!(it, '.' | '_' | '-' | '^' | ':');
    let is_phone_like = text
        .split(|it: char| !it.is_ascii_digit())
        .any(|it| it.len() >= 10 || it.len() >= 7 && it.len() == text.len());
    let is_word = text.len() <= 64 && text.chars().all(|it| plain(&it));
    if is_word && !is_phone_like { text.to_owned() } else { "…".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_log;

    const CODES: Codes = &[
        (Class::Limited, &["LimitExceeded.Phone"]),
        (Class::Config, &["AuthFailure*"]),
        (Class::Quota, &["Empty"]),
    ];

    fn error(code: &str) -> SendError {
        refused("v", CODES, Said { code, request_id: "F655A8D5-0000" })
    }

    #[test]
    fn a_code_is_read_whole_or_by_its_beginning() {
        assert!(matches!(error("LimitExceeded.Phone"), SendError::Limited { vendor: "v" }));
        assert!(matches!(error("AuthFailure.TokenFailure"), SendError::Misconfigured { .. }));
        assert!(matches!(error("Empty"), SendError::Exhausted { .. }));
    }

    /// Codes are added without notice: one that nobody knows is tried again and told.
    #[test]
    fn an_unknown_code_is_told_with_the_vendors_name_for_the_call() {
        test_log::start();
        assert!(matches!(error("LimitExceeded.Phone.New"), SendError::Unavailable { .. }));
        let lines = test_log::lines().join("");
        assert!(lines.contains("ERROR") && lines.contains("LimitExceeded.Phone.New"), "{lines}");
        assert!(lines.contains("F655A8D5-0000"), "{lines}");
    }

    /// LOG-01: whatever a vendor puts there.
    #[test]
    fn a_word_that_is_logged_has_no_number() {
        assert_eq!(shown("+8613800138000"), "…");
        assert_eq!(shown("13800138000refused"), "…");
        assert_eq!(shown("a b\nc<d>"), "…");
        assert_eq!(shown(&"x".repeat(1000)), "…");
    }
}
