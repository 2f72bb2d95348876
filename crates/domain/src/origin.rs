//! Where a request comes from.

use std::net::{IpAddr, Ipv6Addr};

/// The address and device of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The client's address, IPv4-mapped ones folded.
    pub ip: IpAddr,
    /// What the client says of its device.
    pub device: Device,
}

/// A device as the client describes it: a hint for people, proof of nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Device {
    /// The client's own name for it, up to 128 characters.
    pub id: Option<String>,
    /// A name for people, up to 64 characters.
    pub name: Option<String>,
}

/// The network that an address is counted by: IPv4 itself, IPv6 by its /64 (EDGE-06).
#[must_use]
pub fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(it) => IpAddr::V4(it),
        IpAddr::V6(it) => IpAddr::V6(Ipv6Addr::from_bits(it.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("192.0.2.7", "192.0.2.7")]
    #[case("::ffff:192.0.2.7", "192.0.2.7")]
    #[case("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::")]
    fn addresses_are_counted_by_network(#[case] ip: &str, #[case] counted_as: &str) {
        assert_eq!(network(ip.parse().unwrap()), counted_as.parse::<IpAddr>().unwrap());
    }
}
