//! The promises of `session_copies`.
