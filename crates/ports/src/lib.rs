//! What the use cases ask of the world: one trait a file, and [`Ports`], which holds one of each.
//!
//! A method is one atomic operation; its promises stand in its docs and, with the feature
//! `testing`, in a contract suite that every adapter runs.

pub mod accounts;
pub mod carrier;
pub mod challenges;
pub mod clock;
pub mod entropy;
pub mod error;
pub mod event_sink;
pub mod hasher;
pub mod identity_provider;
pub mod keys;
pub mod messenger;
pub mod one_time;
pub mod outbox;
pub mod postbox;
pub mod sender;
pub mod session_copies;
pub mod sessions;
pub mod spending;
#[cfg(feature = "testing")]
pub mod testing;
pub mod throttles;

use std::sync::Arc;

use domain::policy::Policy;

/// Everything that a use case needs: the rules' settings, and one adapter for each port.
#[derive(Clone)]
pub struct Ports {
    /// The rules' settings.
    pub policy: Arc<Policy>,
    /// The present moment.
    pub clock: Arc<dyn clock::Clock>,
    /// Random bytes.
    pub entropy: Arc<dyn entropy::Entropy>,
    /// Keyed hashes and sealed texts.
    pub keys: Arc<dyn keys::Keys>,
    /// Password hashes.
    pub hasher: Arc<dyn hasher::Hasher>,
    /// Users and their identities.
    pub accounts: Arc<dyn accounts::Accounts>,
    /// Sessions: the truth.
    pub sessions: Arc<dyn sessions::Sessions>,
    /// Sessions: the copies that make a check one look-up.
    pub session_copies: Arc<dyn session_copies::SessionCopies>,
    /// Codes sent and not yet used.
    pub challenges: Arc<dyn challenges::Challenges>,
    /// Counters of attempts.
    pub throttles: Arc<dyn throttles::Throttles>,
    /// The queue before the senders.
    pub postbox: Arc<dyn postbox::Postbox>,
}
