//! Phone numbers that carriers give to somebody else.

use crate::account::AccountState;
use crate::id::IdentityId;
use crate::login::Account;
use crate::policy::Ways;
use crate::session::Method;
use crate::{Duration, Timestamp, later};

/// True if nobody has used an account for so long that its number may be somebody else's by now
/// (OTP-13); never where `dormant` is off.
#[must_use]
pub fn is_dormant(account: &Account, dormant: Option<Duration>, now: Timestamp) -> bool {
    dormant.is_some_and(|it| later(account.last_seen_at, it) <= now)
}

/// How the owner of a dormant account can prove more than the number; empty if the number is all
/// there is, and then it opens the account.
#[must_use]
pub fn other_proofs(account: &AccountState, phone: IdentityId, ways: &Ways) -> Vec<Method> {
    account.methods_without(Some(phone), ways)
}
