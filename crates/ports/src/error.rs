//! How a store fails.

use thiserror::Error;

/// Why a store gave no answer. Absent and already-there are answers, not errors.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It did not answer in time or cannot be reached; trying again later may help.
    #[error("{store} is unavailable")]
    Unavailable {
        /// Which one: `database` or `redis`.
        store: &'static str,
        /// What its driver said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// All our connections to it are taken; trying again later may help.
    #[error("{store} has no connection to spare")]
    Overloaded {
        /// Which one.
        store: &'static str,
    },
    /// It answers but cannot write: disk full, or read-only.
    #[error("{store} cannot write")]
    ReadOnly {
        /// Which one.
        store: &'static str,
        /// What its driver said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Others were at the same rows, again and again; trying again helps.
    #[error("{store} was too contended")]
    Contended {
        /// Which one.
        store: &'static str,
    },
    /// It holds what cannot be there.
    #[error("{what} is corrupt")]
    Corrupt {
        /// Table and column, or the kind of key; never a value.
        what: &'static str,
    },
    /// It refused the request itself: a bug of ours.
    #[error("{store} refused the request")]
    Rejected {
        /// Which one.
        store: &'static str,
        /// What its driver said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
