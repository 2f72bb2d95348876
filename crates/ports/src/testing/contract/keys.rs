//! The promises of `keys`.
