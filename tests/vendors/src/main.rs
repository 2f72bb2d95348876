//! The stand-ins of all identity providers at one address, for development:
//! `test-vendors [<address> [<address of the service>]]`.
//!
//! It prints what the service's environment needs, a name and a value a line, then an empty line,
//! and serves until its standard input ends.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::time::SystemTime;

use test_vendors::StandIn;
use test_vendors::oauth::Demo;

/// The address, where none is given.
const HERE: &str = "127.0.0.1:9900";
/// The service's address, where none is given.
const SERVICE: &str = "127.0.0.1:8080";

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let here = arguments.next().unwrap_or_else(|| HERE.to_owned());
    let service = arguments.next().unwrap_or_else(|| SERVICE.to_owned());
    let address: SocketAddr = here.parse().map_err(io::Error::other)?;
    if !address.ip().is_loopback() {
        return Err(io::Error::other("stand-ins are for this machine alone"));
    }
    let demo = Demo::new(&format!("http://{here}"), &format!("http://{service}"), now);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let _stand_in = StandIn::start_at(address, demo.routes()).await?;
        let mut out = io::stdout().lock();
        for (name, value) in demo.environment() {
            writeln!(out, "{name}={value}")?;
        }
        writeln!(out)?;
        out.flush()?;
        drop(out);
        let ended = tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink()));
        ended.await.map_err(io::Error::other)?.map(|_| ())
    })
}

#[expect(clippy::disallowed_methods, reason = "the stand-ins' clock is that of the machine")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |it| i64::try_from(it.as_secs()).unwrap_or(i64::MAX))
}
