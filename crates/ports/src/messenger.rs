//! The messenger: tells people of changes to their accounts.

use async_trait::async_trait;
use domain::message::NoticeMessage;

use crate::sender::SendError;

/// Tells people of changes to their accounts, by text message or e-mail.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Messenger: Send + Sync {
    /// Hands a notice to a vendor; `Ok` means accepted, not delivered.
    async fn tell(&self, notice: &NoticeMessage) -> Result<(), SendError>;
}
