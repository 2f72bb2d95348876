//! The promises of `one_time`.
