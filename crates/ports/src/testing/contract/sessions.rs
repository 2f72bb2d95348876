//! The promises of `sessions`.
