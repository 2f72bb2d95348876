//! One root secret for a store, whoever opens it, and master secrets that follow each other.

use std::sync::Arc;

use adapters_memory::database::MemoryDatabase;
use adapters_memory::{FakeMaster, Fakes};
use application::keyring::{KeyringError, add, open, retire_others};
use domain::keyring::{Closed, Entry};
use domain::secret::{RootSecret, Sealed};
use ports::keyring::{Keyring, Master as _, MockKeyring};
use ports::testing::{RACERS, at, race};

use super::logged_in;

const OLD: FakeMaster = FakeMaster(1);
const NEW: FakeMaster = FakeMaster(2);

fn fresh(of: u8) -> RootSecret {
    RootSecret::new(vec![of; 32])
}

/// Why it does not open, if that is what was told.
fn closed<T>(told: &Result<T, KeyringError>) -> Option<Closed> {
    match told {
        Err(KeyringError::Closed(why)) => Some(*why),
        _ => None,
    }
}

/// Opens it as a node that would give it a root secret of such bytes; what it got.
async fn opened(
    keyring: &dyn Keyring,
    master: FakeMaster,
    of: u8,
) -> Result<Vec<u8>, KeyringError> {
    open(keyring, &master, fresh(of), at(0)).await.map(|it| it.reveal().to_vec())
}

/// CFG-01: nodes that begin together on an empty store have the same keys.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_begin_together_get_one_root_secret() {
    for _ in 0..20 {
        let database = Arc::new(MemoryDatabase::default());
        let got = race(RACERS, &database, |it, racer| async move {
            opened(&*it, OLD, u8::try_from(racer).unwrap()).await.unwrap()
        })
        .await;
        assert!(got.windows(2).all(|it| it[0] == it[1]), "{got:?}");
    }
}

/// CFG-01: while both open it nodes of either have the same keys; then the old one opens nothing.
#[tokio::test]
async fn a_master_secret_is_followed_by_another() {
    let database = MemoryDatabase::default();
    let root = opened(&database, OLD, 7).await.unwrap();
    assert_eq!(closed(&opened(&database, NEW, 8).await), Some(Closed::Another));
    assert_eq!(closed(&add(&database, &NEW, &NEW, at(1)).await), Some(Closed::Another));
    assert_eq!(closed(&retire_others(&database, &NEW).await), Some(Closed::Another));
    for _ in 0..2 {
        add(&database, &OLD, &NEW, at(1)).await.unwrap();
        assert_eq!(database.list().await.unwrap().len(), 2, "it is added once");
    }
    assert_eq!(opened(&database, OLD, 9).await.unwrap(), root);
    assert_eq!(opened(&database, NEW, 9).await.unwrap(), root);
    assert_eq!(retire_others(&database, &NEW).await.unwrap(), 1);
    assert_eq!(retire_others(&database, &NEW).await.unwrap(), 0);
    assert_eq!(closed(&opened(&database, OLD, 9).await), Some(Closed::Retired));
    assert_eq!(closed(&retire_others(&database, &OLD).await), Some(Closed::Retired));
    assert_eq!(opened(&database, NEW, 9).await.unwrap(), root);
    // It may come back.
    add(&database, &NEW, &OLD, at(2)).await.unwrap();
    assert_eq!(opened(&database, OLD, 9).await.unwrap(), root);
}

/// Accounts without a root secret are told, and get no other: nobody of them would be found.
#[tokio::test]
async fn accounts_get_no_second_root_secret() {
    let fakes = Fakes::default();
    logged_in(&fakes, &fakes.ports(), 1).await;
    assert!(matches!(opened(&*fakes.database, OLD, 7).await, Err(KeyringError::Lost)));
    assert_eq!(fakes.database.list().await.unwrap(), []);
}

/// A node that was first may have accounts before another one has looked twice.
#[tokio::test]
async fn another_nodes_first_account_is_no_loss() {
    let root = RootSecret::new(vec![7; 32]);
    let wrapped = Some(OLD.wrap(&root));
    let entry = Entry { number: 1, master: OLD.id(), wrapped, added_at: at(0) };
    let mut keyring = MockKeyring::new();
    keyring.expect_list().times(1).returning(|| Ok(Vec::new()));
    keyring.expect_has_accounts().times(1).returning(|| Ok(true));
    keyring.expect_list().times(1).returning(move || Ok(vec![entry.clone()]));
    assert_eq!(opened(&keyring, OLD, 8).await.unwrap(), root.reveal());
}

/// Of a store from before roots were wrapped the first one is empty, and no other.
#[tokio::test]
async fn an_empty_root_secret_is_the_first_one_or_changed() {
    let database = MemoryDatabase::default();
    opened(&database, OLD, 7).await.unwrap();
    let wrapped = Some(Sealed::new(Vec::new()));
    let entry = Entry { number: 2, master: NEW.id(), wrapped, added_at: at(0) };
    assert!(database.add(&entry, 1).await.unwrap());
    assert_eq!(closed(&opened(&database, NEW, 7).await), Some(Closed::Garbled));
}

/// A root secret that does not open is never replaced: everybody would be lost.
#[tokio::test]
async fn a_changed_root_secret_is_told() {
    let database = MemoryDatabase::default();
    let wrapped = Some(Sealed::new(vec![9; 33]));
    let entry = Entry { number: 1, master: OLD.id(), wrapped, added_at: at(0) };
    assert!(database.found(&entry).await.unwrap());
    assert_eq!(closed(&opened(&database, OLD, 7).await), Some(Closed::Garbled));
}
