//! Sockets of callers that stay on one thread: each runtime of that kind has one of its own.
//!
//! Who shares a socket that lives on another runtime wakes its threads with each command and is
//! woken by them, which at the rate of session checks costs more than Redis does. A socket that
//! lives on the caller's own thread needs neither; it goes with its runtime, and nobody else has it.

use std::cell::RefCell;

use redis::RedisError;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use tokio::runtime::{Handle, Id, RuntimeFlavor};

thread_local! {
    static SOCKETS: RefCell<Vec<Own>> = const { RefCell::new(Vec::new()) };
}

struct Own {
    /// Which [`Redis`](crate::Redis) it belongs to.
    of: u64,
    runtime: Id,
    socket: ConnectionManager,
}

/// The runtime of a caller that stays on its thread; `None` for any other caller.
pub(crate) fn runtime() -> Option<Id> {
    let here = Handle::try_current().ok()?;
    (here.runtime_flavor() == RuntimeFlavor::CurrentThread).then(|| here.id())
}

/// The caller's own socket, made when it is first asked for; it connects by itself.
pub(crate) fn socket(
    of: u64,
    runtime: Id,
    client: &redis::Client,
    config: &ConnectionManagerConfig,
) -> Result<ConnectionManager, RedisError> {
    SOCKETS.with_borrow_mut(|sockets| {
        if let Some(own) = sockets.iter().find(|it| it.of == of && it.runtime == runtime) {
            return Ok(own.socket.clone());
        }
        let socket = ConnectionManager::new_lazy_with_config(client.clone(), config.clone())?;
        // A thread has one runtime at a time: the sockets of an earlier one went with it.
        sockets.retain(|it| it.runtime == runtime);
        sockets.push(Own { of, runtime, socket: socket.clone() });
        Ok(socket)
    })
}
