//! A socket that failed is not used again.
//!
//! The driver makes a new connection where it sees the old one end. It does not see that the other
//! side is silently gone, as where a machine is lost or a firewall forgot it; and it keeps the
//! failure of a connection that could not be made for whoever asks next, when the server may be
//! back. So nobody relies on it: a socket that failed is put away by its caller, and where a server
//! ended one, all that were made before are, since it is likely to have ended them all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::socket::Socket;

/// What a failed call says of sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// Nothing: the server answered by it.
    None,
    /// The one that it used may be of no use.
    Socket,
    /// So may all that were made before.
    Sockets,
}

/// How often all sockets were put away. Clones count together.
#[derive(Clone, Default)]
pub(crate) struct Doubts(Arc<AtomicU64>);

impl Doubts {
    /// A socket that is being made now.
    pub(crate) fn hold(&self, socket: Socket) -> Held {
        Held { socket, made: self.0.load(Ordering::SeqCst), failed: Arc::default() }
    }

    /// True if a socket may be used.
    pub(crate) fn trust(&self, held: &Held) -> bool {
        held.made == self.0.load(Ordering::SeqCst) && !held.failed.load(Ordering::SeqCst)
    }

    /// Notes what a call on a socket says. Of many that fail on sockets of one time, one puts away
    /// all, so that the others do not put away what was made since.
    pub(crate) fn note(&self, held: &Held, doubt: Doubt) {
        match doubt {
            Doubt::None => {}
            Doubt::Socket => held.failed.store(true, Ordering::SeqCst),
            Doubt::Sockets => {
                let (made, next) = (held.made, held.made.wrapping_add(1));
                let _ = self.0.compare_exchange(made, next, Ordering::SeqCst, Ordering::SeqCst);
            }
        }
    }
}

/// A socket, and what is known of it.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) socket: Socket,
    /// How often all had been put away when it was made.
    made: u64,
    failed: Arc<AtomicBool>,
}
