//! A socket that failed is not used again.
//!
//! The driver makes a new connection where it sees the old one end. It does not see the end of one
//! whose other side is silently gone (the machine is lost, the address is another's), and keeps the
//! failure of a connection that could not be made for whoever asks next, when the server may be
//! back. So nobody relies on it: one call that fails puts away every socket that was made before.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::socket::Socket;

/// How often a socket turned out to be of no use. Clones count together.
#[derive(Clone, Default)]
pub(crate) struct Doubts(Arc<AtomicU64>);

impl Doubts {
    /// A socket that is being made now.
    pub(crate) fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// True if no socket failed since this one was made.
    pub(crate) fn trust(&self, held: &Held) -> bool {
        held.doubts == self.now()
    }

    /// Notes that a socket that was made at this count failed. Of many calls that fail on it, one
    /// counts, so that they do not put away what was made since.
    pub(crate) fn doubt(&self, made: u64) {
        let next = made.wrapping_add(1);
        let _ = self.0.compare_exchange(made, next, Ordering::SeqCst, Ordering::SeqCst);
    }
}

/// A socket, and how many doubts there were when it was made.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) socket: Socket,
    pub(crate) doubts: u64,
}
