//! What is counted where only the use case sees it (LOG-06). No label names a person.

use domain::identifier::Identifier;
use domain::message::{Channel, Recipient};
use metrics::counter;

/// A code went on its way.
pub(crate) fn sent(to: &Recipient) {
    let (channel, country) = match to {
        Recipient::Phone(it) => (Channel::Sms, it.region().code()),
        Recipient::Mailbox(_) => (Channel::Email, nowhere()),
    };
    counter!("latchkey_codes_sent_total", "channel" => channel.as_str(), "country" => country)
        .increment(1);
}

/// A right code was used up, which that vendor had taken.
pub(crate) fn verified(target: &Identifier, vendor: Option<String>) {
    let (channel, country) = match target {
        Identifier::Phone(it) => (Channel::Sms, it.region().code()),
        Identifier::Email(_) => (Channel::Email, nowhere()),
        // No code goes there.
        Identifier::Username(_) | Identifier::ThirdParty(_) => return,
    };
    counter!(
        "latchkey_codes_verified_total",
        "channel" => channel.as_str(), "country" => country, "vendor" => vendor.unwrap_or_else(nowhere),
    )
    .increment(1);
}

/// Wrong passwords made an account wait.
pub(crate) fn locked() {
    counter!("latchkey_locks_total").increment(1);
}

/// The country of a mailbox, and the vendor that is not known.
fn nowhere() -> String {
    "—".to_owned()
}
