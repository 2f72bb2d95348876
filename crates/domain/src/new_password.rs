//! New passwords: set, changed, reset.

use crate::Timestamp;
use crate::account::AccountState;
use crate::change::{Actor, Change, Teller};
use crate::ending::AccountEvent;
use crate::id::EventId;
use crate::message::Notice;
use crate::outbox::Event;
use crate::password::PasswordHash;
use crate::secret::TokenHash;

/// Plans a password that its owner sets in a session, which goes on under a new token (RST-06).
pub fn set_password(
    account: &AccountState,
    password: PasswordHash,
    token: TokenHash,
    actor: &Actor,
    ids: impl FnMut() -> EventId,
) -> Change {
    let (about, notice) = if account.user.has_password {
        (AccountEvent::PasswordChanged, Notice::PasswordChanged)
    } else {
        (AccountEvent::PasswordSet, Notice::PasswordSet)
    };
    let mut change = with_password(account, password, about, notice, actor, ids);
    change.token = Some(token);
    change
}

/// Plans a reset: whoever proved the address sets a new password, and all that opened the account
/// ends (RST-04).
pub fn reset_password(
    account: &AccountState,
    password: PasswordHash,
    actor: &Actor,
    ids: impl FnMut() -> EventId,
) -> Change {
    let (about, notice) = (AccountEvent::PasswordReset, Notice::PasswordReset);
    with_password(account, password, about, notice, actor, ids)
}

fn with_password(
    account: &AccountState,
    password: PasswordHash,
    about: AccountEvent,
    notice: Notice,
    actor: &Actor,
    ids: impl FnMut() -> EventId,
) -> Change {
    let mut change = Change::of(account, about, actor);
    let mut teller = Teller { actor, ids };
    change.password = Some(password);
    teller.audit(&mut change, account.user.id, about, None);
    teller.event(&mut change, Event::PasswordChanged);
    teller.notices(&mut change, notice, account.addresses());
    change
}

/// True if a code made at `sent_at` may still be used for what counts from `since` on (RST-05).
#[must_use]
pub fn is_still_good(sent_at: Timestamp, since: Option<Timestamp>) -> bool {
    since.is_none_or(|it| it <= sent_at)
}
