//! The server that tests run on.

use std::hash::{BuildHasher as _, RandomState};

/// The address of the server, from `LATCHKEY_TEST_REDIS_URL`, and a random prefix, so that tests
/// that share it never meet.
#[expect(clippy::disallowed_methods, reason = "tests are told their server by the environment")]
pub(crate) fn own_part() -> (String, String) {
    let url = std::env::var("LATCHKEY_TEST_REDIS_URL").unwrap_or_else(|_| {
        panic!("LATCHKEY_TEST_REDIS_URL names no server");
    });
    let random = [1, 2].map(|it| RandomState::new().hash_one(it));
    (url, format!("test:{:016x}{:016x}", random[0], random[1]))
}
