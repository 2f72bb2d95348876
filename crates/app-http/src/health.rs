//! Whether the node of this machine lives, for containers whose image has nothing else to ask with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
const REQUEST: &[u8] = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
/// What a node that lives begins with.
const LIVES: &[u8] = b"HTTP/1.1 200 ";

/// Asks the node that listens at `bind`; fails unless it lives.
pub(crate) async fn run(bind: SocketAddr) -> Result<()> {
    let asked = timeout(PATIENCE, ask(reached_at(bind))).await;
    if !asked.context("the node does not answer in time")?.context("the node does not answer")? {
        bail!("the node answers that it does not live");
    }
    Ok(())
}

async fn ask(address: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(REQUEST).await?;
    let mut beginning = [0; LIVES.len()];
    stream.read_exact(&mut beginning).await?;
    Ok(beginning == *LIVES)
}

/// Where a node that listens at all addresses is reached from here.
fn reached_at(bind: SocketAddr) -> SocketAddr {
    let ip = match bind.ip() {
        IpAddr::V4(it) if it.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(it) if it.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        it => it,
    };
    SocketAddr::new(ip, bind.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_node_lives_or_it_does_not() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let bind = SocketAddr::new([0, 0, 0, 0].into(), listener.local_addr().unwrap().port());
        let node = tokio::spawn(async move {
            for answer in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 503 Service Unavailable\r\n\r\n"] {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 256];
                let length = stream.read(&mut request).await.unwrap();
                assert!(request[..length].starts_with(b"GET /health/live "));
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        run(bind).await.unwrap();
        run(bind).await.unwrap_err();
        node.await.unwrap();
        assert!(run(bind).await.unwrap_err().to_string().contains("does not answer"));
    }
}
