//! The promises of `sender`.
//!
//! A sender is tested together with the vendor's stand-in, which knows what was accepted.

use std::fmt;
use std::sync::Arc;

use domain::Duration;
use domain::credential::code::{Code, Purpose};
use domain::email::EmailAddress;
use domain::id::ChallengeId;
use domain::message::{CodeMessage, Message, Notice, NoticeMessage, Recipient};
use domain::phone::{PhoneNumber, PhonePolicy, Region};

use crate::sender::{MessageSender, SendError};
use crate::testing::START;

/// A sender and what its vendor has been handed.
pub struct Vendor {
    /// The sender, whose vendor accepts every message.
    pub sender: Arc<dyn MessageSender>,
    /// Whom it delivers to.
    pub to: Recipient,
    /// The texts or parameters that the vendor was handed, in their order.
    pub accepted: Arc<dyn Fn() -> Vec<String> + Send + Sync>,
}

impl fmt::Debug for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Vendor").field(&(self.accepted)()).finish()
    }
}

/// A phone for a test: 138 0013 8000.
#[must_use]
pub fn phone() -> Recipient {
    let phones = PhonePolicy { default_region: Region::CN, allowed_regions: vec![Region::CN] };
    Recipient::Phone(PhoneNumber::parse("13800138000", &phones).expect("a number"))
}

/// A mailbox for a test: `ada@example.com`.
#[must_use]
pub fn mailbox() -> Recipient {
    Recipient::Mailbox(EmailAddress::parse("ada@example.com").expect("an address"))
}

/// A message for a test: to [`phone`], with the code `number`.
#[must_use]
pub fn message(number: u32) -> CodeMessage {
    let mut id = [0; 16];
    for (byte, given) in id.iter_mut().zip(number.to_be_bytes()) {
        *byte = given;
    }
    CodeMessage {
        to: phone(),
        purpose: Purpose::Login,
        challenge_id: ChallengeId::new(id),
        code: Code::parse(&format!("{number:06}"), 6).expect("a code"),
        ttl: Duration::from_mins(5),
    }
}

/// The same to somebody else.
fn code_to(to: &Recipient, number: u32) -> Message {
    Message::Code(CodeMessage { to: to.clone(), ..message(number) })
}

/// What the vendor accepts carries the code, its leading zeros too (OTP-01).
pub async fn an_accepted_message_carries_its_code(vendor: Vendor) {
    vendor.sender.send(&code_to(&vendor.to, 42)).await.expect("accepted");
    let accepted = (vendor.accepted)();
    assert_eq!(accepted.len(), 1);
    assert!(accepted.iter().all(|it| it.contains("000042")), "{accepted:?}");
}

/// OTP-10: a repeated message is the same message.
pub async fn a_message_sent_again_carries_the_same_code(vendor: Vendor) {
    for _ in 0..3 {
        vendor.sender.send(&code_to(&vendor.to, 123_456)).await.expect("accepted");
    }
    let accepted = (vendor.accepted)();
    assert_eq!(accepted.len(), 3);
    assert!(accepted.iter().all(|it| it.contains("123456")), "{accepted:?}");
}

/// LOG-05: a notice asks for nothing that needs no login, so it has neither a code nor a link. A
/// vendor that has no text for notices says so, and is handed nothing.
pub async fn a_notice_is_accepted_and_has_no_link(vendor: Vendor) {
    let mut told = 0;
    for notice in Notice::ALL {
        let message = NoticeMessage { to: vendor.to.clone(), notice, at: START };
        match vendor.sender.send(&Message::Notice(message)).await {
            Ok(()) => told += 1,
            Err(SendError::NotOffered { .. }) => {}
            Err(error) => panic!("neither accepted nor not offered: {error}"),
        }
    }
    let accepted = (vendor.accepted)();
    assert_eq!(accepted.len(), told);
    for text in accepted.iter().map(|it| it.to_lowercase()) {
        assert!(["http:", "https:", "www.", "href"].iter().all(|it| !text.contains(it)), "{text}");
    }
}

/// Makes every promise of a sender a test, each on a vendor of its own.
#[macro_export]
macro_rules! sender_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            sender,
            $make,
            [
                an_accepted_message_carries_its_code,
                a_message_sent_again_carries_the_same_code,
                a_notice_is_accepted_and_has_no_link,
            ]
        );
    };
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;
    use crate::testing::breaks;

    /// Drops leading zeros, and makes up a code of its own the second time.
    #[derive(Default)]
    struct Inventive(Mutex<Vec<String>>);

    #[async_trait]
    impl MessageSender for Inventive {
        async fn send(&self, message: &Message) -> Result<(), SendError> {
            let mut accepted = self.0.lock().unwrap();
            let Message::Code(message) = message else {
                accepted.push("see https://example.com/".to_owned());
                return Ok(());
            };
            let code = message.code.reveal().trim_start_matches('0');
            let sent = if accepted.is_empty() { code.to_owned() } else { "987654".to_owned() };
            accepted.push(sent);
            Ok(())
        }
    }

    #[tokio::test]
    async fn an_inventive_sender_breaks_every_promise() {
        let vendor = || {
            let sender = Arc::new(Inventive::default());
            let accepted = Arc::clone(&sender);
            Vendor {
                sender,
                to: phone(),
                accepted: Arc::new(move || accepted.0.lock().unwrap().clone()),
            }
        };
        assert!(breaks(an_accepted_message_carries_its_code(vendor())).await);
        assert!(breaks(a_message_sent_again_carries_the_same_code(vendor())).await);
        assert!(breaks(a_notice_is_accepted_and_has_no_link(vendor())).await);
    }
}
