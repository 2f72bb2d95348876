//! Registering with a user name.

use application::register::{Registration, register};
use domain::Duration;
use domain::username::Username;

use domain::profile::Profile;

use super::*;

fn registration(name: &str) -> Registration {
    Registration {
        username: Username::parse(name).unwrap(),
        password: "correct horse battery".to_owned(),
        profile: Profile::default(),
        origin: origin(),
    }
}

/// ID-01: unique on what looks alike, and logged in by it.
#[tokio::test]
async fn a_user_name_is_taken_once_and_logs_in() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    let new = register(&ports, registration("ada_l")).await.unwrap();
    assert!(new.user.has_password && !new.user.has_phone);
    let refused = register(&ports, registration("Ada_1")).await;
    assert!(matches!(refused, Err(Error::UsernameTaken)), "{refused:?}");
    let again = login(&ports, by_password("ADA_L", "correct horse battery")).await.unwrap();
    assert_eq!(again.admission.user.id, new.user.id);
}

/// ID-07: ten a minute from one address.
#[tokio::test]
async fn registrations_of_an_address_are_capped() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    for of in 0..10 {
        register(&ports, registration(&format!("person{of}x"))).await.unwrap();
    }
    let refused = register(&ports, registration("one-more")).await;
    assert!(matches!(refused, Err(Error::RateLimited { .. })), "{refused:?}");
    fakes.clock.advance(Duration::from_mins(1));
    register(&ports, registration("one-more")).await.unwrap();
}
