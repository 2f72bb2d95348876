//! The promises of `Accounts`, with the sessions that its writes begin.

use std::net::Ipv4Addr;
use std::sync::Arc;

use domain::account::AccountState;
use domain::change::{Actor, AuditLine, Change};
use domain::ending::AccountEvent;
use domain::event::{LoginEvent, Outcome};
use domain::id::{EventId, IdentityId, SessionId, UserId};
use domain::identifier::IdentifierKind;
use domain::identity::Identity;
use domain::lockout::{Attempts, LockoutPolicy, NEVER, OFF_AFTER};
use domain::login::{Account, Entry, Fresh, Newcomer, Registration, Visit, enter, register};
use domain::new_password::set_password;
use domain::origin::{Device, Origin};
use domain::password::PasswordHash;
use domain::profile::{AvatarUrl, Nickname, Profile, ProfilePatch};
use domain::secret::{IdentifierKey, Sealed, TokenHash};
use domain::session::{Method, SessionPolicy, Slide};
use domain::{Duration, Timestamp, later};

use crate::accounts::{Accounts, Attempt, Changed, Entered, Reauthentication, Registered};
use crate::sessions::{RECENT, Sessions};
use crate::testing::{RACERS, ROUNDS, at, race};

/// The two ports of one store.
#[derive(Clone)]
pub struct Stores {
    /// Users and their identities.
    pub accounts: Arc<dyn Accounts>,
    /// Their sessions.
    pub sessions: Arc<dyn Sessions>,
}

/// Makes each promise of `Accounts` a test; `$make` gives fresh [`Stores`].
#[macro_export]
macro_rules! accounts_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            accounts,
            $make,
            [
                a_new_user_is_found_by_their_identifier_and_signed_in,
                a_taken_identifier_registers_nobody,
                racing_registrations_make_one_user,
                a_login_begins_a_session_and_keeps_the_others,
                of_too_many_sessions_the_longest_unused_end,
                a_login_decided_before_a_change_comes_to_nothing,
                wrong_passwords_wait_by_the_rule_known_or_not,
                racing_attempts_never_pass_the_threshold,
                a_right_password_forgets_the_failures_and_a_code_does_not,
                an_attempt_loads_the_account_and_its_hash,
                the_hundredth_failure_waits_for_ever,
                of_racing_upgrades_one_wins_and_a_change_wins_over_all,
                a_change_of_password_ends_the_other_sessions,
                of_racing_changes_one_is_done,
                what_ended_lately_is_loaded_with_the_account,
                proving_again_moves_the_session_to_a_new_token,
                an_identity_that_is_gone_proves_nothing_again,
                what_was_used_is_known_though_it_ended,
                a_right_password_may_forget_the_failures_by_itself,
                a_profile_is_left_set_and_cleared,
                a_failed_login_is_recorded,
                logins_are_told_newest_first_page_by_page,
                an_identity_tells_its_last_use,
                a_device_is_known_by_its_logins_to_the_account,
                the_latest_moment_is_known,
                a_moment_that_was_noted_has_been,
                of_racing_moments_the_latest_is_kept,
            ]
        );
    };
}

const SESSIONS: SessionPolicy = SessionPolicy {
    idle: Duration::from_hours(168),
    absolute: Some(Duration::from_hours(720)),
    fresh: Duration::from_mins(10),
};

pub(super) const LOCKOUT: LockoutPolicy = LockoutPolicy {
    threshold: 5,
    window: Duration::from_mins(15),
    base: Duration::from_secs(30),
    max: Duration::from_hours(1),
};

pub(super) fn key(of: u8) -> IdentifierKey {
    IdentifierKey::new([of; 32])
}

pub(super) fn bytes<const N: usize>(seed: u64) -> [u8; N] {
    let mut bytes = [0; N];
    // From the end: a UUID does not keep all of its first random bits.
    for (byte, seeded) in bytes.iter_mut().rev().zip(seed.to_be_bytes().iter().rev()) {
        *byte = *seeded;
    }
    bytes
}

/// The token of the `seed`-th session.
#[must_use]
pub fn token(seed: u64) -> TokenHash {
    TokenHash::new(bytes(seed))
}

fn origin() -> Origin {
    let device = Device { id: Some("d".to_owned()), name: Some("a phone".to_owned()) };
    Origin { ip: Ipv4Addr::new(192, 0, 2, 7).into(), device }
}

pub(super) fn visit(identifier: IdentifierKey, method: Method, now: Timestamp) -> Visit {
    Visit { identifier, method, origin: origin(), at: now }
}

pub(super) fn fresh(seed: u64, now: Timestamp) -> Fresh {
    Fresh {
        session_id: SessionId::new(now, bytes(seed)),
        event_id: EventId::new(now, bytes(seed)),
        token: token(seed),
        registered: None,
        logged_in: None,
        new_device: EventId::new(now, bytes(9_000_000 + seed)),
    }
}

pub(super) fn hash(of: &str) -> PasswordHash {
    PasswordHash::new(format!("$test${of}"))
}

/// A registration of `identifier`; `seed` tells its ids and token apart.
pub(super) fn registration(
    identifier: IdentifierKey,
    seed: u64,
    password: Option<&str>,
) -> Registration {
    let now = at(0);
    let newcomer = Newcomer {
        user_id: UserId::new(now, bytes(seed)),
        identity_id: IdentityId::new(now, bytes(seed)),
        kind: IdentifierKind::Phone,
        names: vec![identifier.into()],
        display: Sealed::new(vec![1, 2, 3]),
        profile: Profile { nickname: Nickname::parse("Ada").ok(), avatar_url: None },
        password: password.map(hash),
    };
    register(newcomer, visit(identifier, Method::Sms, now), fresh(seed, now), &SESSIONS)
}

/// Registers a user and gives their account.
pub(super) async fn registered(stores: &Stores, of: u8, password: Option<&str>) -> Account {
    let registration = registration(key(of), u64::from(of), password);
    let done = stores.accounts.register(&registration).await.expect("a store");
    assert_eq!(done, Registered::New);
    stores.accounts.find(&key(of)).await.expect("a store").expect("an account")
}

/// A login of an account; `seed` tells its session apart.
pub(super) fn entry(account: &Account, of: u8, method: Method, seed: u64, now: Timestamp) -> Entry {
    enter(account, visit(key(of), method, now), fresh(seed, now), &SESSIONS)
}

/// Logs an account in.
pub(super) async fn signed_in(
    stores: &Stores,
    account: &Account,
    of: u8,
    seed: u64,
    now: Timestamp,
) {
    let entry = entry(account, of, Method::Sms, seed, now);
    let entered = stores.accounts.enter(&entry).await.expect("a store");
    assert!(matches!(entered, Entered::In { .. }));
}

pub(super) async fn is_live(stores: &Stores, seed: u64, now: Timestamp) -> bool {
    stores.sessions.find(&token(seed), now).await.expect("a store").is_some()
}

async fn attempt(stores: &Stores, of: u8, now: Timestamp) -> Attempt {
    stores.accounts.begin_attempt(&key(of), &LOCKOUT, now).await.expect("a store")
}

/// REL-01: user, identity, identifier and session are there together.
pub async fn a_new_user_is_found_by_their_identifier_and_signed_in(stores: Stores) {
    assert_eq!(stores.accounts.find(&key(1)).await.expect("a store"), None);
    let written = registration(key(1), 1, Some("secret"));
    assert_eq!(stores.accounts.register(&written).await.expect("a store"), Registered::New);
    let found = stores.accounts.find(&key(1)).await.expect("a store").expect("an account");
    assert_eq!(found.user, written.user);
    assert!(found.user.has_password && found.user.has_phone);
    assert_eq!(found.identity_id, written.entry.session.identity_id);
    let session =
        stores.sessions.find(&token(1), at(1)).await.expect("a store").expect("a session");
    assert_eq!(session.session, written.entry.session);
    assert_eq!(session.user, written.user);
}

/// REL-01: all or nothing.
pub async fn a_taken_identifier_registers_nobody(stores: Stores) {
    let account = registered(&stores, 1, None).await;
    let second = registration(key(1), 2, Some("secret"));
    assert_eq!(stores.accounts.register(&second).await.expect("a store"), Registered::Taken);
    let found = stores.accounts.find(&key(1)).await.expect("a store").expect("an account");
    assert_eq!(found, account);
    assert!(!is_live(&stores, 2, at(1)).await);
    assert!(stores.accounts.load(second.user.id, at(1)).await.expect("a store").is_none());
}

/// OTP-12: however many at once, exactly one user.
pub async fn racing_registrations_make_one_user(stores: Stores) {
    for round in 0..ROUNDS {
        let round = u8::try_from(round).expect("a small round");
        let shared = Arc::clone(&stores.accounts);
        let done = race(RACERS, &shared, move |accounts, racer| async move {
            let seed = 1_000 * u64::from(round) + racer as u64 + 1;
            accounts.register(&registration(key(round), seed, None)).await.expect("a store")
        })
        .await;
        let new = done.iter().filter(|it| **it == Registered::New).count();
        assert_eq!(new, 1, "round {round}");
    }
}

/// SES-02: logging in again begins another session.
pub async fn a_login_begins_a_session_and_keeps_the_others(stores: Stores) {
    let account = registered(&stores, 1, None).await;
    signed_in(&stores, &account, 1, 2, at(10)).await;
    assert!(is_live(&stores, 1, at(11)).await && is_live(&stores, 2, at(11)).await);
}

/// SES-05: at most 20, the longest unused go, and their tokens are told.
pub async fn of_too_many_sessions_the_longest_unused_end(stores: Stores) {
    let account = registered(&stores, 1, None).await;
    for seed in 2..=20 {
        signed_in(&stores, &account, 1, seed, at(seed)).await;
    }
    let oldest = stores.sessions.find(&token(1), at(30)).await.expect("a store").expect("live");
    let slide = domain::session::Slide {
        last_seen_at: at(1_000),
        idle_ends_at: domain::later(at(1_000), SESSIONS.idle),
        based_on: at(30),
    };
    stores.sessions.slide(oldest.session.id, slide).await.expect("a store");
    let one_more = entry(&account, 1, Method::Sms, 21, at(1_001));
    let entered = stores.accounts.enter(&one_more).await.expect("a store");
    assert_eq!(entered, Entered::In { ended: vec![token(2)] });
    assert!(is_live(&stores, 1, at(1_002)).await, "it was used meanwhile");
    assert!(!is_live(&stores, 2, at(1_002)).await, "it was the longest unused");
    assert!(is_live(&stores, 21, at(1_002)).await);
}

/// LOCK-07, LINK-11: a proof made before a change opens nothing after it.
pub async fn a_login_decided_before_a_change_comes_to_nothing(stores: Stores) {
    let account = registered(&stores, 1, Some("old")).await;
    let decided = entry(&account, 1, Method::Password, 2, at(10));
    let change = new_password(&stores, &account, 1, 3).await;
    let done = stores.accounts.change(&change).await;
    assert!(matches!(done.expect("a store"), Changed::Done { .. }));
    assert_eq!(stores.accounts.enter(&decided).await.expect("a store"), Entered::Stale);
    assert!(!is_live(&stores, 2, at(11)).await);
}

/// LOCK-02, LOCK-03: each attempt of a long run answers as the pure rule does.
pub async fn wrong_passwords_wait_by_the_rule_known_or_not(stores: Stores) {
    registered(&stores, 1, Some("secret")).await;
    for of in [1, 2] {
        let mut expected = Attempts::default();
        for second in
            [0, 1, 2, 1_000, 1_001, 1_002, 1_003, 1_004, 1_005, 1_033, 1_034, 1_035, 9_999]
        {
            let now = at(second);
            let told = attempt(&stores, of, now).await;
            match LOCKOUT.attempt(expected, now) {
                Ok(after) => {
                    expected = after;
                    let Attempt::Counted { locks, account, .. } = told else {
                        panic!("{of} at {second}: not counted");
                    };
                    assert_eq!(locks, after.waits_until, "{of} at {second}");
                    assert_eq!(account.is_some(), of == 1);
                }
                Err(until) => assert_eq!(told, Attempt::Waiting { until }, "{of} at {second}"),
            }
        }
    }
}

/// LOCK-03: 200 at once, at most five are evaluated.
pub async fn racing_attempts_never_pass_the_threshold(stores: Stores) {
    registered(&stores, 1, Some("secret")).await;
    for of in [1, 2] {
        let shared = Arc::clone(&stores.accounts);
        let told = race(200, &shared, move |accounts, _| async move {
            accounts.begin_attempt(&key(of), &LOCKOUT, at(0)).await.expect("a store")
        })
        .await;
        let counted = told.iter().filter(|it| matches!(it, Attempt::Counted { .. })).count();
        assert_eq!(counted, 5);
        for waiting in told.iter().filter(|it| !matches!(it, Attempt::Counted { .. })) {
            assert_eq!(*waiting, Attempt::Waiting { until: at(30) });
        }
    }
}

/// LOCK-05: success clears that account's counter for that method.
pub async fn a_right_password_forgets_the_failures_and_a_code_does_not(stores: Stores) {
    let account = registered(&stores, 1, Some("secret")).await;
    for _ in 0..4 {
        attempt(&stores, 1, at(0)).await;
    }
    let by_code = entry(&account, 1, Method::Sms, 2, at(1));
    stores.accounts.enter(&by_code).await.expect("a store");
    let Attempt::Counted { locks: Some(_), .. } = attempt(&stores, 1, at(2)).await else {
        panic!("the fifth failure begins a wait");
    };
    let by_password = entry(&account, 1, Method::Password, 3, at(3));
    stores.accounts.enter(&by_password).await.expect("a store");
    for _ in 0..4 {
        let told = attempt(&stores, 1, at(4)).await;
        assert!(matches!(told, Attempt::Counted { locks: None, .. }), "{told:?}");
    }
}

/// PWD-06: one load gives all that the attempt needs.
pub async fn an_attempt_loads_the_account_and_its_hash(stores: Stores) {
    let with = registered(&stores, 1, Some("secret")).await;
    let without = registered(&stores, 2, None).await;
    for (of, account, password) in
        [(1, Some(with), Some(hash("secret"))), (2, Some(without), None), (3, None, None)]
    {
        let told = attempt(&stores, of, at(1)).await;
        assert_eq!(told, Attempt::Counted { account, password, locks: None });
    }
}

/// LOCK-02: password login is off until a reset.
pub async fn the_hundredth_failure_waits_for_ever(stores: Stores) {
    registered(&stores, 1, Some("secret")).await;
    let mut now = at(0);
    for failure in 1..=OFF_AFTER {
        let told = attempt(&stores, 1, now).await;
        assert!(matches!(told, Attempt::Counted { .. }), "failure {failure}: {told:?}");
        now = domain::later(now, LOCKOUT.wait(failure).unwrap_or(Duration::from_secs(1)));
    }
    assert_eq!(attempt(&stores, 1, now).await, Attempt::Waiting { until: NEVER });
}

/// PWD-08: compare and set.
pub async fn of_racing_upgrades_one_wins_and_a_change_wins_over_all(stores: Stores) {
    let account = registered(&stores, 1, Some("old")).await;
    let (id, shared) = (account.user.id, Arc::clone(&stores.accounts));
    let won = race(RACERS, &shared, move |accounts, racer| async move {
        let new = hash(&format!("new {racer}"));
        accounts.upgrade_hash(id, &hash("old"), &new).await.expect("a store")
    })
    .await;
    assert_eq!(won.iter().filter(|it| **it).count(), 1);
    let change = new_password(&stores, &account, 1, 3).await;
    let done = stores.accounts.change(&change).await;
    assert!(matches!(done.expect("a store"), Changed::Done { .. }));
    assert!(!stores.accounts.upgrade_hash(id, &hash("old"), &hash("x")).await.expect("a store"));
    let Attempt::Counted { password, .. } = attempt(&stores, 1, at(1)).await else {
        panic!("counted");
    };
    assert_eq!(password, Some(hash("changed 3")));
}

/// Names for audit lines and what is told: `seed` tells one change's from another's.
pub(super) fn ids(seed: u64) -> impl FnMut() -> EventId {
    let mut next = 1_000_000 + seed * 100;
    move || {
        next += 1;
        EventId::new(at(5), bytes(next))
    }
}

/// The session of `seed`, asking at second 5.
pub(super) fn actor(seed: u64) -> Actor {
    let session = Some(fresh(seed, at(0)).session_id);
    Actor { session, origin: Some(origin()), at: at(5) }
}

/// An account, loaded whole.
pub(super) async fn loaded(stores: &Stores, account: &Account) -> AccountState {
    let state = stores.accounts.load(account.user.id, at(5)).await.expect("a store");
    state.expect("an account")
}

/// A password set in the session of `seed`, whose new token is that of `next`.
async fn new_password(stores: &Stores, account: &Account, seed: u64, next: u64) -> Change {
    let state = loaded(stores, account).await;
    let hash = hash(&format!("changed {next}"));
    set_password(&state, hash, token(next), &actor(seed), ids(next))
}

/// Ends the session of `seed`.
pub(super) async fn end(stores: &Stores, account: &Account, seed: u64, now: Timestamp) {
    let id = fresh(seed, at(0)).session_id;
    let line = line(account, AccountEvent::LoggedOut, seed, now);
    stores.sessions.end_one(account.user.id, id, &line).await.expect("a store");
}

/// An audit line.
pub(super) fn line(
    account: &Account,
    action: AccountEvent,
    seed: u64,
    now: Timestamp,
) -> AuditLine {
    let (id, origin) = (EventId::new(now, bytes(5_000_000 + seed)), Some(origin()));
    let user_id = account.user.id;
    AuditLine { id, user_id, action, object: None, client_id: None, origin, at: now }
}

/// REL-08: what was written tells how late it is, whatever the clock of who asks says.
pub async fn the_latest_moment_is_known(stores: Stores) {
    let latest = async || stores.accounts.latest().await.expect("a store");
    let before = latest().await;
    // Twenty years on: beyond the clock of any server.
    let ahead = at(20 * 365 * 86_400);
    let account = registered(&stores, 1, None).await;
    signed_in(&stores, &account, 1, 2, ahead).await;
    assert!(before < Some(ahead));
    assert_eq!(latest().await, Some(ahead), "the login");
    let line =
        line(&account, AccountEvent::OthersLoggedOut, 1, later(ahead, Duration::from_mins(1)));
    stores.sessions.end_all(account.user.id, None, &line).await.expect("a store");
    assert_eq!(latest().await, Some(later(ahead, Duration::from_mins(1))), "the change");
}

/// REL-08: what was noted has been though nobody came since, and no clock takes it back.
pub async fn a_moment_that_was_noted_has_been(stores: Stores) {
    // Beyond the clock of any server.
    let ahead = at(20 * 365 * 86_400);
    let next = later(ahead, Duration::from_mins(1));
    for (noted, latest) in [(ahead, ahead), (at(0), ahead), (next, next)] {
        stores.accounts.note(noted).await.expect("a store");
        assert_eq!(stores.accounts.latest().await.expect("a store"), Some(latest), "{noted}");
    }
}

/// REL-08: nodes note at the same time, each by its own clock.
pub async fn of_racing_moments_the_latest_is_kept(stores: Stores) {
    // The first is at the latest, so that the last to write would take it back.
    let moment = |racer: usize| {
        let after = u64::try_from(RACERS - racer).expect("a small number");
        at(20 * 365 * 86_400 + after)
    };
    race(RACERS, &stores.accounts, move |accounts, racer| async move {
        accounts.note(moment(racer)).await.expect("a store");
    })
    .await;
    assert_eq!(stores.accounts.latest().await.expect("a store"), Some(moment(0)));
}

/// SES-04: whoever ended a session may not have reached its copy: it goes with the next change.
pub async fn what_ended_lately_is_loaded_with_the_account(stores: Stores) {
    let account = registered(&stores, 1, None).await;
    signed_in(&stores, &account, 1, 2, at(1)).await;
    let other = stores.sessions.find(&token(2), at(2)).await.expect("a store").expect("live");
    let line = line(&account, AccountEvent::SessionEnded, 1, at(3));
    let ended = stores.sessions.end_one(account.user.id, other.session.id, &line).await;
    assert_eq!(ended.expect("a store"), Some(token(2)));
    let tokens = async |now| {
        let state = stores.accounts.load(account.user.id, now).await.expect("a store");
        let mut tokens = state.expect("an account").tokens;
        tokens.sort_unstable();
        tokens
    };
    assert_eq!(tokens(at(5)).await, [token(1), token(2)]);
    assert_eq!(tokens(later(at(3), RECENT)).await, [token(1)], "its copy is no more");
}

/// RST-06, SES-02: other sessions end, the token rotates, the failures are forgotten.
pub async fn a_change_of_password_ends_the_other_sessions(stores: Stores) {
    let account = registered(&stores, 1, None).await;
    signed_in(&stores, &account, 1, 2, at(1)).await;
    for _ in 0..5 {
        attempt(&stores, 1, at(2)).await;
    }
    let change = new_password(&stores, &account, 1, 9).await;
    let done = stores.accounts.change(&change).await.expect("a store");
    let Changed::Done { mut dead } = done else { panic!("done") };
    dead.sort_unstable();
    assert_eq!(dead, [token(1), token(2)]);
    assert!(!is_live(&stores, 1, at(6)).await && !is_live(&stores, 2, at(6)).await);
    let moved = stores.sessions.find(&token(9), at(6)).await.expect("a store").expect("live");
    assert_eq!(moved.session.id, fresh(1, at(0)).session_id);
    assert!(moved.user.has_password);
    assert!(matches!(attempt(&stores, 1, at(6)).await, Attempt::Counted { locks: None, .. }));
}

/// One winner, and a session that was ended changes nothing.
pub async fn of_racing_changes_one_is_done(stores: Stores) {
    let account = registered(&stores, 1, None).await;
    let state = loaded(&stores, &account).await;
    let done = race(RACERS, &stores.accounts, move |accounts, racer| {
        let next = 100 + racer as u64;
        let hash = hash(&format!("changed {next}"));
        let change = set_password(&state, hash, token(next), &actor(1), ids(next));
        async move { accounts.change(&change).await.expect("a store") }
    })
    .await;
    assert_eq!(done.iter().filter(|it| matches!(it, Changed::Done { .. })).count(), 1);
    end(&stores, &account, 1, at(7)).await;
    let late = new_password(&stores, &account, 1, 300).await;
    let late = stores.accounts.change(&late).await;
    assert_eq!(late.expect("a store"), Changed::SessionEnded);
}

/// SES-02: the same session under a new token, the others untouched; a change made meanwhile wins.
pub async fn proving_again_moves_the_session_to_a_new_token(stores: Stores) {
    let account = registered(&stores, 1, Some("old")).await;
    signed_in(&stores, &account, 1, 2, at(1)).await;
    for _ in 0..4 {
        attempt(&stores, 1, at(2)).await;
    }
    let proof = |epoch, next| Reauthentication {
        user_id: account.user.id,
        security_epoch: epoch,
        session_id: fresh(1, at(0)).session_id,
        token: token(next),
        event: entry(&account, 1, Method::Password, next, at(100)).event,
        spent: None,
    };
    let done = stores.accounts.reauthenticate(&proof(0, 9)).await.expect("a store");
    assert_eq!(done, Changed::Done { dead: vec![token(1)] });
    let moved = stores.sessions.find(&token(9), at(101)).await.expect("a store").expect("live");
    assert_eq!(moved.session.id, fresh(1, at(0)).session_id);
    assert_eq!(moved.session.auth_time, at(100));
    assert!(!is_live(&stores, 1, at(101)).await && is_live(&stores, 2, at(101)).await);
    assert!(matches!(attempt(&stores, 1, at(101)).await, Attempt::Counted { locks: None, .. }));
    let stale = stores.accounts.reauthenticate(&proof(7, 10)).await.expect("a store");
    assert_eq!(stale, Changed::Stale, "another epoch");
    // SES-04: a session that ends takes its last token along.
    let line = line(&account, AccountEvent::LoggedOut, 1, at(102));
    let told = stores.sessions.end_one(account.user.id, moved.session.id, &line).await;
    assert_eq!(told.expect("a store"), Some(token(9)));
    let ended = stores.accounts.reauthenticate(&proof(0, 11)).await.expect("a store");
    assert_eq!(ended, Changed::Stale, "an ended session");
}

/// LINK-11: a proof by an identity that was unlinked meanwhile refreshes nothing.
pub async fn an_identity_that_is_gone_proves_nothing_again(stores: Stores) {
    let account = registered(&stores, 1, None).await;
    let mut event = entry(&account, 1, Method::Sms, 9, at(100)).event;
    event.identity_id = Some(IdentityId::new(at(0), [9; 10]));
    let proof = Reauthentication {
        user_id: account.user.id,
        security_epoch: 0,
        session_id: fresh(1, at(0)).session_id,
        token: token(9),
        event,
        spent: None,
    };
    assert_eq!(stores.accounts.reauthenticate(&proof).await.expect("a store"), Changed::Stale);
    assert!(is_live(&stores, 1, at(101)).await);
}

/// OTP-13: an account is as awake as its last use, also of a session that is over.
pub async fn what_was_used_is_known_though_it_ended(stores: Stores) {
    let account = registered(&stores, 1, None).await;
    let session = stores.sessions.find(&token(1), at(1)).await.expect("a store").expect("live");
    let slide = Slide {
        last_seen_at: at(5_000),
        idle_ends_at: domain::later(at(5_000), SESSIONS.idle),
        based_on: session.session.last_seen_at,
    };
    stores.sessions.slide(session.session.id, slide).await.expect("a store");
    end(&stores, &account, 1, at(5_001)).await;
    let found = stores.accounts.find(&key(1)).await.expect("a store").expect("an account");
    assert_eq!(found.last_seen_at, at(5_000));
}

/// LOCK-05: where a right password is followed by no login.
pub async fn a_right_password_may_forget_the_failures_by_itself(stores: Stores) {
    let account = registered(&stores, 1, Some("secret")).await;
    for _ in 0..4 {
        attempt(&stores, 1, at(0)).await;
    }
    stores.accounts.forget_attempts(account.user.id).await.expect("a store");
    for _ in 0..4 {
        assert!(matches!(attempt(&stores, 1, at(1)).await, Attempt::Counted { locks: None, .. }));
    }
}

/// Each part of a profile is left alone, set or cleared; the live sessions' tokens are told.
pub async fn a_profile_is_left_set_and_cleared(stores: Stores) {
    let account = registered(&stores, 1, None).await;
    let avatar = AvatarUrl::parse("https://example.com/a.png").ok();
    let set = ProfilePatch { nickname: None, avatar_url: Some(avatar.clone()) };
    let patched =
        stores.accounts.patch_profile(account.user.id, &set, None).await.expect("a store");
    let (user, tokens) = patched.expect("a user");
    assert_eq!(user.profile, Profile { nickname: Nickname::parse("Ada").ok(), avatar_url: avatar });
    assert_eq!(tokens, [token(1)]);
    let clear = ProfilePatch { nickname: Some(None), avatar_url: None };
    let (user, _) = stores
        .accounts
        .patch_profile(account.user.id, &clear, None)
        .await
        .expect("a store")
        .expect("a user");
    assert_eq!(user.profile.nickname, None);
    assert!(user.profile.avatar_url.is_some());
    let nothing = ProfilePatch::default();
    let (same, _) = stores
        .accounts
        .patch_profile(account.user.id, &nothing, None)
        .await
        .expect("a store")
        .expect("a user");
    assert_eq!(same, user);
    let stranger = UserId::new(at(0), [9; 10]);
    assert!(
        stores.accounts.patch_profile(stranger, &clear, None).await.expect("a store").is_none()
    );
}

/// LOG-03: with and without an account.
pub async fn a_failed_login_is_recorded(stores: Stores) {
    let account = registered(&stores, 1, None).await;
    for (seed, user_id) in [(50, Some(account.user.id)), (51, None)] {
        let event = LoginEvent {
            id: EventId::new(at(1), bytes(seed)),
            user_id,
            identity_id: None,
            identifier: key(1),
            method: Method::Password,
            outcome: Outcome::Locked,
            origin: Origin { ip: std::net::Ipv6Addr::LOCALHOST.into(), device: Device::default() },
            at: at(1),
        };
        stores.accounts.record(&event, &[]).await.expect("a store");
        assert!(stores.accounts.record(&event, &[]).await.is_err(), "an event is written once");
    }
}

/// LOG-03: each login once, whatever the size of the page; nobody else's.
pub async fn logins_are_told_newest_first_page_by_page(stores: Stores) {
    let account = registered(&stores, 1, None).await;
    registered(&stores, 2, None).await;
    for seed in 11..=14 {
        signed_in(&stores, &account, 1, seed, at(seed)).await;
    }
    let mut told = Vec::new();
    let mut before = None;
    loop {
        let page = stores.accounts.logins(account.user.id, before, 2).await.expect("a store");
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2);
        before = Some(last.id);
        told.extend(page);
    }
    let moments: Vec<_> = told.iter().map(|it| it.at).collect();
    assert_eq!(moments, [at(14), at(13), at(12), at(11), at(0)]);
    for login in told {
        assert_eq!((login.method, login.outcome), (Method::Sms, Outcome::Success));
        assert_eq!(login.origin, origin());
    }
}

/// Linked once, used again and again: the last use is the last login by it.
pub async fn an_identity_tells_its_last_use(stores: Stores) {
    let account = registered(&stores, 1, None).await;
    signed_in(&stores, &account, 1, 2, at(70)).await;
    let identities = stores.accounts.identities(account.user.id).await.expect("a store");
    let expected = Identity {
        id: account.identity_id,
        kind: IdentifierKind::Phone,
        display: Sealed::new(vec![1, 2, 3]),
        verified_at: Some(at(0)),
        linked_at: at(0),
        last_used_at: Some(at(70)),
        last_ip: Some(origin().ip),
    };
    assert_eq!(identities, [expected]);
    let stranger = UserId::new(at(0), [9; 10]);
    assert!(stores.accounts.identities(stranger).await.expect("a store").is_empty());
}

/// LOCK-04, LOCK-06: a login makes a device known to that account, for a time; a failure does not.
pub async fn a_device_is_known_by_its_logins_to_the_account(stores: Stores) {
    let account = registered(&stores, 1, None).await;
    let other = registered(&stores, 2, None).await;
    let knows = async |of, device, since| {
        stores.accounts.knows_device(&key(of), device, since).await.expect("a store")
    };
    let on = |device: &str| Device { id: Some(device.to_owned()), name: None };
    assert!(knows(1, "d", at(0)).await, "it registered the account");
    assert!(!knows(1, "d", domain::later(at(0), Duration::from_micros(1))).await, "too long ago");
    signed_in(&stores, &account, 1, 11, at(70)).await;
    for (since, known) in [(0, true), (70, true), (71, false)] {
        assert_eq!(knows(1, "d", at(since)).await, known, "since {since}");
    }
    let mut elsewhere = entry(&other, 2, Method::Sms, 12, at(80));
    elsewhere.session.origin.device = on("e");
    elsewhere.event.origin.device = on("e");
    let entered = stores.accounts.enter(&elsewhere).await.expect("a store");
    assert!(matches!(entered, Entered::In { .. }));
    let failed = LoginEvent {
        id: EventId::new(at(80), bytes(50)),
        user_id: Some(account.user.id),
        identity_id: Some(account.identity_id),
        identifier: key(1),
        method: Method::Password,
        outcome: Outcome::Failure,
        origin: Origin { device: on("f"), ..origin() },
        at: at(80),
    };
    stores.accounts.record(&failed, &[]).await.expect("a store");
    assert!(knows(2, "e", at(80)).await);
    assert!(!knows(1, "e", at(0)).await, "another account's device");
    assert!(!knows(1, "f", at(0)).await, "it failed");
    assert!(!knows(1, "", at(0)).await, "no device");
    assert!(!knows(3, "d", at(0)).await, "nobody has the identifier");
}
