//! What the drivers say, in the words of the ports.

use diesel::result::{DatabaseErrorKind, Error};
use ports::error::StoreError;
use thiserror::Error as ThisError;

const STORE: &str = "database";

/// Why a database cannot be opened.
#[derive(Debug, ThisError)]
pub enum OpenError {
    /// The address is not one of a database of this engine.
    #[error("not a usable database address")]
    Address,
    /// `sslmode` is none that there is.
    #[error("`sslmode` must be `disable`, `prefer`, `require` or `verify-full`")]
    TlsMode,
    /// There are no certificates to trust.
    #[error("the certificates of `sslrootcert`, or else the system's, cannot be used: {0}")]
    Root(String),
    /// The pool cannot be built.
    #[error("the connection pool cannot be built")]
    Pool(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A failed call, before it is known whether it is tried again.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The driver's error.
    Driver(Error),
    /// A row that cannot be there.
    Corrupt(&'static str),
}

/// A row holds what cannot be there; `what` is table and column.
pub(crate) const fn corrupt(what: &'static str) -> Failure {
    Failure::Corrupt(what)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Driver(error)
    }
}

impl Failure {
    /// True if others were at the same rows and may be gone by now: trying again at once may help
    /// (40001, 40P01, `SQLITE_BUSY`).
    pub(crate) fn is_worth_a_retry(&self) -> bool {
        match self {
            Self::Driver(Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _)) => true,
            _ => self.says(&["deadlock detected", "database is locked"]),
        }
    }

    /// True if others were at the same rows. One wait for a lock is all that a call's time has room
    /// for, so that is not tried again (55P03).
    fn is_contention(&self) -> bool {
        self.is_worth_a_retry() || self.says(&["lock timeout"])
    }

    fn says(&self, any: &[&str]) -> bool {
        let Self::Driver(Error::DatabaseError(_, info)) = self else { return false };
        any.iter().any(|it| info.message().contains(it))
    }

    /// The port's error.
    pub(crate) fn into_store_error(self) -> StoreError {
        if self.is_contention() {
            return StoreError::Contended { store: STORE };
        }
        let error = match self {
            Self::Corrupt(what) => return StoreError::Corrupt { what },
            Self::Driver(error) => error,
        };
        let said = match &error {
            Error::DatabaseError(_, info) => info.message().to_owned(),
            _ => String::new(),
        };
        let says = |any: &[&str]| any.iter().any(|it| said.contains(it));
        let gone = matches!(
            error,
            Error::DatabaseError(
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
                _
            ) | Error::BrokenTransactionManager
        );
        let full = matches!(error, Error::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _));
        if gone || says(&GONE) {
            StoreError::Unavailable { store: STORE, source: error.into() }
        } else if full || says(&FULL) {
            StoreError::ReadOnly { store: STORE, source: error.into() }
        } else {
            StoreError::Rejected { store: STORE, source: error.into() }
        }
    }
}

/// What a server says that is going, coming, or too slow.
const GONE: [&str; 7] = [
    "statement timeout",
    "terminating connection",
    "connection closed",
    "shutting down",
    "starting up",
    "too many clients",
    "unable to open database file",
];

/// What a store says that cannot write.
const FULL: [&str; 5] = [
    "disk is full",
    "readonly database",
    "disk I/O error",
    "No space left on device",
    "read-only transaction",
];

/// No answer within the time that a call may take.
#[derive(Debug, ThisError)]
#[error("no answer in time")]
pub(crate) struct Late;

/// It failed so often in a row that it is left alone for a moment.
#[derive(Debug, ThisError)]
#[error("left alone after failures in a row")]
pub(crate) struct LeftAlone;

/// All connections are taken.
pub(crate) const fn overloaded() -> StoreError {
    StoreError::Overloaded { store: STORE }
}

/// The store cannot be reached, or not in time.
pub(crate) fn unavailable(
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Unavailable { store: STORE, source: source.into() }
}
