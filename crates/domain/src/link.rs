//! Linking a way in to an account, also in the place of another one.

use thiserror::Error;

use crate::account::{AccountState, MOST_IDENTITIES};
use crate::change::{Actor, Change, NewIdentity, Teller};
use crate::ending::AccountEvent;
use crate::id::{EventId, IdentityId};
use crate::identifier::IdentifierKind;
use crate::message::Notice;
use crate::outbox::Event;

/// Why an identity is not linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The account has this identity already.
    #[error("the identity is the account's own")]
    AlreadyMine(IdentityId),
    /// The identity that is to be replaced is not the account's.
    #[error("no such identity to be replaced")]
    NotFound,
    /// The identity that is to be replaced is of another type, or no address.
    #[error("only a phone by a phone, and an e-mail address by one")]
    OtherType,
    /// The account has one of the type, or as many as there may be.
    #[error("no more identities of the type")]
    LimitReached,
}

/// Plans the linking of a proved identity (LINK-03, LINK-07, LINK-09, LINK-10).
///
/// The order is the contract: an identity that is mine already is told so whatever the rest.
/// Whether somebody else has it is for the store to say.
pub fn link(
    account: &AccountState,
    new: NewIdentity,
    replaced: Option<IdentityId>,
    one_per_type: &[IdentifierKind],
    actor: &Actor,
    ids: impl FnMut() -> EventId,
) -> Result<Change, Refusal> {
    if let Some(mine) = new.names.iter().find_map(|it| account.identity_of(&it.key)) {
        return Err(Refusal::AlreadyMine(mine.id));
    }
    let old = match replaced {
        Some(id) => Some(account.identity(id).ok_or(Refusal::NotFound)?),
        None => None,
    };
    let is_address = matches!(new.kind, IdentifierKind::Phone | IdentifierKind::Email);
    if old.is_some_and(|it| it.kind != new.kind || !is_address) {
        return Err(Refusal::OtherType);
    }
    let mut left = account.identities.iter().filter(|it| Some(it.id) != replaced);
    let is_full = left.clone().count() >= MOST_IDENTITIES;
    if is_full || (one_per_type.contains(&new.kind) && left.any(|it| it.kind == new.kind)) {
        return Err(Refusal::LimitReached);
    }
    let about = match old {
        Some(_) => AccountEvent::IdentityReplaced,
        None => AccountEvent::IdentityLinked,
    };
    let mut change = Change::of(account, about, actor);
    let mut teller = Teller { actor, ids };
    if let Some(old) = old {
        change.unlinked = vec![old.id];
        teller.event(&mut change, Event::Unlinked { identity_id: old.id, kind: old.kind });
    }
    teller.event(&mut change, Event::Linked { identity_id: new.id, kind: new.kind });
    if let Some(old) = old {
        teller.audit(&mut change, account.user.id, about, Some(*old.id.as_uuid()));
    }
    let linked = AccountEvent::IdentityLinked;
    teller.audit(&mut change, account.user.id, linked, Some(*new.id.as_uuid()));
    let notice = if old.is_some() { Notice::IdentityReplaced } else { Notice::IdentityLinked };
    teller.notices(&mut change, notice, account.addresses().chain(new.address()));
    change.linked = Some(new);
    Ok(change)
}
