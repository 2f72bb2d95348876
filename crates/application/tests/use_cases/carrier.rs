//! Proving a number by the carrier: what is counted, reserved and asked, and in which order.

use std::collections::BTreeMap;
use std::sync::Arc;

use application::fallback::{Fallback, Outcome, or_send};
use domain::Duration;
use domain::cap::Cap;
use domain::credential::IdentityCredential;
use domain::credential::carrier::{CarrierCredential, CarrierToken, Question};
use domain::session::Method;
use ports::carrier::{CarrierError, CarrierVerifier, MockCarrierVerifier};
use ports::error::StoreError;
use ports::one_time::MockOneTimeStates;

use super::*;

fn with_carrier(mut carrier: MockCarrierVerifier) -> (Fakes, Ports) {
    carrier.expect_spends().returning(str::to_owned);
    let carrier = Arc::new(carrier) as Arc<dyn CarrierVerifier>;
    let fakes = Fakes { carriers: BTreeMap::from([("aliyun", carrier)]), ..Fakes::default() };
    let ports = fakes.ports();
    (fakes, ports)
}

fn by_carrier(token: &str) -> Login {
    let token = CarrierToken::parse(token).unwrap();
    let credential = CarrierCredential { vendor: "aliyun", token, question: Question::Number };
    Login {
        credential: Credential::Identity(IdentityCredential::Carrier(credential)),
        newcomer: Newcomers::default(),
        origin: origin(),
    }
}

/// TAP-02: a token that could not be reserved is not tried.
#[tokio::test]
async fn a_token_is_reserved_before_the_call() {
    let mut carrier = MockCarrierVerifier::new();
    carrier.expect_phone().never();
    let (_, ports) = with_carrier(carrier);
    let mut down = MockOneTimeStates::new();
    down.expect_put().return_once(|_, _, _, _| {
        let source = Box::new(std::io::Error::other("down"));
        Err(StoreError::Unavailable { store: "redis", source })
    });
    let ports = Ports { one_time: Arc::new(down), ..ports };
    let refused = login(&ports, by_carrier("a")).await;
    assert!(matches!(refused, Err(Error::Store(_))), "{refused:?}");
}

/// TAP-02: whatever the carrier says, it is asked once for a token, until no carrier knows it.
#[tokio::test]
async fn a_token_is_tried_once_whatever_comes_of_it() {
    let mut carrier = MockCarrierVerifier::new();
    carrier.expect_phone().times(1).return_once(|_| Err(CarrierError::Unavailable));
    let (fakes, ports) = with_carrier(carrier);
    let lost = login(&ports, by_carrier("a")).await;
    assert!(matches!(lost, Err(Error::CarrierUnavailable)), "{lost:?}");
    for _ in 0..2 {
        let again = login(&ports, by_carrier("a")).await;
        assert!(matches!(again, Err(Error::CarrierTokenInvalid)), "{again:?}");
        fakes.clock.advance(Duration::from_mins(59));
    }
}

/// TAP-04: what is refused by its number leaves the token alive.
#[tokio::test]
async fn a_call_is_counted_before_the_token_is_reserved() {
    let mut carrier = MockCarrierVerifier::new();
    carrier.expect_phone().times(2).returning(|_| Ok("+8613800000001".to_owned()));
    let (fakes, ports) = with_carrier(carrier);
    let mut policy = (*ports.policy).clone();
    policy.carrier_calls = vec![Cap { count: 1, window: Duration::from_mins(1) }];
    let ports = Ports { policy: Arc::new(policy), ..ports };
    let first = login(&ports, by_carrier("a")).await.unwrap();
    assert!(first.is_new_user);
    assert_eq!(first.admission.session.method, Method::Carrier);
    let limited = login(&ports, by_carrier("b")).await;
    assert!(matches!(limited, Err(Error::RateLimited { .. })), "{limited:?}");
    fakes.clock.advance(Duration::from_mins(1));
    assert!(!login(&ports, by_carrier("b")).await.unwrap().is_new_user);
}

/// TAP-01: and registers nobody.
#[tokio::test]
async fn what_is_no_number_is_no_answer() {
    for answer in ["138****0001", "13800000001", "+85251234567", ""] {
        let mut carrier = MockCarrierVerifier::new();
        carrier.expect_phone().return_once(|_| Ok(answer.to_owned()));
        let (_, ports) = with_carrier(carrier);
        let refused = login(&ports, by_carrier("a")).await;
        assert!(matches!(refused, Err(Error::CarrierBadResponse)), "{answer}: {refused:?}");
        let key = ports.keys.identifier_key(&Identifier::Phone(phone(1)));
        assert!(ports.accounts.find(&key).await.unwrap().is_none());
    }
}

/// A message takes the carrier's place and nobody else's, and there is one at most.
#[tokio::test]
async fn a_message_takes_the_place_of_the_carrier_alone() {
    for (error, sends) in [
        (Error::CarrierTokenInvalid, 1),
        (Error::CarrierUnavailable, 1),
        (Error::CarrierBadResponse, 1),
        (Error::RateLimited { retry_after: Duration::from_secs(1) }, 0),
        (Error::AccountDisabled, 0),
        (Error::ProviderUnavailable, 0),
    ] {
        let fakes = Fakes::default();
        let ports = fakes.ports();
        let to = Recipient::Phone(phone(1));
        let fallback = Fallback { to, purpose: Purpose::Login, origin: origin() };
        let came = or_send::<()>(&ports, Err(error), Some(fallback)).await;
        assert_eq!(matches!(came, Ok(Outcome::Sent { .. })), sends == 1, "{came:?}");
        assert_eq!(fakes.postbox.posted().len(), sends);
    }
    let fakes = Fakes::default();
    let came = or_send::<()>(&fakes.ports(), Err(Error::CarrierUnavailable), None).await;
    assert!(matches!(came, Err(Error::CarrierUnavailable)), "{came:?}");
    assert!(fakes.postbox.posted().is_empty());
}
