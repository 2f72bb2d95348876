//! Asking for a code.

use domain::cap::{Cap, Charge, Scope};
use domain::credential::code::{Challenge, Code, Purpose};
use domain::id::ChallengeId;
use domain::message::{Channel, CodeMessage, Recipient};
use domain::origin::{Origin, network};
use domain::{Duration, later};
use ports::challenges::Issued;
use ports::postbox::Letter;
use ports::{Ports, entropy};

use crate::counts;
use crate::credential::code::sealed_target;
use crate::error::{Error, until};

/// A code that is on its way.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    /// The challenge that the code answers.
    pub challenge_id: ChallengeId,
    /// How long the code lives.
    pub expires_in: Duration,
    /// When another one may be asked for.
    pub resend_in: Duration,
}

/// Sends a code, and tells nothing of whether anybody has the number or address (OTP-09).
///
/// A place in the queue comes first, so that a full one costs nobody their share; then one step
/// counts and stores; then the message goes on its way by itself.
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn request_challenge(
    ports: &Ports,
    to: Recipient,
    purpose: Purpose,
    origin: &Origin,
) -> Result<Sent, Error> {
    let now = ports.clock.now();
    let policy = &ports.policy.codes;
    ports.postbox.affords(&to)?;
    let slot = ports.postbox.reserve(to.channel())?;
    let id = ChallengeId::new(entropy::bytes(&*ports.entropy));
    let code = Code::draw(policy.length, || u64::from_be_bytes(entropy::bytes(&*ports.entropy)));
    let challenge = Challenge {
        id,
        purpose,
        target: sealed_target(ports, &id, purpose, to.as_str(), now),
        owner: ports.keys.subject("code-owner", to.as_str()),
        device: ports.keys.subject("device", origin.device.id.as_deref().unwrap_or_default()),
        mac: ports.keys.code_mac(purpose, &id, &code),
        tries_left: policy.max_tries,
        expires_at: later(now, policy.ttl),
        vendor: None,
    };
    let charges = charges(ports, &to, purpose, origin);
    match ports.challenges.issue(&challenge, &charges, now).await? {
        Issued::Stored => {}
        Issued::Full { scope: Scope::Country | Scope::Everyone, until: moment } => {
            return Err(Error::SmsBudgetExhausted { retry_after: until(moment, now) });
        }
        Issued::Full { scope: Scope::Reset, until: moment } => {
            return Err(Error::RateLimited { retry_after: until(moment, now) });
        }
        Issued::Full {
            scope: Scope::Phone | Scope::Mailbox | Scope::Ip | Scope::Block,
            until: moment,
        } => {
            let retry_after = until(moment, now);
            return Err(match to.channel() {
                Channel::Sms => Error::SmsRateLimited { retry_after },
                Channel::Email => Error::RateLimited { retry_after },
            });
        }
    }
    tracing::info!(target: "audit", event = "code.sent", to = to.masked(), purpose = purpose.as_str());
    // Nobody to reset: the answer and the counters are the same, and nothing is sent (RST-01).
    if purpose == Purpose::ResetPassword && !is_known(ports, &to).await? {
        return Ok(Sent { challenge_id: id, expires_in: policy.ttl, resend_in: policy.resend });
    }
    counts::sent(&to);
    let message = CodeMessage { to, purpose, challenge_id: id, code, ttl: policy.ttl };
    slot.post(Letter { message, charges, at: now });
    Ok(Sent { challenge_id: id, expires_in: policy.ttl, resend_in: policy.resend })
}

/// True if somebody who may come in has the address.
async fn is_known(ports: &Ports, to: &Recipient) -> Result<bool, Error> {
    let key = ports.keys.identifier_key(&to.identifier());
    let account = ports.accounts.find(&key).await?;
    Ok(account.is_some_and(|it| it.admit().is_ok()))
}

/// The counters that one message is charged to (OTP-07, RST-01).
fn charges(ports: &Ports, to: &Recipient, purpose: Purpose, origin: &Origin) -> Vec<Charge> {
    let policy = &ports.policy.codes;
    let charge = |scope, about, who: &str, caps: &[Cap]| Charge {
        scope,
        subject: ports.keys.subject(about, who),
        caps: caps.to_vec(),
    };
    let ip = network(origin.ip).to_string();
    let mut charges = match to {
        Recipient::Phone(phone) => vec![
            charge(Scope::Phone, "phone-sends", phone.as_str(), &policy.per_phone),
            charge(Scope::Block, "block-sends", phone.block(), &policy.per_block),
            charge(Scope::Country, "country-sends", &phone.region().code(), &policy.per_country),
            charge(Scope::Everyone, "sends", "", &policy.global),
        ],
        Recipient::Mailbox(mailbox) => {
            vec![charge(Scope::Mailbox, "mailbox-sends", mailbox.as_str(), &policy.per_phone)]
        }
    };
    charges.push(charge(Scope::Ip, "ip-sends", &ip, &policy.per_ip));
    if purpose == Purpose::ResetPassword {
        let caps = &ports.policy.resets;
        charges.push(charge(Scope::Reset, "resets", to.as_str(), &caps.per_target));
        charges.push(charge(Scope::Reset, "ip-resets", &ip, &caps.per_ip));
    }
    charges.retain(|it| !it.caps.is_empty());
    charges
}
