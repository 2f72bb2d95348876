//! The promises of `accounts`.
