//! The promises of `Grants`.

use std::sync::Arc;

use domain::ending::AccountEvent;
use domain::id::{SessionId, UserId};
use domain::login::Account;
use domain::oauth::client::{ClientId, Ends};
use domain::oauth::code::{CODE_LIFE, Code, Grant, Shown};
use domain::oauth::pkce::Challenge;
use domain::oauth::refresh::{ACCESS_LIFE, GRACE};
use domain::oauth::scope::{Scope, Scopes};
use domain::secret::{Sealed, TokenHash};
use domain::session::Session;
use domain::{Timestamp, later};

use super::accounts::{self, bytes, end, line, registered, token};
use crate::grants::{
    Betrayed, Child, Exchange, Exchanged, Grants, Issued, NewAccess, NewCode, Refresh, Renewed,
    Taken,
};
use crate::testing::{RACERS, at, race};

/// Rounds of one race: each is a handful of transactions that take turns.
const ROUNDS: u64 = 20;

/// The ports of one store.
#[derive(Clone)]
pub struct Stores {
    /// Users and sessions.
    pub accounts: accounts::Stores,
    /// Their grants.
    pub grants: Arc<dyn Grants>,
}

/// Makes each promise of `Grants` a test; `$make` gives fresh
/// [`Stores`](crate::testing::contract::grants::Stores).
#[macro_export]
macro_rules! grants_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            grants,
            $make,
            [
                a_code_gives_the_session_under_a_new_token,
                a_code_gives_a_pair_of_tokens,
                what_does_not_fit_leaves_the_code,
                a_code_is_good_for_its_time,
                a_reuse_names_the_session,
                racing_exchanges_are_one,
                a_code_of_an_ended_session_gives_nothing,
                a_session_begins_from_a_live_one_alone,
                a_bound_stays,
                a_child_pushes_out_the_longest_unused,
                racing_an_end_of_all_nothing_stays,
                a_refresh_gives_the_next_token_and_no_more,
                a_scope_is_narrowed_and_never_widened,
                a_refresh_is_for_its_client,
                racing_refreshes_have_one_successor,
                an_access_token_ends_with_its_session_and_by_itself,
                what_is_over_is_purged_and_nothing_else,
            ]
        );
    };
}

/// Tokens of the `seed`-th grant: none is another's, nor a session's.
pub(super) fn hash(kind: u8, seed: u64) -> TokenHash {
    let mut hash: [u8; 32] = bytes(seed);
    hash[0] = kind;
    TokenHash::new(hash)
}

fn id(text: &str) -> ClientId {
    ClientId::parse(text).expect("an id")
}

fn scope() -> Scopes {
    Scopes::NONE.with(Scope::OpenId).with(Scope::Email)
}

pub(super) fn code(session_id: SessionId, seed: u64, now: Timestamp) -> Code {
    Code {
        hash: hash(1, seed),
        grant: Grant { session_id, client_id: id("web"), scope: scope() },
        redirect_uri: "https://app.example.com/cb".to_owned(),
        challenge: Challenge::new([7; 32]),
        nonce: Some("n-1".to_owned()),
        expires_at: later(now, CODE_LIFE),
    }
}

const HOUR: u64 = 3_600;

fn ends(now: Timestamp) -> Ends {
    let after = |hours| later(now, domain::Duration::from_hours(hours));
    Ends { idle: after(24), absolute: Some(after(240)) }
}

pub(super) fn exchange(seed: u64, taken: Taken, now: Timestamp) -> Exchange {
    let shown = Shown {
        client_id: id("web"),
        redirect_uri: "https://app.example.com/cb".to_owned(),
        verifier: Some([7; 32]),
    };
    Exchange { code: hash(1, seed), shown, taken, ends: ends(now), at: now }
}

fn access(seed: u64, now: Timestamp) -> NewAccess {
    NewAccess { hash: hash(2, seed), expires_at: later(now, ACCESS_LIFE) }
}

pub(super) fn pair(seed: u64, now: Timestamp) -> Taken {
    Taken::Pair { access: access(seed, now), refresh: hash(3, seed) }
}

/// A refresh of the token of `seed`, whose next one is that of `next`.
pub(super) fn refresh(seed: u64, next: u64, now: Timestamp) -> Refresh {
    Refresh {
        token: hash(3, seed),
        client_id: id("web"),
        next: hash(3, next),
        sealed: Sealed::new(next.to_be_bytes().to_vec()),
        access: access(next, now),
        scope: None,
        ends: ends(now),
        at: now,
    }
}

/// The session that a registration began, and its user.
pub(super) async fn session(stores: &Stores, of: u8) -> (Account, Session) {
    let account = registered(&stores.accounts, of, None).await;
    let found = stores.accounts.sessions.find(&token(of.into()), at(0)).await.expect("a store");
    (account, found.expect("live").session)
}

/// A session that begins from another.
pub(super) fn child(parent: &Session, seed: u64, now: Timestamp) -> Child {
    let session = Session {
        // No other session's name.
        id: SessionId::new(now, bytes(5_000_000 + seed)),
        created_at: now,
        last_seen_at: now,
        idle_ends_at: later(now, CODE_LIFE),
        ..parent.clone()
    };
    Child { parent: parent.id, session, token: hash(4, seed), need: None }
}

pub(super) async fn issue(stores: &Stores, new: &NewCode) -> Issued {
    stores.grants.issue(new).await.expect("a store")
}

/// Issues a code whose session begins from another, and gives that session's id.
pub(super) async fn issued(
    stores: &Stores,
    parent: &Session,
    seed: u64,
    now: Timestamp,
) -> SessionId {
    let child = child(parent, seed, now);
    let session_id = child.session.id;
    let new = NewCode { code: code(session_id, seed, now), child: Some(child), at: now };
    assert_eq!(issue(stores, &new).await, Issued::Done { ended: Vec::new() });
    session_id
}

pub(super) async fn exchanged(stores: &Stores, it: &Exchange) -> Exchanged {
    stores.grants.exchange(it).await.expect("a store")
}

pub(super) async fn refreshed(stores: &Stores, it: &Refresh) -> Renewed {
    stores.grants.refresh(it).await.expect("a store")
}

pub(super) async fn is_live(stores: &Stores, token: TokenHash, now: Timestamp) -> bool {
    stores.accounts.sessions.find(&token, now).await.expect("a store").is_some()
}

pub(super) async fn is_access(stores: &Stores, seed: u64, now: Timestamp) -> bool {
    stores.grants.find_access(&hash(2, seed), now).await.expect("a store").is_some()
}

/// OP-04, OP-06: the session that the code stands for, under the token that the client gets.
pub async fn a_code_gives_the_session_under_a_new_token(stores: Stores) {
    let (account, parent) = session(&stores, 1).await;
    let id = issued(&stores, &parent, 1, at(10)).await;
    let taken = Taken::Session(hash(5, 1));
    let done = exchanged(&stores, &exchange(1, taken, at(20))).await;
    let Exchanged::Done { granted, nonce } = done else { panic!("{done:?}") };
    assert_eq!(nonce.as_deref(), Some("n-1"));
    assert_eq!(granted.grant, code(id, 1, at(10)).grant);
    assert_eq!(granted.signed_in.user, account.user);
    let found = stores.accounts.sessions.find(&hash(5, 1), at(HOUR)).await.expect("a store");
    let found = found.expect("live");
    assert_eq!(found, granted.signed_in);
    assert_eq!((found.session.id, found.session.idle_ends_at), (id, ends(at(20)).idle));
    assert_eq!(found.session.absolute_ends_at, ends(at(20)).absolute);
    assert!(!is_live(&stores, hash(4, 1), at(21)).await, "the token that nobody knows");
    assert!(is_live(&stores, token(1), at(21)).await, "the session that asked");
    let grant = stores.grants.of_session(id).await.expect("a store");
    assert_eq!(grant, Some(granted.grant));
    assert_eq!(stores.grants.of_session(parent.id).await.expect("a store"), None);
}

/// OP-06: a client that is not ours gets no session.
pub async fn a_code_gives_a_pair_of_tokens(stores: Stores) {
    let (account, parent) = session(&stores, 1).await;
    let id = issued(&stores, &parent, 1, at(10)).await;
    let done = exchanged(&stores, &exchange(1, pair(1, at(20)), at(20))).await;
    assert!(matches!(done, Exchanged::Done { .. }), "{done:?}");
    let found = stores.grants.find_access(&hash(2, 1), at(21)).await.expect("a store");
    let found = found.expect("an access token");
    assert_eq!(found.granted.grant, code(id, 1, at(10)).grant);
    assert_eq!(found.granted.signed_in.user, account.user);
    assert_eq!(found.expires_at, later(at(20), ACCESS_LIFE));
    let found = stores.grants.find_refresh(&hash(3, 1), at(21)).await.expect("a store");
    let found = found.expect("a refresh token");
    assert!(found.is_current && found.expires_at == ends(at(20)).idle);
    for other in [hash(2, 1), hash(3, 1), hash(1, 1)] {
        assert!(!is_live(&stores, other, at(21)).await, "none is a session's token");
    }
    assert!(stores.grants.find_access(&hash(3, 1), at(21)).await.expect("a store").is_none());
    assert!(stores.grants.find_refresh(&hash(2, 1), at(21)).await.expect("a store").is_none());
}

/// OP-03, OP-04: bound to client, address and verifier; a mistake costs nothing.
pub async fn what_does_not_fit_leaves_the_code(stores: Stores) {
    let (_, parent) = session(&stores, 1).await;
    issued(&stores, &parent, 1, at(10)).await;
    let right = exchange(1, Taken::Session(hash(5, 1)), at(20));
    let shown = |change: fn(&mut Shown)| {
        let mut wrong = right.clone();
        change(&mut wrong.shown);
        wrong
    };
    for wrong in [
        shown(|it| it.client_id = id("other")),
        shown(|it| it.redirect_uri.push('/')),
        shown(|it| it.verifier = Some([8; 32])),
        shown(|it| it.verifier = None),
        Exchange { code: hash(1, 2), ..right.clone() },
    ] {
        assert_eq!(exchanged(&stores, &wrong).await, Exchanged::Unfit, "{wrong:?}");
    }
    assert!(!is_live(&stores, hash(5, 1), at(20)).await);
    let done = exchanged(&stores, &right).await;
    assert!(matches!(done, Exchanged::Done { .. }), "{done:?}");
}

/// OP-04: 60 s, and the session that it stands for goes with it.
pub async fn a_code_is_good_for_its_time(stores: Stores) {
    let (_, parent) = session(&stores, 1).await;
    issued(&stores, &parent, 1, at(0)).await;
    issued(&stores, &parent, 2, at(0)).await;
    let life = CODE_LIFE.as_secs();
    let late = exchange(1, Taken::Session(hash(5, 1)), at(life));
    assert_eq!(exchanged(&stores, &late).await, Exchanged::Unfit);
    assert!(!is_live(&stores, hash(4, 1), at(life)).await);
    let in_time = exchange(2, Taken::Session(hash(5, 2)), at(life - 1));
    assert!(matches!(exchanged(&stores, &in_time).await, Exchanged::Done { .. }));
}

/// OP-04, REL-07: whoever shows a used code, and whatever else is wrong, the session is named.
pub async fn a_reuse_names_the_session(stores: Stores) {
    let (account, parent) = session(&stores, 1).await;
    let session_id = issued(&stores, &parent, 1, at(10)).await;
    let right = exchange(1, Taken::Session(hash(5, 1)), at(20));
    assert!(matches!(exchanged(&stores, &right).await, Exchanged::Done { .. }));
    let used = Exchanged::Used(Betrayed { user_id: account.user.id, session_id });
    let mut stranger = exchange(1, pair(9, at(30)), at(30));
    stranger.shown.client_id = id("other");
    stranger.shown.verifier = None;
    assert_eq!(exchanged(&stores, &right).await, used);
    assert_eq!(exchanged(&stores, &stranger).await, used);
    let later = exchange(1, Taken::Session(hash(5, 2)), at(9 * HOUR));
    assert_eq!(exchanged(&stores, &later).await, used, "long after its time");
    assert!(!is_access(&stores, 9, at(30)).await);
    assert!(is_live(&stores, hash(5, 1), at(30)).await, "ending it is the caller's");
}

/// OP-04: 50 at once, one gets tokens.
pub async fn racing_exchanges_are_one(stores: Stores) {
    for round in 1..=ROUNDS {
        let (_, parent) = session(&stores, u8::try_from(round).expect("few")).await;
        let first = round * 1_000;
        issued(&stores, &parent, first, at(20)).await;
        let done = race(RACERS, &stores.grants, move |grants, racer| async move {
            let seed = first + racer as u64 + 1;
            let it = exchange(first, pair(seed, at(21)), at(21));
            grants.exchange(&it).await.expect("a store")
        })
        .await;
        let count = |of: fn(&Exchanged) -> bool| done.iter().filter(|it| of(it)).count();
        assert_eq!(count(|it| matches!(it, Exchanged::Done { .. })), 1, "round {round}");
        assert_eq!(count(|it| matches!(it, Exchanged::Used(_))), RACERS - 1, "round {round}");
    }
}

/// LINK-11: what ends the session between issue and exchange ends the code.
pub async fn a_code_of_an_ended_session_gives_nothing(stores: Stores) {
    let (account, parent) = session(&stores, 1).await;
    issued(&stores, &parent, 1, at(10)).await;
    let all = line(&account, AccountEvent::AllLoggedOut, 1, at(11));
    stores.accounts.sessions.end_all(account.user.id, None, &all).await.expect("a store");
    let it = exchange(1, Taken::Session(hash(5, 1)), at(12));
    assert_eq!(exchanged(&stores, &it).await, Exchanged::Unfit);
    assert!(!is_live(&stores, hash(5, 1), at(12)).await);
}

/// LINK-11: a session that ended, or that is somebody else's, begins nothing.
pub async fn a_session_begins_from_a_live_one_alone(stores: Stores) {
    let (account, parent) = session(&stores, 1).await;
    let (_, other) = session(&stores, 2).await;
    let from = |parent: &Session, seed| {
        let child = child(parent, seed, at(20));
        NewCode { code: code(child.session.id, seed, at(20)), child: Some(child), at: at(20) }
    };
    let mut foreign = from(&parent, 1);
    if let Some(child) = &mut foreign.child {
        child.parent = other.id;
    }
    assert_eq!(issue(&stores, &foreign).await, Issued::Stale);
    end(&stores.accounts, &account, 1, at(10)).await;
    assert_eq!(issue(&stores, &from(&parent, 2)).await, Issued::Stale);
    let mut unknown = from(&other, 3);
    if let Some(child) = &mut unknown.child {
        child.session.user_id = UserId::new(at(0), bytes(99));
    }
    assert_eq!(issue(&stores, &unknown).await, Issued::Stale);
    let without = NewCode { code: code(parent.id, 4, at(20)), child: None, at: at(20) };
    assert_eq!(issue(&stores, &without).await, Issued::Stale, "nor does one that ended get a code");
    for seed in 1..=4 {
        assert!(!is_live(&stores, hash(4, seed), at(20)).await);
    }
    let own = NewCode { code: code(other.id, 5, at(20)), child: None, at: at(20) };
    assert_eq!(issue(&stores, &own).await, Issued::Done { ended: Vec::new() });
}

/// SES-03: whoever asks for session after session gets no time by it.
pub async fn a_bound_stays(stores: Stores) {
    let (_, parent) = session(&stores, 1).await;
    let bound = at(2 * HOUR);
    let mut new = child(&parent, 1, at(10));
    new.session.absolute_ends_at = Some(bound);
    let code = code(new.session.id, 1, at(10));
    let new = NewCode { code, child: Some(new), at: at(10) };
    assert!(matches!(issue(&stores, &new).await, Issued::Done { .. }));
    let done = exchanged(&stores, &exchange(1, pair(1, at(20)), at(20))).await;
    let Exchanged::Done { granted, .. } = done else { panic!("{done:?}") };
    let session = &granted.signed_in.session;
    assert_eq!((session.absolute_ends_at, session.idle_ends_at), (Some(bound), bound));
    let renewed = refreshed(&stores, &refresh(1, 2, at(HOUR))).await;
    let Renewed::Done { granted, .. } = renewed else { panic!("{renewed:?}") };
    assert_eq!(granted.signed_in.session.ends_at(), bound);
    assert_eq!(refreshed(&stores, &refresh(2, 3, bound)).await, Renewed::Unfit);
}

/// SES-05: a user has 20 sessions at most, and their tokens are told.
pub async fn a_child_pushes_out_the_longest_unused(stores: Stores) {
    let (_, parent) = session(&stores, 1).await;
    for seed in 1..20 {
        issued(&stores, &parent, seed, at(1)).await;
        let done = exchanged(&stores, &exchange(seed, pair(seed, at(2)), at(1 + seed))).await;
        assert!(matches!(done, Exchanged::Done { .. }));
    }
    let child = child(&parent, 20, at(50));
    let new = NewCode { code: code(child.session.id, 20, at(50)), child: Some(child), at: at(50) };
    assert_eq!(issue(&stores, &new).await, Issued::Done { ended: vec![token(1)] });
    assert!(!is_live(&stores, token(1), at(51)).await);
}

/// SES-04, LINK-11: no interleaving of an end of all sessions with issue and exchange leaves one.
pub async fn racing_an_end_of_all_nothing_stays(stores: Stores) {
    for round in 1..=u8::try_from(ROUNDS).expect("few") {
        let (account, parent) = session(&stores, round).await;
        let first = u64::from(round) * 1_000;
        issued(&stores, &parent, first, at(1)).await;
        let shared = Arc::new(stores.clone());
        let line = line(&account, AccountEvent::AllLoggedOut, first, at(2));
        let begun = race(9, &shared, move |stores, racer| {
            let (line, parent) = (line.clone(), parent.clone());
            async move {
                let seed = first + racer as u64;
                match racer {
                    0 => {
                        let sessions = &stores.accounts.sessions;
                        sessions.end_all(line.user_id, None, &line).await.expect("a store");
                    }
                    1 => {
                        let it = exchange(first, Taken::Session(hash(5, first)), at(2));
                        exchanged(&stores, &it).await;
                    }
                    _ => {
                        let child = child(&parent, seed, at(2));
                        let code = code(child.session.id, seed, at(2));
                        let new = NewCode { code, child: Some(child), at: at(2) };
                        issue(&stores, &new).await;
                    }
                }
                seed
            }
        })
        .await;
        for seed in begun {
            assert!(!is_live(&stores, hash(4, seed), at(3)).await, "round {round}, {seed}");
            let late = exchange(seed, Taken::Session(hash(6, seed)), at(3));
            let late = exchanged(&stores, &late).await;
            assert!(!matches!(late, Exchanged::Done { .. }), "round {round}, {seed}: {late:?}");
        }
        assert!(!is_live(&stores, hash(5, first), at(3)).await, "round {round}");
    }
}

/// A grant with tokens of seed 1.
pub(super) async fn with_pair(stores: &Stores) -> (Account, SessionId) {
    let (account, parent) = session(stores, 1).await;
    let id = issued(stores, &parent, 1, at(0)).await;
    let done = exchanged(stores, &exchange(1, pair(1, at(0)), at(0))).await;
    assert!(matches!(done, Exchanged::Done { .. }), "{done:?}");
    (account, id)
}

/// OP-07, REL-07: rotated, the same successor within the grace, betrayed after it.
pub async fn a_refresh_gives_the_next_token_and_no_more(stores: Stores) {
    let (account, session_id) = with_pair(&stores).await;
    let done = refreshed(&stores, &refresh(1, 2, at(100))).await;
    let Renewed::Done { granted, again: None } = done else { panic!("{done:?}") };
    assert_eq!(granted.signed_in.session.idle_ends_at, ends(at(100)).idle, "its end is pushed on");
    assert!(is_access(&stores, 2, at(101)).await);
    let end = 100 + GRACE.as_secs();
    let again = refreshed(&stores, &refresh(1, 3, at(end - 1))).await;
    let Renewed::Done { again: Some(sealed), .. } = again else { panic!("{again:?}") };
    assert_eq!(sealed, refresh(1, 2, at(0)).sealed, "the first one's");
    assert!(is_access(&stores, 3, at(end)).await);
    let found = async |seed| {
        let found = stores.grants.find_refresh(&hash(3, seed), at(end)).await;
        found.expect("a store").map(|it| it.is_current)
    };
    assert_eq!(found(1).await, Some(false));
    assert_eq!(found(2).await, Some(true));
    assert_eq!(found(3).await, None, "there are never two");
    let used = Renewed::Used(Betrayed { user_id: account.user.id, session_id });
    assert_eq!(refreshed(&stores, &refresh(1, 4, at(end))).await, used);
    assert_eq!(refreshed(&stores, &refresh(9, 5, at(end))).await, Renewed::Unfit, "unknown");
}

/// OP-07: scope never widens, and a narrower access token leaves the grant as it is.
pub async fn a_scope_is_narrowed_and_never_widened(stores: Stores) {
    with_pair(&stores).await;
    let asking = |scope, next| Refresh { scope: Some(scope), ..refresh(next - 1, next, at(10)) };
    assert_eq!(refreshed(&stores, &asking(Scopes::all(), 2)).await, Renewed::Wider);
    let narrow = Scopes::NONE.with(Scope::Email);
    let done = refreshed(&stores, &asking(narrow, 2)).await;
    let Renewed::Done { granted, .. } = done else { panic!("{done:?}") };
    assert_eq!(granted.grant.scope, narrow);
    let found = stores.grants.find_access(&hash(2, 2), at(11)).await.expect("a store");
    assert_eq!(found.expect("an access token").granted.grant.scope, narrow);
    let done = refreshed(&stores, &refresh(2, 3, at(12))).await;
    let Renewed::Done { granted, .. } = done else { panic!("{done:?}") };
    assert_eq!(granted.grant.scope, scope());
}

/// OP-07: client-bound; another client's try has no effect.
pub async fn a_refresh_is_for_its_client(stores: Stores) {
    with_pair(&stores).await;
    let foreign = Refresh { client_id: id("other"), ..refresh(1, 2, at(10)) };
    assert_eq!(refreshed(&stores, &foreign).await, Renewed::Unfit);
    let done = refreshed(&stores, &refresh(1, 3, at(11))).await;
    assert!(matches!(done, Renewed::Done { again: None, .. }), "{done:?}");
}

/// OP-07: 50 at once, one family.
pub async fn racing_refreshes_have_one_successor(stores: Stores) {
    with_pair(&stores).await;
    let mut current = 1;
    for round in 1..=ROUNDS {
        let now = at(round * 100);
        let done = race(RACERS, &stores.grants, move |grants, racer| async move {
            let next = round * 1_000 + racer as u64;
            (next, grants.refresh(&refresh(current, next, now)).await.expect("a store"))
        })
        .await;
        let first: Vec<_> = done
            .iter()
            .filter(|(_, it)| matches!(it, Renewed::Done { again: None, .. }))
            .map(|(next, _)| *next)
            .collect();
        assert_eq!(first.len(), 1, "round {round}");
        let next = first.first().copied().expect("one");
        let sealed = refresh(0, next, now).sealed;
        for (_, it) in &done {
            let Renewed::Done { again, .. } = it else { panic!("round {round}: {it:?}") };
            assert!(again.is_none() || *again == Some(sealed.clone()), "round {round}");
        }
        current = next;
    }
}

/// OP-06, OP-08: ten minutes, or as long as the session lives; or until it is ended.
pub async fn an_access_token_ends_with_its_session_and_by_itself(stores: Stores) {
    let (account, session_id) = with_pair(&stores).await;
    let over = ACCESS_LIFE.as_secs();
    assert!(is_access(&stores, 1, at(over - 1)).await && !is_access(&stores, 1, at(over)).await);
    assert!(matches!(refreshed(&stores, &refresh(1, 2, at(9))).await, Renewed::Done { .. }));
    stores.grants.end_access(&hash(2, 1)).await.expect("a store");
    assert!(!is_access(&stores, 1, at(10)).await && is_access(&stores, 2, at(10)).await);
    let line = line(&account, AccountEvent::SessionEnded, 1, at(11));
    let ended = stores.accounts.sessions.end_one(account.user.id, session_id, &line).await;
    assert!(ended.expect("a store").is_some());
    assert!(!is_access(&stores, 2, at(12)).await);
    assert_eq!(refreshed(&stores, &refresh(2, 3, at(12))).await, Renewed::Unfit);
    assert!(stores.grants.find_refresh(&hash(3, 2), at(12)).await.expect("a store").is_none());
}

/// Open codes go when their time is over, used ones and tokens when their session's is.
pub async fn what_is_over_is_purged_and_nothing_else(stores: Stores) {
    let (account, session_id) = with_pair(&stores).await;
    assert!(matches!(refreshed(&stores, &refresh(1, 2, at(1))).await, Renewed::Done { .. }));
    let parent = stores.accounts.sessions.find(&token(1), at(1)).await.expect("a store");
    issued(&stores, &parent.expect("live").session, 9, at(1)).await;
    let purged = async |now| stores.grants.purge(now).await.expect("a store");
    assert_eq!(purged(at(2)).await, 0);
    assert_eq!(purged(at(1 + CODE_LIFE.as_secs())).await, 1, "the code that nobody used");
    let used = Renewed::Used(Betrayed { user_id: account.user.id, session_id });
    let in_grace = refreshed(&stores, &refresh(1, 3, at(2))).await;
    assert_eq!(in_grace, used, "its successor is forgotten, and its use is not");
    assert_eq!(purged(at(HOUR)).await, 2, "the access tokens");
    let reuse = exchanged(&stores, &exchange(1, pair(5, at(HOUR)), at(HOUR))).await;
    assert!(matches!(reuse, Exchanged::Used(_)), "{reuse:?}");
    assert!(matches!(refreshed(&stores, &refresh(2, 4, at(HOUR))).await, Renewed::Done { .. }));
    assert_eq!(purged(at(240 * HOUR)).await, 5, "the code, three refresh tokens, an access token");
    assert_eq!(refreshed(&stores, &refresh(4, 6, at(HOUR))).await, Renewed::Unfit);
}
