//! Telling people what happened to their accounts.

use async_trait::async_trait;
use domain::message::NoticeMessage;

use crate::sender::SendError;

/// Delivers notices, which nobody waits for: the worker of the outbox calls it, and calls again
/// what failed.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Messenger: Send + Sync {
    /// Hands a notice to the vendors of its channel, each asked once; `Ok` means that one of them
    /// accepted it.
    ///
    /// [`SendError::BadRecipient`] and [`SendError::Limited`] are final: another try says the same.
    /// A channel without a vendor is [`SendError::Misconfigured`].
    async fn tell(&self, notice: &NoticeMessage) -> Result<(), SendError>;
}
