//! The promises of `Retention`: what is over goes, and nobody else sees a difference.

use std::sync::Arc;

use domain::Timestamp;
use domain::ending::AccountEvent;
use domain::event::Outcome;
use domain::id::{EventId, SessionId};
use domain::login::Account;
use domain::outbox::{Event, News, Outgoing};
use domain::provider::SpentProof;
use domain::retention::Kept;
use domain::session::{Method, Slide};

use super::accounts::{
    self, LOCKOUT, bytes, entry, is_live, key, line, registered, signed_in, token,
};
use super::{grants, outbox};
use crate::accounts::{Attempt, Entered};
use crate::grants::{Grants, Renewed};
use crate::retention::Retention;
use crate::testing::{at, race};

/// The ports of one store.
#[derive(Clone)]
pub struct Stores {
    /// Users, sessions and the outbox.
    pub outbox: outbox::Stores,
    /// Codes and tokens.
    pub grants: Arc<dyn Grants>,
    /// What removes.
    pub retention: Arc<dyn Retention>,
}

/// Makes each promise of [`Retention`] a test; `$make` gives fresh [`Stores`].
#[macro_export]
macro_rules! retention_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            retention,
            $make,
            [
                an_ended_session_goes_in_its_time,
                an_expired_session_goes_in_its_time,
                the_last_use_is_known_though_its_session_is_gone,
                what_stands_for_a_session_goes_with_it,
                a_told_entry_goes_in_its_time_and_others_stay,
                a_spent_proof_goes_in_its_time,
                failed_passwords_that_made_nobody_wait_go,
                a_login_goes_in_its_time_and_a_known_device_stays_known,
                an_audit_line_goes_in_its_time,
                a_batch_is_no_larger_than_asked_for,
                racing_purges_remove_each_row_once,
                a_purge_races_logins_and_logouts_and_loses_nothing,
            ]
        );
    };
}

const DAY: u64 = 86_400;
/// More rows than any of these tests has.
const MANY: u32 = 100;

impl Stores {
    fn accounts(&self) -> &accounts::Stores {
        &self.outbox.accounts
    }

    async fn purge(&self, what: Kept, until: Timestamp) -> u64 {
        self.retention.purge(what, until, MANY).await.expect("a store")
    }

    async fn account(&self, of: u8) -> Account {
        self.accounts().accounts.find(&key(of)).await.expect("a store").expect("an account")
    }

    async fn attempt(&self, of: u8, now: Timestamp) -> Attempt {
        let accounts = &self.accounts().accounts;
        accounts.begin_attempt(&key(of), &LOCKOUT, now).await.expect("a store")
    }
}

/// The moment before.
fn before(moment: Timestamp) -> Timestamp {
    moment.checked_sub(domain::Duration::from_micros(1)).expect("a moment")
}

/// Ends the session of a token that lives, and gives its name.
async fn end(stores: &Stores, account: &Account, seed: u64, now: Timestamp) -> SessionId {
    let sessions = &stores.accounts().sessions;
    let id = sessions.find(&token(seed), now).await.expect("a store").expect("live").session.id;
    let line = line(account, AccountEvent::LoggedOut, seed, now);
    let ended = sessions.end_one(account.user.id, id, &line).await.expect("a store");
    assert_eq!(ended, Some(token(seed)));
    id
}

/// REL-11, SES-04: until it goes, a logout that is tried again finds it.
pub async fn an_ended_session_goes_in_its_time(stores: Stores) {
    let account = registered(stores.accounts(), 1, None).await;
    for seed in 2..=3 {
        signed_in(stores.accounts(), &account, 1, seed, at(seed)).await;
    }
    let old = end(&stores, &account, 1, at(10)).await;
    let young = end(&stores, &account, 2, at(11)).await;
    let again = async |id, now| {
        let line = line(&account, AccountEvent::LoggedOut, now, at(now));
        let sessions = &stores.accounts().sessions;
        sessions.end_one(account.user.id, id, &line).await.expect("a store")
    };
    assert_eq!(stores.purge(Kept::EndedSessions, before(at(10))).await, 0);
    assert_eq!(again(old, 20).await, Some(token(1)), "tried again, its copy is removed again");
    assert_eq!(stores.purge(Kept::EndedSessions, at(10)).await, 1);
    assert_eq!(stores.purge(Kept::EndedSessions, at(10)).await, 0);
    assert_eq!((again(old, 21).await, again(young, 22).await), (None, Some(token(2))));
    assert!(is_live(stores.accounts(), 3, at(12)).await);
    assert_eq!(
        stores.purge(Kept::ExpiredSessions, at(12)).await,
        0,
        "none of them is over by time"
    );
}

/// REL-11: a session that was in use is as young as its last use.
pub async fn an_expired_session_goes_in_its_time(stores: Stores) {
    let account = registered(stores.accounts(), 1, None).await;
    signed_in(stores.accounts(), &account, 1, 2, at(0)).await;
    let sessions = &stores.accounts().sessions;
    let used = sessions.find(&token(2), at(1)).await.expect("a store").expect("live").session;
    let slide =
        Slide { last_seen_at: at(DAY), idle_ends_at: at(8 * DAY), based_on: used.last_seen_at };
    sessions.slide(used.id, slide).await.expect("a store");
    assert_eq!(stores.purge(Kept::ExpiredSessions, before(at(7 * DAY))).await, 0);
    assert_eq!(stores.purge(Kept::ExpiredSessions, at(7 * DAY)).await, 1);
    assert!(is_live(stores.accounts(), 2, before(at(8 * DAY))).await);
    assert_eq!(stores.purge(Kept::ExpiredSessions, at(8 * DAY)).await, 1);
    assert!(!is_live(stores.accounts(), 2, at(1)).await, "it is gone");
}

/// OTP-13: whoever was here lately is not dormant, however long ago they logged in.
pub async fn the_last_use_is_known_though_its_session_is_gone(stores: Stores) {
    let account = registered(stores.accounts(), 1, Some("secret")).await;
    signed_in(stores.accounts(), &account, 1, 2, at(1)).await;
    let sessions = &stores.accounts().sessions;
    for (seed, seen) in [(1, 5_000), (2, 3_000)] {
        let found = sessions.find(&token(seed), at(2)).await.expect("a store").expect("live");
        let slide = Slide {
            last_seen_at: at(seen),
            idle_ends_at: at(7 * DAY + seen),
            based_on: found.session.last_seen_at,
        };
        sessions.slide(found.session.id, slide).await.expect("a store");
    }
    let used = stores.account(1).await;
    assert_eq!(used.last_seen_at, at(5_000));
    // The one that was used last goes first.
    for (seed, ended) in [(1, 6_000), (2, 6_001)] {
        end(&stores, &account, seed, at(ended)).await;
        assert_eq!(stores.purge(Kept::EndedSessions, at(ended)).await, 1);
        assert_eq!(stores.account(1).await, used);
        let all = stores.accounts().accounts.find_all(&[key(1)]).await.expect("a store");
        assert_eq!(all, [(key(1), used.clone())]);
        let Attempt::Counted { account, .. } = stores.attempt(1, at(ended)).await else {
            panic!("counted");
        };
        assert_eq!(account.as_ref(), Some(&used));
    }
    signed_in(stores.accounts(), &used, 1, 3, at(7_000)).await;
    assert_eq!(stores.account(1).await.last_seen_at, at(7_000), "a later use counts");
}

/// REL-11, OP-07: refresh tokens of sessions without an end of their own have no other time to go.
pub async fn what_stands_for_a_session_goes_with_it(stores: Stores) {
    let own = grants::Stores { accounts: stores.accounts().clone(), grants: stores.grants.clone() };
    let (account, session_id) = grants::with_pair(&own).await;
    let done = grants::refreshed(&own, &grants::refresh(1, 2, at(1))).await;
    assert!(matches!(done, Renewed::Done { .. }), "{done:?}");
    let line = line(&account, AccountEvent::LoggedOut, 1, at(10));
    let sessions = &stores.accounts().sessions;
    sessions.end_one(account.user.id, session_id, &line).await.expect("a store");
    assert_eq!(stores.purge(Kept::EndedSessions, before(at(10))).await, 0);
    let purge = async |limit| {
        stores.retention.purge(Kept::EndedSessions, at(10), limit).await.expect("a store")
    };
    assert!(purge(1).await >= 1, "a refresh token at least");
    while purge(2).await > 0 {}
    assert_eq!(stores.grants.of_session(session_id).await.expect("a store"), None);
    let late = grants::refreshed(&own, &grants::refresh(2, 3, at(11))).await;
    assert_eq!(late, Renewed::Unfit);
    let late = grants::exchanged(&own, &grants::exchange(1, grants::pair(5, at(2)), at(2))).await;
    assert_eq!(late, crate::grants::Exchanged::Unfit, "not known any more");
    assert!(is_live(stores.accounts(), 1, at(12)).await, "the session that it began from");
    let left = stores.grants.purge(at(400 * DAY)).await.expect("a store");
    assert_eq!(left, 2, "the access tokens alone");
}

fn told(seed: u64, account: &Account) -> Outgoing {
    let id = EventId::new(at(1), bytes(seed));
    Outgoing { id, user_id: account.user.id, at: at(1), news: News::Event(Event::Updated) }
}

/// REL-11: what was told can be replayed for its time; what is parked waits for an operator.
pub async fn a_told_entry_goes_in_its_time_and_others_stay(stores: Stores) {
    let account = registered(stores.accounts(), 1, None).await;
    let entries: Vec<_> = (1..=4).map(|it| told(it, &account)).collect();
    (stores.outbox.put)(entries.clone()).await;
    // What the suite's own writing of entries left, where it left something.
    stores.purge(Kept::ToldEntries, at(0)).await;
    let outbox = &stores.outbox.outbox;
    for (entry, done_at) in entries.iter().zip([10, 11]) {
        outbox.done(entry.id, at(done_at)).await.expect("a store");
    }
    let [first, second, parked, open] = entries.as_slice() else { panic!("four") };
    outbox.park(parked.id, at(2)).await.expect("a store");
    assert_eq!(stores.purge(Kept::ToldEntries, before(at(10))).await, 0);
    assert_eq!(stores.purge(Kept::ToldEntries, at(10)).await, 1);
    let replay = async |id| outbox.replay(Some(id), at(20)).await.expect("a store");
    assert_eq!((replay(first.id).await, replay(second.id).await), (0, 1));
    assert_eq!(stores.purge(Kept::ToldEntries, at(100)).await, 0, "it is to be told again");
    assert_eq!(outbox.parked(10).await.expect("a store"), std::slice::from_ref(parked));
    let claimed = outbox.claim(at(30), at(90), 10).await.expect("a store");
    let claimed: Vec<_> = claimed.into_iter().map(|it| it.entry.id).collect();
    assert_eq!(claimed, [second.id], "the first of its user's");
    outbox.done(second.id, at(31)).await.expect("a store");
    let claimed = outbox.claim(at(32), at(90), 10).await.expect("a store");
    assert_eq!(claimed.first().map(|it| it.entry.id), Some(open.id));
}

/// SDK-04: good once for as long as anybody would take it.
pub async fn a_spent_proof_goes_in_its_time(stores: Stores) {
    let account = registered(stores.accounts(), 1, None).await;
    let until = at(3_600);
    let enter = async |seed| {
        let mut entry = entry(&account, 1, Method::Sms, seed, at(seed));
        entry.trace.spent = Some(SpentProof { digest: [7; 32], made_at: at(0), until });
        stores.accounts().accounts.enter(&entry).await.expect("a store")
    };
    assert!(matches!(enter(2).await, Entered::In { .. }));
    assert_eq!(stores.purge(Kept::SpentProofs, before(until)).await, 0);
    assert_eq!(enter(3).await, Entered::Spent);
    assert_eq!(stores.purge(Kept::SpentProofs, until).await, 1);
    assert!(matches!(enter(4).await, Entered::In { .. }), "nothing is known of it");
}

/// LOCK-02: what nothing adds up with goes; a wait that began is remembered when it is over, so that
/// the next is twice as long.
pub async fn failed_passwords_that_made_nobody_wait_go(stores: Stores) {
    registered(stores.accounts(), 1, Some("secret")).await;
    // The fifth makes it wait, known or not.
    for (of, failures) in [(1, 4), (2, 5), (3, 4), (4, 1)] {
        for _ in 0..failures {
            assert!(matches!(stores.attempt(of, at(0)).await, Attempt::Counted { .. }));
        }
    }
    stores.attempt(3, at(1)).await;
    stores.attempt(4, at(5)).await;
    let later = at(1_000);
    assert_eq!(stores.purge(Kept::PasswordAttempts, before(at(0))).await, 0);
    assert_eq!(stores.purge(Kept::PasswordAttempts, at(0)).await, 1, "that of the account");
    let Attempt::Counted { locks: None, .. } = stores.attempt(1, at(2)).await else {
        panic!("it is the first again");
    };
    assert_eq!(stores.purge(Kept::PasswordAttempts, later).await, 2, "of the first and the fourth");
    for of in [2, 3] {
        let Attempt::Counted { locks: Some(until), .. } = stores.attempt(of, later).await else {
            panic!("the sixth");
        };
        assert_eq!(until, at(1_060), "twice as long as the first wait");
    }
}

/// LOG-04, LOCK-04: devices are known by logins that are younger by far.
pub async fn a_login_goes_in_its_time_and_a_known_device_stays_known(stores: Stores) {
    let account = registered(stores.accounts(), 1, None).await;
    for seed in [2, 3] {
        signed_in(stores.accounts(), &account, 1, seed, at(seed)).await;
    }
    let accounts = &stores.accounts().accounts;
    let logins = async || {
        let found = accounts.logins(account.user.id, None, 10).await.expect("a store");
        assert!(found.iter().all(|it| it.outcome == Outcome::Success));
        found.into_iter().map(|it| it.at).collect::<Vec<_>>()
    };
    let knows = async |since| accounts.knows_device(&key(1), "d", since).await.expect("a store");
    assert_eq!(stores.purge(Kept::LoginEvents, before(at(0))).await, 0);
    assert_eq!(stores.purge(Kept::LoginEvents, at(0)).await, 1);
    assert_eq!(logins().await, [at(3), at(2)]);
    assert_eq!(stores.purge(Kept::LoginEvents, at(2)).await, 1);
    assert!(knows(at(3)).await);
    assert_eq!(stores.purge(Kept::LoginEvents, at(3)).await, 1);
    assert!(!knows(at(0)).await && logins().await.is_empty());
    assert!(is_live(stores.accounts(), 1, at(10)).await);
    assert_eq!(stores.account(1).await.last_seen_at, at(3), "OTP-13");
}

/// LOG-04.
pub async fn an_audit_line_goes_in_its_time(stores: Stores) {
    let account = registered(stores.accounts(), 1, None).await;
    signed_in(stores.accounts(), &account, 1, 2, at(1)).await;
    end(&stores, &account, 1, at(10)).await;
    end(&stores, &account, 2, at(11)).await;
    assert_eq!(stores.purge(Kept::AuditEvents, before(at(10))).await, 0);
    assert_eq!(stores.purge(Kept::AuditEvents, at(10)).await, 1);
    assert_eq!(stores.purge(Kept::AuditEvents, at(10)).await, 0);
    assert_eq!(stores.purge(Kept::AuditEvents, at(11)).await, 1);
    assert_eq!(stores.purge(Kept::LoginEvents, at(11)).await, 2, "the logins are others");
}

/// Users with a session each that ended, and the login that began it.
async fn ended(stores: &Stores, users: u8) {
    for of in 1..=users {
        let account = registered(stores.accounts(), of, None).await;
        end(stores, &account, of.into(), at(10)).await;
    }
}

/// REL-11: small batches.
pub async fn a_batch_is_no_larger_than_asked_for(stores: Stores) {
    ended(&stores, 5).await;
    for what in [Kept::EndedSessions, Kept::LoginEvents, Kept::AuditEvents] {
        let mut gone = Vec::new();
        for _ in 0..4 {
            gone.push(stores.retention.purge(what, at(10), 2).await.expect("a store"));
        }
        assert_eq!(gone, [2, 2, 1, 0], "{what:?}");
    }
}

/// REL-11: nodes do not get in each other's way, and what one removed no other counts.
pub async fn racing_purges_remove_each_row_once(stores: Stores) {
    const USERS: u8 = 40;
    ended(&stores, USERS).await;
    for what in [Kept::EndedSessions, Kept::LoginEvents, Kept::AuditEvents] {
        let gone = race(8, &stores.retention, move |retention, _| async move {
            let mut gone = 0;
            // Whoever finds rows that all others hold finds none; the next tick does.
            for _ in 0..10 {
                gone += retention.purge(what, at(10), 7).await.expect("a store");
            }
            gone
        })
        .await;
        let left = stores.purge(what, at(10)).await;
        assert_eq!(gone.iter().sum::<u64>() + left, u64::from(USERS), "{what:?}");
    }
    for of in 1..=USERS {
        assert_eq!(stores.account(of).await.last_seen_at, at(0), "user {of}");
    }
}

/// REL-07, REL-11: sessions begin, are used and end as ever, and those that live stay.
pub async fn a_purge_races_logins_and_logouts_and_loses_nothing(stores: Stores) {
    const ROUNDS: u64 = 10;
    let old = registered(stores.accounts(), 1, None).await;
    for round in 1..=ROUNDS {
        let first = 100 * round;
        signed_in(stores.accounts(), &old, 1, first, at(round)).await;
        end(&stores, &old, first, at(round)).await;
        let shared = Arc::new((stores.clone(), old.clone()));
        let begun = race(6, &shared, move |shared, racer| async move {
            let (stores, account) = &*shared;
            let seed = first + 1 + racer as u64;
            match racer {
                0 | 1 => {
                    for what in Kept::ALL {
                        stores.purge(what, at(round)).await;
                    }
                    None
                }
                2 => {
                    let sessions = &stores.accounts().sessions;
                    let line = line(account, AccountEvent::OthersLoggedOut, seed, at(50 + round));
                    let kept = sessions.find(&token(1), at(50)).await.expect("a store");
                    let kept = kept.expect("the first lives").session.id;
                    let own = account.user.id;
                    sessions.end_all(own, Some(kept), &line).await.expect("a store");
                    None
                }
                _ => {
                    signed_in(stores.accounts(), account, 1, seed, at(100 + round)).await;
                    Some(seed)
                }
            }
        })
        .await;
        assert!(is_live(stores.accounts(), 1, at(200)).await, "round {round}");
        let own = old.user.id;
        let line = line(&old, AccountEvent::OthersLoggedOut, 50_000 + round, at(150 + round));
        let sessions = &stores.accounts().sessions;
        let kept = sessions.find(&token(1), at(200)).await.expect("a store").expect("live");
        let dead = sessions.end_all(own, Some(kept.session.id), &line).await.expect("a store");
        for seed in begun.into_iter().flatten() {
            assert!(dead.contains(&token(seed)), "round {round}: {seed} was there to be ended");
        }
        assert_eq!(stores.account(1).await.last_seen_at, at(100 + round));
    }
}
