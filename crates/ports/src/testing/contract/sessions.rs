//! The promises of `Sessions`.

use domain::ending::AccountEvent;
use domain::session::Slide;

use super::accounts::{Stores, end, line, registered, signed_in, token};
use crate::testing::{ROUNDS, at, race};

/// Makes each promise of `Sessions` a test; `$make` gives fresh
/// [`Stores`](crate::testing::contract::accounts::Stores).
#[macro_export]
macro_rules! sessions_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            sessions,
            $make,
            [
                an_unknown_token_finds_nothing,
                a_session_is_over_at_its_idle_end_and_at_its_absolute_end,
                an_ended_session_stays_ended,
                the_end_is_pushed_on_and_never_back,
                of_slides_of_one_age_one_is_written,
                racing_a_slide_an_end_wins,
                the_live_sessions_are_listed_the_last_used_first,
                one_session_is_ended_by_its_owner_alone,
                all_sessions_end_but_the_kept_one,
            ]
        );
    };
}

const DAY: u64 = 86_400;

/// A slide by somebody who knew of all uses before.
fn slide(seen: u64, end: u64) -> Slide {
    Slide { last_seen_at: at(seen), idle_ends_at: at(end), based_on: at(seen) }
}

/// SES-01.
pub async fn an_unknown_token_finds_nothing(stores: Stores) {
    registered(&stores, 1, None).await;
    assert!(stores.sessions.find(&token(99), at(1)).await.expect("a store").is_none());
}

/// SES-03: the end is the first moment at which it is over.
pub async fn a_session_is_over_at_its_idle_end_and_at_its_absolute_end(stores: Stores) {
    registered(&stores, 1, None).await;
    let find = async |seconds| stores.sessions.find(&token(1), at(seconds)).await.expect("a store");
    assert!(find(7 * DAY - 1).await.is_some());
    assert!(find(7 * DAY).await.is_none());
    let session = find(1).await.expect("live").session;
    let beyond = slide(DAY, 40 * DAY);
    stores.sessions.slide(session.id, beyond).await.expect("a store");
    assert!(find(30 * DAY - 1).await.is_some());
    assert!(find(30 * DAY).await.is_none());
}

/// REL-07: ended is ended, whatever comes later.
pub async fn an_ended_session_stays_ended(stores: Stores) {
    let account = registered(&stores, 1, None).await;
    let session = stores.sessions.find(&token(1), at(1)).await.expect("a store").expect("live");
    let id = session.session.id;
    end(&stores, &account, 1, at(2)).await;
    end(&stores, &account, 1, at(3)).await;
    let slide = slide(4, 8 * DAY);
    stores.sessions.slide(id, slide).await.expect("a store");
    assert!(stores.sessions.find(&token(1), at(5)).await.expect("a store").is_none());
}

/// SES-03: a slide that comes late moves nothing back.
pub async fn the_end_is_pushed_on_and_never_back(stores: Stores) {
    registered(&stores, 1, None).await;
    let session = stores.sessions.find(&token(1), at(1)).await.expect("a store").expect("live");
    let id = session.session.id;
    for (seen, end) in [(1_000, 10 * DAY), (900, 9 * DAY), (1_100, 8 * DAY)] {
        stores.sessions.slide(id, slide(seen, end)).await.expect("a store");
    }
    let now = stores.sessions.find(&token(1), at(2_000)).await.expect("a store").expect("live");
    assert_eq!(now.session.idle_ends_at, at(10 * DAY));
    assert_eq!(now.session.last_seen_at, at(1_000));
}

/// SES-03: many checks of one session at once do not each write.
pub async fn of_slides_of_one_age_one_is_written(stores: Stores) {
    registered(&stores, 1, None).await;
    let find = async || stores.sessions.find(&token(1), at(2_000)).await.expect("a store");
    let loaded = find().await.expect("live").session;
    for seen in [1_000, 1_001, 1_002] {
        let slide = Slide { based_on: loaded.last_seen_at, ..slide(seen, 7 * DAY + seen) };
        stores.sessions.slide(loaded.id, slide).await.expect("a store");
    }
    let written = find().await.expect("live").session;
    assert_eq!(written.last_seen_at, at(1_000), "the others knew of no use after the first");
    let next = Slide { based_on: written.last_seen_at, ..slide(1_700, 8 * DAY) };
    stores.sessions.slide(written.id, next).await.expect("a store");
    assert_eq!(find().await.expect("live").session.last_seen_at, at(1_700));
}

/// SES-04: no interleaving of use and end leaves a session alive.
pub async fn racing_a_slide_an_end_wins(stores: Stores) {
    let account = registered(&stores, 1, None).await;
    for round in 0..ROUNDS as u64 {
        let seed = 1_000 + round;
        signed_in(&stores, &account, 1, seed, at(round)).await;
        let found = stores.sessions.find(&token(seed), at(round)).await.expect("a store");
        let id = found.expect("live").session.id;
        let line = line(&account, AccountEvent::LoggedOut, seed, at(round));
        race(8, &stores.sessions, move |sessions, racer| {
            let line = line.clone();
            async move {
                if racer == 0 {
                    sessions.end_one(line.user_id, id, &line).await.expect("a store");
                } else {
                    let slide = slide(round + racer as u64, 20 * DAY);
                    sessions.slide(id, slide).await.expect("a store");
                }
            }
        })
        .await;
        let after = stores.sessions.find(&token(seed), at(round + 1)).await.expect("a store");
        assert!(after.is_none(), "round {round}");
    }
}

/// SES-05.
pub async fn the_live_sessions_are_listed_the_last_used_first(stores: Stores) {
    let account = registered(&stores, 1, None).await;
    registered(&stores, 2, None).await;
    signed_in(&stores, &account, 1, 11, at(10)).await;
    signed_in(&stores, &account, 1, 12, at(20)).await;
    let all = stores.sessions.list(account.user.id, at(30)).await.expect("a store");
    let begun: Vec<_> = all.iter().map(|it| it.created_at).collect();
    assert_eq!(begun, [at(20), at(10), at(0)]);
    let middle = all.get(1).expect("three sessions").id;
    let ended = line(&account, AccountEvent::SessionEnded, 1, at(31));
    stores.sessions.end_one(account.user.id, middle, &ended).await.expect("a store");
    let left = stores.sessions.list(account.user.id, at(32)).await.expect("a store");
    assert_eq!(left.len(), 2);
    let over = stores.sessions.list(account.user.id, at(7 * DAY + 15)).await.expect("a store");
    assert_eq!(over.len(), 1, "those whose time is over are not listed");
}

/// SES-05, LINK-10: a session of somebody else is as unknown as one that never was.
pub async fn one_session_is_ended_by_its_owner_alone(stores: Stores) {
    let owner = registered(&stores, 1, None).await;
    let other = registered(&stores, 2, None).await;
    let found = stores.sessions.find(&token(1), at(1)).await.expect("a store").expect("live");
    let id = found.session.id;
    let line = line(&owner, AccountEvent::SessionEnded, 1, at(2));
    let end = async |user| stores.sessions.end_one(user, id, &line).await.expect("a store");
    assert_eq!(end(other.user.id).await, None);
    assert!(stores.sessions.find(&token(1), at(3)).await.expect("a store").is_some());
    assert_eq!(end(owner.user.id).await, Some(token(1)));
    assert!(stores.sessions.find(&token(1), at(3)).await.expect("a store").is_none());
    assert_eq!(end(owner.user.id).await, Some(token(1)), "trying again removes the copy");
}

/// SES-04, SES-05.
pub async fn all_sessions_end_but_the_kept_one(stores: Stores) {
    let account = registered(&stores, 1, None).await;
    registered(&stores, 2, None).await;
    signed_in(&stores, &account, 1, 11, at(10)).await;
    signed_in(&stores, &account, 1, 12, at(20)).await;
    let kept = stores.sessions.find(&token(11), at(21)).await.expect("a store").expect("live");
    for _ in 0..2 {
        let others = line(&account, AccountEvent::OthersLoggedOut, 1, at(30));
        let ended = stores.sessions.end_all(account.user.id, Some(kept.session.id), &others).await;
        let mut ended = ended.expect("a store");
        ended.sort_unstable();
        assert_eq!(ended, [token(1), token(12)], "the second time as well");
    }
    let live =
        async |seed| stores.sessions.find(&token(seed), at(31)).await.expect("a store").is_some();
    assert!(live(11).await && live(2).await);
    assert!(!live(1).await && !live(12).await);
    let last = line(&account, AccountEvent::AllLoggedOut, 2, at(32));
    let all = stores.sessions.end_all(account.user.id, None, &last).await.expect("a store");
    assert!(all.contains(&token(11)));
    assert!(!live(11).await && live(2).await);
}
