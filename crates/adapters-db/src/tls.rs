//! What an address of PostgreSQL asks for, and connections that do it: TLS above all (CFG-03).
//!
//! `sslmode` says whether a connection is encrypted. Where it is, the server's certificate is
//! verified, with its name: there is no way to switch that off. `sslrootcert` names a file of
//! certificates that are trusted instead of the system's. `pgbouncer=true` says that a pooler
//! stands between, which gives its connection to others after each transaction.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use diesel::connection::CacheSize;
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use percent_encoding::percent_decode_str;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, Connection, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::OpenError;

/// Who else could read what is said to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Nobody: the server is on this machine.
    Local,
    /// Nobody: every connection is encrypted, for a server that proved its name.
    Verified,
    /// Whoever is between.
    Open,
}

/// Tells who else could read what is said to the server that `url` names.
pub fn link(url: &str) -> Result<Link, OpenError> {
    let Asked { config, mode, .. } = ask(url)?;
    let is_loopback = |it: &str| {
        it == "localhost" || it.parse().is_ok_and(|it: std::net::IpAddr| it.is_loopback())
    };
    let is_here = |it: &Host| match it {
        Host::Tcp(name) => is_loopback(name),
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    // An address goes before the name that stands beside it.
    let addresses = config.get_hostaddrs();
    let is_local = match addresses {
        [] => config.get_hosts().iter().all(is_here),
        addresses => addresses.iter().all(std::net::IpAddr::is_loopback),
    };
    Ok(match mode {
        _ if is_local => Link::Local,
        SslMode::Require => Link::Verified,
        _ => Link::Open,
    })
}

/// An address that connections are made to.
#[derive(Clone)]
pub(crate) struct Address {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    /// True if a pooler gives the connection to others after each transaction.
    pub(crate) is_pooled: bool,
}

impl Address {
    /// Reads an address, and the certificates that it trusts.
    pub(crate) fn parse(url: &str) -> Result<Self, OpenError> {
        let Asked { config, mode, root, is_pooled } = ask(url)?;
        let tls = match mode {
            SslMode::Disable => None,
            _ => Some(MakeRustlsConnect::new(client(root.as_deref())?)),
        };
        Ok(Self { config, tls, is_pooled })
    }

    /// With options of the server's, such as `-c lock_timeout=1000`, and the longest that connecting
    /// may take. A pooler takes no options: there they are the role's (docs/operations.md).
    pub(crate) fn limited(mut self, options: &str, connect: Duration) -> Self {
        self.config.connect_timeout(connect);
        if !self.is_pooled {
            self.config.options(options);
        }
        self
    }

    /// Makes a connection, whose driver lives on the runtime of the caller.
    pub(crate) async fn connect(&self) -> ConnectionResult<AsyncPgConnection> {
        let failed = |it: tokio_postgres::Error| ConnectionError::BadConnection(said(&it));
        match &self.tls {
            None => {
                let (client, driver) = self.config.connect(NoTls).await.map_err(failed)?;
                if self.is_pooled {
                    return pooled(client, driver).await;
                }
                AsyncPgConnection::try_from_client_and_connection(client, driver).await
            }
            Some(tls) => {
                let (client, driver) = self.config.connect(tls.clone()).await.map_err(failed)?;
                if self.is_pooled {
                    return pooled(client, driver).await;
                }
                AsyncPgConnection::try_from_client_and_connection(client, driver).await
            }
        }
    }
}

/// A connection through a pooler. A prepared statement stays with the server's connection, which
/// will be another one: none is kept, and diesel's own first statements are in one transaction.
async fn pooled<S, T>(
    client: Client,
    driver: Connection<S, T>,
) -> ConnectionResult<AsyncPgConnection>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(driver);
    let begun = client.batch_execute("BEGIN").await;
    begun.map_err(|it| ConnectionError::BadConnection(said(&it)))?;
    let mut conn = AsyncPgConnection::try_from(client).await?;
    let done = conn.batch_execute("COMMIT").await;
    done.map_err(ConnectionError::CouldntSetupConfiguration)?;
    conn.set_prepared_statement_cache_size(CacheSize::Disabled);
    Ok(conn)
}

/// What the driver says, with its causes: that a certificate is refused stands in the last.
fn said(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(it) = cause {
        text.push_str(": ");
        text.push_str(&it.to_string());
        cause = it.source();
    }
    text
}

/// What an address asks for.
struct Asked {
    config: Config,
    mode: SslMode,
    root: Option<PathBuf>,
    is_pooled: bool,
}

/// Reads an address. The driver knows neither `verify-full` nor `sslrootcert` nor `pgbouncer`.
fn ask(url: &str) -> Result<Asked, OpenError> {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let (mut mode, mut root, mut is_pooled) = (SslMode::Disable, None, false);
    let mut others = Vec::new();
    for pair in query.split('&').filter(|it| !it.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", value)) => {
                mode = match value {
                    "disable" => SslMode::Disable,
                    "prefer" => SslMode::Prefer,
                    "require" | "verify-full" => SslMode::Require,
                    _ => return Err(OpenError::TlsMode),
                }
            }
            Some(("sslrootcert", "system")) => root = None,
            Some(("sslrootcert", value)) => {
                let path = percent_decode_str(value).decode_utf8();
                root = Some(PathBuf::from(&*path.map_err(|_| OpenError::Address)?));
            }
            Some(("pgbouncer", value)) => {
                is_pooled = value.parse().map_err(|_| OpenError::Address)?;
            }
            _ => others.push(pair),
        }
    }
    let url = format!("{base}?{}", others.join("&"));
    let url = url.trim_end_matches('?');
    let mut config: Config = url.parse().map_err(|_| OpenError::Address)?;
    config.ssl_mode(mode);
    Ok(Asked { config, mode, root, is_pooled })
}

/// TLS that trusts the certificates in a file, or else those of the system.
fn client(root: Option<&Path>) -> Result<ClientConfig, OpenError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = root {
        let certificates = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
        let certificates: Vec<_> = certificates.map_err(|it| OpenError::Root(it.to_string()))?;
        for it in certificates {
            roots.add(it).map_err(|it| OpenError::Root(it.to_string()))?;
        }
    } else {
        // One bad certificate of the system is not ours to mend; none at all is told.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if roots.is_empty() {
        return Err(OpenError::Root("no certificate is there".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|it| OpenError::Root(it.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CFG-03: a server elsewhere is spoken to by verified TLS, or it is told that it is not.
    #[test]
    fn an_address_says_who_could_listen() {
        for (url, expected) in [
            ("postgres://a@127.0.0.1/b", Link::Local),
            ("postgres://a@localhost:5433/b?sslmode=disable", Link::Local),
            ("postgres://a@[::1]/b", Link::Local),
            ("postgres://a@%2Frun%2Fpostgresql/b", Link::Local),
            ("postgres:///b?host=/run/postgresql&user=a", Link::Local),
            ("postgres://a@db.example.com/b", Link::Open),
            ("postgres://a@db.example.com/b?sslmode=disable", Link::Open),
            ("postgres://a@db.example.com/b?sslmode=prefer", Link::Open),
            ("postgres://a@localhost,db.example.com/b", Link::Open),
            ("postgres://a@localhost/b?hostaddr=192.0.2.1", Link::Open),
            ("postgres://a@localhost/b?host=db.example.com", Link::Open),
            ("postgres://a:p%40@localhost.example.com/b", Link::Open),
            ("postgres://a@db.example.com/b?sslmode=require", Link::Verified),
            ("postgres://a@db.example.com/b?sslmode=verify-full&sslrootcert=/a", Link::Verified),
        ] {
            assert_eq!(link(url).unwrap(), expected, "{url}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let refused = |url: &str| Address::parse(url).err().unwrap();
        for mode in ["verify-ca", "allow", "", "no"] {
            let url = format!("postgres://a@example.com/b?sslmode={mode}");
            assert!(matches!(refused(&url), OpenError::TlsMode), "{mode}");
        }
        let nowhere = "postgres://a@example.com/b?sslmode=require&sslrootcert=/nowhere";
        assert!(matches!(refused(nowhere), OpenError::Root(_)));
        let empty = "postgres://a@example.com/b?sslmode=require&sslrootcert=%2Fdev%2Fnull";
        assert!(matches!(refused(empty), OpenError::Root(_)));
        assert!(matches!(refused("postgres://a@example.com:x/b"), OpenError::Address));
        let maybe = "postgres://a@example.com/b?pgbouncer=maybe";
        assert!(matches!(refused(maybe), OpenError::Address));
    }
}
