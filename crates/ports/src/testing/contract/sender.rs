//! The promises of `sender`.
//!
//! A sender is tested together with the vendor's stand-in, which knows what was accepted.

use std::fmt;
use std::sync::Arc;

use domain::Duration;
use domain::credential::code::{Code, Purpose};
use domain::id::ChallengeId;
use domain::message::{CodeMessage, Recipient};
use domain::phone::{PhoneNumber, PhonePolicy, Region};

use crate::sender::MessageSender;

/// A sender and what its vendor has been handed.
pub struct Vendor {
    /// The sender, whose vendor accepts every message.
    pub sender: Arc<dyn MessageSender>,
    /// The texts or parameters that the vendor was handed, in their order.
    pub accepted: Arc<dyn Fn() -> Vec<String> + Send + Sync>,
}

impl fmt::Debug for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Vendor").field(&(self.accepted)()).finish()
    }
}

/// A message for a test: to 138 0013 8000, with the code `number`.
#[must_use]
pub fn message(number: u32) -> CodeMessage {
    let phones = PhonePolicy { default_region: Region::CN, allowed_regions: vec![Region::CN] };
    let mut id = [0; 16];
    for (byte, given) in id.iter_mut().zip(number.to_be_bytes()) {
        *byte = given;
    }
    CodeMessage {
        to: Recipient::Phone(PhoneNumber::parse("13800138000", &phones).expect("a number")),
        purpose: Purpose::Login,
        challenge_id: ChallengeId::new(id),
        code: Code::parse(&format!("{number:06}"), 6).expect("a code"),
        ttl: Duration::from_mins(5),
    }
}

/// What the vendor accepts carries the code, its leading zeros too (OTP-01).
pub async fn an_accepted_message_carries_its_code(vendor: Vendor) {
    vendor.sender.send(&message(42)).await.expect("accepted");
    let accepted = (vendor.accepted)();
    assert_eq!(accepted.len(), 1);
    assert!(accepted.iter().all(|it| it.contains("000042")), "{accepted:?}");
}

/// OTP-10: a repeated message is the same message.
pub async fn a_message_sent_again_carries_the_same_code(vendor: Vendor) {
    for _ in 0..3 {
        vendor.sender.send(&message(123_456)).await.expect("accepted");
    }
    let accepted = (vendor.accepted)();
    assert_eq!(accepted.len(), 3);
    assert!(accepted.iter().all(|it| it.contains("123456")), "{accepted:?}");
}

/// Makes every promise of a sender a test, each on a vendor of its own.
#[macro_export]
macro_rules! sender_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            sender,
            $make,
            [an_accepted_message_carries_its_code, a_message_sent_again_carries_the_same_code,]
        );
    };
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;
    use crate::sender::SendError;
    use crate::testing::breaks;

    /// Drops leading zeros, and makes up a code of its own the second time.
    #[derive(Default)]
    struct Inventive(Mutex<Vec<String>>);

    #[async_trait]
    impl MessageSender for Inventive {
        async fn send(&self, message: &CodeMessage) -> Result<(), SendError> {
            let mut accepted = self.0.lock().unwrap();
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
            Vendor { sender, accepted: Arc::new(move || accepted.0.lock().unwrap().clone()) }
        };
        assert!(breaks(an_accepted_message_carries_its_code(vendor())).await);
        assert!(breaks(a_message_sent_again_carries_the_same_code(vendor())).await);
    }
}
