//! What every change of an account shares: loading it whole, asking for a fresh proof, writing.

use domain::account::AccountState;
use domain::change::{Actor, Change};
use domain::id::{EventId, UserId};
use domain::origin::Origin;
use domain::outbox::News;
use domain::secret::TokenHash;
use domain::user::UserState;
use domain::{Timestamp, session};
use ports::accounts::Changed;
use ports::error::StoreError;
use ports::{Ports, entropy};

use crate::authenticate::Caller;
use crate::error::Error;

/// How often a change is planned anew when the account changes under it (REL-05).
pub(crate) const TRIES: usize = 4;

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is written.
    Done,
    /// The account changed since it was loaded: it is to be planned anew.
    Stale,
    /// Somebody else has one of the names.
    Taken,
    /// The proof was used before.
    Spent,
}

/// The caller as the one who asks for a change.
pub(crate) fn actor(caller: &Caller, origin: &Origin, at: Timestamp) -> Actor {
    let session = &caller.signed_in.session;
    let origin = Origin { ip: origin.ip, device: session.origin.device.clone() };
    Actor { session: Some(session.id), origin: Some(origin), at }
}

/// Names for what one change writes, later ones for later lines.
pub(crate) fn ids(ports: &Ports, at: Timestamp) -> impl FnMut() -> EventId {
    let mut random: [u8; 10] = entropy::bytes(&*ports.entropy);
    let mut count: u8 = 0;
    move || {
        // The two leading bytes order the names of one moment.
        [random[0], random[1]] = [0, count];
        count = count.saturating_add(1);
        EventId::new(at, random)
    }
}

/// Loads the caller's account whole.
pub(crate) async fn load_own(
    ports: &Ports,
    caller: &Caller,
    now: Timestamp,
) -> Result<AccountState, Error> {
    load_active(ports, caller.signed_in.user.id, now).await?.ok_or(Error::SessionInvalid)
}

/// Loads an account whole; `None` unless somebody may use it.
pub(crate) async fn load_active(
    ports: &Ports,
    user_id: UserId,
    now: Timestamp,
) -> Result<Option<AccountState>, Error> {
    let loaded = ports.accounts.load(user_id, now).await?;
    Ok(loaded.filter(|it| it.user.state == UserState::Active))
}

/// Asks that the caller's last proof is recent (LINK-01).
pub(crate) fn require_fresh(
    ports: &Ports,
    caller: &Caller,
    account: &AccountState,
    now: Timestamp,
) -> Result<(), Error> {
    let session: &session::Session = &caller.signed_in.session;
    if session.is_fresh(&ports.policy.sessions, now) {
        return Ok(());
    }
    Err(Error::ReauthRequired { methods: account.methods(&ports.policy.ways) })
}

/// Writes a change and makes it seen at once on all nodes (SES-04).
///
/// The copies of the sessions go before the truth changes: if they cannot, nothing has happened
/// and the caller may try again. For some time no check puts one back. What began in between is
/// told by the store, and its copies go after.
pub(crate) async fn write(
    ports: &Ports,
    tokens: &[TokenHash],
    mut change: Change,
) -> Result<Written, Error> {
    if !ports.policy.tells_events {
        change.outgoing.retain(|it| matches!(it.news, News::Notice { .. }));
    }
    ports.session_copies.forget(tokens).await?;
    // Codes that were sent while the change was prepared are older than it all the same.
    change.void_before = ports.clock.now();
    match ports.accounts.change(&change).await? {
        Changed::Done { mut dead } => {
            dead.retain(|it| !tokens.contains(it));
            if !dead.is_empty() {
                ports.session_copies.forget(&dead).await?;
            }
            tracing::info!(
                target: "audit",
                event = change.about.as_str(),
                user = %change.base.user_id,
            );
            Ok(Written::Done)
        }
        Changed::Stale => Ok(Written::Stale),
        Changed::Taken => Ok(Written::Taken),
        Changed::Spent => Ok(Written::Spent),
        Changed::SessionEnded => Err(Error::SessionInvalid),
    }
}

/// Others were at the same account all the time.
pub(crate) fn contended() -> Error {
    StoreError::Contended { store: "database" }.into()
}
