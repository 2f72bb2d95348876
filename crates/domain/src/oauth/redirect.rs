//! Where a code may go: addresses that were registered, and no others (OP-01).

use std::net::IpAddr;

use thiserror::Error;

/// An address that was registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUri(String);

/// Why an address cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RedirectUriError {
    /// It is no absolute address.
    #[error("is not an absolute address")]
    NotAbsolute,
    /// It names many places.
    #[error("has a wildcard")]
    Wildcard,
    /// It has a fragment, which we would overwrite.
    #[error("has a fragment")]
    Fragment,
    /// It has a name or password in it.
    #[error("names a user")]
    Userinfo,
    /// The code would travel in clear.
    #[error("must begin with https://; http:// is for loopback addresses alone")]
    Clear,
    /// A scheme that anybody may take: those of apps are a domain turned round.
    #[error("has a scheme without a dot")]
    Scheme,
}

impl RedirectUri {
    /// Reads an address; `may_be_clear` lets `http` go to other machines, as in development.
    pub fn parse(text: &str, may_be_clear: bool) -> Result<Self, RedirectUriError> {
        let is_plain = text.len() <= 2048
            && text.bytes().all(|it| it.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&it));
        let (scheme, rest) = text.split_once(':').ok_or(RedirectUriError::NotAbsolute)?;
        let is_scheme = scheme.starts_with(|it: char| it.is_ascii_lowercase())
            && scheme
                .bytes()
                .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || b"+-.".contains(&it));
        if !is_plain || !is_scheme || rest.is_empty() {
            return Err(RedirectUriError::NotAbsolute);
        }
        if text.contains('*') {
            return Err(RedirectUriError::Wildcard);
        }
        if text.contains('#') {
            return Err(RedirectUriError::Fragment);
        }
        let authority = authority(rest);
        if authority.is_some_and(|it| it.contains('@')) {
            return Err(RedirectUriError::Userinfo);
        }
        let has_host = authority.is_some_and(|it| !host(it).is_empty());
        match scheme {
            "https" | "http" if !has_host => Err(RedirectUriError::NotAbsolute),
            "https" => Ok(()),
            "http" if may_be_clear || loopback(text).is_some() => Ok(()),
            "http" => Err(RedirectUriError::Clear),
            other if other.contains('.') => Ok(()),
            _ => Err(RedirectUriError::Scheme),
        }?;
        Ok(Self(text.to_owned()))
    }

    /// True if `asked` is this address, byte for byte, or differs in the port of a loopback address
    /// alone (RFC 8252, 7.3).
    #[must_use]
    pub fn takes(&self, asked: &str) -> bool {
        self.0 == asked
            || match (loopback(&self.0), loopback(asked)) {
                (Some(own), Some(asked)) => own == asked,
                _ => false,
            }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What stands between `//` and the path.
fn authority(rest: &str) -> Option<&str> {
    let rest = rest.strip_prefix("//")?;
    rest.split(['/', '?', '#']).next()
}

fn host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Host and the rest of an address of this machine, without the port; `None` for any other.
fn loopback(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http:")?;
    let authority = authority(rest)?;
    let host = host(authority);
    let port = authority.strip_prefix(host)?.strip_prefix(':');
    let address: IpAddr =
        host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host).parse().ok()?;
    let has_port = port.is_none_or(|it| it.parse::<u16>().is_ok_and(|it| it > 0));
    let behind = rest.strip_prefix("//")?.strip_prefix(authority)?;
    (address.is_loopback() && has_port).then_some((host, behind))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    /// OP-01: what can be registered, and what cannot.
    #[rstest]
    #[case::https("https://app.example.com/cb", Ok(()))]
    #[case::query("https://app.example.com/cb?a=b", Ok(()))]
    #[case::port("https://app.example.com:8443/cb", Ok(()))]
    #[case::app("com.example.app:/oauth", Ok(()))]
    #[case::app_with_host("com.example.app://oauth", Ok(()))]
    #[case::loopback("http://127.0.0.1/cb", Ok(()))]
    #[case::loopback_v6("http://[::1]:0/cb", Err(RedirectUriError::Clear))]
    #[case::loopback_v6("http://[::1]/cb", Ok(()))]
    #[case::clear("http://app.example.com/cb", Err(RedirectUriError::Clear))]
    #[case::by_name("http://localhost/cb", Err(RedirectUriError::Clear))]
    #[case::looks_like_loopback("http://127.0.0.1.example.com/", Err(RedirectUriError::Clear))]
    #[case::wildcard("https://*.example.com/cb", Err(RedirectUriError::Wildcard))]
    #[case::wildcard_path("https://app.example.com/*", Err(RedirectUriError::Wildcard))]
    #[case::fragment("https://app.example.com/#cb", Err(RedirectUriError::Fragment))]
    #[case::userinfo("https://a:b@app.example.com/", Err(RedirectUriError::Userinfo))]
    #[case::scheme("myapp:/cb", Err(RedirectUriError::Scheme))]
    #[case::script("javascript:alert(1)", Err(RedirectUriError::Scheme))]
    #[case::data("data:text/html,x", Err(RedirectUriError::Scheme))]
    #[case::relative("/cb", Err(RedirectUriError::NotAbsolute))]
    #[case::no_host("https:///cb", Err(RedirectUriError::NotAbsolute))]
    #[case::no_slashes("https:app.example.com", Err(RedirectUriError::NotAbsolute))]
    #[case::blank("https://app.example.com/ cb", Err(RedirectUriError::NotAbsolute))]
    #[case::line("https://app.example.com/\r\nx", Err(RedirectUriError::NotAbsolute))]
    #[case::backslash("https://app.example.com\\@x", Err(RedirectUriError::NotAbsolute))]
    #[case::capitals("HTTPS://app.example.com/", Err(RedirectUriError::NotAbsolute))]
    #[case::unicode("https://äpp.example.com/", Err(RedirectUriError::NotAbsolute))]
    #[case::empty("", Err(RedirectUriError::NotAbsolute))]
    fn an_address_is_registered_or_refused(
        #[case] text: &str,
        #[case] expected: Result<(), RedirectUriError>,
    ) {
        assert_eq!(RedirectUri::parse(text, false).map(|_| ()), expected);
    }

    #[test]
    fn development_may_send_in_clear() {
        assert!(RedirectUri::parse("http://app.example.com/cb", true).is_ok());
    }

    /// OP-01: byte for byte, but for the port of a loopback address.
    #[rstest]
    #[case::same("https://a.example.com/cb", "https://a.example.com/cb", true)]
    #[case::slash("https://a.example.com/cb", "https://a.example.com/cb/", false)]
    #[case::query("https://a.example.com/cb", "https://a.example.com/cb?x=1", false)]
    #[case::port("https://a.example.com/cb", "https://a.example.com:443/cb", false)]
    #[case::case("https://a.example.com/cb", "https://A.example.com/cb", false)]
    #[case::encoded("https://a.example.com/cb", "https://a.example.com/%63b", false)]
    #[case::prefix("https://a.example.com/cb", "https://a.example.com/cb.evil.example", false)]
    #[case::fragment("https://a.example.com/cb", "https://a.example.com/cb#x", false)]
    #[case::app("com.example.app:/cb", "com.example.app:/cb", true)]
    #[case::app_other("com.example.app:/cb", "com.example.app2:/cb", false)]
    #[case::loopback_port("http://127.0.0.1/cb", "http://127.0.0.1:53124/cb", true)]
    #[case::loopback_other_port("http://127.0.0.1:80/cb", "http://127.0.0.1:53124/cb", true)]
    #[case::loopback_v6("http://[::1]/cb", "http://[::1]:53124/cb", true)]
    #[case::loopback_path("http://127.0.0.1/cb", "http://127.0.0.1:53124/other", false)]
    #[case::loopback_other_host("http://127.0.0.1/cb", "http://127.0.0.2:1/cb", false)]
    #[case::loopback_family("http://127.0.0.1/cb", "http://[::1]:1/cb", false)]
    #[case::loopback_userinfo("http://127.0.0.1/cb", "http://x@127.0.0.1:1/cb", false)]
    #[case::loopback_port_zero("http://127.0.0.1/cb", "http://127.0.0.1:0/cb", false)]
    #[case::loopback_port_long("http://127.0.0.1/cb", "http://127.0.0.1:99999/cb", false)]
    #[case::loopback_https("http://127.0.0.1/cb", "https://127.0.0.1:1/cb", false)]
    #[case::by_name("http://127.0.0.1/cb", "http://localhost:1/cb", false)]
    fn an_address_takes_itself_alone(
        #[case] registered: &str,
        #[case] asked: &str,
        #[case] taken: bool,
    ) {
        assert_eq!(RedirectUri::parse(registered, false).unwrap().takes(asked), taken);
    }

    proptest! {
        /// What is registered takes itself, and another address only where both are loopback.
        #[test]
        fn an_address_takes_itself_and_no_other(
            own in "(https?|com[.]a|[a-z+.-]{1,5}):(//)?([a-z@:.\\[\\]/?#%]|127.0.0.1|localhost){0,20}",
            asked in "(https?):(//)?([a-z@:.\\[\\]/?#%]|127.0.0.1|localhost){0,20}|(?s:.){0,40}",
        ) {
            if let Ok(uri) = RedirectUri::parse(&own, false) {
                prop_assert!(uri.takes(&own));
                let are_loopback = loopback(&own).is_some() && loopback(&asked).is_some();
                prop_assert!(!uri.takes(&asked) || asked == own || are_loopback, "{own} {asked}");
            }
        }
    }
}
