//! Counters of attempts from one address.

use async_trait::async_trait;
use domain::Timestamp;
use domain::cap::Charge;
use domain::policy::GuessingPolicy;
use domain::secret::Subject;

use crate::error::StoreError;

/// What a counted attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Throttled {
    /// It is counted and may go on.
    Counted,
    /// It is counted and may go on as far as its address goes; but all addresses together have
    /// failed too often.
    Storm,
    /// A cap is reached; nothing is counted.
    Full {
        /// First moment at which it may go on.
        until: Timestamp,
    },
}

/// One counted password attempt, by which it is forgiven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// The address.
    pub ip: Subject,
    /// The account, or the identifier that nobody has.
    pub account: Subject,
    /// Which of the attempts it is.
    pub nonce: [u8; 16],
}

/// Counters of attempts from one address.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Throttles: Send + Sync {
    /// Charges one event to all counters, or to none; `Err` in the answer is the first moment at
    /// which all have room. Atomic over all callers.
    async fn charge(
        &self,
        charges: &[Charge],
        now: Timestamp,
    ) -> Result<Result<(), Timestamp>, StoreError>;

    /// Counts one password attempt as a failure before it is evaluated (LOCK-01, LOCK-06).
    ///
    /// Refused when the address has failed too often, or with too many distinct accounts, unless
    /// this account is one of them. Once all addresses together have failed as often as they may,
    /// the answer is `Storm`; such an attempt counts like any other, up to twice the cap. Atomic
    /// over all callers.
    async fn attempt(
        &self,
        ticket: Ticket,
        policy: GuessingPolicy,
        now: Timestamp,
    ) -> Result<Throttled, StoreError>;

    /// Takes an attempt back: it was right. At the latest the next attempt through this handle
    /// knows; costs no round trip of its own.
    fn forgive(&self, ticket: Ticket);
}
