//! The in-process database keeps the promises of accounts and sessions; a racy one does not.
#![cfg(test)]

use std::sync::Arc;

use adapters_memory::database::MemoryDatabase;
use ports::testing::contract::accounts::Stores;
use ports::testing::racy::suites_fail_on_a_racy_variant;

fn memory() -> std::future::Ready<Stores> {
    let database = Arc::new(MemoryDatabase::default());
    std::future::ready(Stores { accounts: database.clone(), sessions: database })
}

mod accounts_in_memory {
    ports::accounts_contract!(super::memory());
}

mod changes {
    ports::changes_contract!(super::memory());
}

mod sessions_in_memory {
    ports::sessions_contract!(super::memory());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_racy_variant_breaks_the_promises() {
    suites_fail_on_a_racy_variant(memory).await;
}
