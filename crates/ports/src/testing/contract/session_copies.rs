//! The promises of `session_copies`: a copy is what was put, and a forgotten one is gone for good.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use domain::id::{IdentityId, SessionId, UserId};
use domain::origin::{Device, Origin};
use domain::profile::{AvatarUrl, Nickname, Profile};
use domain::secret::TokenHash;
use domain::session::{Method, Session, SignedIn};
use domain::user::{User, UserState};

use crate::session_copies::SessionCopies;
use crate::testing::{RACERS, ROUNDS, at, race};

/// Makes each promise of [`SessionCopies`] a test of its own; `$make` is a future of a fresh store.
#[macro_export]
macro_rules! session_copies_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            session_copies,
            $make,
            [
                a_copy_is_found_as_it_was_put,
                a_copy_in_place_is_not_overwritten,
                a_forgotten_copy_is_gone_and_stays_out,
                a_token_without_a_copy_is_forgotten_too,
                many_tokens_are_forgotten_at_once_and_no_other,
                a_copy_in_place_is_replaced,
                nothing_is_replaced_where_no_copy_is,
                of_racing_puts_one_copy_stays,
                once_forgotten_no_racing_write_brings_a_copy_back,
                it_answers_a_ping,
            ]
        );
    };
}

type Store = Arc<dyn SessionCopies>;

fn token(number: usize) -> TokenHash {
    let mut bytes = *b"{a}b{c}\r\n\0 not only printable ..";
    for (byte, of_number) in bytes.iter_mut().rev().zip(number.to_le_bytes()) {
        *byte = of_number;
    }
    TokenHash::new(bytes)
}

/// A session whose fields are all there and tell its number: for tests beside this suite, too.
#[must_use]
pub fn signed_in(number: u64) -> SignedIn {
    let profile = Profile {
        nickname: Some(Nickname::parse("王小明 \"😀\" \\").expect("a nickname")),
        avatar_url: Some(AvatarUrl::parse("https://example.com/a.png").expect("an address")),
    };
    let user = User {
        id: UserId::new(at(number), [1; 10]),
        profile,
        state: UserState::Active,
        created_at: domain::later(at(number), domain::Duration::from_micros(1)),
        has_password: true,
        has_phone: false,
    };
    let session = Session {
        id: SessionId::new(at(number), [2; 10]),
        user_id: user.id,
        identity_id: IdentityId::new(at(number), [3; 10]),
        method: Method::Password,
        auth_time: at(number),
        created_at: at(number + 1),
        last_seen_at: at(number + 2),
        idle_ends_at: at(number + 3),
        absolute_ends_at: Some(at(number + 4)),
        origin: Origin {
            ip: IpAddr::V6(Ipv6Addr::LOCALHOST),
            device: Device { id: Some("id".to_owned()), name: Some("A \"phone\"".to_owned()) },
        },
    };
    SignedIn { session, user }
}

/// A session whose optional fields are all missing.
fn bare(number: u64) -> SignedIn {
    let SignedIn { session, user } = signed_in(number);
    let session = Session {
        method: Method::Sms,
        absolute_ends_at: None,
        origin: Origin { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), device: Device::default() },
        ..session
    };
    let user = User {
        profile: Profile::default(),
        state: UserState::Disabled,
        has_password: false,
        has_phone: true,
        ..user
    };
    SignedIn { session, user }
}

async fn find(store: &Store, number: usize) -> Option<SignedIn> {
    store.find(&token(number)).await.expect("a store")
}

async fn put(store: &Store, number: usize, copy: &SignedIn) {
    store.put(&token(number), copy).await.expect("a store");
}

async fn replace(store: &Store, number: usize, copy: &SignedIn) {
    store.replace(&token(number), copy).await.expect("a store");
}

async fn forget(store: &Store, numbers: &[usize]) {
    let tokens: Vec<_> = numbers.iter().copied().map(token).collect();
    store.forget(&tokens).await.expect("a store");
}

/// SES-04: the copy says what the truth said.
pub async fn a_copy_is_found_as_it_was_put(store: Store) {
    assert_eq!(find(&store, 1).await, None);
    put(&store, 1, &signed_in(1)).await;
    put(&store, 2, &bare(2)).await;
    assert_eq!(find(&store, 1).await, Some(signed_in(1)));
    assert_eq!(find(&store, 2).await, Some(bare(2)));
    assert_eq!(find(&store, 3).await, None);
}

/// SES-04: a put that was read earlier does not undo a later one, nor lengthen its life.
pub async fn a_copy_in_place_is_not_overwritten(store: Store) {
    put(&store, 1, &signed_in(1)).await;
    put(&store, 1, &signed_in(2)).await;
    assert_eq!(find(&store, 1).await, Some(signed_in(1)));
}

/// SES-04: what was read before a session ended is not stored after it.
pub async fn a_forgotten_copy_is_gone_and_stays_out(store: Store) {
    put(&store, 1, &signed_in(1)).await;
    forget(&store, &[1]).await;
    assert_eq!(find(&store, 1).await, None);
    put(&store, 1, &signed_in(1)).await;
    replace(&store, 1, &signed_in(1)).await;
    assert_eq!(find(&store, 1).await, None);
    forget(&store, &[1]).await;
    assert_eq!(find(&store, 1).await, None);
}

/// SES-04: a copy may be on its way although none is there yet.
pub async fn a_token_without_a_copy_is_forgotten_too(store: Store) {
    forget(&store, &[1]).await;
    put(&store, 1, &signed_in(1)).await;
    assert_eq!(find(&store, 1).await, None);
}

/// SES-04: a changed password ends many sessions, not all.
pub async fn many_tokens_are_forgotten_at_once_and_no_other(store: Store) {
    for number in 0..30 {
        put(&store, number, &signed_in(1)).await;
    }
    forget(&store, &(0..20).collect::<Vec<_>>()).await;
    forget(&store, &[]).await;
    for number in 0..30 {
        assert_eq!(find(&store, number).await.is_some(), number >= 20, "token {number}");
    }
}

/// SES-03, SES-04: a session's pushed end reaches its copy.
pub async fn a_copy_in_place_is_replaced(store: Store) {
    put(&store, 1, &signed_in(1)).await;
    replace(&store, 1, &bare(2)).await;
    assert_eq!(find(&store, 1).await, Some(bare(2)));
}

/// SES-04: a replacement is not a put.
pub async fn nothing_is_replaced_where_no_copy_is(store: Store) {
    replace(&store, 1, &signed_in(1)).await;
    assert_eq!(find(&store, 1).await, None);
    put(&store, 1, &signed_in(2)).await;
    assert_eq!(find(&store, 1).await, Some(signed_in(2)));
}

/// SES-04: once a copy is in place all readers find the same one.
pub async fn of_racing_puts_one_copy_stays(store: Store) {
    for round in 0..ROUNDS {
        let found = race(RACERS, &store, move |store, racer| async move {
            put(&store, round, &signed_in(u64::try_from(racer).expect("a small number"))).await;
            find(&store, round).await
        })
        .await;
        let first = found.first().expect("many racers");
        assert!(first.is_some() && found.iter().all(|it| it == first), "round {round}");
    }
}

/// SES-04: after a revoke was answered nobody finds the copy, whatever was under way.
pub async fn once_forgotten_no_racing_write_brings_a_copy_back(store: Store) {
    for round in 0..ROUNDS {
        put(&store, round, &signed_in(0)).await;
        race(RACERS, &store, move |store, racer| async move {
            match racer % 5 {
                0 => {
                    forget(&store, &[round]).await;
                    assert_eq!(find(&store, round).await, None, "round {round}");
                }
                1 | 2 => put(&store, round, &signed_in(1)).await,
                _ => replace(&store, round, &signed_in(2)).await,
            }
        })
        .await;
        assert_eq!(find(&store, round).await, None, "round {round}, afterwards");
    }
}

/// REL-04: readiness asks for no more than an answer.
pub async fn it_answers_a_ping(store: Store) {
    store.ping().await.expect("a store");
}
