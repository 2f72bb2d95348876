//! Deleting an account, and switching one off and on.

use crate::account::AccountState;
use crate::change::{Actor, Change, Teller};
use crate::ending::AccountEvent;
use crate::id::EventId;
use crate::message::Notice;
use crate::outbox::Event;
use crate::profile::Profile;
use crate::user::UserState;
use crate::{Duration, later};

/// Plans the deletion of an account (LINK-12): a tombstone stays, whose id is never given again.
///
/// Nobody comes in from now on. Without a grace the identifiers are free at once; with one they
/// stay taken until it is over.
pub fn delete(
    account: &AccountState,
    grace: Duration,
    actor: &Actor,
    ids: impl FnMut() -> EventId,
) -> Change {
    let about = AccountEvent::Deleted;
    let mut change = Change::of(account, about, actor);
    let mut teller = Teller { actor, ids };
    change.state = UserState::Deleted;
    change.profile = Some(Profile::default());
    if grace.is_zero() {
        change.unlinked = account.identities.iter().map(|it| it.id).collect();
    } else {
        change.frees_at = Some(later(actor.at, grace));
    }
    teller.audit(&mut change, account.user.id, about, None);
    teller.event(&mut change, Event::Deleted);
    teller.notices(&mut change, Notice::AccountDeleted, account.addresses());
    change
}

/// Plans that an operator switches an account off or on; `None` if it is so already, or gone.
pub fn switch(
    account: &AccountState,
    to: UserState,
    actor: &Actor,
    ids: impl FnMut() -> EventId,
) -> Option<Change> {
    let about = match (account.user.state, to) {
        (UserState::Active, UserState::Disabled) => AccountEvent::Disabled,
        (UserState::Disabled, UserState::Active) => AccountEvent::Enabled,
        _ => return None,
    };
    let mut change = Change::of(account, about, actor);
    change.state = to;
    Teller { actor, ids }.audit(&mut change, account.user.id, about, None);
    Some(change)
}
