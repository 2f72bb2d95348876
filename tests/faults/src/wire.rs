//! A wire between a node and a store that can be cut and held up.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// What a wire does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It carries.
    Carries,
    /// Connections break, and new ones come to nothing.
    Cut,
    /// Connections stand, and nothing arrives until it carries again.
    Held,
}

/// A wire with an address of its own. Dropping it cuts it.
pub(crate) struct Wire {
    address: SocketAddr,
    manner: watch::Sender<Manner>,
    carrying: JoinHandle<()>,
}

impl Wire {
    /// A wire to a port of this machine, which carries.
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (manner, watched) = watch::channel(Manner::Carries);
        let carrying = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                connections.spawn(connect(near, port, watched.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, manner, carrying }
    }

    /// The port at its near end.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on it does this.
    pub(crate) fn is(&self, manner: Manner) {
        self.manner.send_replace(manner);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

async fn connect(near: TcpStream, port: u16, mut manner: watch::Receiver<Manner>) {
    let mut watched = manner.clone();
    let carried = async move {
        carries(&mut watched).await;
        let far = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
        tokio::select! {
            done = copy(near_in, far_out, watched.clone()) => done,
            done = copy(far_in, near_out, watched.clone()) => done,
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
