//! Sockets of callers that stay on one thread: each runtime of that kind has one of its own.
//!
//! Who shares a socket that lives on another runtime wakes its threads with each command and is
//! woken by them, which at the rate of session checks costs more than Redis does. A socket that
//! lives on the caller's own thread needs neither; it goes with its runtime, and nobody else has it.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError};
use tokio::runtime::{Handle, Id, RuntimeFlavor};

use crate::doubts::{Doubts, Held};
use crate::socket::Socket;

thread_local! {
    static SOCKETS: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

/// Tells the values of a process apart.
static MADE: AtomicU64 = AtomicU64::new(0);

struct Kept {
    /// Which [`Own`] it belongs to.
    of: u64,
    runtime: Id,
    held: Held,
}

/// Makes such sockets to one server.
pub(crate) struct Own {
    number: u64,
    client: Client,
    config: ConnectionManagerConfig,
    doubts: Doubts,
}

impl Own {
    pub(crate) fn new(client: Client, config: ConnectionManagerConfig, doubts: Doubts) -> Self {
        Self { number: MADE.fetch_add(1, Ordering::Relaxed), client, config, doubts }
    }

    /// The caller's own socket, made when it is first asked for and when one failed since; it
    /// connects when it is used. `None` for a caller that does not stay on its thread.
    pub(crate) fn socket(&self) -> Option<Result<Held, RedisError>> {
        let runtime = runtime()?;
        Some(SOCKETS.with_borrow_mut(|sockets| {
            let is_own = |it: &Kept| it.of == self.number && it.runtime == runtime;
            let own = sockets.iter().find(|it| is_own(it) && self.doubts.trust(&it.held));
            if let Some(own) = own {
                return Ok(own.held.clone());
            }
            let made = self.doubts.count();
            let (client, config) = (self.client.clone(), self.config.clone());
            let socket = ConnectionManager::new_lazy_with_config(client, config)?;
            let held = Held::new(Socket::Server(socket), made);
            // A thread has one runtime at a time: the sockets of an earlier one went with it.
            sockets.retain(|it| it.runtime == runtime && !is_own(it));
            sockets.push(Kept { of: self.number, runtime, held: held.clone() });
            Ok(held)
        }))
    }
}

/// True for a caller that stays on its thread.
pub(crate) fn is_alone() -> bool {
    runtime().is_some()
}

fn runtime() -> Option<Id> {
    let here = Handle::try_current().ok()?;
    (here.runtime_flavor() == RuntimeFlavor::CurrentThread).then(|| here.id())
}
