//! Proving a password.

use domain::Timestamp;
use domain::lockout::NEVER;
use domain::login::{Account, Visit};
use domain::message::Notice;
use domain::origin::network;
use domain::outbox::{Event, News, Outgoing};
use domain::password::{PasswordAttempt, Verdict};
use domain::policy::DEVICE_IS_KNOWN_FOR;
use ports::accounts::Attempt;
use ports::throttles::{Throttled, Ticket};
use ports::{Ports, entropy};

use crate::change::ids;
use crate::error::{Error, until};
use crate::visit::failure;

/// Tries a password and gives the account that it opens.
///
/// The attempt is counted against the address and the account before anything is evaluated; one
/// full-cost hash follows whoever was meant, and all that is wrong has one answer (PWD-06). A place
/// with the hasher comes first, so that overload counts against nobody. A store that fails after
/// the count leaves it: whether it was written is not known, and a right password clears it.
pub async fn prove(
    ports: &Ports,
    password: &PasswordAttempt,
    visit: &Visit,
) -> Result<Account, Error> {
    let now = visit.at;
    let place = ports.hasher.reserve().await?;
    let ticket = ticket(ports, visit);
    match ports.throttles.attempt(ticket, ports.policy.guessing, now).await? {
        Throttled::Counted => {}
        Throttled::Storm => {
            if !is_known(ports, visit).await? {
                ports.throttles.forgive(ticket);
                return Err(Error::ChallengeRequired);
            }
        }
        Throttled::Full { until: moment } => {
            return Err(Error::RateLimited { retry_after: until(moment, now) });
        }
    }
    let begun = ports.accounts.begin_attempt(&visit.identifier, &ports.policy.lockout, now).await?;
    let (account, stored, locks) = match begun {
        Attempt::Counted { account, password, locks } => (account, password, locks),
        Attempt::Waiting { until: moment } => {
            ports.throttles.forgive(ticket);
            return Err(Error::TooManyAttempts { retry_after: until(moment, now) });
        }
    };
    let verdict = place.verify(password, stored.clone()).await;
    let opened = account.as_ref().filter(|it| it.admit().is_ok());
    let (Verdict::Right { upgrade }, Some(opened)) = (verdict, opened) else {
        let event = failure(ports, visit, account.as_ref(), locks.is_some());
        let told = locked(ports, account.as_ref(), locks, now);
        ports.accounts.record(&event, &told).await?;
        return Err(Error::InvalidCredentials);
    };
    ports.throttles.forgive(ticket);
    if let (Some(new), Some(old)) = (upgrade, stored) {
        ports.accounts.upgrade_hash(opened.user.id, &old, &new).await?;
    }
    Ok(opened.clone())
}

/// True if the device that visits has logged in to this account lately (LOCK-04, LOCK-06). Whoever
/// is meant, and from whatever device, the store does the same work.
async fn is_known(ports: &Ports, visit: &Visit) -> Result<bool, Error> {
    let device = visit.origin.device.id.as_deref();
    let since = visit.at.checked_sub(DEVICE_IS_KNOWN_FOR).unwrap_or(Timestamp::MIN);
    let is_known =
        ports.accounts.knows_device(&visit.identifier, device.unwrap_or_default(), since).await?;
    Ok(is_known && device.is_some())
}

/// What is told when a wrong password makes an account wait: other systems each time, the person
/// when it is for good (LOG-05).
fn locked(
    ports: &Ports,
    account: Option<&Account>,
    until: Option<Timestamp>,
    now: Timestamp,
) -> Vec<Outgoing> {
    let (Some(account), Some(until)) = (account, until) else { return Vec::new() };
    let mut ids = ids(ports, now);
    let event = ports.policy.tells_events.then_some(News::Event(Event::Locked));
    let notice = News::Notice { notice: Notice::PasswordLocked, to: None };
    let notice = (until == NEVER).then_some(notice);
    let told = event.into_iter().chain(notice);
    told.map(|news| Outgoing { id: ids(), user_id: account.user.id, at: now, news }).collect()
}

fn ticket(ports: &Ports, visit: &Visit) -> Ticket {
    Ticket {
        ip: ports.keys.subject("ip-guesses", &network(visit.origin.ip).to_string()),
        account: domain::secret::Subject::new(*visit.identifier.as_bytes()),
        nonce: entropy::bytes(&*ports.entropy),
    }
}
