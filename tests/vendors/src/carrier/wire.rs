//! What several vendors' wires have in common.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::HttpRequest;
use aws_lc_rs::digest::{SHA256, digest};

/// A header; empty without it.
pub(super) fn header<'a>(request: &'a HttpRequest, name: &str) -> &'a str {
    request.headers().get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
}

/// The time of day, in seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "a vendor has a clock of its own")]
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// SHA-256 in lower-case hex.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

/// RFC 3986.
pub(super) fn encoded(text: &str) -> String {
    let byte = |it: u8| match it {
        b'-' | b'_' | b'.' | b'~' => char::from(it).to_string(),
        it if it.is_ascii_alphanumeric() => char::from(it).to_string(),
        it => format!("%{it:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// The pairs of a query or a form, decoded, in the order of their keys.
pub(super) fn pairs(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter(|it| !it.is_empty());
    pairs
        .map(|it| it.split_once('=').unwrap_or((it, "")))
        .map(|(key, value)| (decoded(key), decoded(value)))
        .collect()
}

/// Pairs as they are signed.
pub(super) fn canonical(pairs: &BTreeMap<String, String>) -> String {
    let pairs: Vec<_> =
        pairs.iter().map(|(key, value)| format!("{}={}", encoded(key), encoded(value))).collect();
    pairs.join("&")
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                bytes.extend(hex::decode(&digits).unwrap_or(digits));
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_written_as_they_are_signed() {
        let read = pairs("b=%2B+%7E%E4%BA%91*&a=");
        assert_eq!(canonical(&read), "a=&b=%2B%20~%E4%BA%91%2A");
    }
}
