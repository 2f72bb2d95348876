//! A vendor of one's own, as `docs/carriers.md` shows it.
#![cfg(test)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::phone::PhoneNumber;
use ports::carrier::{CarrierError, CarrierVerifier};
use ports::testing::contract::carrier::{Kind, Network, Purpose, SIM, Weather};

/// The vendor: in a real adapter this is an HTTP client, here it is a table of tokens.
#[derive(Default)]
struct Acme {
    tokens: Mutex<HashMap<String, (Purpose, Kind)>>,
    weather: Mutex<Option<Weather>>,
    asked: Mutex<usize>,
}

impl Acme {
    /// What the vendor answers; whatever it is, the token is spent by it.
    fn ask(&self, token: &str, purpose: Purpose) -> Result<String, CarrierError> {
        *self.asked.lock().unwrap() += 1;
        let known = self.tokens.lock().unwrap().remove(token);
        match (*self.weather.lock().unwrap(), known) {
            (Some(Weather::Down | Weather::Slow), _) => Err(CarrierError::Unavailable),
            (Some(Weather::Html | Weather::Truncated), _) => Err(CarrierError::BadResponse),
            (_, Some((it, Kind::Good))) if it == purpose => Ok(SIM.to_owned()),
            (_, Some((it, Kind::Masked))) if it == purpose => Ok("138****8000".to_owned()),
            _ => Err(CarrierError::BadToken),
        }
    }
}

#[async_trait]
impl CarrierVerifier for Acme {
    fn vendor(&self) -> &'static str {
        "acme"
    }

    async fn phone(&self, token: &str) -> Result<String, CarrierError> {
        let number = self.ask(token, Purpose::Login)?;
        let is_whole = number.strip_prefix("+86").is_some_and(|it| it.parse::<u64>().is_ok());
        is_whole.then_some(number).ok_or(CarrierError::BadResponse)
    }

    async fn matches(&self, token: &str, phone: &PhoneNumber) -> Result<bool, CarrierError> {
        Ok(self.ask(token, Purpose::Match)? == phone.as_str())
    }
}

/// What the suite needs: tokens of each kind, weather, and a count.
#[derive(Default)]
struct AcmeNetwork(Arc<Acme>, Mutex<usize>);

impl Network for AcmeNetwork {
    fn verifier(&self) -> Arc<dyn CarrierVerifier> {
        Arc::clone(&self.0) as _
    }

    fn token(&self, purpose: Purpose, kind: Kind) -> Option<String> {
        let mut count = self.1.lock().unwrap();
        *count += 1;
        let token = format!("token-{count}");
        self.0.tokens.lock().unwrap().insert(token.clone(), (purpose, kind));
        // This vendor has no other countries, no doubts and no unknown codes.
        let has = [Kind::Good, Kind::Expired, Kind::Used, Kind::OtherApp, Kind::Masked];
        has.contains(&kind).then_some(token)
    }

    fn set(&self, weather: Weather) {
        *self.0.weather.lock().unwrap() = (weather != Weather::Fine).then_some(weather);
    }

    fn exchanges(&self) -> usize {
        *self.0.asked.lock().unwrap()
    }
}

ports::carrier_contract!(async { Arc::new(AcmeNetwork::default()) as Arc<dyn Network> });

mod guide {
    /// The guide shows this very file.
    #[test]
    fn the_guide_shows_what_is_tested() {
        let guide = include_str!("../../../docs/carriers.md");
        let shown = include_str!("own_vendor.rs");
        let (shown, _) = shown.split_once("\nmod guide {").unwrap();
        assert!(guide.contains(&format!("```rust\n{shown}```\n")), "docs/carriers.md is behind");
    }
}
