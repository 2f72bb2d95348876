//! Random lives of several users, against a plain model, on real databases.
//!
//! After each step the store is what the model says: no identifier in two users, none lost, every
//! live user with a way in, one password a user, every retired id resolving, and no session
//! outliving its rule. The model knows nothing of plans, revisions or tables.
#![cfg(test)]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use adapters_memory::Fakes;
use application::authenticate::{Access, Caller, authenticate};
use application::challenge::request_challenge;
use application::link::{Link, link};
use application::login::{Login, Newcomers, login};
use application::merge::{Merge, merge};
use application::password::{SetPassword, set_password};
use application::reset::{Reset, reset_password};
use application::unlink::unlink;
use application::{Error, delete::delete};
use domain::Duration;
use domain::credential::code::{CodeCredential, Purpose};
use domain::credential::{Credential, PasswordCredential};
use domain::email::EmailAddress;
use domain::id::{IdentityId, UserId};
use domain::merge::ProfileFrom;
use domain::message::Recipient;
use domain::origin::{Device, Origin};
use domain::password::PasswordAttempt;
use domain::phone::PhoneNumber;
use domain::policy::{GuessingPolicy, Policy, ResetCaps, Ways};
use domain::secret::SessionToken;
use domain::user::UserState;
use ports::Ports;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

/// Phones and mailboxes that the users fight for: the even ones are phones.
const ADDRESSES: usize = 10;
/// Steps of one life.
const STEPS: usize = 150;
/// More sessions than these of one user would push others out, which is another suite's matter.
const SESSIONS: usize = 15;

/// What the model knows of a user.
#[derive(Debug, Default)]
struct Person {
    /// Addresses and the ids of their identities.
    addresses: BTreeMap<usize, IdentityId>,
    password: Option<String>,
    /// Tokens and the identities that they were born of.
    sessions: Vec<(SessionToken, IdentityId)>,
    /// Who their id means.
    means: Option<UserId>,
    is_gone: bool,
}

struct World {
    fakes: Fakes,
    ports: Ports,
    random: SmallRng,
    people: BTreeMap<UserId, Person>,
    /// Tokens that must open nothing any more.
    dead: Vec<SessionToken>,
}

fn origin() -> Origin {
    Origin { ip: Ipv4Addr::new(192, 0, 2, 7).into(), device: Device::default() }
}

fn policy() -> Policy {
    let mut policy = adapters_memory::policy();
    let codes = &mut policy.codes;
    for caps in [&mut codes.per_phone, &mut codes.per_ip, &mut codes.per_block, &mut codes.wrong] {
        caps.clear();
    }
    policy.resets = ResetCaps::default();
    policy.guessing = GuessingPolicy { accounts: None, failures: None, everyone: None };
    policy.lockout.threshold = 10_000;
    policy.sessions.fresh = Duration::from_hours(10_000);
    policy.dormant = None;
    policy
}

impl World {
    fn new<D>(database: D, seed: u64) -> Self
    where
        D: ports::accounts::Accounts + ports::sessions::Sessions + 'static,
    {
        let (fakes, database) = (Fakes::default(), Arc::new(database));
        let ports = Ports {
            policy: Arc::new(policy()),
            accounts: database.clone(),
            sessions: database,
            ..fakes.ports()
        };
        let random = SmallRng::seed_from_u64(seed);
        Self { fakes, ports, random, people: BTreeMap::new(), dead: Vec::new() }
    }

    fn recipient(&self, address: usize) -> Recipient {
        let phones = &self.ports.policy.phones;
        if address.is_multiple_of(2) {
            let number = format!("1380000000{address}");
            Recipient::Phone(PhoneNumber::parse(&number, phones).unwrap())
        } else {
            let mailbox = format!("user{address}@example.com");
            Recipient::Mailbox(EmailAddress::parse(&mailbox).unwrap())
        }
    }

    fn owner(&self, address: usize) -> Option<UserId> {
        let owner = self.people.iter().find(|(_, it)| it.addresses.contains_key(&address));
        owner.map(|(id, _)| *id)
    }

    fn address(&mut self) -> usize {
        self.random.random_range(0..ADDRESSES)
    }

    /// Somebody who is logged in.
    fn somebody(&mut self) -> Option<(UserId, SessionToken)> {
        let all: Vec<_> = self
            .people
            .iter()
            .flat_map(|(id, it)| it.sessions.iter().map(|(token, _)| (*id, token.clone())))
            .collect();
        (!all.is_empty()).then(|| all[self.random.random_range(0..all.len())].clone())
    }

    async fn caller(&self, token: &SessionToken) -> Caller {
        authenticate(&self.ports, token, Access::Session).await.expect("a live session")
    }

    /// A code; `None` if none was sent.
    async fn code(&self, address: usize, purpose: Purpose) -> Option<CodeCredential> {
        let before = self.fakes.postbox.posted().len();
        let to = self.recipient(address);
        let sent = request_challenge(&self.ports, to, purpose, &origin()).await.unwrap();
        let posted = self.fakes.postbox.posted();
        let letter = posted.get(before)?;
        let challenge_id = Some(sent.challenge_id);
        Some(CodeCredential { challenge_id, code: letter.message.code.clone() })
    }

    /// Ends sessions in the model: those of a user for which `ends` says so.
    fn end(&mut self, user: UserId, ends: impl Fn(&SessionToken, IdentityId) -> bool) {
        let person = self.people.get_mut(&user).unwrap();
        let (dead, live) =
            person.sessions.drain(..).partition(|(token, born_of)| ends(token, *born_of));
        person.sessions = live;
        let dead: Vec<(SessionToken, IdentityId)> = dead;
        self.dead.extend(dead.into_iter().map(|(token, _)| token));
    }

    async fn log_in(&mut self) {
        let address = self.address();
        let owner = self.owner(address);
        if owner.is_some_and(|it| self.people[&it].sessions.len() >= SESSIONS) {
            return;
        }
        let code = self.code(address, Purpose::Login).await.unwrap();
        let asked =
            Login { credential: code.into(), newcomer: Newcomers::default(), origin: origin() };
        let came = login(&self.ports, asked).await.unwrap();
        let id = came.admission.user.id;
        assert_eq!(came.is_new_user, owner.is_none());
        assert!(owner.is_none_or(|it| it == id));
        let person = self.people.entry(id).or_default();
        person.addresses.insert(address, came.admission.session.identity_id);
        person.sessions.push((came.admission.token, came.admission.session.identity_id));
    }

    async fn log_in_by_password(&mut self) {
        let (address, number) = (self.address(), self.random.random_range(0..3));
        let typed = password(number);
        let owner = self.owner(address);
        if owner.is_some_and(|it| self.people[&it].sessions.len() >= SESSIONS) {
            return;
        }
        let asked = Login {
            credential: Credential::Password(PasswordCredential {
                identifier: self.recipient(address).identifier(),
                password: PasswordAttempt::parse(&typed).unwrap(),
            }),
            newcomer: Newcomers::default(),
            origin: origin(),
        };
        let came = login(&self.ports, asked).await;
        let right = owner.filter(|it| self.people[it].password.as_ref() == Some(&typed));
        match right {
            Some(owner) => {
                let came = came.unwrap().admission;
                assert_eq!(came.user.id, owner);
                let session = (came.token, came.session.identity_id);
                self.people.get_mut(&owner).unwrap().sessions.push(session);
            }
            None => assert!(matches!(came, Err(Error::InvalidCredentials)), "{came:?}"),
        }
    }

    async fn link(&mut self, replaces: bool) {
        let Some((user, token)) = self.somebody() else { return };
        let address = self.address();
        let old = replaces.then(|| self.of_same_kind(user, address)).flatten();
        if replaces && old.is_none() {
            return;
        }
        let code = self.code(address, Purpose::Link).await.unwrap();
        let replace = old.map(|it| self.people[&user].addresses[&it]);
        let asked = Link { credential: code.into(), replace, origin: origin() };
        let linked = link(&self.ports, &self.caller(&token).await, asked).await;
        match self.owner(address) {
            Some(owner) if owner == user => assert!(!linked.unwrap().is_new),
            Some(_) => assert!(matches!(linked, Err(Error::IdentityInUse)), "{linked:?}"),
            None => {
                let id = linked.unwrap().identity.identity.id;
                let person = self.people.get_mut(&user).unwrap();
                person.addresses.insert(address, id);
                if let Some(old) = old {
                    person.addresses.remove(&old);
                    let is_other = |it: &SessionToken| it.reveal() != token.reveal();
                    self.end(user, |it, born_of| Some(born_of) == replace && is_other(it));
                }
            }
        }
    }

    fn of_same_kind(&self, user: UserId, address: usize) -> Option<usize> {
        let mut mine = self.people[&user].addresses.keys();
        mine.find(|it| *it % 2 == address % 2).copied()
    }

    async fn unlink(&mut self) {
        let Some((user, token)) = self.somebody() else { return };
        let mine: Vec<_> = self.people[&user].addresses.clone().into_iter().collect();
        let (address, id) = mine[self.random.random_range(0..mine.len())];
        let gone = unlink(&self.ports, &self.caller(&token).await, id, origin()).await;
        if mine.len() == 1 {
            assert!(matches!(gone, Err(Error::LastMethod)), "{gone:?}");
            return;
        }
        gone.unwrap();
        self.people.get_mut(&user).unwrap().addresses.remove(&address);
        self.end(user, |it, born_of| born_of == id && it.reveal() != token.reveal());
    }

    async fn merge(&mut self) {
        let Some((user, token)) = self.somebody() else { return };
        let address = self.address();
        let dry_run = self.random.random_range(0..4) == 0;
        let code = self.code(address, Purpose::Merge).await.unwrap();
        let asked = Merge {
            credential: code.into(),
            profile_from: ProfileFrom::This,
            dry_run,
            origin: origin(),
        };
        let merged = merge(&self.ports, &self.caller(&token).await, asked).await;
        match self.owner(address) {
            None => assert!(matches!(merged, Err(Error::CodeInvalid)), "{merged:?}"),
            Some(other) if other == user => {
                assert!(matches!(merged, Err(Error::MergeConflict)), "{merged:?}");
            }
            Some(other) => {
                let merged = merged.unwrap();
                let theirs = &self.people[&other];
                assert_eq!(merged.moved.len(), theirs.addresses.len());
                assert_eq!(merged.drops_password, theirs.password.is_some());
                if dry_run {
                    return;
                }
                self.end(other, |_, _| true);
                let theirs = self.people.get_mut(&other).unwrap();
                (theirs.password, theirs.is_gone) = (None, true);
                let mut moved = std::mem::take(&mut theirs.addresses);
                self.people.get_mut(&user).unwrap().addresses.append(&mut moved);
                for (id, person) in &mut self.people {
                    if *id == other || person.means == Some(other) {
                        person.means = Some(user);
                    }
                }
            }
        }
    }

    async fn reset(&mut self) {
        let (address, number) = (self.address(), self.random.random_range(0..3));
        let Some(code) = self.code(address, Purpose::ResetPassword).await else {
            assert_eq!(self.owner(address), None);
            return;
        };
        let owner = self.owner(address).expect("a code is sent to somebody");
        let asked = Reset { code, new: password(number), origin: origin() };
        reset_password(&self.ports, asked).await.unwrap();
        self.people.get_mut(&owner).unwrap().password = Some(password(number));
        self.end(owner, |_, _| true);
    }

    async fn set_password(&mut self) {
        let Some((user, token)) = self.somebody() else { return };
        let number = self.random.random_range(0..3);
        let current = self.people[&user].password.clone();
        let asked = SetPassword {
            current: current.as_deref().map(|it| PasswordAttempt::parse(it).unwrap()),
            new: password(number),
            origin: origin(),
        };
        let set = set_password(&self.ports, &self.caller(&token).await, asked).await.unwrap();
        let person = self.people.get_mut(&user).unwrap();
        person.password = Some(password(number));
        let born_of = person.sessions.iter().find(|(it, _)| it.reveal() == token.reveal());
        let (_, born_of) = born_of.cloned().unwrap();
        self.end(user, |_, _| true);
        self.people.get_mut(&user).unwrap().sessions.push((set.token, born_of));
    }

    async fn delete(&mut self) {
        let Some((user, token)) = self.somebody() else { return };
        delete(&self.ports, &self.caller(&token).await, origin()).await.unwrap();
        self.end(user, |_, _| true);
        let person = self.people.get_mut(&user).unwrap();
        *person = Person { is_gone: true, ..Person::default() };
    }

    async fn step(&mut self) {
        self.fakes.clock.advance(Duration::from_secs(1));
        match self.random.random_range(0..20) {
            0..=4 => self.log_in().await,
            5 | 6 => self.log_in_by_password().await,
            7..=9 => self.link(false).await,
            10 | 11 => self.link(true).await,
            12 | 13 => self.unlink().await,
            14 | 15 => self.merge().await,
            16 => self.reset().await,
            17 | 18 => self.set_password().await,
            _ => self.delete().await,
        }
    }

    /// The store is what the model says.
    async fn check(&self) {
        let now = self.ports.clock.now();
        for address in 0..ADDRESSES {
            let key = self.ports.keys.identifier_key(&self.recipient(address).identifier());
            let found = self.ports.accounts.find(&key).await.unwrap();
            assert_eq!(found.map(|it| it.user.id), self.owner(address), "address {address}");
        }
        for (id, person) in &self.people {
            let stored = self.ports.accounts.load(*id, now).await.unwrap().expect("a user");
            let mut ids: Vec<_> = stored.identities.iter().map(|it| it.id).collect();
            let mut expected: Vec<_> = person.addresses.values().copied().collect();
            ids.sort_unstable();
            expected.sort_unstable();
            assert_eq!(ids, expected, "{id}");
            assert_eq!(stored.names.len(), expected.len(), "{id}");
            assert_eq!(stored.user.has_password, person.password.is_some(), "{id}");
            assert_eq!(stored.user.state == UserState::Active, !person.is_gone, "{id}");
            assert_eq!(stored.methods(&Ways::OWN).is_empty(), person.is_gone, "{id}");
            let means = self.ports.accounts.resolve(*id).await.unwrap();
            assert_eq!(means, Some(person.means.unwrap_or(*id)), "{id}");
            for (token, _) in &person.sessions {
                let caller = self.caller(token).await;
                assert_eq!(caller.signed_in.user.id, *id);
                assert_eq!(caller.signed_in.user.has_password, person.password.is_some());
            }
        }
        for token in &self.dead {
            let opened = authenticate(&self.ports, token, Access::Session).await;
            assert!(matches!(opened, Err(Error::SessionInvalid)), "a dead session: {opened:?}");
        }
    }

    async fn live(mut self) {
        for _ in 0..STEPS {
            self.step().await;
            self.check().await;
        }
        assert!(self.people.len() > 3 && !self.dead.is_empty(), "too little happened");
    }
}

fn password(number: usize) -> String {
    format!("correct horse battery {number}")
}

/// Seeds of a run: some that are always tried, and one of its own that a failure names.
fn seeds() -> impl Iterator<Item = u64> {
    (1..=3).chain([rand::random_range(1_000..u64::MAX)]).inspect(|it| println!("seed {it}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn random_lives_are_as_the_model_has_them_on_sqlite() {
    for seed in seeds() {
        let folder = tempfile::tempdir().unwrap();
        let database = adapters_db::testing::fresh_sqlite(&folder.path().join("model.db"));
        World::new(database.unwrap(), seed).live().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg(feature = "test-postgres")]
async fn random_lives_are_as_the_model_has_them_on_postgres() {
    for seed in seeds() {
        let name = format!("model_{seed}_{}", rand::random_range(0..u64::MAX));
        let database = adapters_db::testing::fresh_postgres(&name).await;
        World::new(database.unwrap(), seed).live().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_lives_are_as_the_model_has_them_in_memory() {
    for seed in seeds() {
        World::new(adapters_memory::database::MemoryDatabase::default(), seed).live().await;
    }
}
