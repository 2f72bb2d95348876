//! Telling what the outbox holds: events to other systems, notices to the person.

use std::error::Error;
use std::sync::Arc;

use domain::id::EventId;
use domain::identifier::{Identifier, IdentifierKind};
use domain::message::{Notice, NoticeMessage, Recipient};
use domain::outbox::{Address, News, Outgoing, Untold, may_be_tried, untold};
use domain::{Duration, later};
use ports::Ports;
use ports::entropy::bytes;
use ports::error::StoreError;
use ports::event_sink::EventSink;
use ports::keys::Seal;
use ports::messenger::Messenger;
use ports::operation;
use ports::outbox::{Claimed, Outbox};
use ports::retention::Retention;
use ports::sender::SendError;

/// How long an entry is kept from others: well above what telling it may take. Whoever dies with
/// it makes it late by this.
pub const HOLD: Duration = Duration::from_mins(1);

/// What telling needs.
#[derive(Clone)]
pub struct Courier {
    /// Accounts, keys, clock and entropy.
    pub ports: Ports,
    /// What is still to be told.
    pub outbox: Arc<dyn Outbox>,
    /// Removes what is over.
    pub retention: Arc<dyn Retention>,
    /// Where events go; without one they are let go.
    pub sink: Option<Arc<dyn EventSink>>,
    /// Who tells people; without one notices are let go.
    pub messenger: Option<Arc<dyn Messenger>>,
}

/// Takes at most so many entries that are due. Each is to be given to [`deliver`] within [`HOLD`].
pub async fn take_due(courier: &Courier, limit: u32) -> Result<Vec<Claimed>, StoreError> {
    let now = courier.ports.clock.now();
    courier.outbox.claim(now, later(now, HOLD), limit).await
}

/// Tells an entry, and notes what came of it: it is done, tried again, or parked.
///
/// An error is the store's: the entry then comes again when its hold is over.
#[tracing::instrument(
    target = "latchkey::trace",
    level = "debug",
    skip_all,
    name = "outbox.deliver"
)]
pub async fn deliver(courier: &Courier, claimed: &Claimed) -> Result<(), StoreError> {
    let Claimed { entry, tries } = claimed;
    if !may_be_tried(*tries) {
        return park(courier, entry, *tries, "its last try never ended").await;
    }
    let told = match &entry.news {
        News::Event(_) => tell_event(courier, entry).await,
        News::Notice { .. } if courier.messenger.is_none() => Ok(()),
        News::Notice { notice, to: Some(address) } => {
            tell_person(courier, entry, *notice, address).await
        }
        News::Notice { notice, to: None } => return split(courier, entry, *notice).await,
    };
    let now = courier.ports.clock.now();
    let Err(cause) = told else { return courier.outbox.done(entry.id, now).await };
    let [drawn] = bytes(&*courier.ports.entropy);
    match untold(*tries, now, drawn) {
        Untold::Again { due_at } => {
            let (id, what) = (entry.id, name(entry));
            tracing::warn!(%id, what, tries, cause, "not told, and tried again");
            courier.outbox.postpone(entry.id, due_at).await
        }
        Untold::Parked => park(courier, entry, *tries, &cause).await,
    }
}

async fn park(
    courier: &Courier,
    entry: &Outgoing,
    tries: u32,
    cause: &str,
) -> Result<(), StoreError> {
    let (id, user_id, what) = (entry.id, entry.user_id, name(entry));
    tracing::error!(%id, %user_id, what, tries, cause, "not told, and parked until it is replayed");
    courier.outbox.park(entry.id, courier.ports.clock.now()).await
}

/// What an entry tells, by its stable name.
fn name(entry: &Outgoing) -> &'static str {
    match &entry.news {
        News::Event(event) => event.as_str(),
        News::Notice { notice, .. } => notice.as_str(),
    }
}

/// Tells other systems; the error is a text for the log.
async fn tell_event(courier: &Courier, entry: &Outgoing) -> Result<(), String> {
    let Some(sink) = &courier.sink else { return Ok(()) };
    let told = operation!("webhook", "tell").watch(sink.tell(entry)).await;
    told.map_err(|it| chain(&*it.0))
}

/// Tells a person at one address; the error is a text for the log.
async fn tell_person(
    courier: &Courier,
    entry: &Outgoing,
    notice: Notice,
    address: &Address,
) -> Result<(), String> {
    let Some(messenger) = &courier.messenger else { return Ok(()) };
    let seal = Seal::IdentityDisplay(&address.identity_id);
    let text = courier.ports.keys.open(seal, &address.display).map_err(|it| chain(&it))?;
    let id = entry.id;
    // What cannot be read back, as a number of a region that is not allowed any more, never can.
    let phones = &courier.ports.policy.phones;
    let Some(to) = Identifier::parse(&text, Some(address.kind), phones).ok().and_then(recipient)
    else {
        tracing::warn!(%id, what = notice.as_str(), "a notice has no usable address");
        return Ok(());
    };
    match messenger.tell(&NoticeMessage { to, notice, at: entry.at }).await {
        Ok(()) => Ok(()),
        // No repetition would change it, and others may be waiting for what it costs.
        Err(
            error @ (SendError::BadRecipient { .. }
            | SendError::Limited { .. }
            | SendError::Misconfigured { .. }
            | SendError::NotOffered { .. }),
        ) => {
            tracing::warn!(%id, what = notice.as_str(), %error, "a notice was refused for good");
            Ok(())
        }
        Err(
            error @ (SendError::Exhausted { .. }
            | SendError::Unavailable { .. }
            | SendError::Ambiguous { .. }),
        ) => Err(chain(&error)),
    }
}

fn recipient(identifier: Identifier) -> Option<Recipient> {
    match identifier {
        Identifier::Phone(it) => Some(Recipient::Phone(it)),
        Identifier::Email(it) => Some(Recipient::Mailbox(it)),
        Identifier::Username(_) | Identifier::ThirdParty(_) => None,
    }
}

/// Makes of a notice to all addresses one for each verified address that the user has now.
async fn split(courier: &Courier, entry: &Outgoing, notice: Notice) -> Result<(), StoreError> {
    let now = courier.ports.clock.now();
    let identities = courier.ports.accounts.identities(entry.user_id).await?;
    let addresses = identities.into_iter().filter(|it| {
        it.verified_at.is_some() && matches!(it.kind, IdentifierKind::Phone | IdentifierKind::Email)
    });
    let parts: Vec<_> = addresses
        .map(|it| Outgoing {
            id: EventId::new(now, bytes(&*courier.ports.entropy)),
            user_id: entry.user_id,
            at: entry.at,
            news: News::Notice {
                notice,
                to: Some(Address { identity_id: it.id, kind: it.kind, display: it.display }),
            },
        })
        .collect();
    courier.outbox.split(entry.id, &parts, now).await
}

/// An error and what it came from, on one line.
fn chain(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        said = format!("{said}: {error}");
        source = error.source();
    }
    said
}
