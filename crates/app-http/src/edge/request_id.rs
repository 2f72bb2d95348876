//! The name of a request: the client's, where it is a harmless text, or one of ours.

use actix_web::http::header::{HeaderMap, HeaderName};
use domain::Timestamp;
use ports::entropy::{Entropy, bytes};

/// The header, both ways.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Takes the client's name for the request, or makes one.
pub(super) fn request_id(headers: &HeaderMap, now: Timestamp, entropy: &dyn Entropy) -> String {
    let given = headers.get(X_REQUEST_ID).and_then(|it| it.to_str().ok());
    if let Some(given) = given.filter(|it| is_harmless(it)) {
        return given.to_owned();
    }
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    let random = bytes(entropy);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().to_string()
}

fn is_harmless(text: &str) -> bool {
    let plain = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'_' | b'-');
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_be_read_as_more_than_a_name_is_replaced() {
        assert!(is_harmless("a") && is_harmless("Az09._-") && is_harmless(&"x".repeat(64)));
        for it in ["", "a b", "a\"b", "a/b", "\u{6f22}", &"x".repeat(65)] {
            assert!(!is_harmless(it), "{it}");
        }
    }
}
