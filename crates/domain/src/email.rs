//! E-mail addresses: one canonical form.

use std::fmt;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;

/// The longest whole address, in bytes (RFC 5321, less the angle brackets).
const LONGEST: usize = 254;
/// The longest part before the `@`, in bytes (RFC 5321).
const LONGEST_LOCAL: usize = 64;

/// An e-mail address in lower case, its domain as A-labels.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress(String);

/// The text is not one e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a valid e-mail address")]
pub struct EmailAddressError;

impl EmailAddress {
    /// Reads one address: normalised first, validated after, no dot or plus folding (ID-02).
    pub fn parse(raw: &str) -> Result<Self, EmailAddressError> {
        if raw.len() > 4 * LONGEST {
            return Err(EmailAddressError);
        }
        let normal: String = raw.trim().nfkc().flat_map(char::to_lowercase).collect();
        let (local, domain) = normal.split_once('@').ok_or(EmailAddressError)?;
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| EmailAddressError)?;
        let named = domain.split('.').count() >= 2
            && !domain
                .split('.')
                .next_back()
                .is_some_and(|it| it.bytes().all(|b| b.is_ascii_digit()));
        let address = format!("{local}@{domain}");
        if named && is_dot_atom(local) && local.len() <= LONGEST_LOCAL && address.len() <= LONGEST {
            Ok(Self(address))
        } else {
            Err(EmailAddressError)
        }
    }

    /// The canonical form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }

    /// The form that may be shown and logged, as in `a***@example.com` (LOG-01).
    #[must_use]
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.split_once('@').unwrap_or_default();
        let head: String = local.chars().take(1).collect();
        format!("{head}***@{domain}")
    }
}

/// RFC 5322 dot-atom of ASCII: what every mail system takes.
fn is_dot_atom(local: &str) -> bool {
    local.split('.').all(|atom| {
        !atom.is_empty()
            && atom
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&it))
    })
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmailAddress({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    /// ID-02: normalise first, validate after.
    #[rstest]
    #[case("Ada@Example.COM", "ada@example.com")]
    #[case(" ada@example.com ", "ada@example.com")]
    #[case("ada＠example.com", "ada@example.com")]
    #[case("a.b+c@example.com", "a.b+c@example.com")]
    #[case("ada@bücher.example", "ada@xn--bcher-kva.example")]
    fn an_address_has_one_form(#[case] typed: &str, #[case] form: &str) {
        assert_eq!(EmailAddress::parse(typed).unwrap().as_str(), form);
    }

    #[rstest]
    #[case("")]
    #[case("ada")]
    #[case("@example.com")]
    #[case("ada@")]
    #[case("ada@example")]
    #[case("ada@127.0.0.1")]
    #[case("a@b@example.com")]
    #[case("a..b@example.com")]
    #[case(".a@example.com")]
    #[case("a b@example.com")]
    #[case("a@example.com,b@example.com")]
    #[case("a@example.com\r\nBcc: b@example.com")]
    #[case("\"a\"@example.com")]
    #[case("ada@-example.com")]
    fn other_texts_are_refused(#[case] typed: &str) {
        assert_eq!(EmailAddress::parse(typed), Err(EmailAddressError));
    }

    #[test]
    fn lengths_are_capped() {
        let local = "a".repeat(64);
        assert!(EmailAddress::parse(&format!("{local}@example.com")).is_ok());
        assert!(EmailAddress::parse(&format!("a{local}@example.com")).is_err());
        let domain = format!("{0}.{0}.{0}.{0}.com", "d".repeat(60));
        assert!(EmailAddress::parse(&format!("{local}@{domain}")).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics_and_the_form_is_stable(typed in "(?s:.){0,30}@?(?s:.){0,30}") {
            if let Ok(address) = EmailAddress::parse(&typed) {
                prop_assert_eq!(EmailAddress::parse(address.as_str()).unwrap(), address);
            }
        }
    }
}
