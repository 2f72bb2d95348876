//! Setting the caller's own password.

use application::password::{SetPassword, set_password};
use domain::Duration;

use super::*;

fn request(current: Option<&str>, new: &str) -> SetPassword {
    SetPassword {
        current: current.map(|it| PasswordAttempt::parse(it).unwrap()),
        new: new.to_owned(),
        origin: origin(),
    }
}

/// SES-02, RST-06: the token rotates, other sessions end, the password logs in.
#[tokio::test]
async fn a_first_password_needs_nothing_but_a_fresh_login() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    let other = logged_in(&fakes, &ports, 1).await.admission.token;
    fakes.clock.advance(Duration::from_mins(1));
    let token = logged_in(&fakes, &ports, 1).await.admission.token;
    let caller = check(&ports, &token).await.unwrap();
    let set = set_password(&ports, &caller, request(None, "correct horse battery")).await.unwrap();
    assert!(matches!(check(&ports, &other).await, Err(Error::SessionInvalid)));
    assert!(matches!(check(&ports, &token).await, Err(Error::SessionInvalid)));
    let moved = check(&ports, &set.token).await.unwrap().signed_in;
    assert_eq!(moved.session.id, caller.signed_in.session.id);
    assert!(moved.user.has_password);
    login(&ports, by_password("13800000001", "correct horse battery")).await.unwrap();
}

/// LINK-01: ten minutes after the login it is too late for that.
#[tokio::test]
async fn a_first_password_needs_a_fresh_login() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    let token = logged_in(&fakes, &ports, 1).await.admission.token;
    fakes.clock.advance(Duration::from_mins(10));
    let caller = check(&ports, &token).await.unwrap();
    let refused = set_password(&ports, &caller, request(None, "correct horse battery")).await;
    assert!(matches!(refused, Err(Error::ReauthRequired { .. })));
}

/// RST-06: the current password, with its own lock, or none of it.
#[tokio::test]
async fn another_password_needs_the_current_one() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    let token = logged_in(&fakes, &ports, 1).await.admission.token;
    let caller = check(&ports, &token).await.unwrap();
    let token =
        set_password(&ports, &caller, request(None, "correct horse battery")).await.unwrap().token;
    let caller = check(&ports, &token).await.unwrap();
    let without = set_password(&ports, &caller, request(None, "another good one")).await;
    assert!(matches!(without, Err(Error::ReauthRequired { .. })));
    let wrong = set_password(&ports, &caller, request(Some("wrong"), "another good one")).await;
    assert!(matches!(wrong, Err(Error::InvalidCredentials)));
    let right = request(Some("correct horse battery"), "another good one");
    set_password(&ports, &caller, right).await.unwrap();
    login(&ports, by_password("13800000001", "another good one")).await.unwrap();
}

/// PWD-03: not the phone's own number.
#[tokio::test]
async fn a_password_does_not_lean_on_the_account() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    let token = logged_in(&fakes, &ports, 1).await.admission.token;
    let caller = check(&ports, &token).await.unwrap();
    let refused = set_password(&ports, &caller, request(None, "x13800000001x")).await;
    assert!(matches!(refused, Err(Error::Password(domain::password::PasswordError::Context))));
}
