//! The promises of `challenges`.
