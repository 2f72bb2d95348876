//! The client's address: the peer's, or what a proxy that is trusted says (EDGE-06).

use std::future::{Ready, ready};
use std::net::{IpAddr, SocketAddr};

use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::{FromRequest, HttpRequest, web};

use crate::app::App;
use crate::problem::Problem;

/// An address, or all addresses that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    /// Reads an address or a CIDR block.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse().ok()?)),
            None => (text, None),
        };
        let given: IpAddr = address.parse().ok()?;
        let address = given.to_canonical();
        // An IPv4-mapped block is the IPv4 block that it maps.
        let folded = if given.is_ipv6() && address.is_ipv4() { 96 } else { 0 };
        let most = bits(address);
        let prefix = match prefix {
            Some(it) => u32::checked_sub(it, folded)?,
            None => most,
        };
        (prefix <= most).then_some(Self { address, prefix })
    }

    /// True if an address is one of them.
    fn holds(&self, address: IpAddr) -> bool {
        let top = |it: u128, of: u32| it.checked_shr(of - self.prefix).unwrap_or(0);
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(it)) => {
                top(own.to_bits().into(), 32) == top(it.to_bits().into(), 32)
            }
            (IpAddr::V6(own), IpAddr::V6(it)) => top(own.to_bits(), 128) == top(it.to_bits(), 128),
            _ => false,
        }
    }
}

const fn bits(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The address of whoever sent the request, IPv4-mapped ones folded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientIp(pub(crate) IpAddr);

impl FromRequest for ClientIp {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let (Some(peer), Some(app)) = (request.peer_addr(), request.app_data::<web::Data<App>>())
        else {
            return ready(Err(Problem::internal("a request without peer or application")));
        };
        let found =
            client(peer.ip(), request.headers(), &app.trusted_proxies, &app.forwarded_header);
        ready(Ok(Self(found)))
    }
}

/// Reads the header from the right, past the proxies that are trusted.
///
/// Whatever cannot be read ends the reading at the peer: no text of a client makes an address.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network], header: &str) -> IpAddr {
    let peer = peer.to_canonical();
    let is_trusted = |it: IpAddr| trusted.iter().any(|network| network.holds(it));
    if !is_trusted(peer) {
        return peer;
    }
    let lines: Vec<_> = headers.get_all(header).collect();
    for line in lines.into_iter().rev() {
        let Ok(line) = line.to_str() else { return peer };
        for entry in line.rsplit(',') {
            match address(entry.trim(), header) {
                Some(it) if is_trusted(it) => {}
                Some(it) => return it,
                None => return peer,
            }
        }
    }
    peer
}

/// Reads one entry: an address, with or without a port; in `Forwarded` (RFC 7239) its `for`.
fn address(entry: &str, header: &str) -> Option<IpAddr> {
    let text = if header == "forwarded" {
        entry.split(';').find_map(|it| {
            let (name, value) = it.trim().split_once('=')?;
            name.eq_ignore_ascii_case("for").then(|| value.trim_matches('"'))
        })?
    } else {
        entry
    };
    let bare = text.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>().ok().map(|it| it.ip());
    bare.parse::<IpAddr>().ok().or_else(with_port).map(|it| it.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};
    use rstest::rstest;

    use super::*;

    fn found(peer: &str, header: &str, lines: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "192.168.1.1", "fd00::/8"]
            .map(|it| Network::parse(it).expect("a network"));
        let mut headers = HeaderMap::new();
        for line in lines {
            let name = HeaderName::try_from(header).expect("a name");
            headers.append(name, HeaderValue::from_str(line).expect("a value"));
        }
        client(peer.parse().expect("an address"), &headers, &trusted, header).to_string()
    }

    /// EDGE-06: the rightmost address that no trusted proxy has.
    #[rstest]
    #[case::stranger("203.0.113.9", &["198.51.100.1"], "203.0.113.9")]
    #[case::no_header("10.0.0.1", &[], "10.0.0.1")]
    #[case::one("10.0.0.1", &["198.51.100.1"], "198.51.100.1")]
    #[case::rightmost("10.0.0.1", &["1.1.1.1, 198.51.100.1"], "198.51.100.1")]
    #[case::past_proxies("10.0.0.1", &["198.51.100.1, 192.168.1.1, 10.9.9.9"], "198.51.100.1")]
    #[case::all_trusted("10.0.0.1", &["10.0.0.2"], "10.0.0.1")]
    #[case::last_line_first("10.0.0.1", &["1.1.1.1", "198.51.100.1"], "198.51.100.1")]
    #[case::nonsense("10.0.0.1", &["198.51.100.1, unknown"], "10.0.0.1")]
    #[case::nonsense_further_left("10.0.0.1", &["unknown, 198.51.100.1"], "198.51.100.1")]
    #[case::nonsense_behind_a_proxy("10.0.0.1", &["1.1.1.1, x, 10.0.0.2"], "10.0.0.1")]
    #[case::empty_entry("10.0.0.1", &["198.51.100.1,"], "10.0.0.1")]
    #[case::port("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1")]
    #[case::ipv6("10.0.0.1", &["2001:db8::1"], "2001:db8::1")]
    #[case::ipv6_and_port("10.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1")]
    #[case::mapped("::ffff:10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1")]
    #[case::ipv6_proxy("fd12::1", &["198.51.100.1"], "198.51.100.1")]
    fn the_client_is_who_the_last_trusted_proxy_names(
        #[case] peer: &str,
        #[case] lines: &[&str],
        #[case] expected: &str,
    ) {
        assert_eq!(found(peer, "x-forwarded-for", lines), expected);
    }

    #[test]
    fn the_standard_header_is_read_as_well() {
        let lines = ["for=1.1.1.1, For=\"[2001:db8::7]:80\";proto=https"];
        assert_eq!(found("10.0.0.1", "forwarded", &lines), "2001:db8::7");
        assert_eq!(found("10.0.0.1", "forwarded", &["for=_hidden"]), "10.0.0.1");
    }

    #[rstest]
    #[case("10.0.0.0/33")]
    #[case("10.0.0.0/x")]
    #[case("10.0.0/8")]
    #[case("::/129")]
    #[case("::ffff:1.2.3.4/95")]
    #[case("")]
    fn what_is_no_network_is_refused(#[case] text: &str) {
        assert_eq!(Network::parse(text), None);
    }

    #[test]
    fn a_network_holds_what_begins_alike() {
        let holds = |network: &str, it: &str| {
            Network::parse(network).expect("a network").holds(it.parse().expect("an address"))
        };
        assert!(holds("0.0.0.0/0", "203.0.113.9") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("::/0", "2001:db8::1") && !holds("::/0", "127.0.0.1"));
        assert!(holds("::ffff:10.0.0.0/104", "10.1.2.3"));
        assert!(holds("10.1.0.0/16", "10.1.255.255") && !holds("10.1.0.0/16", "10.2.0.0"));
        assert!(holds("2001:db8::/32", "2001:db8:ff::") && !holds("2001:db8::/32", "2001:db9::"));
    }

    proptest::proptest! {
        /// Whoever is no proxy is whom the socket names, whatever they say.
        #[test]
        fn a_word_of_a_stranger_changes_nothing(line in "[ -~]{0,60}|([0-9.:,a-f]|for=){0,30}") {
            for header in ["x-forwarded-for", "forwarded"] {
                proptest::prop_assert_eq!(found("203.0.113.9", header, &[&line]), "203.0.113.9");
                let read = found("10.0.0.1", header, &[&line]);
                // An address has a colon or a digit.
                let says_none = !line.contains([':', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
                proptest::prop_assert!(!says_none || read == "10.0.0.1");
            }
        }
    }
}
