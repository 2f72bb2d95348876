//! Two thousand connections that say almost nothing, while people log in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tests::{Topology, World};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{ALONE, TWO_NODES, postgres};
use crate::report::Report;
use crate::stage::{Expected, Stage, WHILE};

/// How many connections (EDGE-05).
const CONNECTIONS: usize = 2_000;
/// How soon each says another byte.
const DRIP: Duration = Duration::from_secs(1);
/// How long they are there.
const LONG: Duration = Duration::from_secs(20);
/// The most that 99 of 100 good logins may take (EDGE-05).
const LOGIN: Duration = Duration::from_secs(1);
/// The fewest of them that are connected at one moment: one that is thrown out comes again.
const FEWEST: usize = CONNECTIONS / 10 * 9;
/// One in three never ends its head, one never ends its body, and one never says anything.
const BEGINNINGS: [&str; 3] = [
    "POST /v1/login HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    "POST /v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
     Content-Length: 9000\r\n\r\n",
    "",
];

/// Alone, and on two nodes that share the connections.
pub(crate) async fn bring() -> Vec<Report> {
    let alone = on(World::new(Topology::Sqlite).await, 1, ALONE).await;
    let server = postgres();
    vec![alone, on(World::on(&server).await, 2, TWO_NODES).await]
}

async fn on(world: World, nodes: usize, stores: &str) -> Report {
    let mut stage = Stage::on(world, nodes, &[]).await;
    stage.storm();
    tokio::time::sleep(WHILE).await;
    let addresses: Vec<SocketAddr> =
        stage.nodes.iter().flatten().filter_map(|it| it.address.parse().ok()).collect();
    let before = stage.tally.counts().logins.len();
    let (mut slow, open) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)));
    for (number, address) in addresses.iter().cycle().take(CONNECTIONS).copied().enumerate() {
        // Each node gets all kinds.
        let kind = BEGINNINGS.get(number / nodes % BEGINNINGS.len());
        slow.spawn(drips(address, kind.copied().unwrap_or_default(), Arc::clone(&open)));
    }
    tokio::time::sleep(LONG).await;
    let open = open.load(Ordering::SeqCst);
    if open < FEWEST {
        stage.tally.broke(format!("{open} connections are open, of {CONNECTIONS}"));
    }
    let mut counts = stage.tally.counts();
    slow.shutdown().await;
    let recovery = stage.heals().await;
    counts.logins.drain(..before);
    let p99 = counts.p99();
    if p99 > LOGIN {
        stage.tally.broke(format!("99 of 100 logins took {p99:.2?}"));
    }
    let report = Report::of("2,000 slow connections", stores)
        .note(format!("p99 of logins {:.2} s with {open} slow clients", p99.as_secs_f64()));
    stage.end(report, Some(recovery), Expected { kinds: &[], is_told: false, longest: None }).await
}

/// One slow client: whenever it is thrown out, it comes again.
async fn drips(address: SocketAddr, beginning: &str, open: Arc<AtomicUsize>) {
    loop {
        if let Ok(mut stream) = TcpStream::connect(address).await {
            open.fetch_add(1, Ordering::SeqCst);
            if beginning.is_empty() {
                // Whatever it is told, it only listens for the end.
                let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            } else {
                let mut said = stream.write_all(beginning.as_bytes()).await;
                while said.is_ok() {
                    tokio::time::sleep(DRIP).await;
                    said = stream.write_all(b"a").await;
                }
            }
            open.fetch_sub(1, Ordering::SeqCst);
        }
        tokio::time::sleep(DRIP / 10).await;
    }
}
