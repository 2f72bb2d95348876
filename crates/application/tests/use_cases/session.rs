//! Checking and ending a session, and changing a profile.

use std::sync::Arc;

use application::logout::logout;
use application::profile::patch_profile;
use domain::Duration;
use domain::profile::{Nickname, ProfilePatch};
use ports::error::StoreError;
use ports::session_copies::MockSessionCopies;
use ports::sessions::MockSessions;

use super::*;
use domain::profile::Profile;

fn down() -> StoreError {
    StoreError::Unavailable { store: "redis", source: "down".into() }
}

/// One look-up: the truth is not read while there is a copy.
#[tokio::test]
async fn a_check_reads_the_copy_alone() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    let user = logged_in(&fakes, &ports, 1).await;
    let mut untouched = MockSessions::new();
    untouched.expect_find().never();
    let ports = Ports { sessions: Arc::new(untouched), ..ports };
    let caller = check(&ports, &user.admission.token).await.unwrap();
    assert_eq!(caller.signed_in.user, user.admission.user);
}

/// REL-04: without the store of copies, checks go on from the truth.
#[tokio::test]
async fn a_check_goes_on_without_copies() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    let user = logged_in(&fakes, &ports, 1).await;
    let mut dead = MockSessionCopies::new();
    dead.expect_find().returning(|_| Err(down()));
    dead.expect_put().returning(|_, _| Err(down()));
    dead.expect_forget().returning(|_| Err(down()));
    let ports = Ports { session_copies: Arc::new(dead), ..ports };
    assert!(check(&ports, &user.admission.token).await.is_ok());
    for _ in 0..2 {
        let told = logout(&ports, &user.admission.token, origin()).await;
        assert!(matches!(told, Err(Error::Store(_))), "a copy that cannot be removed is told");
    }
    let after = check(&ports, &user.admission.token).await;
    assert!(matches!(after, Err(Error::SessionInvalid)), "the truth has ended it all the same");
}

/// SES-03: use pushes the end on; without use it is over.
#[tokio::test]
async fn a_session_lives_by_its_use() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    let token = logged_in(&fakes, &ports, 1).await.admission.token;
    for _ in 0..4 {
        fakes.clock.advance(Duration::from_hours(24 * 6));
        check(&ports, &token).await.unwrap();
    }
    fakes.clock.advance(Duration::from_hours(24 * 6));
    let over = check(&ports, &token).await;
    assert!(matches!(over, Err(Error::SessionInvalid)), "thirty days are the most");
    let unused = logged_in(&fakes, &ports, 2).await.admission.token;
    fakes.clock.advance(Duration::from_hours(24 * 7));
    assert!(matches!(check(&ports, &unused).await, Err(Error::SessionInvalid)));
}

#[tokio::test]
async fn a_logout_ends_its_session_and_no_other() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    let one = logged_in(&fakes, &ports, 1).await.admission.token;
    fakes.clock.advance(Duration::from_mins(1));
    let other = logged_in(&fakes, &ports, 1).await.admission.token;
    logout(&ports, &one, origin()).await.unwrap();
    assert!(matches!(check(&ports, &one).await, Err(Error::SessionInvalid)));
    assert!(check(&ports, &other).await.is_ok());
}

/// A change of profile is seen by the very next check.
#[tokio::test]
async fn a_new_nickname_is_seen_at_once() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    let token = logged_in(&fakes, &ports, 1).await.admission.token;
    let caller = check(&ports, &token).await.unwrap();
    let patch = ProfilePatch { nickname: Some(Nickname::parse("Ada").ok()), avatar_url: None };
    patch_profile(&ports, &caller, &patch).await.unwrap();
    let seen = check(&ports, &token).await.unwrap().signed_in.user;
    assert_eq!(seen.profile.nickname, Nickname::parse("Ada").ok());
}

/// A service that wants phones answers those without one on few routes only.
#[tokio::test]
async fn a_phone_may_be_demanded() {
    let fakes = Fakes::default();
    let mut policy = adapters_memory::policy();
    policy.require_phone = true;
    let ports = Ports { policy: Arc::new(policy), ..fakes.ports() };
    let registration = application::register::Registration {
        username: domain::username::Username::parse("ada_l").unwrap(),
        password: "correct horse battery".to_owned(),
        profile: Profile::default(),
        origin: origin(),
    };
    let token = application::register::register(&ports, registration).await.unwrap().token;
    assert!(authenticate(&ports, &token, Access::Session).await.is_ok());
    let refused = authenticate(&ports, &token, Access::Complete).await;
    assert!(matches!(refused, Err(Error::PhoneRequired)));
}

/// REL-06: a use that cannot be written down does not end a session that can be read.
#[tokio::test]
async fn a_check_does_not_depend_on_writing() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    let token = logged_in(&fakes, &ports, 1).await.admission.token;
    let mut full = MockSessions::new();
    full.expect_slide().returning(|_, _| Err(down()));
    let ports = Ports { sessions: Arc::new(full), ..ports };
    fakes.clock.advance(Duration::from_mins(10));
    assert!(check(&ports, &token).await.is_ok());
}
