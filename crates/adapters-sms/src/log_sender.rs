//! The sender of development: it writes messages to the log.

use async_trait::async_trait;
use domain::message::Message;
use ports::sender::{MessageSender, SendError};

use crate::words::{chinese, english};

/// Writes every message to the log, number and code included, and accepts it.
///
/// It exists for development: the wiring refuses it in production (CFG-02, OTP-11), and LOG-01
/// excepts it alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogSender;

#[async_trait]
impl MessageSender for LogSender {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let to = message.to().as_str();
        match message {
            Message::Code(code) => tracing::info!(
                target: "latchkey::sms",
                to,
                zh = chinese(code),
                en = english(code),
                "message"
            ),
            Message::Notice(it) => {
                tracing::info!(target: "latchkey::sms", to, notice = it.notice.as_str(), "notice");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ports::testing::contract::sender::{Vendor, message, phone};

    use super::*;
    use crate::test_log;

    #[expect(clippy::unused_async, reason = "suites await what makes a vendor")]
    async fn fresh() -> Vendor {
        test_log::start();
        Vendor { sender: Arc::new(LogSender), to: phone(), accepted: Arc::new(test_log::lines) }
    }

    ports::sender_contract!(fresh());

    #[tokio::test]
    async fn a_line_has_number_and_code() {
        let vendor = fresh().await;
        vendor.sender.send(&Message::Code(message(42))).await.unwrap();
        let line = (vendor.accepted)().join("");
        assert!(line.contains("+8613800138000") && line.contains("latchkey::sms"), "{line}");
    }
}
