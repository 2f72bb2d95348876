//! The promises of `throttles`.
