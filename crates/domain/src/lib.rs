//! The heart of Latchkey: entities, value types, and the rules as pure functions.
//!
//! Nothing here is asynchronous, reads a clock, draws randomness or does input and output; a rule
//! takes what was loaded and the present moment, and gives a decision. To follow one login, open
//! [`login`] and, for the proof before it, [`credential`].

pub mod account;
pub mod breaker;
pub mod browser_flow;
pub mod cap;
pub mod change;
pub mod credential;
pub mod delete;
pub mod email;
pub mod ending;
pub mod event;
pub mod id;
pub mod identifier;
pub mod identity;
pub mod keyring;
pub mod link;
pub mod lockout;
pub mod login;
pub mod merge;
pub mod message;
pub mod new_password;
pub mod oauth;
pub mod origin;
pub mod outbox;
pub mod password;
pub mod phone;
pub mod policy;
pub mod profile;
pub mod provider;
pub mod recycled;
pub mod retention;
pub mod secret;
pub mod session;
pub mod unlink;
pub mod user;
pub mod username;

/// A moment in UTC, in whole microseconds wherever it is stored.
pub use jiff::Timestamp;

/// A length of time.
pub use std::time::Duration;

/// A moment `after` another; the end of time where that cannot be told.
#[must_use]
pub fn later(moment: Timestamp, after: Duration) -> Timestamp {
    moment.checked_add(after).unwrap_or(Timestamp::MAX)
}
