//! The promises of `postbox`.
