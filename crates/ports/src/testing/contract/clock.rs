//! The promises of `clock`.
