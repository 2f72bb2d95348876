//! The signatures that vendors want: pure functions of what is sent, the key and the moment.

pub(crate) mod acs3;
pub(crate) mod rpc;
pub(crate) mod standard;
pub(crate) mod tc3;

use std::fmt::Write as _;

use aws_lc_rs::{digest, hmac};

/// SHA-256 in lower-case hex.
pub(crate) fn sha256(data: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, data))
}

/// HMAC-SHA-256.
fn hmac256(key: &[u8], data: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data)
}

/// Text as RFC 3986 has it in a query: all but letters, digits and `-_.~` as `%XX`.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a text never fails.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Parameters as a query, in the order of their names, byte by byte.
pub(crate) fn query(parameters: &[(&str, &str)]) -> String {
    let mut sorted = parameters.to_vec();
    sorted.sort_unstable();
    let pairs: Vec<_> =
        sorted.iter().map(|(name, it)| format!("{}={}", encoded(name), encoded(it))).collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What other encoders let through or write otherwise.
    #[test]
    fn a_value_is_encoded_as_rfc_3986_has_it() {
        assert_eq!(encoded("aZ09-_.~"), "aZ09-_.~");
        assert_eq!(encoded(" *+/=:&"), "%20%2A%2B%2F%3D%3A%26");
        assert_eq!(encoded("阿"), "%E9%98%BF");
    }

    #[test]
    fn names_are_sorted_byte_by_byte() {
        assert_eq!(query(&[("b", "2"), ("B", "1"), ("a", "3")]), "B=1&a=3&b=2");
    }
}
