//! Asking for a code.

use domain::Duration;
use domain::email::EmailAddress;
use ports::postbox::{MockPostbox, PostboxError};
use std::sync::Arc;

use super::*;

#[tokio::test]
async fn the_message_carries_what_the_answer_names() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    let to = Recipient::Phone(phone(1));
    let answer = request_challenge(&ports, to, Purpose::Login, &origin()).await.unwrap();
    let message = fakes.postbox.posted().pop().unwrap().message;
    assert_eq!(message.challenge_id, answer.challenge_id);
    assert_eq!(message.to.as_str(), "+8613800000001");
    assert_eq!(answer.expires_in, Duration::from_mins(5));
    assert_eq!(answer.resend_in, Duration::from_mins(1));
}

/// OTP-07: a second code within the minute is refused with the time to wait.
#[tokio::test]
async fn a_second_code_waits_for_the_resend_time() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    sent(&fakes, &ports, 1, Purpose::Login).await;
    fakes.clock.advance(Duration::from_secs(20));
    let to = Recipient::Phone(phone(1));
    let again = request_challenge(&ports, to.clone(), Purpose::Link, &origin()).await;
    let Err(Error::SmsRateLimited { retry_after }) = again else { panic!("{again:?}") };
    assert_eq!(retry_after, Duration::from_secs(40));
    fakes.clock.advance(retry_after);
    request_challenge(&ports, to, Purpose::Link, &origin()).await.unwrap();
}

/// OTP-09: a full queue is told before anything is stored or charged.
#[tokio::test]
async fn a_full_queue_costs_nobody_their_share() {
    let fakes = Fakes::default();
    let mut full = MockPostbox::new();
    full.expect_affords().returning(|_| Ok(()));
    full.expect_reserve().returning(|_| Err(PostboxError::Full));
    let ports = Ports { postbox: Arc::new(full), ..fakes.ports() };
    let to = Recipient::Phone(phone(1));
    let refused = request_challenge(&ports, to.clone(), Purpose::Login, &origin()).await;
    assert!(matches!(refused, Err(Error::Postbox(PostboxError::Full))));
    let ports = Ports { postbox: fakes.postbox.clone(), ..ports };
    request_challenge(&ports, to, Purpose::Login, &origin()).await.unwrap();
}

/// A mailbox over its caps is no matter of text messages, and neither is its address.
#[tokio::test]
async fn mail_over_its_caps_is_told_as_such() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    let to = |name: &str| {
        let address = EmailAddress::parse(&format!("{name}@example.com")).unwrap();
        Recipient::Mailbox(address)
    };
    let ask =
        async |name: &str| request_challenge(&ports, to(name), Purpose::Login, &origin()).await;
    ask("ada").await.unwrap();
    let again = ask("ada").await;
    let Err(Error::RateLimited { retry_after }) = again else { panic!("{again:?}") };
    assert_eq!(retry_after, Duration::from_mins(1));
    for number in 1..20 {
        ask(&format!("ada-{number}")).await.unwrap();
    }
    assert!(matches!(ask("bob").await, Err(Error::RateLimited { .. })), "the address's share");
}

/// A code sent to a mailbox registers its owner, and logs them in the next time.
#[tokio::test]
async fn a_code_by_mail_registers_and_logs_in() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    let mut users = Vec::new();
    for typed in ["ada@example.com", "Ada@EXAMPLE.com"] {
        let to = Recipient::Mailbox(EmailAddress::parse(typed).unwrap());
        request_challenge(&ports, to, Purpose::Login, &origin()).await.unwrap();
        let message = fakes.postbox.posted().pop().unwrap().message;
        let came_in = login(&ports, by_code(&message)).await.unwrap();
        assert_eq!(came_in.is_new_user, users.is_empty());
        users.push(came_in.admission.user.id);
        fakes.clock.advance(Duration::from_mins(1));
    }
    assert_eq!(users[0], users[1]);
}
