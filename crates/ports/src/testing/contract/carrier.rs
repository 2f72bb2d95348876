//! The promises of `carrier`: who verifies numbers grants little, once, and nothing by mistake.
//!
//! A verifier is tested together with a stand-in of its vendor, which gives tokens of every kind
//! and misbehaves when told to: that is a [`Network`]. The suite is for verifiers outside of this
//! repository as well.

use std::sync::Arc;

use domain::Duration;
use domain::phone::{PhoneNumber, PhonePolicy, Region};

use crate::carrier::{CarrierError, CarrierVerifier};
use crate::testing::{RACERS, race};

/// The number of the SIM that the network's tokens are for.
pub const SIM: &str = "+8613800138000";
/// Longer than a person waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the app asked the vendor's SDK for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The SIM's number.
    Login,
    /// Whether a number is the SIM's.
    Match,
}

/// What is special about a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing: it is [`SIM`]'s, and of now.
    Good,
    /// Its life is over.
    Expired,
    /// It was exchanged before.
    Used,
    /// It was given to another app.
    OtherApp,
    /// Its SIM is of a carrier that the vendor does not serve.
    WrongCarrier,
    /// For it the vendor gives a number with stars.
    Masked,
    /// For it the vendor gives a number of another country than it serves.
    Foreign,
    /// For it the vendor gives what is no number.
    Malformed,
    /// For it the vendor says that all is well, and gives nothing.
    Nothing,
    /// For it the vendor cannot say whether the number is the SIM's.
    Unsure,
    /// For it the vendor gives a code that is in no table.
    Riddle,
}

/// How the vendor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// As it should be.
    Fine,
    /// It answers 500.
    Down,
    /// It does what it is asked, and answers when nobody waits any more: later than in 4 s.
    Slow,
    /// A page of somebody else is in its place, with status 200.
    Html,
    /// Its answers end in the middle.
    Truncated,
}

/// A verifier and the stand-in behind it.
pub trait Network: Send + Sync {
    /// The verifier.
    fn verifier(&self) -> Arc<dyn CarrierVerifier>;

    /// A fresh token for [`SIM`]; `None` where the vendor has no such thing.
    fn token(&self, purpose: Purpose, kind: Kind) -> Option<String>;

    /// From now on the vendor is like this.
    fn set(&self, weather: Weather);

    /// How often the vendor was asked to exchange a token, in fine weather and in slow.
    fn exchanges(&self) -> usize;
}

/// Makes every promise of a verifier a test, each on a network of its own.
#[macro_export]
macro_rules! carrier_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            carrier,
            $make,
            [
                a_good_token_gives_the_sims_number,
                a_token_that_is_not_good_gives_none,
                a_token_of_the_other_purpose_gives_nothing,
                what_is_no_whole_number_is_no_answer,
                a_match_is_the_carriers_explicit_yes,
                a_match_by_a_token_that_is_not_good_fails,
                a_token_grants_once,
                of_racing_tries_one_is_granted,
                a_code_that_nobody_knows_grants_nothing,
                a_vendor_that_is_down_or_slow_is_told_in_time,
                a_lost_answer_is_not_asked_for_again,
                an_answer_that_is_none_grants_nothing,
            ]
        );
    };
}

type Vendor = Arc<dyn Network>;

fn number(text: &str) -> PhoneNumber {
    let phones = PhonePolicy { default_region: Region::CN, allowed_regions: vec![Region::CN] };
    PhoneNumber::parse(text, &phones).expect("a number")
}

fn good(vendor: &Vendor, purpose: Purpose) -> String {
    vendor.token(purpose, Kind::Good).expect("a good token")
}

async fn try_phone(vendor: &Vendor, token: &str) -> Result<String, CarrierError> {
    let verifier = vendor.verifier();
    let tried = tokio::time::timeout(PATIENCE, verifier.phone(token)).await;
    tried.expect("an answer in time")
}

async fn try_match(vendor: &Vendor, token: &str) -> Result<bool, CarrierError> {
    let verifier = vendor.verifier();
    let sim = number(SIM);
    let tried = tokio::time::timeout(PATIENCE, verifier.matches(token, &sim)).await;
    tried.expect("an answer in time")
}

const NOT_GOOD: [Kind; 4] = [Kind::Expired, Kind::Used, Kind::OtherApp, Kind::WrongCarrier];

/// TAP-01: in E.164 form.
pub async fn a_good_token_gives_the_sims_number(vendor: Vendor) {
    let token = good(&vendor, Purpose::Login);
    assert_eq!(try_phone(&vendor, &token).await.expect("a number"), SIM);
}

/// TAP-02: expired, used, another app's, another carrier's and made up: one refusal.
pub async fn a_token_that_is_not_good_gives_none(vendor: Vendor) {
    let mut tokens = vec!["eyJhbGciOiJub25lIn0.made.up".to_owned()];
    for kind in NOT_GOOD {
        tokens.extend(vendor.token(Purpose::Login, kind));
    }
    for token in tokens {
        let tried = try_phone(&vendor, &token).await;
        assert!(matches!(tried, Err(CarrierError::BadToken)), "{token}: {tried:?}");
    }
}

/// TAP-02: a token to match with is none to log in with, and the other way round.
pub async fn a_token_of_the_other_purpose_gives_nothing(vendor: Vendor) {
    let tried = try_phone(&vendor, &good(&vendor, Purpose::Match)).await;
    assert!(matches!(tried, Err(CarrierError::BadToken)), "{tried:?}");
    let tried = try_match(&vendor, &good(&vendor, Purpose::Login)).await;
    assert!(matches!(tried, Err(CarrierError::BadToken)), "{tried:?}");
}

/// TAP-01: masked, foreign, malformed and absent.
pub async fn what_is_no_whole_number_is_no_answer(vendor: Vendor) {
    for kind in [Kind::Masked, Kind::Foreign, Kind::Malformed, Kind::Nothing] {
        let Some(token) = vendor.token(Purpose::Login, kind) else { continue };
        let tried = try_phone(&vendor, &token).await;
        assert!(matches!(tried, Err(CarrierError::BadResponse)), "{kind:?}: {tried:?}");
    }
}

/// TAP-01: a no is no, and so is what is neither yes nor no.
pub async fn a_match_is_the_carriers_explicit_yes(vendor: Vendor) {
    let verifier = vendor.verifier();
    let token = good(&vendor, Purpose::Match);
    assert!(verifier.matches(&token, &number(SIM)).await.expect("an answer"));
    let token = good(&vendor, Purpose::Match);
    assert!(!verifier.matches(&token, &number("+8613800138001")).await.expect("an answer"));
    for kind in [Kind::Unsure, Kind::Nothing] {
        if let Some(token) = vendor.token(Purpose::Match, kind) {
            let tried = try_match(&vendor, &token).await;
            assert!(!matches!(tried, Ok(true)), "{kind:?}: {tried:?}");
        }
    }
}

/// TAP-02.
pub async fn a_match_by_a_token_that_is_not_good_fails(vendor: Vendor) {
    for kind in NOT_GOOD {
        let Some(token) = vendor.token(Purpose::Match, kind) else { continue };
        let tried = try_match(&vendor, &token).await;
        assert!(matches!(tried, Err(CarrierError::BadToken)), "{kind:?}: {tried:?}");
    }
}

/// TAP-02: the second try of a token grants nothing.
pub async fn a_token_grants_once(vendor: Vendor) {
    let token = good(&vendor, Purpose::Login);
    assert!(try_phone(&vendor, &token).await.is_ok());
    let again = try_phone(&vendor, &token).await;
    assert!(matches!(again, Err(CarrierError::BadToken)), "{again:?}");
    let token = good(&vendor, Purpose::Match);
    assert!(try_match(&vendor, &token).await.expect("an answer"));
    let again = try_match(&vendor, &token).await;
    assert!(matches!(again, Err(CarrierError::BadToken)), "{again:?}");
}

/// TAP-02: of 50 racing tries of one token one gets the number.
pub async fn of_racing_tries_one_is_granted(vendor: Vendor) {
    let token = Arc::<str>::from(good(&vendor, Purpose::Login));
    let tried = race(RACERS, &vendor, move |vendor, _| {
        let token = Arc::clone(&token);
        async move { try_phone(&vendor, &token).await.is_ok() }
    })
    .await;
    assert_eq!(tried.iter().filter(|it| **it).count(), 1);
}

/// TAP-02: and is not said to be the token's fault.
pub async fn a_code_that_nobody_knows_grants_nothing(vendor: Vendor) {
    if let Some(token) = vendor.token(Purpose::Login, Kind::Riddle) {
        let tried = try_phone(&vendor, &token).await;
        assert!(matches!(tried, Err(CarrierError::Unavailable)), "{tried:?}");
    }
    if let Some(token) = vendor.token(Purpose::Match, Kind::Riddle) {
        let tried = try_match(&vendor, &token).await;
        assert!(matches!(tried, Err(CarrierError::Unavailable)), "{tried:?}");
    }
}

/// TAP-04: within five seconds.
pub async fn a_vendor_that_is_down_or_slow_is_told_in_time(vendor: Vendor) {
    for weather in [Weather::Down, Weather::Slow] {
        vendor.set(weather);
        let tried = try_phone(&vendor, &good(&vendor, Purpose::Login)).await;
        assert!(matches!(tried, Err(CarrierError::Unavailable)), "{weather:?}: {tried:?}");
    }
    vendor.set(Weather::Down);
    let tried = try_match(&vendor, &good(&vendor, Purpose::Match)).await;
    assert!(matches!(tried, Err(CarrierError::Unavailable)), "{tried:?}");
    vendor.set(Weather::Fine);
    let token = good(&vendor, Purpose::Login);
    assert_eq!(try_phone(&vendor, &token).await.expect("a number"), SIM, "it is well again");
}

/// TAP-02: the token is spent by the first call, whatever became of its answer.
pub async fn a_lost_answer_is_not_asked_for_again(vendor: Vendor) {
    vendor.set(Weather::Slow);
    let token = good(&vendor, Purpose::Login);
    assert!(try_phone(&vendor, &token).await.is_err());
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(vendor.exchanges(), 1);
}

/// TAP-01: somebody else's page, and half an answer.
pub async fn an_answer_that_is_none_grants_nothing(vendor: Vendor) {
    for weather in [Weather::Html, Weather::Truncated] {
        vendor.set(weather);
        let tried = try_phone(&vendor, &good(&vendor, Purpose::Login)).await;
        assert!(matches!(tried, Err(CarrierError::BadResponse)), "{weather:?}: {tried:?}");
        let tried = try_match(&vendor, &good(&vendor, Purpose::Match)).await;
        assert!(matches!(tried, Err(CarrierError::BadResponse)), "{weather:?}: {tried:?}");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::testing::breaks;

    /// Believes every token, gives a number with stars to some and a local one to others, asks
    /// twice, and calls every failure a bad token.
    #[derive(Default)]
    struct Credulous(AtomicUsize);

    #[async_trait]
    impl CarrierVerifier for Credulous {
        fn vendor(&self) -> &'static str {
            "credulous"
        }

        async fn phone(&self, token: &str) -> Result<String, CarrierError> {
            self.0.fetch_add(2, Ordering::SeqCst);
            Ok(if token == "Masked" { "138****8000" } else { "13800138000" }.to_owned())
        }

        async fn matches(&self, _: &str, _: &PhoneNumber) -> Result<bool, CarrierError> {
            Ok(true)
        }
    }

    #[derive(Default)]
    struct Careless(Arc<Credulous>);

    impl Network for Careless {
        fn verifier(&self) -> Arc<dyn CarrierVerifier> {
            Arc::clone(&self.0) as _
        }

        fn token(&self, _: Purpose, kind: Kind) -> Option<String> {
            Some(format!("{kind:?}"))
        }

        fn set(&self, _: Weather) {}

        fn exchanges(&self) -> usize {
            self.0.0.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn a_credulous_verifier_breaks_every_promise() {
        let vendor = || Arc::new(Careless::default()) as Vendor;
        assert!(breaks(a_good_token_gives_the_sims_number(vendor())).await);
        assert!(breaks(a_token_that_is_not_good_gives_none(vendor())).await);
        assert!(breaks(a_token_of_the_other_purpose_gives_nothing(vendor())).await);
        assert!(breaks(what_is_no_whole_number_is_no_answer(vendor())).await);
        assert!(breaks(a_match_is_the_carriers_explicit_yes(vendor())).await);
        assert!(breaks(a_match_by_a_token_that_is_not_good_fails(vendor())).await);
        assert!(breaks(a_token_grants_once(vendor())).await);
        assert!(breaks(of_racing_tries_one_is_granted(vendor())).await);
        assert!(breaks(a_code_that_nobody_knows_grants_nothing(vendor())).await);
        assert!(breaks(a_vendor_that_is_down_or_slow_is_told_in_time(vendor())).await);
        assert!(breaks(a_lost_answer_is_not_asked_for_again(vendor())).await);
        assert!(breaks(an_answer_that_is_none_grants_nothing(vendor())).await);
    }
}
