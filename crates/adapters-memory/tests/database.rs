//! The in-process database keeps the promises of accounts, sessions and the outbox; a racy one does not.
#![cfg(test)]

use std::sync::Arc;

use adapters_memory::database::MemoryDatabase;
use ports::keyring::Keyring;
use ports::signing_keys::SigningKeys;
use ports::testing::contract::accounts::Stores;
use ports::testing::contract::{consents, grants, outbox, retention};
use ports::testing::racy::suites_fail_on_a_racy_variant;
use ports::testing::racy_outbox::suite_fails_on_a_racy_variant;

fn memory() -> std::future::Ready<Stores> {
    let database = Arc::new(MemoryDatabase::default());
    std::future::ready(Stores { accounts: database.clone(), sessions: database })
}

fn memory_outbox() -> std::future::Ready<outbox::Stores> {
    let database = Arc::new(MemoryDatabase::default());
    let accounts = Stores { accounts: database.clone(), sessions: database.clone() };
    let writer = database.clone();
    let put: outbox::Put = Arc::new(move |entries| {
        writer.put_outgoing(&entries);
        Box::pin(std::future::ready(()))
    });
    std::future::ready(outbox::Stores { accounts, outbox: database, put })
}

mod accounts_in_memory {
    ports::accounts_contract!(super::memory());
}

mod changes {
    ports::changes_contract!(super::memory());
}

mod third_party_in_memory {
    ports::third_party_contract!(super::memory());
}

mod sessions_in_memory {
    ports::sessions_contract!(super::memory());
}

fn memory_grants() -> std::future::Ready<grants::Stores> {
    let database = Arc::new(MemoryDatabase::default());
    let accounts = Stores { accounts: database.clone(), sessions: database.clone() };
    std::future::ready(grants::Stores { accounts, grants: database })
}

fn memory_consents() -> std::future::Ready<consents::Stores> {
    let database = Arc::new(MemoryDatabase::default());
    let accounts = Stores { accounts: database.clone(), sessions: database.clone() };
    let grants = grants::Stores { accounts, grants: database.clone() };
    std::future::ready(consents::Stores { grants, consents: database })
}

fn memory_keys() -> std::future::Ready<Arc<dyn SigningKeys>> {
    std::future::ready(Arc::new(MemoryDatabase::default()))
}

fn memory_keyring() -> std::future::Ready<Arc<dyn Keyring>> {
    std::future::ready(Arc::new(MemoryDatabase::default()))
}

fn memory_retention() -> std::future::Ready<retention::Stores> {
    let database = Arc::new(MemoryDatabase::default());
    let accounts = Stores { accounts: database.clone(), sessions: database.clone() };
    let writer = database.clone();
    let put: outbox::Put = Arc::new(move |entries| {
        writer.put_outgoing(&entries);
        Box::pin(std::future::ready(()))
    });
    let outbox = outbox::Stores { accounts, outbox: database.clone(), put };
    std::future::ready(retention::Stores { outbox, grants: database.clone(), retention: database })
}

mod retention_in_memory {
    ports::retention_contract!(super::memory_retention());
}

mod grants_in_memory {
    ports::grants_contract!(super::memory_grants());
}

mod consents_in_memory {
    ports::consents_contract!(super::memory_consents());
}

mod signing_keys_in_memory {
    ports::signing_keys_contract!(super::memory_keys());
}

mod keyring_in_memory {
    ports::keyring_contract!(super::memory_keyring());
}

mod outbox_in_memory {
    ports::outbox_contract!(super::memory_outbox());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_racy_variant_breaks_the_promises() {
    suites_fail_on_a_racy_variant(memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_racy_outbox_breaks_the_promises() {
    suite_fails_on_a_racy_variant(memory_outbox).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn racy_grants_break_the_promises() {
    ports::testing::racy_grants::suites_fail_on_a_racy_variant(memory_grants).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn racy_consents_break_the_promises() {
    ports::testing::racy_consents::suite_fails_on_racy_variants(memory_consents).await;
}
