//! The contract suites: one a port, one function a promise.
//!
//! An adapter's tests call the port's macro with an expression that makes a fresh store, as in
//! `ports::challenges_contract!(fresh())` for an `async fn fresh() -> Arc<dyn Challenges>`.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "suites are tests")]

pub mod accounts;
pub mod carrier;
pub mod challenges;
pub mod changes;
pub mod clock;
pub mod consents;
pub mod entropy;
pub mod grants;
pub mod hasher;
pub mod identity_provider;
pub mod keyring;
pub mod keys;
pub mod messenger;
pub mod one_time;
pub mod outbox;
pub mod postbox;
pub mod retention;
pub mod sender;
pub mod session_copies;
pub mod sessions;
pub mod signatures;
pub mod signer;
pub mod signing_keys;
pub mod spending;
pub mod third_party;
pub mod throttles;
