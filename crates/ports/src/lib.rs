//! What the use cases ask of the world: one trait a file, and [`Ports`], which holds one of each.
//!
//! [`watch`] times the calls of whoever answers.
//!
//! A method is one atomic operation; its promises stand in its docs and, with the feature
//! `testing`, in a contract suite that every adapter runs.

pub mod accounts;
pub mod carrier;
pub mod challenges;
pub mod clock;
pub mod consents;
pub mod entropy;
pub mod error;
pub mod event_sink;
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
#[cfg(feature = "testing")]
pub mod testing;
pub mod throttles;
pub mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::policy::Policy;
use domain::provider::ProviderName;

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
    /// Values that are used once.
    pub one_time: Arc<dyn one_time::OneTimeStates>,
    /// The queue before the senders.
    pub postbox: Arc<dyn postbox::Postbox>,
    /// The third-party providers that are set up.
    pub providers: Arc<Providers>,
    /// The carriers' vendors that are set up.
    pub carriers: Arc<Carriers>,
    /// Codes and tokens of the programs that get their users from us.
    pub grants: Arc<dyn grants::Grants>,
    /// What people let those programs know.
    pub consents: Arc<dyn consents::Consents>,
    /// Keys that sign, as they are stored.
    pub signing_keys: Arc<dyn signing_keys::SigningKeys>,
    /// Makes keys, and signs with them.
    pub signer: Arc<dyn signer::Signer>,
    /// Checks what clients signed.
    pub signatures: Arc<dyn signatures::Signatures>,
}

/// The third-party providers that are set up, by their names.
pub type Providers = BTreeMap<ProviderName, Provider>;

/// The carriers' vendors that are set up, by their names.
pub type Carriers = BTreeMap<&'static str, Arc<dyn carrier::CarrierVerifier>>;

/// A third-party provider that is set up.
#[derive(Clone)]
pub struct Provider {
    /// Who asks it.
    pub adapter: Arc<dyn identity_provider::IdentityProvider>,
    /// Whether it may be used.
    pub is_enabled: bool,
}
