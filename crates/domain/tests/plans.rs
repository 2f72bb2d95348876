//! The plans of changes, case by case, and the truth table as `docs/sessions.md` shows it.
#![cfg(test)]

use domain::account::{AccountState, MOST_IDENTITIES};
use domain::change::{Actor, Change, NewIdentity};
use domain::delete::{delete, switch};
use domain::ending::{AccountEvent, Fate, Holding};
use domain::id::{EventId, IdentityId, UserId};
use domain::identifier::IdentifierKind::{self, Email, Phone, ThirdParty, Username};
use domain::identity::{Identity, Name};
use domain::link::{Refusal as LinkRefusal, link};
use domain::login::Account;
use domain::merge::{ProfileFrom, Refusal as MergeRefusal, merge, plan};
use domain::message::Notice;
use domain::new_password::{is_still_good, reset_password, set_password};
use domain::outbox::{Event, News};
use domain::password::PasswordHash;
use domain::policy::{EnabledProvider, Ways};
use domain::profile::{Nickname, Profile};
use domain::provider::{ProviderKind, ProviderName};
use domain::recycled::{is_dormant, other_proofs};
use domain::secret::{IdentifierKey, Sealed, TokenHash};
use domain::session::Method;
use domain::unlink::{Refusal as UnlinkRefusal, give_up, unlink};
use domain::user::{User, UserState};
use domain::{Duration, Timestamp, later};
use rstest::rstest;

fn at(second: u64) -> Timestamp {
    later(Timestamp::UNIX_EPOCH, Duration::from_secs(second))
}

fn identity_id(of: u8) -> IdentityId {
    IdentityId::new(at(0), [of; 10])
}

/// A third party's namespace is its kind's name here.
fn name(number: u8, kind: IdentifierKind) -> Name {
    let namespace = match kind {
        Phone | Email | Username => String::new(),
        ThirdParty(it) => it.as_str().to_owned(),
    };
    Name { key: IdentifierKey::new([number; 32]), namespace }
}

/// The account of user `of`, whose identities are numbered from `of` times 10 on.
fn account(of: u8, kinds: &[IdentifierKind], has_password: bool) -> AccountState {
    let numbered = || (of * 10..).zip(kinds);
    let nickname = Nickname::parse(&format!("nr {of}")).ok();
    AccountState {
        user: User {
            id: UserId::new(at(0), [of; 10]),
            profile: Profile { nickname, avatar_url: None },
            state: UserState::Active,
            created_at: at(0),
            has_password,
            has_phone: kinds.contains(&Phone),
        },
        security_epoch: 0,
        revision: 7,
        identities: numbered()
            .map(|(number, kind)| Identity {
                id: identity_id(number),
                kind: *kind,
                display: Sealed::new(vec![number]),
                verified_at: (*kind != Username).then(|| at(0)),
                linked_at: at(0),
                last_used_at: None,
                last_ip: None,
            })
            .collect(),
        names: numbered()
            .map(|(number, kind)| (name(number, *kind), identity_id(number)))
            .collect(),
        tokens: Vec::new(),
        resets_since: None,
        links_since: None,
    }
}

fn actor() -> Actor {
    Actor { session: None, origin: None, at: at(100) }
}

fn ids() -> impl FnMut() -> EventId {
    let mut next = 0;
    move || {
        next += 1;
        EventId::new(at(100), [next; 10])
    }
}

const WECHAT: IdentifierKind = ThirdParty(ProviderKind::WeChat);

/// A new identity of two names.
fn known_as(number: u8, also: u8, kind: IdentifierKind) -> NewIdentity {
    let mut new = new(number, kind);
    new.names.push(name(also, kind));
    new
}

fn new(number: u8, kind: IdentifierKind) -> NewIdentity {
    let (id, display) = (identity_id(number), Sealed::new(vec![number]));
    NewIdentity { id, kind, display, names: vec![name(number, kind)], tokens: None }
}

/// LINK-03, LINK-09, LINK-10.
#[rstest]
#[case::another_type(&[Phone], new(1, Email), None, &[], None)]
#[case::another_of_the_type(&[Phone], new(1, Phone), None, &[], None)]
#[case::mine(&[Phone], new(10, Phone), None, &[], Some(LinkRefusal::AlreadyMine(identity_id(10))))]
#[case::one_of_a_type(&[Phone], new(1, Phone), None, &[Phone], Some(LinkRefusal::LimitReached))]
#[case::in_its_place(&[Phone], new(1, Phone), Some(10), &[Phone], None)]
#[case::of_a_stranger(&[Phone], new(1, Phone), Some(99), &[], Some(LinkRefusal::NotFound))]
#[case::of_another_type(&[Phone], new(1, Email), Some(10), &[], Some(LinkRefusal::OtherType))]
#[case::of_a_name(&[Username], new(1, Username), Some(10), &[], Some(LinkRefusal::OtherType))]
#[case::of_a_third_party(&[WECHAT], new(1, WECHAT), Some(10), &[], Some(LinkRefusal::OtherType))]
#[case::one_of_a_kind(&[WECHAT], new(1, WECHAT), None, &[WECHAT], Some(LinkRefusal::LimitReached))]
#[case::mine_by_its_second_name(
    &[WECHAT], known_as(1, 10, WECHAT), None, &[WECHAT],
    Some(LinkRefusal::AlreadyMine(identity_id(10))))]
#[case::too_many(
    &[Email; MOST_IDENTITIES], new(1, Phone), None, &[], Some(LinkRefusal::LimitReached))]
#[case::as_many_as_before(&[Email; MOST_IDENTITIES], new(1, Email), Some(10), &[], None)]
fn an_identity_is_linked(
    #[case] kinds: &[IdentifierKind],
    #[case] new: NewIdentity,
    #[case] replaced: Option<u8>,
    #[case] one_per_type: &[IdentifierKind],
    #[case] refused: Option<LinkRefusal>,
) {
    let account = account(1, kinds, false);
    let replaced = replaced.map(identity_id);
    let planned = link(&account, new, replaced, one_per_type, &actor(), ids());
    assert_eq!(planned.as_ref().err(), refused.as_ref());
    let Ok(change) = planned else { return };
    assert_eq!(change.unlinked, replaced.as_slice());
    assert_eq!((change.base.revision, change.audit.len()), (7, 1 + replaced.iter().count()));
}

const QQ: IdentifierKind = ThirdParty(ProviderKind::Qq);

/// All of our own, and `WeChat`; QQ is switched off.
fn ways() -> Ways {
    let (name, kind) = (ProviderName::parse("wechat").unwrap(), ProviderKind::WeChat);
    let wechat = EnabledProvider { name, kind, namespaces: vec!["wechat".to_owned()] };
    Ways { providers: vec![wechat], ..Ways::OWN }
}

/// LINK-06: what the service does not offer is no way in.
#[test]
fn a_way_that_is_not_offered_is_none() {
    let all = account(1, &[Phone, Email, Username, WECHAT], true);
    let wechat = Method::Provider(ProviderName::parse("wechat").unwrap());
    assert_eq!(all.methods(&ways()), [Method::Sms, Method::Email, Method::Password, wechat]);
    let none = Ways::default();
    assert_eq!(all.methods(&none), [Method::Password]);
    assert!(account(1, &[Username, WECHAT], true).methods(&none).is_empty());
}

/// LINK-06: which method is left decides.
#[rstest]
#[case::one_phone(&[Phone], false, Some(UnlinkRefusal::LastMethod))]
#[case::phone_and_password(&[Phone], true, Some(UnlinkRefusal::LastMethod))]
#[case::phone_and_email(&[Phone, Email], false, None)]
#[case::phone_and_name(&[Phone, Username], false, Some(UnlinkRefusal::LastMethod))]
#[case::phone_name_and_password(&[Phone, Username], true, None)]
#[case::name_and_password(&[Username], true, Some(UnlinkRefusal::LastMethod))]
#[case::name_and_phone(&[Username, Phone], true, None)]
#[case::phone_and_wechat(&[Phone, WECHAT], false, None)]
#[case::wechat(&[WECHAT], true, Some(UnlinkRefusal::LastMethod))]
#[case::phone_and_what_is_switched_off(&[Phone, QQ], true, Some(UnlinkRefusal::LastMethod))]
fn a_way_in_is_left(
    #[case] kinds: &[IdentifierKind],
    #[case] has_password: bool,
    #[case] refused: Option<UnlinkRefusal>,
) {
    let account = account(1, kinds, has_password);
    let planned = unlink(&account, identity_id(10), &ways(), &actor(), ids());
    assert_eq!(planned.map(|it| it.unlinked).err(), refused);
    let stranger = unlink(&account, identity_id(99), &ways(), &actor(), ids()).map(|_| ());
    assert_eq!(stranger, Err(UnlinkRefusal::NotFound));
}

/// The notices of a change, each with the address where it is one that goes.
fn told(change: Change) -> Vec<(Notice, Option<IdentityId>)> {
    let notices = change.outgoing.into_iter().filter_map(|it| match it.news {
        News::Notice { notice, to } => Some((notice, to.map(|it| it.identity_id))),
        News::Event(_) => None,
    });
    notices.collect()
}

/// LOG-05: all addresses are told, the old one too.
#[test]
fn old_and_new_addresses_are_told() {
    let both = account(1, &[Phone, Email], false);
    let gone = identity_id(10);
    let change = unlink(&both, gone, &ways(), &actor(), ids()).unwrap();
    let notice = Notice::IdentityUnlinked;
    let both_told = [(notice, Some(gone)), (notice, Some(identity_id(11)))];
    assert_eq!(told(change), both_told);
    let change = link(&both, new(1, Phone), Some(gone), &[], &actor(), ids()).unwrap();
    let notice = Notice::IdentityReplaced;
    let [old, kept, new] = [gone, identity_id(11), identity_id(1)].map(|it| (notice, Some(it)));
    assert_eq!(told(change), [old, kept, new]);
    // Whoever has the number now is told nothing of the account that it was of.
    let change = give_up(&both, gone, &actor(), ids());
    assert_eq!(told(change), [(Notice::NumberTaken, Some(identity_id(11)))]);
    let change = delete(&both, Duration::ZERO, &actor(), ids());
    let notice = Notice::AccountDeleted;
    assert_eq!(told(change), [(notice, Some(gone)), (notice, Some(identity_id(11)))]);
}

/// REL-02: events come in the order of what happened, by their names as well.
#[test]
fn events_are_named_in_their_order() {
    let account = account(1, &[Phone], false);
    let old = Some(identity_id(10));
    let change = link(&account, new(1, Phone), old, &[], &actor(), ids()).unwrap();
    let events: Vec<_> = change
        .outgoing
        .iter()
        .filter_map(|it| match it.news {
            News::Event(event) => Some(event.as_str()),
            News::Notice { .. } => None,
        })
        .collect();
    assert_eq!(events, ["identity.unlinked", "identity.linked"]);
    assert!(change.outgoing.windows(2).all(|it| it[0].id < it[1].id));
}

/// LINK-08: what moves, what goes, what cannot be.
#[rstest]
#[case::phones(&[Phone], &[Phone], &[], Ok(1))]
#[case::all(&[Phone], &[Phone, Email, Username], &[], Ok(3))]
#[case::one_phone(&[Phone], &[Email, Phone], &[Phone], Err(MergeRefusal::Conflict(Phone)))]
#[case::one_phone_in_all(&[Email], &[Phone], &[Phone], Ok(1))]
#[case::two_names(&[Username], &[Username], &[], Err(MergeRefusal::Conflict(Username)))]
#[case::too_many(&[Email; 15], &[Email; 6], &[], Err(MergeRefusal::LimitReached))]
#[case::just_enough(&[Email; 15], &[Email; 5], &[], Ok(5))]
fn two_accounts_become_one(
    #[case] mine: &[IdentifierKind],
    #[case] other: &[IdentifierKind],
    #[case] one_per_type: &[IdentifierKind],
    #[case] expected: Result<usize, MergeRefusal>,
) {
    let (mine, other) = (account(1, mine, false), account(2, other, true));
    let planned = plan(&mine, &other, one_per_type);
    assert_eq!(planned.as_ref().map(|it| it.moved.len()).map_err(|it| *it), expected);
    let Ok(plan) = planned else { return };
    assert!(plan.drops_password);
    let change = merge(&mine, &other, &plan, ProfileFrom::Other, &actor(), ids());
    assert_eq!(change.profile, Some(other.user.profile.clone()));
    assert_eq!(change.absorbed.map(|it| it.user_id), Some(other.user.id));
    assert!(change.password.is_none(), "mine stays");
    let kept = merge(&mine, &other, &plan, ProfileFrom::This, &actor(), ids());
    assert_eq!(kept.profile, None);
}

#[test]
fn an_account_does_not_go_into_itself() {
    let mine = account(1, &[Phone], false);
    assert_eq!(plan(&mine, &mine, &[]), Err(MergeRefusal::SameAccount));
}

/// OTP-13: idle for long, and with another way in.
#[rstest]
#[case::used_lately(99, Some(100), false)]
#[case::idle_just_long_enough(100, Some(100), true)]
#[case::switched_off(100_000, None, false)]
fn an_account_is_dormant(#[case] idle: u64, #[case] dormant: Option<u64>, #[case] expected: bool) {
    let state = account(1, &[Phone, Email], true);
    let found = Account {
        user: state.user.clone(),
        identity_id: identity_id(10),
        security_epoch: 0,
        last_seen_at: at(1_000),
    };
    let dormant = dormant.map(Duration::from_secs);
    assert_eq!(is_dormant(&found, dormant, at(1_000 + idle)), expected);
    assert_eq!(other_proofs(&state, identity_id(10), &ways()), [Method::Email, Method::Password]);
    assert!(other_proofs(&account(1, &[Phone], true), identity_id(10), &ways()).is_empty());
}

/// RST-05: a code of the very moment of a change is still good.
#[rstest]
#[case(None, 5, true)]
#[case(Some(5), 4, false)]
#[case(Some(5), 5, true)]
fn a_code_is_good_if_nothing_came_since(
    #[case] since: Option<u64>,
    #[case] sent: u64,
    #[case] is_good: bool,
) {
    assert_eq!(is_still_good(at(sent), since.map(at)), is_good);
}

#[test]
fn a_password_is_set_first_then_changed_then_reset() {
    let hash = || PasswordHash::new("$x".to_owned());
    let token = TokenHash::new([1; 32]);
    let about = |has_password| {
        set_password(&account(1, &[Phone], has_password), hash(), token, &actor(), ids()).about
    };
    assert_eq!(about(false), AccountEvent::PasswordSet);
    assert_eq!(about(true), AccountEvent::PasswordChanged);
    let reset = reset_password(&account(1, &[Phone], true), hash(), &actor(), ids());
    assert_eq!((reset.about, reset.token), (AccountEvent::PasswordReset, None));
    let events = reset.outgoing.iter().filter(|it| it.news == News::Event(Event::PasswordChanged));
    assert_eq!(events.count(), 1);
}

/// LINK-12: with a grace the ways in stay until it is over.
#[test]
fn a_grace_frees_nothing_yet() {
    let both = account(1, &[Phone, Email], true);
    let now = delete(&both, Duration::ZERO, &actor(), ids());
    assert_eq!((now.unlinked.len(), now.frees_at), (2, None));
    let later = delete(&both, Duration::from_mins(1), &actor(), ids());
    assert_eq!((later.unlinked.len(), later.frees_at), (0, Some(at(160))));
    assert_eq!(later.profile, Some(Profile::default()));
}

#[rstest]
#[case(UserState::Active, UserState::Disabled, Some(AccountEvent::Disabled))]
#[case(UserState::Disabled, UserState::Active, Some(AccountEvent::Enabled))]
#[case(UserState::Active, UserState::Active, None)]
#[case(UserState::Deleted, UserState::Active, None)]
#[case(UserState::Merged, UserState::Disabled, None)]
fn an_operator_switches_off_and_on_what_is_there(
    #[case] from: UserState,
    #[case] to: UserState,
    #[case] expected: Option<AccountEvent>,
) {
    let mut account = account(1, &[Phone], false);
    account.user.state = from;
    assert_eq!(switch(&account, to, &actor(), ids()).map(|it| it.about), expected);
}

/// The table of `docs/sessions.md` is the one that the code reads.
#[test]
fn the_document_shows_the_truth_table() {
    let word = |fate| match fate {
        Fate::Kept => "kept",
        Fate::Ended => "**ended**",
        Fate::Rotated => "rotated",
    };
    let rows = AccountEvent::ALL.map(|event| {
        let cells = Holding::ALL.map(|it| word(event.fate(it))).join(" | ");
        format!("| `{}` | {cells} |\n", event.as_str())
    });
    let table = rows.concat();
    let document = include_str!("../../../docs/sessions.md");
    assert!(document.contains(&table), "docs/sessions.md should hold:\n{table}");
}
