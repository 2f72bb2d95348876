//! Where events go: the team's other systems.

use async_trait::async_trait;
use domain::outbox::Outgoing;
use thiserror::Error;

/// An event was not taken; it may be told again.
#[derive(Debug, Error)]
#[error("the receiver did not take the event")]
pub struct NotTaken(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Where events go.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait EventSink: Send + Sync {
    /// Tells an event; `Ok` once the receiver has taken it. Told again, it has the same id.
    async fn tell(&self, event: &Outgoing) -> Result<(), NotTaken>;
}
