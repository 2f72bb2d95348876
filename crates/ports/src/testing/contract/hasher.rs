//! The promises of `hasher`.
