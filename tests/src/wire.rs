//! A wire between a node and a store that can be cut, held up, and laid elsewhere.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
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
    moves: watch::Sender<u32>,
    carrying: JoinHandle<()>,
}

impl Wire {
    /// A wire to a store of this machine, which carries.
    pub async fn to(url: &str) -> Self {
        let (before, rest) = url.split_once(HOST).expect("a store of this machine");
        let digits = rest.find(|it: char| !it.is_ascii_digit()).unwrap_or(rest.len());
        let (port, after) = rest.split_at(digits);
        let port = port.parse().expect("a port");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (manner, watched) = watch::channel(Manner::Carries);
        let (moves, mut laid) = watch::channel(0);
        let carrying = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                laid.mark_unchanged();
                connections.spawn(connect(near, port, watched.clone(), laid.clone()));
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
        self.moves.send_modify(|it| *it += 1);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

async fn connect(
    mut near: TcpStream,
    port: u16,
    mut manner: watch::Receiver<Manner>,
    mut moves: watch::Receiver<u32>,
) {
    let mut watched = manner.clone();
    let carried = async {
        carries(&mut watched).await;
        let mut far = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        let ((near_in, near_out), (far_in, far_out)) = (near.split(), far.split());
        tokio::select! {
            done = copy(near_in, far_out, watched.clone()) => return done,
            done = copy(far_in, near_out, watched.clone()) => return done,
            _ = moves.changed() => {}
        }
        drop(far);
        tokio::io::copy(&mut near, &mut tokio::io::sink()).await.map(drop)
    };
    tokio::select! {
        _ = carried => {}
        _ = manner.wait_for(|it| *it == Manner::Cut) => {}
    }
}

async fn copy(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut manner: watch::Receiver<Manner>,
) -> std::io::Result<()> {
    let mut bytes = vec![0; 16_384];
    loop {
        let length = from.read(&mut bytes).await?;
        carries(&mut manner).await;
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
