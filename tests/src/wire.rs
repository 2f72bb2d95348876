//! A wire between a node and a store that can be cut, held up, and laid elsewhere.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// What stands before a store's port.
const HOST: &str = "127.0.0.1:";

/// What a wire does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It carries.
    Carries,
    /// Connections break, and new ones come to nothing.
    Cut,
    /// Connections stand, and nothing arrives until it carries again.
    Held,
}

/// A wire with an address of its own. Dropping it cuts it.
#[derive(Debug)]
pub struct Wire {
    url: String,
    manner: watch::Sender<Manner>,
    /// How often it was laid elsewhere.
    moves: Arc<AtomicU32>,
    carrying: JoinHandle<()>,
}

impl Wire {
    /// A wire to a store of this machine, which carries.
    pub async fn to(url: &str) -> Self {
        let (before, rest) = url.split_once(HOST).expect("a store of this machine");
        let end = rest.find(|it: char| !it.is_ascii_digit()).unwrap_or(rest.len());
        let (port, after) = rest.split_at(end);
        let port = port.parse().expect("a port");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (manner, watched) = watch::channel(Manner::Carries);
        let moves = Arc::<AtomicU32>::default();
        let laid = Arc::clone(&moves);
        let carrying = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let end = End { laid: laid.load(Ordering::SeqCst), moves: Arc::clone(&laid) };
                connections.spawn(connect(near, port, watched.clone(), end));
                while connections.try_join_next().is_some() {}
            }
        });
        let url = format!("{before}{HOST}{}{after}", address.port());
        Self { url, manner, moves, carrying }
    }

    /// The address of the store by this wire.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on it does this.
    pub fn is(&self, manner: Manner) {
        self.manner.send_replace(manner);
    }

    /// What was connected stands and goes nowhere, as where a machine is lost and another takes over;
    /// new connections are carried.
    pub fn moves(&self) {
        self.moves.fetch_add(1, Ordering::SeqCst);
    }
}

/// Where one connection ends.
#[derive(Clone)]
struct End {
    laid: u32,
    moves: Arc<AtomicU32>,
}

impl End {
    fn is_lost(&self) -> bool {
        self.laid != self.moves.load(Ordering::SeqCst)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

async fn connect(near: TcpStream, port: u16, mut manner: watch::Receiver<Manner>, end: End) {
    let mut watched = manner.clone();
    let carried = async move {
        carries(&mut watched).await;
        let far = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
        tokio::select! {
            done = copy(near_in, far_out, watched.clone(), end.clone()) => done,
            done = copy(far_in, near_out, watched.clone(), end) => done,
        }
    };
    tokio::select! {
        _ = carried => {}
        _ = manner.wait_for(|it| *it == Manner::Cut) => {}
    }
}

async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut manner: watch::Receiver<Manner>,
    end: End,
) -> std::io::Result<()> {
    let mut bytes = vec![0; 16_384];
    loop {
        let length = from.read(&mut bytes).await?;
        carries(&mut manner).await;
        if end.is_lost() {
            std::future::pending::<()>().await;
        }
        match bytes.get(..length) {
            None | Some([]) => return Ok(()),
            Some(read) => to.write_all(read).await?,
        }
    }
}

/// Waits until the wire carries.
async fn carries(manner: &mut watch::Receiver<Manner>) {
    let _ = manner.wait_for(|it| *it == Manner::Carries).await;
}
