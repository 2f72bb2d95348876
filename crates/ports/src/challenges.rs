//! Codes sent and not yet used.

use async_trait::async_trait;
use domain::Timestamp;
use domain::cap::{Cap, Charge, Scope};
use domain::credential::code::{Challenge, Guess, OnRight};
use domain::id::ChallengeId;
use domain::secret::{CodeMac, Sealed};

use crate::error::StoreError;

/// The most live challenges of one target (OTP-03).
pub const MOST_LIVE: usize = 3;

/// What issuing a challenge came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issued {
    /// It is stored and charged.
    Stored,
    /// A cap is reached: nothing is stored, nothing charged.
    Full {
        /// The counter whose wait is the longest.
        scope: Scope,
        /// First moment at which all caps have room.
        until: Timestamp,
    },
}

/// Codes sent and not yet used, and the counters of sending and trying them.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Challenges: Send + Sync {
    /// Stores a challenge and charges it to all counters, or neither (OTP-07).
    ///
    /// Atomic over all callers: no cap is ever passed by one. The same device's older challenge of
    /// the same owner and purpose ends; of more than [`MOST_LIVE`] the oldest end (OTP-03).
    async fn issue(
        &self,
        challenge: &Challenge,
        charges: &[Charge],
        now: Timestamp,
    ) -> Result<Issued, StoreError>;

    /// Tries a code, by the rule [`domain::credential::code::guess`].
    ///
    /// Atomic over all callers: each wrong try is counted, and of racing right ones exactly one is
    /// `Right` (OTP-05), unless a right code is only tried out. `wrong` are the caps on wrong tries at all challenges of the owner.
    /// The mac is bound to the verb's purpose, so a code of another purpose is a wrong try.
    async fn guess(
        &self,
        id: &ChallengeId,
        mac: &CodeMac,
        wrong: &[Cap],
        on_right: OnRight,
        now: Timestamp,
    ) -> Result<Guess, StoreError>;

    /// The sealed target of a challenge, untried; `None` if there is none. Costs no try.
    async fn target(&self, id: &ChallengeId) -> Result<Option<Sealed>, StoreError>;

    /// Notes which vendor took a challenge's message, so that a right code tells it. Nothing is noted
    /// where there is no such challenge any more.
    async fn carried(&self, id: &ChallengeId, vendor: &'static str) -> Result<(), StoreError>;

    /// Gives back what a challenge issued at `at` was charged: the message was definitely refused.
    async fn refund(&self, charges: &[Charge], at: Timestamp) -> Result<(), StoreError>;

    /// Answers if the store can be reached.
    async fn ping(&self) -> Result<(), StoreError>;
}
