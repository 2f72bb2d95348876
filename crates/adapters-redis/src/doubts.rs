//! A socket that failed is not used again.
//!
//! The driver makes a new connection where it sees the old one end. It does not see that the other
//! side is silently gone, as where a machine is lost or a firewall forgot it; and it keeps the
//! failure of a connection that could not be made for whoever asks next, when the server may be
//! back. So nobody relies on it: a socket that failed is put away by its caller, and where a server
//! ended one that had served, all that were made before are, since it is likely to have ended them
//! all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::socket::Socket;

/// What a failed call says of its socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// The server answered by it.
    Answered,
    /// It is of no use.
    Useless,
    /// The server ended it.
    Ended,
}

/// How often all sockets were put away. Clones count together.
#[derive(Clone, Default)]
pub(crate) struct Doubts(Arc<AtomicU64>);

impl Doubts {
    /// The count now, for a socket that is made from what is known now.
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// True if a socket may be used.
    pub(crate) fn trust(&self, held: &Held) -> bool {
        held.made == self.count() && !held.known.failed.load(Ordering::SeqCst)
    }

    /// Notes what came of a call on a socket: an answer, or what its failure says.
    ///
    /// What a socket fails with that never served may come from before its first command: it says
    /// nothing of others (the house is full), and stays with the socket (a wrong password). Of many
    /// sockets of one time that were ended one puts away all, so that the others do not put away
    /// what was made since.
    pub(crate) fn note(&self, held: &Held, failure: Option<Doubt>) {
        let Known { served, failed } = &*held.known;
        let has_served = served.load(Ordering::SeqCst);
        match failure {
            None | Some(Doubt::Answered) if has_served => {}
            None => served.store(true, Ordering::SeqCst),
            Some(Doubt::Ended) if has_served => {
                let (made, next) = (held.made, held.made.wrapping_add(1));
                let _ = self.0.compare_exchange(made, next, Ordering::SeqCst, Ordering::SeqCst);
            }
            Some(_) => failed.store(true, Ordering::SeqCst),
        }
    }
}

/// A socket, and what is known of it.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) socket: Socket,
    /// How often all had been put away when it was made.
    made: u64,
    known: Arc<Known>,
}

#[derive(Default)]
struct Known {
    served: AtomicBool,
    failed: AtomicBool,
}

impl Held {
    /// A socket that was made at this count.
    pub(crate) fn new(socket: Socket, made: u64) -> Self {
        Self { socket, made, known: Arc::default() }
    }
}
