//! Addresses: how they are put together, and which may be called at all.

use std::net::IpAddr;

use reqwest::Url;

/// Joins a base and a vendor's own path; the base may carry a prefix of its own.
pub(crate) fn join(base: &str, path: &str) -> String {
    format!("{}{path}", base.trim_end_matches('/'))
}

/// An address with parameters, in their order.
pub(crate) fn with_query(address: &str, pairs: &[(&str, &str)]) -> String {
    let sign = if address.contains('?') { '&' } else { '?' };
    format!("{address}{sign}{}", encoded(pairs))
}

/// Parameters in their order, a blank as `%20`: what every vendor reads, in a query and in a form.
pub(crate) fn encoded(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// A text with everything percent-encoded that may not stand in a query.
pub(crate) fn escaped(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            all.push(char::from(byte));
        } else {
            let digit =
                |it: u8| char::from_digit(it.into(), 16).unwrap_or('0').to_ascii_uppercase();
            all.extend(['%', digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
    all
}

/// Why an address may not be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It is no `http` or `https` address of a host, or carries what no base has.
    NoAddress,
    /// It is not encrypted, and not of this machine.
    InClear,
}

/// Reads an address that an operator set: `https`, or `http` on this machine alone.
pub(crate) fn parse(text: &str) -> Result<Url, Unfit> {
    let url = Url::parse(text).map_err(|_| Unfit::NoAddress)?;
    let is_plain = url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none()
        && url.query().is_none()
        && url.host_str().is_some_and(|it| !it.is_empty());
    match url.scheme() {
        "https" if is_plain => Ok(url),
        "http" if is_plain && is_loopback(&url) => Ok(url),
        "http" if is_plain => Err(Unfit::InClear),
        _ => Err(Unfit::NoAddress),
    }
}

/// True for an address of this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host == "localhost" || ip(host).is_some_and(|it| it.is_loopback())
}

/// True if a host is written as an address that is not public.
pub(crate) fn is_private_literal(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || ip(host).is_some_and(is_private)
}

fn ip(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

/// True for an address that is not on the public internet.
pub(crate) fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(it) => {
            let [a, b, c, _] = it.octets();
            it.is_private()
                || it.is_loopback()
                || it.is_link_local()
                || it.is_multicast()
                || it.is_broadcast()
                || it.is_documentation()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 198 && (18..20).contains(&b))
                || (a == 192 && b == 0 && c == 0)
        }
        IpAddr::V6(it) => {
            let [first, second, ..] = it.segments();
            // Addresses that carry one of version 4 are that one.
            let inner = it.to_ipv4_mapped().or_else(|| match it.octets() {
                [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]
                | [0x20, 0x02, a, b, c, d, ..] => Some([a, b, c, d].into()),
                _ => None,
            });
            inner.is_some_and(|it| is_private(it.into()))
                || it.is_loopback()
                || it.is_unspecified()
                || it.is_multicast()
                || first & 0xfe00 == 0xfc00
                || first & 0xffc0 == 0xfe80
                || first & 0xffc0 == 0xfec0
                || (first == 0x2001 && second == 0xdb8)
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_base_keeps_its_prefix() {
        assert_eq!(
            join("http://127.0.0.1:9900/wechat/", "/sns/auth"),
            "http://127.0.0.1:9900/wechat/sns/auth"
        );
    }

    #[test]
    fn parameters_keep_their_order_and_are_encoded() {
        let address = with_query("https://a.example.com/x", &[("b", "1 2"), ("a", "小&=")]);
        assert_eq!(address, "https://a.example.com/x?b=1%202&a=%E5%B0%8F%26%3D");
    }

    #[rstest]
    #[case("https://api.example.com/prefix", Ok(()))]
    #[case("http://127.0.0.1:9900/wechat", Ok(()))]
    #[case("http://[::1]:9900", Ok(()))]
    #[case("http://localhost", Ok(()))]
    #[case("http://example.com", Err(Unfit::InClear))]
    #[case("http://localhost.example.com", Err(Unfit::InClear))]
    #[case("http://127.0.0.1@example.com", Err(Unfit::NoAddress))]
    #[case("https://example.com/?a=b", Err(Unfit::NoAddress))]
    #[case("ftp://example.com", Err(Unfit::NoAddress))]
    #[case("example.com", Err(Unfit::NoAddress))]
    #[case("", Err(Unfit::NoAddress))]
    fn an_operators_address_is_encrypted_or_here(
        #[case] text: &str,
        #[case] expected: Result<(), Unfit>,
    ) {
        assert_eq!(parse(text).map(|_| ()), expected, "{text}");
    }

    /// EXT-04.
    #[rstest]
    #[case("10.0.0.1", true)]
    #[case("172.16.0.1", true)]
    #[case("192.168.1.1", true)]
    #[case("169.254.169.254", true)]
    #[case("100.64.0.1", true)]
    #[case("127.0.0.2", true)]
    #[case("0.0.0.0", true)]
    #[case("255.255.255.255", true)]
    #[case("::1", true)]
    #[case("[fd00::1]", true)]
    #[case("fe80::1", true)]
    #[case("::ffff:10.0.0.1", true)]
    #[case("64:ff9b::a00:1", true)]
    #[case("2002:a00:1::", true)]
    #[case("localhost", true)]
    #[case("93.184.216.34", false)]
    #[case("2606:4700::1111", false)]
    #[case("example.com", false)]
    fn private_addresses_are_known(#[case] host: &str, #[case] expected: bool) {
        assert_eq!(is_private_literal(host), expected, "{host}");
    }
}
