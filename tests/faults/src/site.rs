//! The nodes as clients see them: behind a balancer that knows which of them are there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tests::Client;
use tokio::task::JoinHandle;

/// How often a balancer asks each node whether it is ready.
const LOOKS: Duration = Duration::from_millis(100);

/// Nodes by their numbers. Some may be away.
#[derive(Default)]
pub(crate) struct Site {
    slots: RwLock<Vec<Slot>>,
    sent: AtomicBool,
}

#[derive(Clone, Default)]
struct Slot {
    client: Option<Client>,
    is_ready: bool,
}

impl Site {
    /// A site of these nodes.
    pub(crate) fn of(clients: impl IntoIterator<Item = Client>) -> Arc<Self> {
        let slots = clients.into_iter().map(|it| Slot { client: Some(it), is_ready: true });
        Arc::new(Self { slots: RwLock::new(slots.collect()), sent: AtomicBool::new(false) })
    }

    /// A node is away, or another process has its number.
    pub(crate) fn put(&self, number: usize, client: Option<Client>) {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get_mut(number) {
            *slot = Slot { is_ready: client.is_some(), client };
        }
    }

    /// The nodes to try, in that order: those that are ready, or all if none is.
    pub(crate) fn order(&self, first: usize) -> Vec<Client> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner).clone();
        let ready = |it: &&Slot| it.is_ready && it.client.is_some();
        let any = slots.iter().any(|it| ready(&it));
        let mut all: Vec<_> = slots.iter().filter(|it| !any || ready(it)).collect();
        let count = all.len().max(1);
        all.rotate_left(first % count);
        all.into_iter().filter_map(|it| it.client.clone()).collect()
    }

    /// A balancer that asks for readiness, as in front of a production; until it is dropped.
    pub(crate) fn balanced(self: &Arc<Self>) -> Balancer {
        let site = Arc::clone(self);
        Balancer(tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOKS).await;
                site.look().await;
            }
        }))
    }

    async fn look(&self) {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner).clone();
        for (number, slot) in slots.into_iter().enumerate() {
            let Some(client) = slot.client else { continue };
            let answer = tokio::time::timeout(LOOKS * 10, client.get("/health/ready")).await;
            let is_ready = answer.is_ok_and(|it| it.is_ok_and(|it| it.status == 200));
            let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
            if let Some(slot) = slots.get_mut(number).filter(|it| it.client.is_some()) {
                slot.is_ready = is_ready;
            }
        }
    }

    /// Everybody goes home.
    pub(crate) fn end(&self) {
        self.sent.store(true, Ordering::SeqCst);
    }

    /// Whether everybody was sent home.
    pub(crate) fn is_over(&self) -> bool {
        self.sent.load(Ordering::SeqCst)
    }
}

/// Asks for readiness until it is dropped.
pub(crate) struct Balancer(JoinHandle<()>);

impl Drop for Balancer {
    fn drop(&mut self) {
        self.0.abort();
    }
}
