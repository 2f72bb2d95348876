//! Where Redis is: one server, a cluster, or whoever the sentinels call the master.

use std::net::IpAddr;

#[cfg(target_os = "linux")]
use domain::Duration;
use redis::io::tcp::TcpSettings;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _};

use crate::RedisSettingsError;

/// An address as it was read.
#[derive(Debug, Clone)]
pub(crate) enum Address {
    /// `redis://…` or `rediss://…`.
    Server(ConnectionInfo),
    /// `redis-cluster://host,host` or `rediss-cluster://…`: nodes that know all others.
    Cluster(Vec<ConnectionInfo>),
    /// `redis-sentinel://host,host/master` or `rediss-sentinel://…`.
    Sentinel {
        /// The sentinels; they take no password.
        sentinels: Vec<ConnectionInfo>,
        /// What they call the master.
        master: String,
        /// How the master is spoken to: user, password, database, TLS. Its host is not looked at.
        like: ConnectionInfo,
    },
}

impl Address {
    /// Reads an address. Several hosts are separated by commas; user and password stand before the
    /// first and are for all of Redis.
    pub(crate) fn parse(url: &str) -> Result<Self, RedisSettingsError> {
        let wrong = RedisSettingsError::Url;
        let (scheme, rest) = url.split_once("://").ok_or(wrong)?;
        let (plain, kind) = scheme.split_once('-').unwrap_or((scheme, ""));
        if kind.is_empty() {
            return Ok(Self::Server(info(url)?));
        }
        if !["redis", "rediss"].contains(&plain) {
            return Err(wrong);
        }
        let (user, rest) = match rest.rsplit_once('@') {
            Some((user, rest)) => (format!("{user}@"), rest),
            None => (String::new(), rest),
        };
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let of = |user: &str, path: &str| {
            let each = hosts.split(',').map(|it| info(&format!("{plain}://{user}{it}{path}")));
            each.collect::<Result<Vec<_>, _>>()
        };
        match kind {
            "cluster" if path.is_empty() => Ok(Self::Cluster(of(&user, "")?)),
            "sentinel" => {
                let (master, database) = path.split_once('/').unwrap_or((path, ""));
                let database =
                    if database.is_empty() { String::new() } else { format!("/{database}") };
                let like = of(&user, &database)?.into_iter().next().ok_or(wrong)?;
                if master.is_empty() {
                    return Err(wrong);
                }
                Ok(Self::Sentinel { sentinels: of("", "")?, master: master.to_owned(), like })
            }
            _ => Err(wrong),
        }
    }

    /// True if nobody between could read what is said: all of it is on this machine, or spoken to
    /// by TLS, which is always verified (CFG-03).
    pub(crate) fn is_private(&self) -> bool {
        let all = match self {
            Self::Server(it) => std::slice::from_ref(it),
            Self::Cluster(all) | Self::Sentinel { sentinels: all, .. } => all,
        };
        all.iter().all(|it| match it.addr() {
            ConnectionAddr::Tcp(host, _) => is_loopback(host),
            ConnectionAddr::TcpTls { host, insecure, .. } => !insecure || is_loopback(host),
            ConnectionAddr::Unix(_) => true,
            _ => false,
        })
    }
}

/// How all connections are made: one whose other side does not confirm in a second that anything
/// arrived is ended by the system (REL-04).
pub(crate) fn tcp() -> TcpSettings {
    let settings = TcpSettings::default();
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(Duration::from_secs(1));
    settings
}

fn info(url: &str) -> Result<ConnectionInfo, RedisSettingsError> {
    let info = url.into_connection_info().map_err(|_| RedisSettingsError::Url)?;
    Ok(info.set_tcp_settings(tcp()))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|it: IpAddr| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::server("redis://user:hush@a:6380/1", Some(1))]
    #[case::tls("rediss://a", Some(1))]
    #[case::socket("redis+unix:///run/redis.sock", Some(1))]
    #[case::cluster("redis-cluster://user:hush@a,b:7000,c", Some(3))]
    #[case::cluster_by_tls("rediss-cluster://a", Some(1))]
    #[case::sentinels("redis-sentinel://:hush@a,b/main/2", Some(2))]
    #[case::no_master("redis-sentinel://a,b", None)]
    #[case::a_cluster_has_one_database("redis-cluster://a/1", None)]
    #[case::no_host("redis-cluster://", None)]
    #[case::kind("redis-ring://a", None)]
    #[case::scheme("https-cluster://a", None)]
    #[case::other("https://a", None)]
    fn an_address_is_read(#[case] url: &str, #[case] hosts: Option<usize>) {
        let read = Address::parse(url).ok().map(|it| match it {
            Address::Server(_) => 1,
            Address::Cluster(all) | Address::Sentinel { sentinels: all, .. } => all.len(),
        });
        assert_eq!(read, hosts);
    }

    #[test]
    fn the_password_is_the_masters() {
        let url = "rediss-sentinel://user:hush@a:1,b:2/main/2";
        let Ok(Address::Sentinel { sentinels, master, like }) = Address::parse(url) else {
            panic!("an address of sentinels")
        };
        assert_eq!(master, "main");
        assert_eq!(like.redis_settings().password(), Some("hush"));
        assert_eq!(like.redis_settings().db(), 2);
        assert!(sentinels.iter().all(|it| it.redis_settings().password().is_none()));
        assert!(matches!(sentinels[1].addr(), ConnectionAddr::TcpTls { host, .. } if host == "b"));
    }

    /// CFG-03: what is said to another machine is encrypted, for a server that proved its name.
    #[rstest]
    #[case("redis://127.0.0.1", true)]
    #[case("redis://localhost:6380", true)]
    #[case("redis://[::1]", true)]
    #[case("redis+unix:///run/redis.sock", true)]
    #[case("rediss://redis.example.com", true)]
    #[case("redis://redis.example.com", false)]
    #[case("redis://localhost:hush@redis.example.com", false)]
    #[case("rediss://redis.example.com/#insecure", false)]
    #[case("redis-cluster://127.0.0.1:1,127.0.0.1:2", true)]
    #[case("redis-cluster://127.0.0.1,redis.example.com", false)]
    #[case("rediss-cluster://127.0.0.1,redis.example.com", true)]
    #[case("redis-sentinel://127.0.0.1,redis.example.com/main", false)]
    fn an_address_says_who_could_listen(#[case] url: &str, #[case] expected: bool) {
        assert_eq!(Address::parse(url).unwrap().is_private(), expected);
    }
}
