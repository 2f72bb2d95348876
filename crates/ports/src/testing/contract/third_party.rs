//! The promises of `Accounts` about identities of several names and proofs that are good once.

use std::sync::Arc;

use domain::change::{Actor, NewIdentity};
use domain::id::IdentityId;
use domain::identifier::IdentifierKind;
use domain::identity::Name;
use domain::link::link;
use domain::login::{Account, Entry, Registration, Trace};
use domain::policy::{EnabledProvider, Ways};
use domain::provider::{ProviderKind, ProviderName, SpentProof};
use domain::secret::{IdentifierKey, Sealed};
use domain::session::Method;

use super::accounts::{
    Stores, entry, fresh, ids, is_live, key, loaded, registered, registration, token,
};
use crate::accounts::{Changed, Entered, Reauthentication, Registered};
use crate::testing::{RACERS, ROUNDS, at, race};

/// Makes each promise a test; `$make` gives fresh
/// [`Stores`](crate::testing::contract::accounts::Stores).
#[macro_export]
macro_rules! third_party_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            third_party,
            $make,
            [
                an_identity_is_found_by_all_its_names,
                a_login_adds_the_names_that_were_not_known,
                a_name_of_somebody_else_stays_theirs,
                racing_registrations_that_share_a_name_make_one_user,
                of_racing_uses_of_one_proof_one_is_written,
                a_proof_is_good_once_over_all_verbs,
                a_linked_account_brings_all_its_names,
            ]
        );
    };
}

const WECHAT: IdentifierKind = IdentifierKind::ThirdParty(ProviderKind::WeChat);

fn method() -> Method {
    Method::Provider(ProviderName::parse("wechat").expect("a name"))
}

/// A name that is unique in the namespace of its number's tens.
fn name(number: u8) -> Name {
    Name { key: key(number), namespace: format!("app {}", number / 10) }
}

/// A proof that is good once.
fn proof(number: u8) -> SpentProof {
    SpentProof { digest: [number; 32], made_at: at(0), until: at(3_600) }
}

/// A registration of a third-party account of some names.
fn of_names(names: &[u8], seed: u64, spent: Option<SpentProof>) -> Registration {
    let mut registration = registration(first(names), seed, None);
    registration.kind = WECHAT;
    registration.names = names.iter().map(|it| name(*it)).collect();
    registration.entry.event.method = method();
    registration.entry.session.method = method();
    registration.entry.trace =
        Trace { names: Vec::new(), tokens: Some(Sealed::new(vec![7])), spent };
    registration
}

fn first(names: &[u8]) -> IdentifierKey {
    key(names.first().copied().unwrap_or_default())
}

async fn sign_up(stores: &Stores, registration: &Registration) -> Registered {
    stores.accounts.register(registration).await.expect("a store")
}

async fn owner(stores: &Stores, of: u8) -> Option<Account> {
    stores.accounts.find(&key(of)).await.expect("a store")
}

fn login(account: &Account, of: u8, seed: u64, trace: Trace) -> Entry {
    Entry { trace, ..entry(account, of, method(), seed, at(10)) }
}

async fn enter(stores: &Stores, entry: &Entry) -> Entered {
    stores.accounts.enter(entry).await.expect("a store")
}

/// EXT-06: whichever name comes, it is one identity of one user; each name is told with its owner.
pub async fn an_identity_is_found_by_all_its_names(stores: Stores) {
    assert_eq!(sign_up(&stores, &of_names(&[11, 21], 1, None)).await, Registered::New);
    assert_eq!(sign_up(&stores, &of_names(&[31], 2, None)).await, Registered::New);
    let found = stores.accounts.find_all(&[key(21), key(31), key(41), key(11)]).await;
    let mut found = found.expect("a store");
    found.sort_by_key(|(key, _)| *key);
    let keys: Vec<_> = found.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, [key(11), key(21), key(31)], "key 41 is nobody's");
    let mut users = found.iter().map(|(_, it)| (it.user.id, it.identity_id));
    let (by_first, by_second, other) = (users.next(), users.next(), users.next());
    assert!(by_first == by_second && by_first != other);
    let account = owner(&stores, 21).await.expect("an account");
    let state = loaded(&stores, &account).await;
    assert_eq!((state.identities.len(), state.names.len()), (1, 2));
    assert!(state.names.iter().any(|(it, _)| *it == name(21)), "with its namespace");
    let known = EnabledProvider {
        name: ProviderName::parse("wechat").expect("a name"),
        kind: ProviderKind::WeChat,
        namespaces: vec!["app 2".to_owned()],
    };
    let ways = Ways { providers: vec![known], ..Ways::OWN };
    assert_eq!(state.methods(&ways), [method()]);
    assert!(stores.accounts.find_all(&[]).await.expect("a store").is_empty());
}

/// EXT-06: a unionid that comes later is added in the login's transaction.
pub async fn a_login_adds_the_names_that_were_not_known(stores: Stores) {
    sign_up(&stores, &of_names(&[11], 1, None)).await;
    let account = owner(&stores, 11).await.expect("an account");
    let trace = Trace { names: vec![name(21)], tokens: Some(Sealed::new(vec![8])), spent: None };
    let come = enter(&stores, &login(&account, 11, 2, trace.clone())).await;
    assert_eq!(come, Entered::In { ended: Vec::new() });
    assert_eq!(owner(&stores, 21).await.map(|it| it.identity_id), Some(account.identity_id));
    let again = enter(&stores, &login(&account, 11, 3, trace)).await;
    assert_eq!(again, Entered::In { ended: Vec::new() }, "a name that is its own already");
}

/// EXT-06: nothing moves by itself.
pub async fn a_name_of_somebody_else_stays_theirs(stores: Stores) {
    sign_up(&stores, &of_names(&[11], 1, None)).await;
    sign_up(&stores, &of_names(&[12, 21], 2, None)).await;
    let (one, other) = (owner(&stores, 11).await.expect("one"), owner(&stores, 12).await);
    let trace = Trace { names: vec![name(21)], ..Trace::default() };
    let come = enter(&stores, &login(&one, 11, 3, trace)).await;
    assert_eq!(come, Entered::In { ended: Vec::new() });
    let holds = owner(&stores, 21).await.map(|it| it.user.id);
    assert_eq!(holds, other.map(|it| it.user.id));
}

/// OTP-12, EXT-06: first logins of several apps at once, whose openids differ and whose unionid
/// does not, make one user; a loser leaves nothing.
pub async fn racing_registrations_that_share_a_name_make_one_user(stores: Stores) {
    for round in 0..ROUNDS as u64 {
        let shared = Arc::clone(&stores.accounts);
        let done = race(RACERS, &shared, move |accounts, racer| async move {
            let seed = 1_000 * (round + 1) + racer as u64;
            let mut registration = of_names(&[1, 21], seed, None);
            registration.entry.event.identifier = openid(seed);
            registration.names = vec![
                Name { key: openid(seed), namespace: format!("app {racer}") },
                Name { key: unionid(round), namespace: "team".to_owned() },
            ];
            (seed, accounts.register(&registration).await.expect("a store"))
        })
        .await;
        let new = done.iter().filter(|(_, it)| *it == Registered::New).count();
        assert_eq!(new, 1, "round {round}");
        for (seed, outcome) in done {
            let found = stores.accounts.find(&openid(seed)).await.expect("a store");
            assert_eq!(found.is_some(), outcome == Registered::New, "a loser leaves nothing");
        }
    }
}

fn openid(seed: u64) -> IdentifierKey {
    IdentifierKey::new(*token(1 << 40 | seed).as_bytes())
}

fn unionid(round: u64) -> IdentifierKey {
    IdentifierKey::new(*token(1 << 41 | round).as_bytes())
}

/// SDK-04: an ID token logs in once, however many try at the same time.
pub async fn of_racing_uses_of_one_proof_one_is_written(stores: Stores) {
    sign_up(&stores, &of_names(&[11], 1, None)).await;
    let account = Arc::new(owner(&stores, 11).await.expect("an account"));
    for round in 0..ROUNDS {
        let round = u8::try_from(round).expect("a small round");
        let (shared, account) = (Arc::clone(&stores.accounts), Arc::clone(&account));
        let done = race(RACERS, &shared, move |accounts, racer| {
            let account = Arc::clone(&account);
            async move {
                let trace = Trace { spent: Some(proof(round)), ..Trace::default() };
                let seed = 1_000 * (u64::from(round) + 1) + racer as u64;
                let entry = login(&account, 11, seed, trace);
                (seed, accounts.enter(&entry).await.expect("a store"))
            }
        })
        .await;
        let come = done.iter().filter(|(_, it)| *it != Entered::Spent).count();
        assert_eq!(come, 1, "round {round}");
        for (seed, outcome) in done {
            let is_in = is_live(&stores, seed, at(11)).await;
            assert_eq!(is_in, outcome != Entered::Spent, "a loser leaves no session");
        }
    }
}

/// SDK-04: what registered does not log in, link or prove again.
pub async fn a_proof_is_good_once_over_all_verbs(stores: Stores) {
    let spent = Some(proof(1));
    assert_eq!(sign_up(&stores, &of_names(&[11], 1, spent)).await, Registered::New);
    assert_eq!(sign_up(&stores, &of_names(&[12], 2, spent)).await, Registered::Spent);
    assert!(owner(&stores, 12).await.is_none(), "no user is made by it");
    let account = owner(&stores, 11).await.expect("an account");
    let trace = Trace { spent, ..Trace::default() };
    assert_eq!(enter(&stores, &login(&account, 11, 3, trace)).await, Entered::Spent);
    let again = Reauthentication {
        user_id: account.user.id,
        security_epoch: 0,
        session_id: fresh(1, at(0)).session_id,
        token: token(9),
        event: entry(&account, 11, method(), 9, at(100)).event,
        spent,
    };
    let again = stores.accounts.reauthenticate(&again).await.expect("a store");
    assert_eq!(again, Changed::Spent);
    assert!(is_live(&stores, 1, at(101)).await, "the token goes on");
    let state = loaded(&stores, &account).await;
    let actor = Actor { session: None, origin: None, at: at(5) };
    let mut change = link(&state, linked(&[31]), None, &[], &actor, ids(50)).expect("a plan");
    change.spent = spent;
    assert_eq!(stores.accounts.change(&change).await.expect("a store"), Changed::Spent);
    assert!(owner(&stores, 31).await.is_none());
    assert!(!stores.accounts.spend(&proof(1)).await.expect("a store"), "alone as well");
    assert!(stores.accounts.spend(&proof(3)).await.expect("a store"));
    change.spent = Some(proof(2));
    let done = stores.accounts.change(&change).await.expect("a store");
    assert!(matches!(done, Changed::Done { .. }));
}

fn linked(names: &[u8]) -> NewIdentity {
    NewIdentity {
        id: IdentityId::new(at(1), [200; 10]),
        kind: WECHAT,
        names: names.iter().map(|it| name(*it)).collect(),
        display: Sealed::new(vec![1]),
        tokens: Some(Sealed::new(vec![9])),
    }
}

/// LINK-03: all names come along, or none: one that is somebody else's decides.
pub async fn a_linked_account_brings_all_its_names(stores: Stores) {
    let account = registered(&stores, 1, None).await;
    sign_up(&stores, &of_names(&[12], 5, None)).await;
    let state = loaded(&stores, &account).await;
    let actor = Actor { session: None, origin: None, at: at(5) };
    let change = link(&state, linked(&[31, 12]), None, &[], &actor, ids(50)).expect("a plan");
    assert_eq!(stores.accounts.change(&change).await.expect("a store"), Changed::Taken);
    assert!(owner(&stores, 31).await.is_none());
    let change = link(&state, linked(&[31, 21]), None, &[], &actor, ids(60)).expect("a plan");
    let done = stores.accounts.change(&change).await.expect("a store");
    assert!(matches!(done, Changed::Done { .. }));
    for number in [21, 31] {
        let holds = owner(&stores, number).await.map(|it| it.user.id);
        assert_eq!(holds, Some(account.user.id));
    }
}
