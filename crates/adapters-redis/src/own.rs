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

thread_local! {
    static SOCKETS: RefCell<Vec<Held>> = const { RefCell::new(Vec::new()) };
}

/// Tells the values of a process apart.
static MADE: AtomicU64 = AtomicU64::new(0);

struct Held {
    /// Which [`Own`] it belongs to.
    of: u64,
    runtime: Id,
    socket: ConnectionManager,
}

/// Makes such sockets to one server.
pub(crate) struct Own {
    number: u64,
    client: Client,
    config: ConnectionManagerConfig,
}

impl Own {
    pub(crate) fn new(client: Client, config: ConnectionManagerConfig) -> Self {
        Self { number: MADE.fetch_add(1, Ordering::Relaxed), client, config }
    }

    /// The caller's own socket, made when it is first asked for; it connects by itself. `None` for
    /// a caller that does not stay on its thread.
    pub(crate) fn socket(&self) -> Option<Result<ConnectionManager, RedisError>> {
        let runtime = runtime()?;
        Some(SOCKETS.with_borrow_mut(|sockets| {
            let own = sockets.iter().find(|it| it.of == self.number && it.runtime == runtime);
            if let Some(own) = own {
                return Ok(own.socket.clone());
            }
            let (client, config) = (self.client.clone(), self.config.clone());
            let socket = ConnectionManager::new_lazy_with_config(client, config)?;
            // A thread has one runtime at a time: the sockets of an earlier one went with it.
            sockets.retain(|it| it.runtime == runtime);
            sockets.push(Held { of: self.number, runtime, socket: socket.clone() });
            Ok(socket)
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
