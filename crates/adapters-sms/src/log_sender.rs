//! The sender of development: it writes messages to the log.

use async_trait::async_trait;
use domain::credential::code::Purpose;
use domain::message::{CodeMessage, Message};
use ports::sender::{MessageSender, SendError};

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

/// The text in Chinese; fixed but for code and minutes (OTP-13).
fn chinese(message: &CodeMessage) -> String {
    let verb = match message.purpose {
        Purpose::Login => "登录",
        Purpose::Link => "绑定",
        Purpose::Reauthenticate => "身份验证",
        Purpose::ResetPassword => "重置密码",
        Purpose::Merge => "合并账号",
    };
    let (code, minutes) = (message.code.reveal(), minutes(message));
    format!("您的{verb}验证码是 {code}，{minutes} 分钟内有效，请勿告诉他人。")
}

/// The text in English; fixed but for code and minutes (OTP-13).
fn english(message: &CodeMessage) -> String {
    let verb = match message.purpose {
        Purpose::Login => "log in",
        Purpose::Link => "link this number",
        Purpose::Reauthenticate => "confirm that it is you",
        Purpose::ResetPassword => "set a new password",
        Purpose::Merge => "merge your accounts",
    };
    let (code, minutes) = (message.code.reveal(), minutes(message));
    format!("{code} is your code to {verb}. It is good for {minutes} minutes; tell it to nobody.")
}

/// The code's life in whole minutes, rounded down: nobody is promised more than there is.
fn minutes(message: &CodeMessage) -> u64 {
    message.ttl.as_secs() / 60
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ports::testing::contract::sender::{Vendor, message, phone};
    use rstest::rstest;

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

    #[rstest]
    #[case(Purpose::Login, "您的登录验证码是 000042，5 分钟内有效，请勿告诉他人。")]
    #[case(Purpose::Link, "您的绑定验证码是 000042，5 分钟内有效，请勿告诉他人。")]
    fn a_text_says_what_the_code_is_for(#[case] purpose: Purpose, #[case] text: &str) {
        let message = CodeMessage { purpose, ..message(42) };
        assert_eq!(chinese(&message), text);
        assert!(english(&message).starts_with("000042 is your code to "));
    }
}
