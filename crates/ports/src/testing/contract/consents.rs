//! The promises of `Consents`, and what `Grants` keep of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::Timestamp;
use domain::change::AuditLine;
use domain::ending::{AccountEvent, Fate, Holding};
use domain::id::{SessionId, UserId};
use domain::login::Account;
use domain::oauth::client::ClientId;
use domain::oauth::consent::{Consent, Need};
use domain::oauth::scope::{Scope, Scopes};
use domain::secret::TokenHash;
use domain::session::Session;

use super::accounts::{bytes, end, key, line, token};
use super::changes::walk;
use super::grants::{
    self, child, code, exchange, exchanged, hash, is_access, is_live, issued, pair, refresh,
    refreshed, session,
};
use crate::consents::Consents;
use crate::grants::{Exchanged, Issued, NewCode, Renewed, Taken};
use crate::testing::{at, race};

/// Rounds of one race: each is a handful of transactions that take turns.
const ROUNDS: u8 = 20;

/// The ports of one store.
#[derive(Clone)]
pub struct Stores {
    /// Users, sessions and grants.
    pub grants: grants::Stores,
    /// Consents.
    pub consents: Arc<dyn Consents>,
}

/// Makes each promise of `Consents` a test; `$make` gives fresh
/// [`Stores`](crate::testing::contract::consents::Stores).
#[macro_export]
macro_rules! consents_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            consents,
            $make,
            [
                a_consent_is_told_and_widened,
                of_racing_consents_none_is_lost,
                a_consent_is_given_by_a_live_session_alone,
                a_code_needs_the_consent_that_covers_it,
                a_withdrawal_ends_what_the_program_holds_and_nothing_else,
                a_withdrawal_names_the_tokens_again,
                racing_a_withdrawal_nothing_stays,
                each_event_does_to_consents_what_the_table_says,
            ]
        );
    };
}

fn program(of: &str) -> ClientId {
    ClientId::parse(of).expect("an id")
}

fn consent(user_id: UserId, of: &str, scope: Scopes, granted_at: Timestamp) -> Consent {
    Consent { user_id, client_id: program(of), scope, granted_at }
}

fn openid() -> Scopes {
    Scopes::NONE.with(Scope::OpenId)
}

/// A line of the audit log with a name that no other one has.
fn next_line(account: &Account, action: AccountEvent, now: Timestamp) -> AuditLine {
    static LINES: AtomicU64 = AtomicU64::new(1_000_000);
    line(account, action, LINES.fetch_add(1, Ordering::Relaxed), now)
}

/// Gives a consent by a session of the user.
async fn give(
    stores: &Stores,
    account: &Account,
    session: SessionId,
    (of, scope, now): (&str, Scopes, Timestamp),
) -> Option<Consent> {
    let line = next_line(account, AccountEvent::ConsentGiven, now);
    let given = consent(account.user.id, of, scope, now);
    stores.consents.give(&given, session, &line).await.expect("a store")
}

async fn withdraw(
    stores: &Stores,
    account: &Account,
    of: &str,
    now: Timestamp,
) -> Option<Vec<TokenHash>> {
    let line = next_line(account, AccountEvent::ConsentWithdrawn, now);
    let withdrawn = stores.consents.withdraw(account.user.id, &program(of), &line).await;
    withdrawn.expect("a store")
}

async fn list(stores: &Stores, user_id: UserId) -> Vec<Consent> {
    stores.consents.list(user_id).await.expect("a store")
}

/// A code of the client `web` that needs a consent, and the session that begins with it.
fn needing(parent: &Session, seed: u64, now: Timestamp, need: Need) -> NewCode {
    let mut child = child(parent, seed, now);
    child.need = Some(need);
    NewCode { code: code(child.session.id, seed, now), child: Some(child), at: now }
}

async fn issue(stores: &Stores, new: &NewCode) -> Issued {
    stores.grants.grants.issue(new).await.expect("a store")
}

/// OP-10: one for each person and program, the last given first.
pub async fn a_consent_is_told_and_widened(stores: Stores) {
    let (account, asking) = session(&stores.grants, 1).await;
    let (other, _) = session(&stores.grants, 2).await;
    let user_id = account.user.id;
    let first = give(&stores, &account, asking.id, ("web", openid(), at(1))).await;
    assert_eq!(first, Some(consent(user_id, "web", openid(), at(1))));
    give(&stores, &account, asking.id, ("other", Scopes::NONE, at(2))).await;
    let email = Scopes::NONE.with(Scope::Email);
    let wider = give(&stores, &account, asking.id, ("web", email, at(3))).await;
    let wider = wider.expect("a consent");
    assert_eq!(wider, consent(user_id, "web", openid().with(Scope::Email), at(3)));
    let second = consent(user_id, "other", Scopes::NONE, at(2));
    assert_eq!(list(&stores, user_id).await, [wider, second]);
    assert_eq!(list(&stores, other.user.id).await, []);
}

/// OP-10: what was agreed to is agreed to, whoever writes last.
pub async fn of_racing_consents_none_is_lost(stores: Stores) {
    for round in 1..=ROUNDS {
        let (account, asking) = session(&stores.grants, round).await;
        let (shared, user_id) = (Arc::new(stores.clone()), account.user.id);
        race(Scope::ALL.len(), &shared, move |stores, racer| {
            let (account, session) = (account.clone(), asking.id);
            async move {
                let scope = Scope::ALL.get(racer).map_or(Scopes::NONE, |it| Scopes::NONE.with(*it));
                let now = at(u64::try_from(racer).expect("few"));
                give(&stores, &account, session, ("web", scope, now)).await
            }
        })
        .await;
        let held = list(&stores, user_id).await;
        assert_eq!(held, [consent(user_id, "web", Scopes::all(), at(3))], "round {round}");
    }
}

/// LINK-11: nobody agrees by a session that is over, or by somebody else's.
pub async fn a_consent_is_given_by_a_live_session_alone(stores: Stores) {
    let (account, asking) = session(&stores.grants, 1).await;
    let (_, foreign) = session(&stores.grants, 2).await;
    let wanted = ("web", openid(), at(2));
    assert_eq!(give(&stores, &account, foreign.id, wanted).await, None);
    let nobodys = SessionId::new(at(0), bytes(99));
    assert_eq!(give(&stores, &account, nobodys, wanted).await, None);
    end(&stores.grants.accounts, &account, 1, at(1)).await;
    assert_eq!(give(&stores, &account, asking.id, wanted).await, None);
    assert_eq!(list(&stores, account.user.id).await, []);
}

/// OP-10: no consent, none to this program, too narrow, or too old: no code, and no session.
pub async fn a_code_needs_the_consent_that_covers_it(stores: Stores) {
    let (account, asking) = session(&stores.grants, 1).await;
    let need = Need { scope: openid(), given_after: None };
    let asked = |seed, need| needing(&asking, seed, at(20), need);
    assert_eq!(issue(&stores, &asked(1, need)).await, Issued::Unconsented);
    give(&stores, &account, asking.id, ("other", Scopes::all(), at(5))).await;
    assert_eq!(issue(&stores, &asked(2, need)).await, Issued::Unconsented);
    give(&stores, &account, asking.id, ("web", openid(), at(10))).await;
    let wider = Need { scope: openid().with(Scope::Phone), ..need };
    assert_eq!(issue(&stores, &asked(3, wider)).await, Issued::Unconsented);
    let newer = Need { given_after: Some(at(10)), ..need };
    assert_eq!(issue(&stores, &asked(4, newer)).await, Issued::Unconsented);
    let done = Issued::Done { ended: Vec::new() };
    assert_eq!(issue(&stores, &asked(5, need)).await, done);
    assert_eq!(issue(&stores, &asked(6, Need { given_after: Some(at(9)), ..need })).await, done);
    assert!(withdraw(&stores, &account, "web", at(21)).await.is_some());
    assert_eq!(issue(&stores, &asked(7, need)).await, Issued::Unconsented);
    for seed in 1..=7 {
        assert!(!is_live(&stores.grants, hash(4, seed), at(22)).await, "{seed}");
    }
}

/// OP-10, SES-04: codes, sessions and tokens of that program and that person.
pub async fn a_withdrawal_ends_what_the_program_holds_and_nothing_else(stores: Stores) {
    let (account, asking) = session(&stores.grants, 1).await;
    let (_, stranger) = session(&stores.grants, 2).await;
    let grants = &stores.grants;
    give(&stores, &account, asking.id, ("web", openid(), at(1))).await;
    give(&stores, &account, asking.id, ("other", openid(), at(1))).await;
    for (seed, parent) in [(1, &asking), (2, &asking), (3, &asking), (5, &stranger)] {
        issued(grants, parent, seed, at(2)).await;
    }
    let mut others = NewCode {
        code: code(asking.id, 4, at(2)),
        child: Some(child(&asking, 4, at(2))),
        at: at(2),
    };
    others.code.grant.client_id = program("other");
    others.code.grant.session_id = others.child.as_ref().expect("a child").session.id;
    assert_eq!(issue(&stores, &others).await, Issued::Done { ended: Vec::new() });
    for (seed, taken) in [(2, pair(2, at(3))), (3, Taken::Session(hash(5, 3))), (5, pair(5, at(3)))]
    {
        let done = exchanged(grants, &exchange(seed, taken, at(3))).await;
        assert!(matches!(done, Exchanged::Done { .. }), "{done:?}");
    }
    let mut dead = withdraw(&stores, &account, "web", at(4)).await.expect("a consent");
    dead.sort_unstable();
    assert_eq!(dead, [hash(4, 1), hash(4, 2), hash(5, 3)], "of the open code, and of the others");
    let late = exchange(1, Taken::Session(hash(5, 1)), at(5));
    assert_eq!(exchanged(grants, &late).await, Exchanged::Unfit);
    assert!(!is_access(grants, 2, at(5)).await);
    assert_eq!(refreshed(grants, &refresh(2, 6, at(5))).await, Renewed::Unfit);
    assert!(!is_live(grants, hash(5, 3), at(5)).await);
    assert!(is_live(grants, token(1), at(5)).await, "the session that asks");
    assert!(is_live(grants, hash(4, 4), at(5)).await, "another program's");
    assert!(is_access(grants, 5, at(5)).await, "another person's");
    let left = list(&stores, account.user.id).await;
    assert_eq!(left, [consent(account.user.id, "other", openid(), at(1))]);
}

/// SES-04: whoever tries again removes the copies; a program that holds nothing is as unknown as
/// one that never did.
pub async fn a_withdrawal_names_the_tokens_again(stores: Stores) {
    let (account, asking) = session(&stores.grants, 1).await;
    assert_eq!(withdraw(&stores, &account, "web", at(1)).await, None);
    give(&stores, &account, asking.id, ("web", openid(), at(1))).await;
    assert_eq!(withdraw(&stores, &account, "web", at(2)).await, Some(Vec::new()));
    assert_eq!(withdraw(&stores, &account, "web", at(3)).await, None);
    // A grant that needed none ends all the same.
    issued(&stores.grants, &asking, 1, at(4)).await;
    for second in [5, 6] {
        let dead = withdraw(&stores, &account, "web", at(second)).await;
        assert_eq!(dead, Some(vec![hash(4, 1)]), "at {second}");
    }
    assert_eq!(withdraw(&stores, &account, "web", at(3_600)).await, None);
}

/// OP-10, SES-04: no interleaving with issues, an exchange and a refresh leaves a grant that lives.
pub async fn racing_a_withdrawal_nothing_stays(stores: Stores) {
    for round in 1..=ROUNDS {
        let (account, asking) = session(&stores.grants, round).await;
        give(&stores, &account, asking.id, ("web", openid(), at(1))).await;
        let first = u64::from(round) * 1_000;
        for seed in [first, first + 100] {
            issued(&stores.grants, &asking, seed, at(1)).await;
        }
        let old = exchange(first + 100, pair(first + 100, at(2)), at(2));
        assert!(matches!(exchanged(&stores.grants, &old).await, Exchanged::Done { .. }));
        let (shared, user) = (Arc::new(stores.clone()), account.clone());
        race(10, &shared, move |stores, racer| {
            let (account, asking) = (user.clone(), asking.clone());
            async move {
                let seed = first + u64::try_from(racer).expect("few");
                match racer {
                    0 => {
                        withdraw(&stores, &account, "web", at(3)).await;
                    }
                    1 => {
                        exchanged(&stores.grants, &exchange(first, pair(seed, at(3)), at(3))).await;
                    }
                    2 => {
                        let it = refresh(first + 100, seed, at(3));
                        refreshed(&stores.grants, &it).await;
                    }
                    _ => {
                        let need = Need { scope: openid(), given_after: None };
                        issue(&stores, &needing(&asking, seed, at(3), need)).await;
                    }
                }
            }
        })
        .await;
        for seed in (first..first + 10).chain([first + 100]) {
            let grants = &stores.grants;
            assert!(!is_live(grants, hash(4, seed), at(4)).await, "round {round}, {seed}");
            assert!(!is_access(grants, seed, at(4)).await, "round {round}, {seed}");
            let late = exchange(seed, Taken::Session(hash(6, seed)), at(4));
            let late = exchanged(grants, &late).await;
            assert!(!matches!(late, Exchanged::Done { .. }), "round {round}, {seed}: {late:?}");
            let late = refreshed(grants, &refresh(seed, seed + 500, at(4))).await;
            assert!(!matches!(late, Renewed::Done { .. }), "round {round}, {seed}: {late:?}");
        }
        assert_eq!(list(&stores, account.user.id).await, [], "round {round}");
    }
}

/// LINK-08, LINK-12: the column of consents, which go with the account and with nothing else.
pub async fn each_event_does_to_consents_what_the_table_says(stores: Stores) {
    use AccountEvent::{Absorbed, ConsentGiven, ConsentWithdrawn, Enabled};
    let accounts = &stores.grants.accounts;
    for (number, about) in (0_u8..).zip(AccountEvent::ALL) {
        if [ConsentGiven, ConsentWithdrawn, Enabled].contains(&about) {
            continue;
        }
        let base = 10 + number * 5;
        let mut owner = None;
        walk(accounts, about, base, async |account, token| {
            let asking = accounts.sessions.find(&token, at(2)).await.expect("a store");
            let asking = asking.expect("live").session.id;
            assert!(give(&stores, account, asking, ("web", openid(), at(2))).await.is_some());
            owner = Some(account.user.id);
        })
        .await;
        let held = list(&stores, owner.expect("an account")).await;
        let is_kept = about.fate(Holding::Consent) == Fate::Kept;
        assert_eq!(held.len(), usize::from(is_kept), "{about:?}");
        if about == Absorbed {
            let survivor = accounts.accounts.find(&key(base + 2)).await.expect("a store");
            let survivor = survivor.expect("an account").user.id;
            assert_eq!(list(&stores, survivor).await, [], "a consent is nobody else's");
        }
    }
}
