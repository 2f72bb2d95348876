//! The promises of `sender`.
