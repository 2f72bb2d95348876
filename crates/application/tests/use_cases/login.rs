//! Logging in by code and by password.

use std::sync::Arc;

use application::link::{Link, link};
use application::password::{SetPassword, set_password};
use application::reauthenticate::reauthenticate;
use domain::cap::Cap;
use domain::email::EmailAddress;
use domain::event::Outcome;
use domain::password::PasswordHash;
use domain::policy::Ways;
use domain::profile::{Nickname, Profile};
use domain::user::UserState;
use domain::{Duration, session::Method};
use ports::accounts::MockAccounts;
use ports::hasher::{HashError, MockHasher};

use super::*;

const PASSWORD: &str = "correct horse battery";

/// A code with the password of a new user.
fn with_password(message: &CodeMessage, password: &str) -> Login {
    let newcomer = Newcomers { password: Some(password.to_owned()), ..Newcomers::default() };
    Login { newcomer, ..by_code(message) }
}

/// The first login registers, the next ones log the same user in.
#[tokio::test]
async fn an_unknown_phone_registers_and_a_known_one_logs_in() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    let first = logged_in(&fakes, &ports, 1).await;
    assert!(first.is_new_user);
    fakes.clock.advance(Duration::from_mins(1));
    let second = logged_in(&fakes, &ports, 1).await;
    assert!(!second.is_new_user);
    assert_eq!(second.admission.user.id, first.admission.user.id);
    assert_ne!(second.admission.session.id, first.admission.session.id);
    assert!(check(&ports, &first.admission.token).await.is_ok());
}

/// No user exists before a proof: the failure is recorded, and nothing else is written (LOG-03).
#[tokio::test]
async fn a_wrong_code_is_recorded_and_makes_nobody() {
    let fakes = Fakes::default();
    let mut accounts = MockAccounts::new();
    accounts.expect_find().return_once(|_| Ok(None));
    accounts
        .expect_record()
        .withf(|it, told| it.outcome == Outcome::Failure && told.is_empty())
        .times(1)
        .return_once(|_, _| Ok(()));
    let ports = Ports { accounts: Arc::new(accounts), ..fakes.ports() };
    let message = sent(&fakes, &ports, 1, Purpose::Login).await;
    let wrong = if message.code.reveal() == "000000" { "000001" } else { "000000" };
    let wrong = Code::parse(wrong, 6).unwrap();
    let refused = login(&ports, presenting(message.challenge_id, wrong)).await;
    assert!(matches!(refused, Err(Error::CodeInvalid)), "{refused:?}");
}

/// OTP-03, OTP-06: used, expired, of another purpose: one answer.
#[tokio::test]
async fn a_code_is_good_once_in_time_and_for_its_purpose() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    let used = sent(&fakes, &ports, 1, Purpose::Login).await;
    login(&ports, by_code(&used)).await.unwrap();
    let other = sent(&fakes, &ports, 2, Purpose::Link).await;
    let expired = sent(&fakes, &ports, 3, Purpose::Login).await;
    for (message, later) in [(used, 0), (other, 0), (expired, 5)] {
        fakes.clock.advance(Duration::from_mins(later));
        let refused = login(&ports, by_code(&message)).await;
        assert!(matches!(refused, Err(Error::CodeInvalid)), "{refused:?}");
    }
}

/// A new user's profile and password are applied; a known one keeps theirs.
#[tokio::test]
async fn profile_and_password_are_for_new_users() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    let with = |message: &CodeMessage, name: &str, password: &str| Login {
        newcomer: Newcomers {
            profile: Profile { nickname: Nickname::parse(name).ok(), avatar_url: None },
            password: Some(password.to_owned()),
            takes_dormant: false,
        },
        ..by_code(message)
    };
    let message = sent(&fakes, &ports, 1, Purpose::Login).await;
    let new = login(&ports, with(&message, "Ada", "correct horse battery")).await.unwrap();
    assert!(new.admission.user.has_password && new.admission.user.profile_complete());
    fakes.clock.advance(Duration::from_mins(1));
    let message = sent(&fakes, &ports, 1, Purpose::Login).await;
    let known = login(&ports, with(&message, "Eve", "another good password")).await.unwrap();
    assert_eq!(known.admission.user.profile.nickname, Nickname::parse("Ada").ok());
    let refused = login(&ports, by_password("13800000001", "another good password")).await;
    assert!(matches!(refused, Err(Error::InvalidCredentials)));
    login(&ports, by_password("13800000001", "correct horse battery")).await.unwrap();
}

/// A password that cannot be set, the phone's own number among them, leaves the code alive.
#[tokio::test]
async fn a_bad_password_leaves_the_code_alive() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    let message = sent(&fakes, &ports, 1, Purpose::Login).await;
    for bad in ["short", "password1", "13800000001"] {
        let refused = login(&ports, with_password(&message, bad));
        assert!(matches!(refused.await, Err(Error::Password(_))), "{bad}");
    }
    assert!(login(&ports, by_code(&message)).await.unwrap().is_new_user);
}

/// A disabled account: told to its proven owner, never to a password (PWD-06).
#[tokio::test]
async fn a_disabled_account_lets_nobody_in() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    let message = sent(&fakes, &ports, 1, Purpose::Login).await;
    let user = login(&ports, with_password(&message, PASSWORD)).await.unwrap();
    fakes.database.set_state(user.admission.user.id, UserState::Disabled);
    fakes.clock.advance(Duration::from_mins(1));
    let message = sent(&fakes, &ports, 1, Purpose::Login).await;
    let refused = login(&ports, by_code(&message)).await;
    assert!(matches!(refused, Err(Error::AccountDisabled)));
    let refused = login(&ports, by_password("13800000001", "correct horse battery")).await;
    assert!(matches!(refused, Err(Error::InvalidCredentials)));
}

/// LOCK-02: five wrong ones wait, the right one too; then the right one comes in.
#[tokio::test]
async fn wrong_passwords_make_the_account_wait() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    let message = sent(&fakes, &ports, 1, Purpose::Login).await;
    login(&ports, with_password(&message, PASSWORD)).await.unwrap();
    for _ in 0..5 {
        let refused = login(&ports, by_password("13800000001", "wrong")).await;
        assert!(matches!(refused, Err(Error::InvalidCredentials)));
    }
    let right = || by_password("13800000001", "correct horse battery");
    let refused = login(&ports, right()).await;
    let Err(Error::TooManyAttempts { retry_after }) = refused else { panic!("{refused:?}") };
    assert_eq!(retry_after, Duration::from_secs(30));
    fakes.clock.advance(retry_after);
    login(&ports, right()).await.unwrap();
    let outcomes: Vec<_> = fakes.database.events().iter().map(|it| it.outcome).collect();
    let mut expected = vec![Outcome::Success];
    expected.extend([Outcome::Failure; 4]);
    expected.extend([Outcome::Locked, Outcome::Success]);
    assert_eq!(outcomes, expected);
}

/// LOCK-06: an address that failed with twenty accounts may only go on with those.
#[tokio::test]
async fn an_address_fails_with_so_many_accounts_and_no_more() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    for of in 0..20 {
        let refused = login(&ports, by_password(&format!("somebody{of}"), "wrong")).await;
        assert!(matches!(refused, Err(Error::InvalidCredentials)));
    }
    let refused = login(&ports, by_password("somebody-else", "wrong")).await;
    assert!(matches!(refused, Err(Error::RateLimited { .. })), "{refused:?}");
    let tried_before = login(&ports, by_password("somebody7", "wrong")).await;
    assert!(matches!(tried_before, Err(Error::InvalidCredentials)));
}

/// LOCK-06: once all addresses together have failed too often, known devices go on; others are
/// told the same whoever they mean, and count against nobody.
#[tokio::test]
async fn in_a_storm_passwords_are_for_known_devices() {
    let fakes = Fakes::default();
    let mut ports = fakes.ports();
    let policy = Arc::make_mut(&mut ports.policy);
    policy.guessing.everyone = Some(Cap { count: 3, window: Duration::from_mins(15) });
    let from = |device: Option<&str>, ip: u8, login: Login| {
        let device = Device { id: device.map(str::to_owned), name: None };
        Login { origin: Origin { ip: Ipv4Addr::new(192, 0, 2, ip).into(), device }, ..login }
    };
    let message = sent(&fakes, &ports, 1, Purpose::Login).await;
    login(&ports, from(Some("mine"), 7, with_password(&message, PASSWORD))).await.unwrap();
    for of in 0..3 {
        let wrong = by_password(&format!("somebody{of}"), "wrong");
        let refused = login(&ports, from(None, of, wrong)).await;
        assert!(matches!(refused, Err(Error::InvalidCredentials)), "{refused:?}");
    }
    let right = || by_password("13800000001", PASSWORD);
    for device in [None, Some("new")] {
        for _ in 0..6 {
            let refused = login(&ports, from(device, 7, right())).await;
            assert!(matches!(refused, Err(Error::ChallengeRequired)), "{refused:?}");
        }
        let refused = login(&ports, from(device, 7, by_password("nobody-here", "wrong"))).await;
        assert!(matches!(refused, Err(Error::ChallengeRequired)), "{refused:?}");
    }
    login(&ports, from(Some("mine"), 8, right())).await.unwrap();
    fakes.clock.advance(Duration::from_mins(1));
    let message = sent(&fakes, &ports, 1, Purpose::Login).await;
    login(&ports, from(Some("by a code"), 9, by_code(&message))).await.unwrap();
    login(&ports, from(Some("by a code"), 9, right())).await.unwrap();
    fakes.clock.advance(Duration::from_mins(14));
    login(&ports, from(None, 7, right())).await.unwrap();
}

/// LOCK-06: in a storm the owner of a known device's session proves again who they are, and changes
/// the password.
#[tokio::test]
async fn in_a_storm_a_session_speaks_for_its_device() {
    let fakes = Fakes::default();
    let mut ports = fakes.ports();
    let message = sent(&fakes, &ports, 1, Purpose::Login).await;
    let device = Device { id: Some("mine".to_owned()), name: None };
    let on_mine = Origin { device, ..origin() };
    let asked = Login { origin: on_mine, ..with_password(&message, PASSWORD) };
    let token = login(&ports, asked).await.unwrap().admission.token;
    let policy = Arc::make_mut(&mut ports.policy);
    policy.guessing.everyone = Some(Cap { count: 1, window: Duration::from_mins(15) });
    let wrong = login(&ports, by_password("somebody", "wrong")).await;
    assert!(matches!(wrong, Err(Error::InvalidCredentials)));
    let refused = login(&ports, by_password("13800000001", PASSWORD)).await;
    assert!(matches!(refused, Err(Error::ChallengeRequired)), "{refused:?}");
    let caller = check(&ports, &token).await.unwrap();
    let credential = by_password("13800000001", PASSWORD).credential;
    let token = reauthenticate(&ports, &caller, credential, origin()).await.unwrap().token;
    let caller = check(&ports, &token).await.unwrap();
    let current = PasswordAttempt::parse(PASSWORD).ok();
    let new = "another good password".to_owned();
    set_password(&ports, &caller, SetPassword { current, new, origin: origin() }).await.unwrap();
}

/// LOCK-06: after 30 days without a login a device is a new one.
#[tokio::test]
async fn a_device_is_known_for_thirty_days() {
    let fakes = Fakes::default();
    let mut ports = fakes.ports();
    let mine = |login: Login| {
        let device = Device { id: Some("mine".to_owned()), name: None };
        Login { origin: Origin { device, ..origin() }, ..login }
    };
    let message = sent(&fakes, &ports, 1, Purpose::Login).await;
    login(&ports, mine(with_password(&message, PASSWORD))).await.unwrap();
    let policy = Arc::make_mut(&mut ports.policy);
    policy.guessing.everyone = Some(Cap { count: 1, window: Duration::from_mins(15) });
    fakes.clock.advance(Duration::from_hours(30 * 24));
    let wrong = || login(&ports, by_password("somebody", "wrong"));
    assert!(matches!(wrong().await, Err(Error::InvalidCredentials)));
    let right = || mine(by_password("13800000001", PASSWORD));
    login(&ports, right()).await.unwrap();
    fakes.clock.advance(Duration::from_hours(30 * 24) + Duration::from_micros(1));
    assert!(matches!(wrong().await, Err(Error::InvalidCredentials)));
    let refused = login(&ports, right()).await;
    assert!(matches!(refused, Err(Error::ChallengeRequired)), "{refused:?}");
}

/// PWD-08: a right password of an older scheme is stored anew.
#[tokio::test]
async fn an_older_hash_is_upgraded_at_login() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    let message = sent(&fakes, &ports, 1, Purpose::Login).await;
    let user = login(&ports, with_password(&message, PASSWORD)).await.unwrap();
    let id = user.admission.user.id;
    let hash = |scheme: &str| PasswordHash::new(format!("{scheme}:correct horse battery"));
    assert!(ports.accounts.upgrade_hash(id, &hash("new"), &hash("old")).await.unwrap());
    let again = login(&ports, by_password("13800000001", "correct horse battery")).await.unwrap();
    assert_eq!(again.admission.session.method, Method::Password);
    assert!(ports.accounts.upgrade_hash(id, &hash("new"), &hash("new")).await.unwrap());
}

/// LOCK-02, PWD-05: while the hasher is overloaded nothing is evaluated, and nobody is locked out.
#[tokio::test]
async fn overload_counts_against_nobody() {
    let fakes = Fakes::default();
    let ports = fakes.ports();
    let token = logged_in(&fakes, &ports, 1).await.admission.token;
    let caller = check(&ports, &token).await.unwrap();
    let new = "correct horse battery".to_owned();
    let first = SetPassword { current: None, new, origin: origin() };
    set_password(&ports, &caller, first).await.unwrap();
    let mut busy = MockHasher::new();
    busy.expect_reserve().returning(|| Err(HashError::Busy));
    let overloaded = Ports { hasher: Arc::new(busy), ..ports.clone() };
    for _ in 0..10 {
        let told = login(&overloaded, by_password("13800000001", "correct horse battery")).await;
        assert!(matches!(told, Err(Error::Hash(HashError::Busy))), "{told:?}");
    }
    login(&ports, by_password("13800000001", "correct horse battery")).await.unwrap();
}

/// OTP-13: by the clock, to the second; a new account takes the number, the old one keeps the rest.
#[tokio::test]
async fn a_dormant_account_is_not_opened_by_its_number_alone() {
    for (idle, is_dormant) in [(180 * 86_400 - 1, false), (180 * 86_400, true)] {
        let fakes = Fakes::default();
        let ports = fakes.ports();
        let first = logged_in(&fakes, &ports, 1).await.admission;
        let caller = check(&ports, &first.token).await.unwrap();
        let to = Recipient::Mailbox(EmailAddress::parse("ada@example.com").unwrap());
        request_challenge(&ports, to, Purpose::Link, &origin()).await.unwrap();
        let message = fakes.postbox.posted().pop().unwrap().message;
        let credential = by_code(&message).credential;
        let asked = Link { credential, replace: None, origin: origin() };
        link(&ports, &caller, asked).await.unwrap();
        fakes.clock.advance(Duration::from_secs(idle));
        let message = sent(&fakes, &ports, 1, Purpose::Login).await;
        let came = login(&ports, by_code(&message)).await;
        if !is_dormant {
            assert_eq!(came.unwrap().admission.user.id, first.user.id);
            continue;
        }
        let Err(Error::ExtraProofRequired { methods }) = came else { panic!("{came:?}") };
        assert_eq!(methods, [Method::Email]);
        fakes.clock.advance(Duration::from_mins(1));
        let message = sent(&fakes, &ports, 1, Purpose::Login).await;
        let newcomer = Newcomers { takes_dormant: true, ..Newcomers::default() };
        let new = login(&ports, Login { newcomer, ..by_code(&message) }).await.unwrap();
        assert!(new.is_new_user && new.admission.user.id != first.user.id);
        let old = ports.accounts.load(first.user.id, ports.clock.now()).await.unwrap().unwrap();
        assert_eq!(old.methods(&Ways::OWN), [Method::Email]);
    }
}
