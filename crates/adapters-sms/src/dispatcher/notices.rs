//! What becomes of one notice.

use async_trait::async_trait;
use domain::message::{Message, NoticeMessage};
use ports::messenger::Messenger;
use ports::sender::SendError;

use super::Dispatcher;
use super::delivery::Asked;

#[async_trait]
impl Messenger for Dispatcher {
    /// Asks each vendor of the channel once, past the queue. Nothing is refunded, since nothing is
    /// charged, and nothing is repeated, since the caller does that.
    async fn tell(&self, notice: &NoticeMessage) -> Result<(), SendError> {
        let channel = notice.to.channel();
        let message = Message::Notice(notice.clone());
        let mut last = SendError::Misconfigured { vendor: channel.as_str() };
        for (vendor, _) in self.delivery.vendors(channel) {
            let error = match self.delivery.ask(vendor, &message).await {
                Asked::Answered(Ok(())) => {
                    if let Some(on_post) = &self.on_post {
                        on_post(&message);
                    }
                    return Ok(());
                }
                Asked::Answered(Err(error)) => error,
                Asked::TooDear => SendError::Exhausted { vendor: vendor.name },
            };
            let (to, what) = (notice.to.masked(), notice.notice.as_str());
            tracing::warn!(to, vendor = vendor.name, notice = what, %error, "a notice was not accepted");
            match error {
                SendError::BadRecipient { .. } | SendError::Limited { .. } => return Err(error),
                SendError::Misconfigured { .. }
                | SendError::Exhausted { .. }
                | SendError::NotOffered { .. }
                | SendError::Unavailable { .. }
                | SendError::Ambiguous { .. } => last = error,
            }
        }
        Err(last)
    }
}
