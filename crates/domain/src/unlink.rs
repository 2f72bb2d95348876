//! Taking a way in away from an account.

use thiserror::Error;

use crate::account::AccountState;
use crate::change::{Actor, Change, Teller};
use crate::ending::AccountEvent;
use crate::id::{EventId, IdentityId};
use crate::message::Notice;
use crate::outbox::{Address, Event};
use crate::policy::Ways;

/// Why an identity is not unlinked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The account has no such identity.
    #[error("no such identity")]
    NotFound,
    /// Without it nobody could come in any more.
    #[error("it is the last way in")]
    LastMethod,
}

/// Plans the unlinking of an identity: one way in at least is left (LINK-06), the sessions born
/// from it end, and the old address is told as well as those that are left (LINK-07).
pub fn unlink(
    account: &AccountState,
    id: IdentityId,
    ways: &Ways,
    actor: &Actor,
    ids: impl FnMut() -> EventId,
) -> Result<Change, Refusal> {
    if account.identity(id).is_none() {
        return Err(Refusal::NotFound);
    }
    if account.methods_without(Some(id), ways).is_empty() {
        return Err(Refusal::LastMethod);
    }
    let about = AccountEvent::IdentityUnlinked;
    Ok(without(account, id, about, Notice::IdentityUnlinked, actor, ids))
}

/// Plans that a phone number goes to a new account: whoever has the number now has proved it, and
/// the account's owner has other ways in (OTP-13). The owner is told at those.
pub fn give_up(
    account: &AccountState,
    id: IdentityId,
    actor: &Actor,
    ids: impl FnMut() -> EventId,
) -> Change {
    without(account, id, AccountEvent::NumberTaken, Notice::NumberTaken, actor, ids)
}

fn without(
    account: &AccountState,
    id: IdentityId,
    about: AccountEvent,
    notice: Notice,
    actor: &Actor,
    ids: impl FnMut() -> EventId,
) -> Change {
    let mut change = Change::of(account, about, actor);
    let mut teller = Teller { actor, ids };
    change.unlinked = vec![id];
    teller.audit(&mut change, account.user.id, about, Some(*id.as_uuid()));
    if let Some(gone) = account.identity(id) {
        teller.event(&mut change, Event::Unlinked { identity_id: id, kind: gone.kind });
        // A number that was given up is somebody else's by now.
        let is_told = |it: &Address| about != AccountEvent::NumberTaken || it.identity_id != id;
        teller.notices(&mut change, notice, account.addresses().filter(is_told));
    }
    change
}
