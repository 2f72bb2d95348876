//! Making one account out of two.

use thiserror::Error;

use crate::account::{AccountState, MOST_IDENTITIES};
use crate::change::{Actor, Change, Teller};
use crate::ending::AccountEvent;
use crate::id::{EventId, IdentityId};
use crate::identifier::IdentifierKind;
use crate::message::Notice;
use crate::outbox::Event;

/// Whose profile the merged account shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProfileFrom {
    /// Mine.
    #[default]
    This,
    /// The other account's.
    Other,
}

/// Why two accounts do not become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// They are one already.
    #[error("both are the same account")]
    SameAccount,
    /// Both have what an account has only one of.
    #[error("both accounts have an identity of a type of which there is one")]
    Conflict(IdentifierKind),
    /// Together they have more identities than there may be.
    #[error("too many identities")]
    LimitReached,
}

/// What becomes of the other account's belongings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The identities that become mine.
    pub moved: Vec<IdentityId>,
    /// True if the other account's password goes: mine stays, and there is one.
    pub drops_password: bool,
}

/// Plans a merge: every identity of the other account moves, its password goes, and nothing is
/// guessed where both have what there may be one of (LINK-08).
///
/// Two user names are such a conflict whatever the policy: one would be lost without its owner's
/// word.
pub fn plan(
    mine: &AccountState,
    other: &AccountState,
    one_per_type: &[IdentifierKind],
) -> Result<Plan, Refusal> {
    if mine.user.id == other.user.id {
        return Err(Refusal::SameAccount);
    }
    let has = |account: &AccountState, kind| account.identities.iter().any(|it| it.kind == kind);
    let single = one_per_type.iter().copied().chain([IdentifierKind::Username]);
    for kind in single {
        if has(mine, kind) && has(other, kind) {
            return Err(Refusal::Conflict(kind));
        }
    }
    if mine.identities.len() + other.identities.len() > MOST_IDENTITIES {
        return Err(Refusal::LimitReached);
    }
    Ok(Plan {
        moved: other.identities.iter().map(|it| it.id).collect(),
        drops_password: other.user.has_password,
    })
}

/// The change that carries a plan out: the other account becomes a tombstone that means mine, its
/// sessions end, and both owners are told at all addresses.
pub fn merge(
    mine: &AccountState,
    other: &AccountState,
    plan: &Plan,
    profile_from: ProfileFrom,
    actor: &Actor,
    ids: impl FnMut() -> EventId,
) -> Change {
    let mut change = Change::of(mine, AccountEvent::Merged, actor).absorbing(other);
    let mut teller = Teller { actor, ids };
    let (survivor, absorbed) = (mine.user.id, other.user.id);
    change.moved.clone_from(&plan.moved);
    if profile_from == ProfileFrom::Other {
        change.profile = Some(other.user.profile.clone());
    }
    let object = Some(*absorbed.as_uuid());
    teller.audit(&mut change, survivor, AccountEvent::Merged, object);
    let object = Some(*survivor.as_uuid());
    teller.audit(&mut change, absorbed, AccountEvent::Absorbed, object);
    teller.event(&mut change, Event::Merged { absorbed });
    let addresses = mine.addresses().chain(other.addresses());
    teller.notices(&mut change, Notice::AccountsMerged, addresses);
    change
}
