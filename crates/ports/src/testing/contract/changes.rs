//! The promises of `Accounts` about changes of accounts that exist.

use domain::Duration;
use domain::account::AccountState;
use domain::change::{Actor, Change, NewIdentity};
use domain::delete::{delete, switch};
use domain::ending::{AccountEvent, Fate, Holding};
use domain::id::{IdentityId, SessionId, UserId};
use domain::identifier::IdentifierKind;
use domain::link::link;
use domain::login::{Account, Registration};
use domain::merge::{ProfileFrom, merge, plan};
use domain::new_password::{reset_password, set_password};
use domain::policy::Ways;
use domain::profile::{Nickname, ProfilePatch};
use domain::secret::{Sealed, TokenHash};
use domain::session::Method;
use domain::unlink::{Refusal, give_up, unlink};
use domain::user::UserState;

use super::accounts::{
    Stores, actor, entry, hash, ids, is_live, key, line, loaded, registered, registration,
    signed_in, token,
};
use crate::accounts::{Attempt, Changed, Entered, Reauthentication, Registered};
use crate::testing::{at, race};

/// Makes each promise about changes a test; `$make` gives fresh
/// [`Stores`](crate::testing::contract::accounts::Stores).
#[macro_export]
macro_rules! changes_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            changes,
            $make,
            [
                a_linked_identity_finds_its_user,
                of_racing_users_one_gets_an_identity,
                of_the_last_two_ways_in_one_stays,
                a_replaced_identity_is_swapped_whole,
                a_merged_account_is_one_and_its_id_means_the_other,
                of_opposite_merges_one_is_done,
                a_link_and_a_merge_at_once_lose_nothing,
                a_retired_id_means_the_last_survivor,
                a_login_in_flight_sees_what_was_unlinked,
                a_deleted_account_frees_its_identifiers,
                a_grace_keeps_the_identifiers_until_it_is_over,
                a_number_that_is_given_up_registers_anew,
                a_reset_sets_the_password_and_forgets_the_failures,
                every_cell_of_the_truth_table_holds,
            ]
        );
    };
}

fn operator() -> Actor {
    Actor { session: None, origin: None, at: at(5) }
}

/// An identity that is known by the key of `of`.
fn identity(of: u8, kind: IdentifierKind) -> NewIdentity {
    let id = IdentityId::new(at(1), [of; 10]);
    let names = vec![key(of).into()];
    NewIdentity { id, kind, names, display: Sealed::new(vec![of]), tokens: None }
}

async fn apply(stores: &Stores, change: &Change) -> Changed {
    stores.accounts.change(change).await.expect("a store")
}

async fn done(stores: &Stores, change: &Change) {
    let changed = apply(stores, change).await;
    assert!(matches!(changed, Changed::Done { .. }), "{changed:?}");
}

fn linking(account: &AccountState, of: u8, kind: IdentifierKind, seed: u64) -> Change {
    link(account, identity(of, kind), None, &[], &operator(), ids(seed)).expect("a plan")
}

fn merging(mine: &AccountState, other: &AccountState, seed: u64) -> Change {
    let plan = plan(mine, other, &[]).expect("a plan");
    merge(mine, other, &plan, ProfileFrom::This, &operator(), ids(seed))
}

async fn owner(stores: &Stores, of: u8) -> Option<UserId> {
    stores.accounts.find(&key(of)).await.expect("a store").map(|it| it.user.id)
}

async fn resolve(stores: &Stores, id: UserId) -> Option<UserId> {
    stores.accounts.resolve(id).await.expect("a store")
}

/// REL-01: identity and identifier together; a second one of the same revision comes to nothing.
pub async fn a_linked_identity_finds_its_user(stores: Stores) {
    let account = registered(&stores, 1, None).await;
    let before = loaded(&stores, &account).await;
    done(&stores, &linking(&before, 11, IdentifierKind::Email, 1)).await;
    assert_eq!(owner(&stores, 11).await, Some(account.user.id));
    let after = loaded(&stores, &account).await;
    let kinds: Vec<_> = after.identities.iter().map(|it| (it.kind, it.verified_at)).collect();
    let expected = [(IdentifierKind::Phone, Some(at(0))), (IdentifierKind::Email, Some(at(5)))];
    assert_eq!(kinds, expected);
    assert_eq!(after.names.len(), 2);
    let stale = linking(&before, 12, IdentifierKind::Email, 2);
    assert_eq!(apply(&stores, &stale).await, Changed::Stale);
    assert_eq!(owner(&stores, 12).await, None);
}

/// LINK-03: the unique identifier decides; the others write nothing.
pub async fn of_racing_users_one_gets_an_identity(stores: Stores) {
    for round in 0..20_u8 {
        let mut states = Vec::new();
        for racer in 0..4 {
            let account = registered(&stores, round * 5 + racer, None).await;
            states.push(loaded(&stores, &account).await);
        }
        let of = 200 + round;
        let racing = states.clone();
        let changed = race(4, &stores.accounts, move |accounts, racer| {
            let account = racing.get(racer).cloned().expect("an account");
            let mut new = identity(of, IdentifierKind::Email);
            new.id = IdentityId::new(at(1), [u8::try_from(racer).expect("small"); 10]);
            let seed = u64::from(round) * 10 + racer as u64;
            let change = link(&account, new, None, &[], &operator(), ids(seed)).expect("a plan");
            async move { accounts.change(&change).await.expect("a store") }
        })
        .await;
        let won = changed.iter().filter(|it| matches!(it, Changed::Done { .. })).count();
        let taken = changed.iter().filter(|it| **it == Changed::Taken).count();
        assert_eq!((won, taken), (1, 3), "round {round}: {changed:?}");
        for (state, changed) in states.iter().zip(&changed) {
            let after = stores.accounts.load(state.user.id, at(5)).await.expect("a store");
            let count = after.expect("an account").identities.len();
            let is_winner = matches!(changed, Changed::Done { .. });
            assert_eq!(count, if is_winner { 2 } else { 1 });
        }
        let won = changed.iter().position(|it| matches!(it, Changed::Done { .. }));
        let winner = won.and_then(|it| states.get(it)).map(|it| it.user.id);
        assert_eq!(owner(&stores, of).await, winner);
        // The ids of the next round are the same.
        let state = states.get(won.expect("a winner")).expect("a state");
        let state = stores.accounts.load(state.user.id, at(5)).await.expect("a store");
        let state = state.expect("an account");
        let gone = state.identity_of(&key(of)).expect("linked").id;
        let change = unlink(&state, gone, &Ways::OWN, &operator(), ids(5_000 + u64::from(round)));
        done(&stores, &change.expect("a plan")).await;
    }
}

/// LINK-06: of the last two that go at once one is `Done`, and the other then has no plan.
pub async fn of_the_last_two_ways_in_one_stays(stores: Stores) {
    for round in 0..20_u8 {
        let account = registered(&stores, round, None).await;
        let linked = linking(
            &loaded(&stores, &account).await,
            100 + round,
            IdentifierKind::Email,
            u64::from(round),
        );
        done(&stores, &linked).await;
        let state = loaded(&stores, &account).await;
        let shared = state.clone();
        let changed = race(2, &stores.accounts, move |accounts, racer| {
            let gone = shared.identities.get(racer).expect("two identities").id;
            let seed = 1_000 + u64::from(round) * 2 + racer as u64;
            let change = unlink(&shared, gone, &Ways::OWN, &operator(), ids(seed)).expect("a plan");
            async move { accounts.change(&change).await.expect("a store") }
        })
        .await;
        let won = changed.iter().filter(|it| matches!(it, Changed::Done { .. })).count();
        assert_eq!(won, 1, "round {round}: {changed:?}");
        let left = loaded(&stores, &account).await;
        assert_eq!((left.identities.len(), left.names.len()), (1, 1));
        let last = left.identities.first().expect("one").id;
        let refused = unlink(&left, last, &Ways::OWN, &operator(), ids(9_000)).map(|_| ());
        assert_eq!(refused, Err(Refusal::LastMethod));
    }
}

/// LINK-09: one transaction; the old one is free for others.
pub async fn a_replaced_identity_is_swapped_whole(stores: Stores) {
    let account = registered(&stores, 1, None).await;
    let other = registered(&stores, 2, None).await;
    let state = loaded(&stores, &account).await;
    let old = Some(account.identity_id);
    let taken = identity(2, IdentifierKind::Phone);
    let change = link(&state, taken, old, &[], &operator(), ids(1)).expect("a plan");
    assert_eq!(apply(&stores, &change).await, Changed::Taken);
    assert_eq!(owner(&stores, 1).await, Some(account.user.id), "nothing is half done");
    let new = identity(11, IdentifierKind::Phone);
    let change = link(&state, new, old, &[], &operator(), ids(2)).expect("a plan");
    done(&stores, &change).await;
    assert_eq!(owner(&stores, 11).await, Some(account.user.id));
    assert_eq!(owner(&stores, 1).await, None);
    assert_eq!(owner(&stores, 2).await, Some(other.user.id));
    assert!(loaded(&stores, &account).await.user.has_phone);
}

/// LINK-08: all identities, one password, the other's sessions over, its id retired.
pub async fn a_merged_account_is_one_and_its_id_means_the_other(stores: Stores) {
    let mine = registered(&stores, 1, Some("mine")).await;
    let other = registered(&stores, 2, Some("other")).await;
    let (one, two) = (loaded(&stores, &mine).await, loaded(&stores, &other).await);
    let change = merging(&one, &two, 1);
    assert_eq!(apply(&stores, &change).await, Changed::Done { dead: vec![token(2)] });
    assert!(is_live(&stores, 1, at(6)).await && !is_live(&stores, 2, at(6)).await);
    for of in [1, 2] {
        assert_eq!(owner(&stores, of).await, Some(mine.user.id));
    }
    let merged = loaded(&stores, &mine).await;
    assert_eq!((merged.identities.len(), merged.names.len()), (2, 2));
    let retired = loaded(&stores, &other).await;
    assert_eq!(retired.user.state, UserState::Merged);
    assert!(retired.identities.is_empty() && !retired.user.has_password);
    assert_eq!(resolve(&stores, other.user.id).await, Some(mine.user.id));
    assert_eq!(resolve(&stores, mine.user.id).await, Some(mine.user.id));
    assert_eq!(resolve(&stores, UserId::new(at(0), [9; 10])).await, None);
    let tried = stores.accounts.begin_attempt(&key(2), &super::accounts::LOCKOUT, at(6)).await;
    let Attempt::Counted { password, .. } = tried.expect("a store") else { panic!("counted") };
    assert_eq!(password, Some(hash("mine")));
    assert_eq!(apply(&stores, &change).await, Changed::Stale, "once is enough");
}

/// LINK-08: one survivor and no deadlock.
pub async fn of_opposite_merges_one_is_done(stores: Stores) {
    for round in 0..20_u8 {
        let (one, two) = (round * 2 + 1, round * 2 + 2);
        let mine = registered(&stores, one, None).await;
        let other = registered(&stores, two, None).await;
        let states = [loaded(&stores, &mine).await, loaded(&stores, &other).await];
        let changed = race(2, &stores.accounts, move |accounts, racer| {
            let [one, two] = &states;
            let seed = u64::from(round) * 2 + racer as u64;
            let change = if racer == 0 { merging(one, two, seed) } else { merging(two, one, seed) };
            async move { accounts.change(&change).await.expect("a store") }
        })
        .await;
        let won = changed.iter().filter(|it| matches!(it, Changed::Done { .. })).count();
        assert_eq!(won, 1, "round {round}: {changed:?}");
        let survivor = owner(&stores, one).await.expect("a survivor");
        assert_eq!(owner(&stores, two).await, Some(survivor));
        for retired in [mine.user.id, other.user.id] {
            assert_eq!(resolve(&stores, retired).await, Some(survivor));
        }
    }
}

/// LINK-08: whoever comes first, no identity is lost, and none is in two accounts.
pub async fn a_link_and_a_merge_at_once_lose_nothing(stores: Stores) {
    for round in 0..20_u8 {
        let (one, two, new) = (round * 2 + 1, round * 2 + 2, 200 + round);
        let mine = registered(&stores, one, None).await;
        let other = registered(&stores, two, None).await;
        let states = [loaded(&stores, &mine).await, loaded(&stores, &other).await];
        let changed = race(2, &stores.accounts, move |accounts, racer| {
            let [one, two] = &states;
            let seed = u64::from(round) * 2 + racer as u64;
            let change = if racer == 0 {
                merging(one, two, seed)
            } else {
                linking(two, new, IdentifierKind::Email, seed)
            };
            async move { accounts.change(&change).await.expect("a store") }
        })
        .await;
        let won = changed.iter().position(|it| matches!(it, Changed::Done { .. }));
        let (left, linked) = match won.expect("a winner") {
            0 => (mine.user.id, None),
            _ => (other.user.id, Some(other.user.id)),
        };
        assert_eq!(owner(&stores, two).await, Some(left), "round {round}");
        assert_eq!(owner(&stores, new).await, linked, "round {round}");
    }
}

/// LINK-08: a merge of a merge.
pub async fn a_retired_id_means_the_last_survivor(stores: Stores) {
    let mut accounts = Vec::new();
    for of in 1..=3 {
        accounts.push(registered(&stores, of, None).await);
    }
    let [first, second, third] = accounts.try_into().expect("three");
    let change = merging(&loaded(&stores, &second).await, &loaded(&stores, &first).await, 1);
    done(&stores, &change).await;
    let change = merging(&loaded(&stores, &third).await, &loaded(&stores, &second).await, 2);
    done(&stores, &change).await;
    for retired in [&first, &second, &third] {
        assert_eq!(resolve(&stores, retired.user.id).await, Some(third.user.id));
    }
    assert_eq!(loaded(&stores, &third).await.identities.len(), 3);
}

/// LINK-11: a login by what was unlinked comes to nothing, one by another identity goes on.
pub async fn a_login_in_flight_sees_what_was_unlinked(stores: Stores) {
    let account = registered(&stores, 1, None).await;
    let linked = linking(&loaded(&stores, &account).await, 11, IdentifierKind::Email, 1);
    done(&stores, &linked).await;
    let by_phone = entry(&account, 1, Method::Sms, 20, at(6));
    let email = stores.accounts.find(&key(11)).await.expect("a store").expect("an account");
    let by_email = entry(&email, 11, Method::Email, 21, at(6));
    let state = loaded(&stores, &account).await;
    let change =
        unlink(&state, account.identity_id, &Ways::OWN, &operator(), ids(2)).expect("a plan");
    done(&stores, &change).await;
    assert_eq!(stores.accounts.enter(&by_phone).await.expect("a store"), Entered::Stale);
    let entered = stores.accounts.enter(&by_email).await.expect("a store");
    assert!(matches!(entered, Entered::In { .. }));
}

/// LINK-12: at once without a grace; a later registration is another user.
pub async fn a_deleted_account_frees_its_identifiers(stores: Stores) {
    let account = registered(&stores, 1, Some("secret")).await;
    let state = loaded(&stores, &account).await;
    let change = delete(&state, Duration::ZERO, &operator(), ids(1));
    assert_eq!(apply(&stores, &change).await, Changed::Done { dead: vec![token(1)] });
    assert_eq!(owner(&stores, 1).await, None);
    let gone = loaded(&stores, &account).await;
    assert_eq!(gone.user.state, UserState::Deleted);
    assert!(gone.identities.is_empty() && !gone.user.has_password);
    assert_eq!(gone.user.profile, domain::profile::Profile::default());
    let patch = ProfilePatch { nickname: Some(Nickname::parse("Ada").ok()), avatar_url: None };
    let patched = stores.accounts.patch_profile(account.user.id, &patch, None).await;
    assert_eq!(patched.expect("a store"), None, "a tombstone shows nothing");
    let again = registration(key(1), 2, None);
    assert_eq!(stores.accounts.register(&again).await.expect("a store"), Registered::New);
    assert_ne!(owner(&stores, 1).await, Some(account.user.id));
}

/// LINK-12: nobody gets them before, and the account opens to nobody.
pub async fn a_grace_keeps_the_identifiers_until_it_is_over(stores: Stores) {
    let account = registered(&stores, 1, None).await;
    let state = loaded(&stores, &account).await;
    let change = delete(&state, Duration::from_secs(100), &operator(), ids(1));
    done(&stores, &change).await;
    let late = entry(&account, 1, Method::Sms, 2, at(6));
    assert_eq!(stores.accounts.enter(&late).await.expect("a store"), Entered::Stale);
    assert_eq!(stores.accounts.free_deleted(at(104)).await.expect("a store"), 0);
    let again = registration(key(1), 2, None);
    assert_eq!(stores.accounts.register(&again).await.expect("a store"), Registered::Taken);
    assert_eq!(stores.accounts.free_deleted(at(105)).await.expect("a store"), 1);
    assert_eq!(stores.accounts.free_deleted(at(105)).await.expect("a store"), 0);
    assert_eq!(stores.accounts.register(&again).await.expect("a store"), Registered::New);
}

/// OTP-13: the number is the new user's and the old account keeps the rest; or neither happens.
pub async fn a_number_that_is_given_up_registers_anew(stores: Stores) {
    let old = registered(&stores, 1, None).await;
    let linked = linking(&loaded(&stores, &old).await, 11, IdentifierKind::Email, 1);
    done(&stores, &linked).await;
    let state = loaded(&stores, &old).await;
    let taking = |seed: u64| Registration {
        taken_from: Some(give_up(&state, old.identity_id, &operator(), ids(seed))),
        ..registration(key(1), seed, None)
    };
    let racing: Vec<_> = (10..14).map(taking).collect();
    let registered = race(4, &stores.accounts, move |accounts, racer| {
        let registration = racing.get(racer).cloned().expect("a registration");
        async move { accounts.register(&registration).await.expect("a store") }
    })
    .await;
    assert_eq!(registered.iter().filter(|it| **it == Registered::New).count(), 1);
    let new = owner(&stores, 1).await.expect("an owner");
    assert_ne!(new, old.user.id);
    assert_eq!(owner(&stores, 11).await, Some(old.user.id));
    let left = loaded(&stores, &old).await;
    assert_eq!(left.identities.len(), 1);
    assert!(!left.user.has_phone);
}

/// RST-04: the lock of before is over as well.
pub async fn a_reset_sets_the_password_and_forgets_the_failures(stores: Stores) {
    let account = registered(&stores, 1, Some("old")).await;
    let tried = async |now| {
        let told = stores.accounts.begin_attempt(&key(1), &super::accounts::LOCKOUT, now).await;
        told.expect("a store")
    };
    for _ in 0..5 {
        tried(at(4)).await;
    }
    assert!(matches!(tried(at(4)).await, Attempt::Waiting { .. }));
    let state = loaded(&stores, &account).await;
    done(&stores, &reset_password(&state, hash("new"), &operator(), ids(1))).await;
    let Attempt::Counted { password, .. } = tried(at(6)).await else { panic!("counted") };
    assert_eq!(password, Some(hash("new")));
    assert!(!is_live(&stores, 1, at(6)).await);
    assert_eq!(loaded(&stores, &account).await.resets_since, Some(at(5)));
}

/// What becomes of all that opens an account: session 1 asks, 2 was born from the identity that
/// the event is about, 3 from another one. `prepare` is called before it, with the account and
/// the token that asks.
pub(super) async fn walk(
    stores: &Stores,
    about: AccountEvent,
    base: u8,
    prepare: impl AsyncFnOnce(&Account, TokenHash),
) {
    let account = registered(stores, base, Some("secret")).await;
    let seed = |nth: u64| u64::from(base) * 10 + 1_000 + nth;
    let rotated = token(seed(7));
    let linked = linking(&loaded(stores, &account).await, base + 1, IdentifierKind::Phone, seed(9));
    done(stores, &linked).await;
    let gone: Account =
        stores.accounts.find(&key(base + 1)).await.expect("a store").expect("an account");
    let other = registered(stores, base + 2, None).await;
    signed_in(stores, &account, base, seed(1), at(1)).await;
    signed_in(stores, &gone, base + 1, seed(2), at(1)).await;
    signed_in(stores, &account, base, seed(3), at(1)).await;
    prepare(&account, token(seed(1))).await;
    let in_flight = entry(&account, base, Method::Sms, seed(4), at(6));
    let state = loaded(stores, &account).await;
    let before = (state.resets_since, state.links_since);
    let session = stores.sessions.find(&token(seed(1)), at(5)).await.expect("a store");
    let mut asking = actor(1);
    asking.session = session.map(|it| it.session.id);
    let ids = || ids(seed(5));
    let mine = loaded(stores, &other).await;
    let change = match about {
        AccountEvent::PasswordSet | AccountEvent::PasswordChanged => {
            Some(set_password(&state, hash("new"), rotated, &asking, ids()))
        }
        AccountEvent::PasswordReset => {
            asking.session = None;
            Some(reset_password(&state, hash("new"), &asking, ids()))
        }
        AccountEvent::IdentityLinked => {
            let new = identity(base + 3, IdentifierKind::Email);
            link(&state, new, None, &[], &asking, ids()).ok()
        }
        AccountEvent::IdentityUnlinked => {
            unlink(&state, gone.identity_id, &Ways::OWN, &asking, ids()).ok()
        }
        AccountEvent::IdentityReplaced => {
            let new = identity(base + 3, IdentifierKind::Phone);
            link(&state, new, Some(gone.identity_id), &[], &asking, ids()).ok()
        }
        AccountEvent::NumberTaken => Some(give_up(&state, gone.identity_id, &asking, ids())),
        AccountEvent::Merged => {
            let plan = plan(&state, &mine, &[]).expect("a plan");
            Some(merge(&state, &mine, &plan, ProfileFrom::This, &asking, ids()))
        }
        AccountEvent::Absorbed => Some(merging(&mine, &state, seed(5))),
        AccountEvent::Disabled => switch(&state, UserState::Disabled, &operator(), ids()),
        AccountEvent::Deleted => Some(delete(&state, Duration::ZERO, &asking, ids())),
        // Nothing opens an account that is off: switching it on has nothing to end. What consents
        // do stands in their own suite.
        AccountEvent::Enabled | AccountEvent::ConsentGiven | AccountEvent::ConsentWithdrawn => {
            return;
        }
        // These end sessions and change nothing else of the account.
        AccountEvent::Reauthenticated
        | AccountEvent::LoggedOut
        | AccountEvent::SessionEnded
        | AccountEvent::OthersLoggedOut
        | AccountEvent::AllLoggedOut => None,
    };
    let fate = |holding| {
        let set = change.as_ref().filter(|_| about == AccountEvent::PasswordSet);
        set.map_or(about, |it| it.about).fate(holding)
    };
    let asks = asking.session.is_some() && change.as_ref().is_none_or(|it| it.session.is_some());
    if let Some(change) = &change {
        done(stores, change).await;
    } else {
        let born = stores.sessions.find(&token(seed(2)), at(5)).await.expect("a store");
        let born = born.expect("live").session.id;
        let asking = asking.session.expect("a session");
        end_sessions(stores, about, &account, asking, born, (base, seed(8), rotated)).await;
    }
    // Without a session that asks, all are others.
    let holding = |it: Holding, without: Holding| if asks { it } else { without };
    let cells = [
        (seed(1), holding(Holding::CurrentSession, Holding::OtherSession)),
        (seed(2), Holding::SessionOfIdentity),
        (seed(3), Holding::OtherSession),
    ];
    for (session, holding) in cells {
        let lives = is_live(stores, session, at(7)).await;
        let expected = fate(holding);
        assert_eq!(lives, expected == Fate::Kept, "{about:?} × {holding:?}");
        if holding == Holding::CurrentSession {
            let goes_on = is_live(stores, seed(7), at(7)).await;
            assert_eq!(goes_on, expected == Fate::Rotated, "{about:?} × {holding:?}");
        }
    }
    let entered = stores.accounts.enter(&in_flight).await.expect("a store");
    let is_in = matches!(entered, Entered::In { .. });
    let expected = fate(Holding::LoginInFlight);
    assert_eq!(is_in, expected == Fate::Kept, "{about:?} × LoginInFlight");
    let after = loaded(stores, &account).await;
    let since = |holding, before| match fate(holding) {
        Fate::Ended => Some(at(5)),
        Fate::Kept | Fate::Rotated => before,
    };
    assert_eq!(after.resets_since, since(Holding::ResetCode, before.0), "{about:?}");
    assert_eq!(after.links_since, since(Holding::LinkCode, before.1), "{about:?}");
}

/// What ends sessions without changing the account; at second 5, as the changes.
async fn end_sessions(
    stores: &Stores,
    about: AccountEvent,
    account: &Account,
    asking: SessionId,
    born_of_identity: SessionId,
    (of, seed, rotated): (u8, u64, TokenHash),
) {
    let line = line(account, about, seed, at(5));
    let (sessions, user_id) = (&stores.sessions, account.user.id);
    match about {
        AccountEvent::LoggedOut => {
            sessions.end_one(user_id, asking, &line).await.expect("a store");
        }
        AccountEvent::SessionEnded => {
            sessions.end_one(user_id, born_of_identity, &line).await.expect("a store");
        }
        AccountEvent::OthersLoggedOut => {
            sessions.end_all(user_id, Some(asking), &line).await.expect("a store");
        }
        AccountEvent::AllLoggedOut => {
            sessions.end_all(user_id, None, &line).await.expect("a store");
        }
        _ => {
            let proof = Reauthentication {
                user_id,
                security_epoch: account.security_epoch,
                session_id: asking,
                token: rotated,
                event: entry(account, of, Method::Sms, seed, at(5)).event,
                spent: None,
            };
            let proved = stores.accounts.reauthenticate(&proof).await.expect("a store");
            assert!(matches!(proved, Changed::Done { .. }));
        }
    }
}

/// SES-04, LINK-07, LINK-09, RST-04, RST-05: the store does what the table says.
pub async fn every_cell_of_the_truth_table_holds(stores: Stores) {
    for (number, about) in (0_u8..).zip(AccountEvent::ALL) {
        let base = 10 + number * 5;
        walk(&stores, about, base, async |_, _| {}).await;
    }
}
