//! The promises of `Outbox`: each entry to one caller at a time, and a user's events in order.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use domain::Timestamp;
use domain::id::{EventId, IdentityId, UserId};
use domain::identifier::IdentifierKind;
use domain::message::Notice;
use domain::new_password::set_password;
use domain::outbox::{Address, Event, News, Outgoing};
use domain::profile::ProfilePatch;
use domain::secret::Sealed;
use domain::session::Method;

use super::accounts::{self, registered};
use crate::accounts::{Changed, Registered};
use crate::outbox::{Claimed, Outbox};
use crate::testing::{RACERS, ROUNDS, at, race};

/// Writes entries as a change would: in production `Accounts` does, with the change.
pub type Put = Arc<dyn Fn(Vec<Outgoing>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// The outbox of one store, with the users that its entries are about.
#[derive(Clone)]
pub struct Stores {
    /// Users.
    pub accounts: accounts::Stores,
    /// What is to be told of them.
    pub outbox: Arc<dyn Outbox>,
    /// Writes entries.
    pub put: Put,
}

/// Makes each promise of [`Outbox`] a test; `$make` gives fresh [`Stores`].
#[macro_export]
macro_rules! outbox_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            outbox,
            $make,
            [
                every_kind_of_entry_comes_as_it_was_written,
                the_longest_due_come_first_and_no_more_than_asked_for,
                what_is_done_comes_no_more,
                a_held_entry_comes_again_when_nobody_answered_for_it,
                a_postponed_entry_comes_at_its_moment,
                events_of_a_user_come_one_after_the_other,
                notices_wait_for_nothing,
                a_parked_event_lets_later_ones_go,
                what_was_done_is_neither_postponed_nor_parked_after_it,
                a_replayed_entry_has_all_its_tries,
                one_entry_is_replayed_by_its_id,
                a_notice_is_split_in_the_place_of_one,
                of_racing_splits_one_is_written,
                racing_claims_get_each_entry_once,
                racing_claims_keep_the_order_of_a_user,
                a_registration_and_a_login_are_told_with_them,
                a_failed_login_and_a_change_are_told_with_them,
            ]
        );
    };
}

/// The `seed`-th id.
fn id(seed: u64) -> EventId {
    let mut random = [0; 10];
    for (byte, seeded) in random.iter_mut().rev().zip(seed.to_le_bytes()) {
        *byte = seeded;
    }
    EventId::new(at(0), random)
}

fn event(seed: u64, user_id: UserId, at: Timestamp) -> Outgoing {
    Outgoing { id: id(seed), user_id, at, news: News::Event(Event::Updated) }
}

fn notice(seed: u64, user_id: UserId, at: Timestamp) -> Outgoing {
    let news = News::Notice { notice: Notice::PasswordChanged, to: None };
    Outgoing { id: id(seed), user_id, at, news }
}

async fn user(stores: &Stores, of: u8) -> UserId {
    registered(&stores.accounts, of, None).await.user.id
}

impl Stores {
    async fn put(&self, entries: &[Outgoing]) {
        (self.put)(entries.to_vec()).await;
    }

    async fn claim(&self, now: Timestamp, held_until: Timestamp, limit: u32) -> Vec<Claimed> {
        self.outbox.claim(now, held_until, limit).await.expect("a store")
    }

    /// Takes what is due at a moment, for ever, and gives the ids.
    async fn due(&self, now: Timestamp) -> Vec<EventId> {
        ids(&self.claim(now, later(now), 100).await)
    }

    async fn done(&self, id: EventId) {
        self.outbox.done(id, at(0)).await.expect("a store");
    }
}

/// A hold that outlasts a promise.
fn later(now: Timestamp) -> Timestamp {
    domain::later(now, domain::Duration::from_hours(24 * 365))
}

fn ids(claimed: &[Claimed]) -> Vec<EventId> {
    claimed.iter().map(|it| it.entry.id).collect()
}

/// Nothing of an entry is lost on its way.
pub async fn every_kind_of_entry_comes_as_it_was_written(stores: Stores) {
    let user_id = user(&stores, 1).await;
    let identity_id = IdentityId::new(at(3), [7; 10]);
    let kinds = [IdentifierKind::Phone, IdentifierKind::Email, IdentifierKind::Username];
    let mut news = vec![
        News::Event(Event::Registered { kind: IdentifierKind::Phone }),
        News::Event(Event::LoggedIn { method: Method::Password }),
        News::Event(Event::Updated),
        News::Event(Event::Merged { absorbed: UserId::new(at(1), [9; 10]) }),
        News::Event(Event::PasswordChanged),
        News::Event(Event::Deleted),
        News::Event(Event::Locked),
    ];
    news.extend(kinds.map(|kind| News::Event(Event::Linked { identity_id, kind })));
    news.extend(kinds.map(|kind| News::Event(Event::Unlinked { identity_id, kind })));
    news.extend(Notice::ALL.map(|notice| News::Notice { notice, to: None }));
    let display = Sealed::new(vec![0, 255, b'\'']);
    let address = Address { identity_id, kind: IdentifierKind::Email, display };
    news.push(News::Notice { notice: Notice::IdentityReplaced, to: Some(address) });
    let written: Vec<_> = (1..)
        .zip(news)
        .map(|(seed, news)| Outgoing { id: id(seed), user_id, at: at(seed), news })
        .collect();
    stores.put(&written).await;
    let mut read = Vec::new();
    loop {
        let claimed = stores.claim(at(100), later(at(100)), 100).await;
        if claimed.is_empty() {
            break;
        }
        for it in claimed {
            assert_eq!(it.tries, 1);
            stores.done(it.entry.id).await;
            read.push(it.entry);
        }
    }
    read.sort_unstable_by_key(|it| it.at);
    assert_eq!(read, written);
}

/// By moment, then by id; what is not due yet does not come, and what failed lets others go.
pub async fn the_longest_due_come_first_and_no_more_than_asked_for(stores: Stores) {
    let user_id = user(&stores, 1).await;
    let entries = [(5, 10), (1, 20), (3, 20), (2, 30), (4, 99)];
    let entries = entries.map(|(seed, moment)| notice(seed, user_id, at(moment)));
    stores.put(&entries).await;
    assert_eq!(ids(&stores.claim(at(30), later(at(30)), 3).await), [5, 1, 3].map(id));
    assert_eq!(ids(&stores.claim(at(30), later(at(30)), 3).await), [id(2)]);
    assert_eq!(ids(&stores.claim(at(99), later(at(99)), 0).await), []);
    assert_eq!(stores.due(at(99)).await, [id(4)]);
    stores.outbox.postpone(id(5), at(100)).await.expect("a store");
    stores.put(&[notice(6, user_id, at(99))]).await;
    assert_eq!(ids(&stores.claim(at(100), later(at(100)), 1).await), [id(6)]);
    assert_eq!(ids(&stores.claim(at(100), later(at(100)), 1).await), [id(5)]);
}

/// An answer ends it, also one that comes after the hold.
pub async fn what_is_done_comes_no_more(stores: Stores) {
    let user_id = user(&stores, 1).await;
    stores.put(&[notice(1, user_id, at(0))]).await;
    assert_eq!(ids(&stores.claim(at(0), at(1), 9).await), [id(1)]);
    stores.done(id(1)).await;
    assert_eq!(stores.due(at(1000)).await, []);
    assert_eq!(stores.outbox.parked(9).await.expect("a store"), []);
}

/// Whoever took it may be gone: it comes again, and the tries are counted.
pub async fn a_held_entry_comes_again_when_nobody_answered_for_it(stores: Stores) {
    let user_id = user(&stores, 1).await;
    stores.put(&[event(1, user_id, at(0))]).await;
    for (now, held_until, tries) in [(0, 60, Some(1)), (59, 99, None), (60, 90, Some(2))] {
        let claimed = stores.claim(at(now), at(held_until), 9).await;
        assert_eq!(claimed.first().map(|it| it.tries), tries, "at {now}");
    }
}

/// Not before, and exactly then.
pub async fn a_postponed_entry_comes_at_its_moment(stores: Stores) {
    let user_id = user(&stores, 1).await;
    stores.put(&[event(1, user_id, at(0))]).await;
    assert_eq!(stores.due(at(0)).await, [id(1)]);
    stores.outbox.postpone(id(1), at(5)).await.expect("a store");
    assert_eq!(stores.due(at(4)).await, []);
    assert_eq!(stores.claim(at(5), later(at(5)), 9).await.first().map(|it| it.tries), Some(2));
}

/// The order is that of moment and id; other users do not wait.
pub async fn events_of_a_user_come_one_after_the_other(stores: Stores) {
    let (one, other) = (user(&stores, 1).await, user(&stores, 2).await);
    let entries =
        [event(3, one, at(1)), event(1, one, at(2)), event(2, one, at(2)), event(4, other, at(3))];
    stores.put(&entries).await;
    assert_eq!(stores.due(at(9)).await, [id(3), id(4)]);
    assert_eq!(stores.due(at(9)).await, [], "the first is on its way");
    stores.outbox.postpone(id(3), at(50)).await.expect("a store");
    assert_eq!(stores.due(at(49)).await, [], "the first waits for its next try");
    assert_eq!(stores.due(at(50)).await, [id(3)]);
    stores.done(id(3)).await;
    assert_eq!(stores.due(at(50)).await, [id(1)]);
    stores.done(id(1)).await;
    assert_eq!(stores.due(at(50)).await, [id(2)]);
}

/// Neither for events nor for one another, and no event waits for them.
pub async fn notices_wait_for_nothing(stores: Stores) {
    let user_id = user(&stores, 1).await;
    let entries = [
        notice(1, user_id, at(0)),
        event(2, user_id, at(1)),
        notice(3, user_id, at(2)),
        notice(4, user_id, at(3)),
        event(5, user_id, at(4)),
    ];
    stores.put(&entries).await;
    assert_eq!(stores.due(at(9)).await, [1, 2, 3, 4].map(id));
}

/// REL-14: one that is given up holds nobody up.
pub async fn a_parked_event_lets_later_ones_go(stores: Stores) {
    let user_id = user(&stores, 1).await;
    let entries = [1, 2, 3].map(|it| event(it, user_id, at(it)));
    stores.put(&entries).await;
    for (given, left) in [(1, 1), (2, 2)] {
        assert_eq!(stores.due(at(9)).await, [id(given)]);
        stores.outbox.park(id(given), at(9)).await.expect("a store");
        let parked = stores.outbox.parked(left).await.expect("a store");
        assert_eq!(parked, entries.get(..left as usize).unwrap_or_default());
    }
    assert_eq!(stores.outbox.parked(1).await.expect("a store").len(), 1);
    assert_eq!(stores.due(at(9)).await, [id(3)]);
}

/// An answer that comes late, of a caller whose hold was over, changes nothing.
pub async fn what_was_done_is_neither_postponed_nor_parked_after_it(stores: Stores) {
    let user_id = user(&stores, 1).await;
    stores.put(&[event(1, user_id, at(0))]).await;
    assert_eq!(stores.due(at(0)).await, [id(1)]);
    stores.done(id(1)).await;
    stores.outbox.postpone(id(1), at(1)).await.expect("a store");
    stores.outbox.park(id(1), at(1)).await.expect("a store");
    assert_eq!(stores.due(later(at(9))).await, []);
    assert_eq!(stores.outbox.parked(9).await.expect("a store"), []);
}

/// All that is parked, and nothing else.
pub async fn a_replayed_entry_has_all_its_tries(stores: Stores) {
    let (one, other) = (user(&stores, 1).await, user(&stores, 2).await);
    let entries = [event(1, one, at(1)), event(2, other, at(2)), notice(3, one, at(3))];
    stores.put(&entries).await;
    assert_eq!(stores.due(at(9)).await.len(), 3);
    for parked in [1, 2] {
        stores.outbox.park(id(parked), at(9)).await.expect("a store");
    }
    assert_eq!(stores.outbox.replay(None, at(20)).await.expect("a store"), 2);
    assert_eq!(stores.outbox.replay(None, at(20)).await.expect("a store"), 0);
    assert_eq!(stores.outbox.parked(9).await.expect("a store"), []);
    assert_eq!(stores.due(at(19)).await, [], "due from the moment of the replay");
    let again = stores.claim(at(20), later(at(20)), 9).await;
    let again: Vec<_> = again.iter().map(|it| (it.entry.id, it.tries)).collect();
    assert_eq!(again, [(id(1), 1), (id(2), 1)]);
}

/// It may be parked or done; one on its way is left alone, and one unknown is none.
pub async fn one_entry_is_replayed_by_its_id(stores: Stores) {
    let user_id = user(&stores, 1).await;
    let entries = [1, 2, 3, 4].map(|it| notice(it, user_id, at(it)));
    stores.put(&entries).await;
    assert_eq!(stores.due(at(9)).await.len(), 4);
    stores.done(id(1)).await;
    for parked in [2, 3] {
        stores.outbox.park(id(parked), at(9)).await.expect("a store");
    }
    for (seed, count) in [(1, 1), (2, 1), (4, 0), (5, 0)] {
        let replayed = stores.outbox.replay(Some(id(seed)), at(20)).await.expect("a store");
        assert_eq!(replayed, count, "{seed}");
    }
    assert_eq!(stores.due(at(20)).await, [1, 2].map(id));
    assert_eq!(stores.outbox.parked(9).await.expect("a store"), entries.get(2..3).unwrap_or(&[]));
}

/// The one is done with, its parts are due at once; splitting again writes nothing.
pub async fn a_notice_is_split_in_the_place_of_one(stores: Stores) {
    let user_id = user(&stores, 1).await;
    stores.put(&[notice(1, user_id, at(0))]).await;
    assert_eq!(stores.due(at(0)).await, [id(1)]);
    let parts = [2, 3].map(|it| notice(it, user_id, at(0)));
    stores.outbox.split(id(1), &parts, at(1)).await.expect("a store");
    assert_eq!(stores.due(at(1)).await, [2, 3].map(id));
    let late = [notice(4, user_id, at(0))];
    for gone in [1, 99] {
        stores.outbox.split(id(gone), &late, at(2)).await.expect("a store");
    }
    assert_eq!(stores.due(at(9)).await, []);
    stores.outbox.split(id(2), &[], at(2)).await.expect("a store");
    stores.outbox.park(id(2), at(2)).await.expect("a store");
    assert_eq!(stores.outbox.parked(9).await.expect("a store"), [], "split into nothing is done");
}

/// The parts of one caller are there, all of them, and those of no other.
pub async fn of_racing_splits_one_is_written(stores: Stores) {
    let user_id = user(&stores, 1).await;
    let racers = RACERS as u64;
    for round in 0..10 {
        let base = round * 1000;
        stores.put(&[notice(base + 1, user_id, at(0))]).await;
        race(RACERS, &Arc::new(stores.clone()), |stores, racer| async move {
            let first = base + 2 + 2 * racer as u64;
            let parts = [first, first + 1].map(|it| notice(it, user_id, at(0)));
            // A store may give up a crowd; what it did not say yes to is not there.
            let _ = stores.outbox.split(id(base + 1), &parts, at(1)).await;
        })
        .await;
        let written = stores.due(at(1)).await;
        let ours = |winner: u64| [base + 2 + 2 * winner, base + 3 + 2 * winner].map(id);
        assert!((0..racers).any(|it| written == ours(it)), "round {round}: {written:?}");
    }
}

/// REL-14: of racing callers one gets an entry.
pub async fn racing_claims_get_each_entry_once(stores: Stores) {
    let user_id = user(&stores, 1).await;
    for round in 0..ROUNDS as u64 {
        let entries: Vec<_> = (0..20).map(|it| notice(round * 100 + it, user_id, at(0))).collect();
        stores.put(&entries).await;
        let given = race(RACERS, &Arc::new(stores.clone()), |stores, _| async move {
            stores.outbox.claim(at(1), later(at(1)), 3).await.unwrap_or_default()
        })
        .await;
        let mut given: Vec<_> = given.into_iter().flatten().collect();
        assert!(given.iter().all(|it| it.tries == 1), "round {round}");
        // What a crowd has left is still there for whoever comes next.
        given.extend(stores.claim(at(1), later(at(1)), 100).await);
        let mut times = HashMap::new();
        for it in given {
            *times.entry(it.entry.id).or_insert(0) += 1;
        }
        let once = entries.iter().map(|it| (it.id, 1)).collect();
        assert_eq!(times, once, "round {round}");
        for it in entries {
            stores.done(it.id).await;
        }
    }
}

/// Of the events of one user at most one is on its way, and it is the first.
pub async fn racing_claims_keep_the_order_of_a_user(stores: Stores) {
    let user_id = user(&stores, 1).await;
    for round in 0..ROUNDS as u64 {
        let events = [0, 1, 2].map(|it| event(round * 10 + it, user_id, at(it)));
        stores.put(&events).await;
        for expected in &events {
            let given = race(RACERS, &Arc::new(stores.clone()), |stores, _| async move {
                stores.outbox.claim(at(9), later(at(9)), 3).await.unwrap_or_default()
            })
            .await;
            let mut given: Vec<_> = given.concat();
            if given.is_empty() {
                given = stores.claim(at(9), later(at(9)), 3).await;
            }
            assert_eq!(ids(&given), [expected.id], "round {round}");
            stores.done(expected.id).await;
        }
    }
}

/// Takes what is due, one after the other, until nothing is.
async fn all_news(stores: &Stores, now: Timestamp) -> Vec<News> {
    let mut news = Vec::new();
    loop {
        let claimed = stores.claim(now, later(now), 100).await;
        if claimed.is_empty() {
            return news;
        }
        for it in claimed {
            stores.done(it.entry.id).await;
            news.push(it.entry.news);
        }
    }
}

/// REL-02, LOG-05: in the transaction of the login, and a device is new once.
pub async fn a_registration_and_a_login_are_told_with_them(stores: Stores) {
    let mut registration = accounts::registration(accounts::key(1), 1, None);
    registration.registered = Some(id(1));
    registration.entry.logged_in = Some(id(2));
    let port = &stores.accounts.accounts;
    assert_eq!(port.register(&registration).await.expect("a store"), Registered::New);
    let method = Method::Sms;
    let logged_in = News::Event(Event::LoggedIn { method });
    let registered = News::Event(Event::Registered { kind: IdentifierKind::Phone });
    assert_eq!(all_news(&stores, at(10)).await, [registered, logged_in.clone()]);
    assert_eq!(port.register(&registration).await.expect("a store"), Registered::Taken);
    assert_eq!(all_news(&stores, at(10)).await, []);
    let account = port.find(&accounts::key(1)).await.expect("a store").expect("an account");
    for (seed, device, is_new) in [(3, "d", false), (4, "other", true), (5, "other", false)] {
        let mut entry = accounts::entry(&account, 1, method, seed, at(seed));
        entry.logged_in = Some(id(10 + seed));
        entry.event.origin.device.id = Some(device.to_owned());
        entry.session.origin.device.id = Some(device.to_owned());
        port.enter(&entry).await.expect("a store");
        let mut news = all_news(&stores, at(10)).await;
        news.sort_by_key(|it| matches!(it, News::Notice { .. }));
        let notice = News::Notice { notice: Notice::NewDevice, to: None };
        let expected = [logged_in.clone()].into_iter().chain(is_new.then_some(notice));
        assert_eq!(news, expected.collect::<Vec<_>>(), "{device}");
    }
}

/// REL-02: and what comes to nothing tells nothing.
pub async fn a_failed_login_and_a_change_are_told_with_them(stores: Stores) {
    let account = registered(&stores.accounts, 1, None).await;
    let port = &stores.accounts.accounts;
    let entry = accounts::entry(&account, 1, Method::Password, 2, at(2));
    let locked = Outgoing { id: id(1), user_id: account.user.id, at: at(2), news: LOCKED };
    port.record(&entry.event, &[locked]).await.expect("a store");
    assert_eq!(all_news(&stores, at(10)).await, [LOCKED]);
    let told = event(2, account.user.id, at(3));
    let nickname = ProfilePatch { nickname: Some(None), avatar_url: None };
    port.patch_profile(account.user.id, &nickname, Some(told)).await.expect("a store");
    assert_eq!(all_news(&stores, at(10)).await, [News::Event(Event::Updated)]);
    let state = accounts::loaded(&stores.accounts, &account).await;
    let set = |seed| {
        let hash = accounts::hash("new");
        let token = accounts::token(seed);
        set_password(&state, hash, token, &accounts::actor(1), accounts::ids(seed))
    };
    assert!(matches!(port.change(&set(7)).await.expect("a store"), Changed::Done { .. }));
    let mut news = all_news(&stores, at(10)).await;
    news.sort_by_key(|it| matches!(it, News::Notice { .. }));
    let notice = News::Notice { notice: Notice::PasswordSet, to: state.addresses().next() };
    assert_eq!(news, [News::Event(Event::PasswordChanged), notice]);
    assert_eq!(port.change(&set(8)).await.expect("a store"), Changed::Stale);
    assert_eq!(all_news(&stores, at(10)).await, []);
}

const LOCKED: News = News::Event(Event::Locked);
