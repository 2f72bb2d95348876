//! The promises of `Sessions`.

use domain::Duration;
use domain::session::Slide;

use super::accounts::{Stores, registered, signed_in, token};
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
                racing_a_slide_an_end_wins,
            ]
        );
    };
}

const DAY: u64 = 86_400;

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
    let beyond = Slide { last_seen_at: at(DAY), idle_ends_at: at(40 * DAY) };
    stores.sessions.slide(session.id, beyond).await.expect("a store");
    assert!(find(30 * DAY - 1).await.is_some());
    assert!(find(30 * DAY).await.is_none());
}

/// REL-07: ended is ended, whatever comes later.
pub async fn an_ended_session_stays_ended(stores: Stores) {
    registered(&stores, 1, None).await;
    let session = stores.sessions.find(&token(1), at(1)).await.expect("a store").expect("live");
    let id = session.session.id;
    stores.sessions.end(id, at(2)).await.expect("a store");
    stores.sessions.end(id, at(3)).await.expect("ending twice is no error");
    let slide = Slide { last_seen_at: at(4), idle_ends_at: at(8 * DAY) };
    stores.sessions.slide(id, slide).await.expect("a store");
    assert!(stores.sessions.find(&token(1), at(5)).await.expect("a store").is_none());
}

/// SES-03: a slide that comes late moves nothing back.
pub async fn the_end_is_pushed_on_and_never_back(stores: Stores) {
    registered(&stores, 1, None).await;
    let session = stores.sessions.find(&token(1), at(1)).await.expect("a store").expect("live");
    let id = session.session.id;
    for (seen, end) in [(1_000, 10 * DAY), (900, 9 * DAY), (1_100, 8 * DAY)] {
        let slide = Slide { last_seen_at: at(seen), idle_ends_at: at(end) };
        stores.sessions.slide(id, slide).await.expect("a store");
    }
    let now = stores.sessions.find(&token(1), at(2_000)).await.expect("a store").expect("live");
    assert_eq!(now.session.idle_ends_at, at(10 * DAY));
    assert_eq!(now.session.last_seen_at, at(1_000));
}

/// SES-04: no interleaving of use and end leaves a session alive.
pub async fn racing_a_slide_an_end_wins(stores: Stores) {
    let account = registered(&stores, 1, None).await;
    for round in 0..ROUNDS as u64 {
        let seed = 1_000 + round;
        signed_in(&stores, &account, 1, seed, at(round)).await;
        let found = stores.sessions.find(&token(seed), at(round)).await.expect("a store");
        let id = found.expect("live").session.id;
        race(8, &stores.sessions, move |sessions, racer| async move {
            if racer == 0 {
                sessions.end(id, at(round)).await.expect("a store");
            } else {
                let used_at = domain::later(at(round), Duration::from_secs(racer as u64));
                let slide = Slide { last_seen_at: used_at, idle_ends_at: at(20 * DAY) };
                sessions.slide(id, slide).await.expect("a store");
            }
        })
        .await;
        let after = stores.sessions.find(&token(seed), at(round + 1)).await.expect("a store");
        assert!(after.is_none(), "round {round}");
    }
}
