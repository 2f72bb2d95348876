//! The promises of `entropy`.
