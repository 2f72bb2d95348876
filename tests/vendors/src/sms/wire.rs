//! What vendors read from a request, and how they hash it: written apart from what sends.

use std::time::SystemTime;

use actix_web::HttpRequest;
use aws_lc_rs::{digest, hmac};
use serde_json::Value;

/// The present second.
pub(crate) fn now() -> i64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or_default()
}

/// A header; empty without it.
pub(crate) fn header<'a>(request: &'a HttpRequest, name: &str) -> &'a str {
    request.headers().get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
}

pub(crate) fn sha256(data: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, data).as_ref())
}

pub(crate) fn hmac_sha256(key: &[u8], data: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data.as_bytes()).as_ref().to_vec()
}

pub(crate) fn hmac_sha1(key: &[u8], data: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    hmac::sign(&key, data.as_bytes()).as_ref().to_vec()
}

/// The names and values of a query or form, decoded.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|it| !it.is_empty())
        .map(|it| it.split_once('=').unwrap_or((it, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

/// A value among pairs; empty without it.
pub(crate) fn value<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    pairs.iter().find(|(it, _)| it == name).map_or("", |(_, value)| value)
}

/// Pairs as they are signed: sorted, each as RFC 3986 has it.
pub(crate) fn canonical(pairs: &[(String, String)]) -> String {
    let mut sorted: Vec<_> = pairs.iter().collect();
    sorted.sort();
    let all: Vec<_> = sorted.into_iter().map(|(k, v)| [escaped(k), escaped(v)].join("=")).collect();
    all.join("&")
}

/// RFC 3986.
pub(crate) fn escaped(text: &str) -> String {
    let one = |it: u8| match it {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(it).to_string()
        }
        _ => ["%", &hex::encode_upper([it])].concat(),
    };
    text.bytes().map(one).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let (byte, left) = match (first, behind) {
            (b'+', _) => (b' ', behind),
            (b'%', [high, low, left @ ..]) => {
                let mut byte = [0];
                match hex::decode_to_slice([*high, *low], &mut byte) {
                    Ok(()) => (byte[0], left),
                    Err(_) => (b'%', behind),
                }
            }
            (other, _) => (*other, behind),
        };
        bytes.push(byte);
        rest = left;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A JSON object with one member more.
pub(crate) fn with(mut object: Value, name: &str, value: Value) -> Value {
    if let Value::Object(members) = &mut object {
        members.insert(name.to_owned(), value);
    }
    object
}

/// The parts of `Authorization` behind the algorithm's name: `Credential`, `SignedHeaders` and
/// `Signature`.
pub(crate) fn authorization<'a>(text: &'a str, algorithm: &str) -> Option<[&'a str; 3]> {
    let parts = text.strip_prefix(algorithm)?.strip_prefix(' ')?;
    let part = |name: &str| {
        let found = parts.split(',').find_map(|it| it.trim().strip_prefix(name));
        found.and_then(|it| it.strip_prefix('='))
    };
    Some([part("Credential")?, part("SignedHeaders")?, part("Signature")?])
}

/// A mobile number of mainland China in its local form.
pub(crate) fn is_mainland(number: &str) -> bool {
    number.len() == 11 && number.starts_with('1') && is_digits(number)
}

pub(crate) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit())
}

/// A number in E.164 form.
pub(crate) fn is_e164(number: &str) -> bool {
    let is_number = |it: &str| is_digits(it) && (8..=15).contains(&it.len());
    number.strip_prefix('+').is_some_and(|it| is_number(it) && !it.starts_with('0'))
}
