//! The store's root secret, as it is kept, and the master secrets that open it.

use async_trait::async_trait;
use domain::keyring::Entry;
use domain::secret::{MasterId, RootSecret, Sealed};

use crate::error::StoreError;
use crate::keys::UnsealError;

/// The wrapped root secret.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Keyring: Send + Sync {
    /// All entries, also those that are retired, in the order of their numbers.
    async fn list(&self) -> Result<Vec<Entry>, StoreError>;

    /// True if there is an account, whose identifiers are under a root secret.
    async fn has_accounts(&self) -> Result<bool, StoreError>;

    /// Stores the first entry, unless its number is taken; `false` if it is.
    ///
    /// Atomic: of racing entries one is stored, for all nodes. A number stays taken when its entry
    /// is retired, so that a store gets no second root secret.
    async fn found(&self, first: &Entry) -> Result<bool, StoreError>;

    /// Stores another entry, unless its number is taken or the entry of the number `by` holds the
    /// root secret no more; `false` then.
    ///
    /// Atomic, also against [`Keyring::retire_all_but`]: whoever is retired adds nobody.
    async fn add(&self, next: &Entry, by: i32) -> Result<bool, StoreError>;

    /// Takes the root secret out of all entries but that of this number, for good, and tells of how
    /// many; `None`, and nothing is taken, if that one holds it no more.
    ///
    /// Atomic: of racing calls for several entries one is told a number, so that one keeps it.
    async fn retire_all_but(&self, number: i32) -> Result<Option<usize>, StoreError>;
}

/// A master secret: wraps root secrets.
pub trait Master: Send + Sync {
    /// Its name, from which nothing of it can be read.
    fn id(&self) -> MasterId;

    /// Encrypts a root secret, never twice to the same bytes.
    fn wrap(&self, root: &RootSecret) -> Sealed;

    /// Opens what it wrapped.
    fn unwrap(&self, wrapped: &Sealed) -> Result<RootSecret, UnsealError>;
}
