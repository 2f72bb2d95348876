//! Two thousand connections that say almost nothing, while people log in.

use std::net::SocketAddr;
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
/// Half of them never end their head, and half of them never end their body.
const BEGINNINGS: [&str; 2] = [
    "POST /v1/login HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    "POST /v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
     Content-Length: 9000\r\n\r\n",
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
    let mut slow = JoinSet::new();
    for (number, address) in addresses.iter().cycle().take(CONNECTIONS).copied().enumerate() {
        // Each node gets both kinds.
        let [head, body] = BEGINNINGS;
        let beginning = if (number / nodes).is_multiple_of(2) { head } else { body };
        slow.spawn(drips(address, beginning));
    }
    tokio::time::sleep(LONG).await;
    let open = slow.len();
    slow.shutdown().await;
    let recovery = stage.heals().await;
    let p99 = stage.tally.counts().p99();
    if p99 > LOGIN {
        stage.tally.broke(format!("99 of 100 logins took {p99:.2?}"));
    }
    let report = Report::of("2,000 slow connections", stores)
        .note(format!("p99 of logins {:.2} s with {open} slow clients", p99.as_secs_f64()));
    stage.end(report, Some(recovery), Expected { kinds: &[], longest: None }).await
}

/// One slow client: whenever it is thrown out, it comes again.
async fn drips(address: SocketAddr, beginning: &str) {
    loop {
        if let Ok(mut stream) = TcpStream::connect(address).await {
            let mut said = stream.write_all(beginning.as_bytes()).await;
            while said.is_ok() {
                tokio::time::sleep(DRIP).await;
                said = stream.write_all(b"a").await;
            }
        }
        tokio::time::sleep(DRIP / 10).await;
    }
}
