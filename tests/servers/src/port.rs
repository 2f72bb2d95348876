//! Free ports, chosen so that nothing else takes them.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

use crate::Error;

/// The first port that may be chosen.
const FIRST: u16 = 20_000;
/// How many ports may be chosen from.
const COUNT: u16 = 12_000;

/// Finds a port on 127.0.0.1 that nobody listens on.
///
/// It lies below the range from which the system takes the ports of outgoing connections (Linux:
/// 32768 and up, macOS: 49152 and up). So while a server is stopped, no client's own socket can
/// sit on its port, and no client can connect to itself. Two callers may still be given the same
/// number: whoever starts a server on it tries again with another.
pub fn free_port() -> Result<u16, Error> {
    (0..100)
        .map(|_| FIRST + u16::try_from(random() % u64::from(COUNT)).unwrap_or(0))
        .find(|it| TcpListener::bind((Ipv4Addr::LOCALHOST, *it)).is_ok())
        .ok_or(Error::NoPort)
}

/// A number that differs from call to call and from process to process; not for secrets.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_stays_below_the_ports_of_outgoing_connections() {
        for _ in 0..50 {
            let port = free_port().expect("a port");
            assert!((FIRST..FIRST + COUNT).contains(&port), "{port}");
        }
    }
}
