//! Events to the team's other systems, by webhooks as [Standard Webhooks] has them.
//!
//! [`WebhookSink`] posts an event and wants a 2xx; what comes of one that was not taken, the outbox
//! decides. [`Signer`] is the signature.
//!
//! [Standard Webhooks]: https://www.standardwebhooks.com

mod body;
mod signer;
mod sink;
#[cfg(test)]
mod stand_in;

pub use signer::{SecretError, Signer};
pub use sink::{SetupError, Trace, WebhookSettings, WebhookSink};
