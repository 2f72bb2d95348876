//! Where the mail server is, and whose name mails carry.

use std::fmt;
use std::net::IpAddr;

use lettre::message::Mailbox;
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use url::{Host, Url};

/// How a mail server is reached, and the sender's address.
///
/// The address of the server is read as lettre reads it: `smtps://` is encrypted from its
/// beginning (port 465), `smtp://…?tls=required` asks for STARTTLS and goes no further without it
/// (port 587), `smtp://…?tls=opportunistic` takes it where it is offered (port 587), `smtp://` is
/// not encrypted (port 25). User and password stand before the host, percent-encoded; a path is
/// the name that we greet with.
#[derive(Clone)]
pub struct SmtpSettings {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Tls,
    pub(crate) login: Option<(String, SecretString)>,
    pub(crate) hello: Option<String>,
    pub(crate) from: Mailbox,
}

/// When a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tls {
    /// From its beginning.
    Wrapped,
    /// From STARTTLS on, or not used at all.
    Required,
    /// From STARTTLS on, if the server offers it.
    Offered,
    /// Never.
    Never,
}

/// Why settings name no mail server or no sender. Says nothing of the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SmtpSettingsError {
    /// The server's address cannot be read; what is wrong with it.
    #[error("{0}")]
    Url(&'static str),
    /// The sender is no address.
    #[error("must be an address, as in `Latchkey <no-reply@example.com>`")]
    From,
    /// The certificates of this machine cannot be used.
    #[error("the certificates of this machine cannot be used")]
    Tls,
}

impl SmtpSettings {
    /// Reads the server's address and the sender's.
    pub fn parse(url: &SecretString, from: &str) -> Result<Self, SmtpSettingsError> {
        let problem = SmtpSettingsError::Url;
        let url = Url::parse(url.expose_secret())
            .map_err(|_| problem("must be an address, as in `smtps://user:password@host`"))?;
        let host = match url.host() {
            Some(Host::Domain("")) | None => return Err(problem("names no host")),
            // In an address of another kind than `https` a host is left as it is.
            Some(Host::Domain(name)) => match Host::parse(name) {
                Ok(it @ (Host::Domain(_) | Host::Ipv4(_))) => it.to_string(),
                Ok(Host::Ipv6(_)) | Err(_) => return Err(problem("names no host")),
            },
            Some(Host::Ipv4(it)) => it.to_string(),
            Some(Host::Ipv6(it)) => it.to_string(),
        };
        let (tls, port) = tls(&url)?;
        let hello = url.path().trim_matches('/');
        if !hello.bytes().all(|it| it.is_ascii_alphanumeric() || b".-".contains(&it)) {
            return Err(problem("has a path that is no host name: it is what we greet with"));
        }
        Ok(Self {
            host,
            port: url.port().unwrap_or(port),
            tls,
            login: login(&url)?,
            hello: Some(hello.to_owned()).filter(|it| !it.is_empty()),
            from: from.parse().map_err(|_| SmtpSettingsError::From)?,
        })
    }

    /// True if a mail goes out encrypted or not at all.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        matches!(self.tls, Tls::Wrapped | Tls::Required)
    }

    /// True if the server is on this machine, where nobody listens in between.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|it: IpAddr| it.is_loopback())
    }
}

fn tls(url: &Url) -> Result<(Tls, u16), SmtpSettingsError> {
    let problem = SmtpSettingsError::Url;
    let asked: Vec<_> = url.query_pairs().collect();
    let asked: Vec<(&str, &str)> = asked.iter().map(|(name, it)| (&**name, &**it)).collect();
    match (url.scheme(), asked.as_slice()) {
        ("smtps", []) => Ok((Tls::Wrapped, 465)),
        ("smtps", _) => Err(problem("has a query, which only smtp:// may have")),
        ("smtp", []) => Ok((Tls::Never, 25)),
        ("smtp", [("tls", "required")]) => Ok((Tls::Required, 587)),
        ("smtp", [("tls", "opportunistic")]) => Ok((Tls::Offered, 587)),
        ("smtp", _) => Err(problem("may ask for `tls=required` or `tls=opportunistic` only")),
        _ => Err(problem("must begin with smtps:// or smtp://")),
    }
}

fn login(url: &Url) -> Result<Option<(String, SecretString)>, SmtpSettingsError> {
    let text = |encoded: &str| {
        percent_encoding::percent_decode_str(encoded)
            .decode_utf8()
            .map(std::borrow::Cow::into_owned)
            .map_err(|_| SmtpSettingsError::Url("has a user or password that is not UTF-8"))
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) => Err(SmtpSettingsError::Url("has a password without a user")),
        (_, None) => Err(SmtpSettingsError::Url("has a user without a password")),
        (user, Some(password)) => Ok(Some((text(user)?, text(password)?.into()))),
    }
}

impl fmt::Debug for SmtpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpSettings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const FROM: &str = "Latchkey <no-reply@example.com>";

    fn parse(url: &str) -> Result<SmtpSettings, SmtpSettingsError> {
        SmtpSettings::parse(&url.into(), FROM)
    }

    #[rstest]
    #[case("smtps://mail.example.com", "mail.example.com", 465, Tls::Wrapped)]
    #[case("smtp://mail.example.com?tls=required", "mail.example.com", 587, Tls::Required)]
    #[case("smtp://mail.example.com/?tls=opportunistic", "mail.example.com", 587, Tls::Offered)]
    #[case("smtp://localhost:2525", "localhost", 2525, Tls::Never)]
    #[case("smtp://127.0.0.1", "127.0.0.1", 25, Tls::Never)]
    #[case("smtp://[::1]:2525", "::1", 2525, Tls::Never)]
    fn an_address_is_read(
        #[case] url: &str,
        #[case] host: &str,
        #[case] port: u16,
        #[case] tls: Tls,
    ) {
        let settings = parse(url).unwrap();
        assert_eq!((settings.host.as_str(), settings.port, settings.tls), (host, port, tls));
        assert_eq!(settings.is_local(), !host.contains("example"));
        assert_eq!(settings.is_encrypted(), matches!(tls, Tls::Wrapped | Tls::Required));
    }

    #[test]
    fn user_password_and_greeting_are_read() {
        let settings = parse("smtps://ada%40example.com:p%3Aw%2F@mail.example.com/id.example.com");
        let settings = settings.unwrap();
        let (user, password) = settings.login.as_ref().unwrap();
        assert_eq!((user.as_str(), password.expose_secret()), ("ada@example.com", "p:w/"));
        assert_eq!(settings.hello.as_deref(), Some("id.example.com"));
        assert!(!format!("{settings:?}").contains("p:w"));
    }

    #[rstest]
    #[case::nothing("")]
    #[case::no_scheme("mail.example.com")]
    #[case::scheme("https://mail.example.com")]
    #[case::no_host("smtp://")]
    #[case::no_slashes("smtp:mail.example.com")]
    #[case::query("smtp://mail.example.com?tls=maybe")]
    #[case::other_query("smtp://mail.example.com?tls=required&x=1")]
    #[case::needless_query("smtps://mail.example.com?tls=required")]
    #[case::half_a_login("smtps://ada@mail.example.com")]
    #[case::other_half("smtps://:hunter2@mail.example.com")]
    #[case::greeting("smtps://mail.example.com/a%0D%0AMAIL")]
    #[case::line("smtps://mail.example.com%0D%0A")]
    #[case::port("smtps://mail.example.com:hunter2")]
    fn what_cannot_be_is_refused_without_its_value(#[case] url: &str) {
        let refusal = parse(url).expect_err("a refusal").to_string();
        assert!(!refusal.contains("hunter2"), "{refusal}");
    }

    /// EDGE-12: nothing that is not one address becomes a header.
    #[rstest]
    #[case("")]
    #[case("no-reply")]
    #[case("a@example.com, b@example.com")]
    #[case("a@example.com\r\nBcc: b@example.com")]
    fn a_sender_is_one_address(#[case] from: &str) {
        let refused = SmtpSettings::parse(&"smtps://mail.example.com".into(), from);
        assert_eq!(refused.map(drop), Err(SmtpSettingsError::From));
    }
}
