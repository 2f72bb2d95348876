//! What is measured runs on: a PostgreSQL that waits for its disk, a Redis, stand-ins of vendors,
//! all on loopback, and the server with limits out of the way.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, Result};
use serde_json::json;
use tempfile::TempDir;
use test_servers::{Postgres, Redis};
use test_vendors::StandIn;
use test_vendors::oauth::{App, Desk};
use tokio_postgres::{Client, NoTls};

use crate::process::Process;

/// The master secret of the servers that are measured.
const SECRET: &str = "7b1d9c40e2a86f5533c1047e98fd26ba0e4c71d285963fab5de8104729b6c3f0";
/// The app that is ours at the stand-in.
pub(crate) const APP: &str = "bench-app";
/// The provider of third-party logins: one call to it a login, and no profile.
pub(crate) const PROVIDER: &str = "wechat_mini";
/// A durable server with the settings that `docs/operations.md` asks for, on a machine of 24 GiB.
const POSTGRES: [&str; 8] = [
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "autovacuum=on",
    "max_connections=100",
    "shared_buffers=6GB",
    "wal_compression=lz4",
    "max_wal_size=8GB",
];
/// Limits that would count a load from one place as an attack: more than is ever asked.
const MANY: &str = "100000000";
const LIMITS: [&str; 16] = [
    "CODES__PER_PHONE_HOUR",
    "CODES__PER_PHONE_DAY",
    "CODES__PER_IP_HOUR",
    "LIMITS__IP_SENDS_DAY",
    "LIMITS__PREFIX_SENDS_HOUR",
    "LIMITS__COUNTRY_SENDS_HOUR",
    "LIMITS__GLOBAL_SENDS_HOUR",
    "LIMITS__PHONE_WRONG_HOUR",
    "LIMITS__PHONE_WRONG_DAY",
    "LIMITS__IP_FAILING_ACCOUNTS_HOUR",
    "LIMITS__IP_FAILURES_WINDOW",
    "LIMITS__GLOBAL_FAILURES_WINDOW",
    "LIMITS__IP_REGISTRATIONS_MINUTE",
    "LIMITS__IP_PROVIDER_MINUTE",
    "LIMITS__RESET_PER_TARGET_HOUR",
    "LIMITS__RESET_PER_IP_HOUR",
];

/// The servers around the one that is measured.
pub(crate) struct Stage {
    pub(crate) postgres: Postgres,
    pub(crate) redis: Redis,
    pub(crate) desk: Desk,
    /// Speaks to the database as its operator.
    pub(crate) sql: Client,
    stand_in: StandIn,
    folder: TempDir,
}

impl Stage {
    /// Starts them, empty.
    pub(crate) async fn new() -> Result<Self> {
        let options: Vec<&str> = POSTGRES.into_iter().flat_map(|it| ["-c", it]).collect();
        let postgres = Postgres::start_with(&options)?;
        let redis = Redis::start()?;
        let desk = Desk::new(now);
        desk.add_app("wechat", APP, App { secret: "s".to_owned(), redirect_uris: Vec::new() });
        let stand_in = StandIn::start(test_vendors::oauth::routes(&desk)).await?;
        let sql = connect(&postgres.url()).await?;
        let folder = tempfile::tempdir()?;
        Ok(Self { postgres, redis, desk, sql, stand_in, folder })
    }

    /// A call of the service's binary with its settings, for the database at `url`.
    pub(crate) fn command(&self, binary: &Path, url: &str) -> Command {
        let provider = json!({
            "kind": "wechat_mini", "app_id": APP, "app_secret": "s",
            "api_url": self.stand_in.url("/wechat"),
        });
        let mut command = Command::new(binary);
        command
            .current_dir(self.folder.path())
            .env("LATCHKEY_ENV", "development")
            .env("LATCHKEY_CONFIG_DIR", "/nonexistent")
            .env("LATCHKEY__STORE__DATABASE_URL", url)
            .env("LATCHKEY__STORE__REDIS_URL", self.redis.url())
            .env("LATCHKEY__SECRETS__KEY", SECRET)
            .env("LATCHKEY__CODES__RESEND_SECS", "1")
            .env("LATCHKEY__LOCKOUT__THRESHOLD", "99")
            // Each request comes from an address of its own, as through a proxy.
            .env("LATCHKEY__SERVER__TRUSTED_PROXIES", "[\"127.0.0.1\"]")
            .env("LATCHKEY__PROVIDERS__WECHAT_MINI", provider.to_string())
            .envs(LIMITS.iter().map(|it| (format!("LATCHKEY__{it}"), MANY)));
        command
    }

    /// Starts the server that is measured, on the database at `url`.
    pub(crate) fn serve(&self, binary: &Path, url: &str) -> Result<Process> {
        let log = self.folder.path().join("server.log");
        let bind = |command: &mut Command, address: std::net::SocketAddr| {
            command.env("LATCHKEY__SERVER__BIND", address.to_string());
        };
        Process::start(self.command(binary, url), bind, "/health/ready", &log)
    }

    /// Starts the server that is the limit of session checks: this program, asked for it.
    pub(crate) fn serve_limit(&self) -> Result<Process> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["limit", "--redis", &self.redis.url(), "--bind"]);
        let log = self.folder.path().join("limit.log");
        let bind = |command: &mut Command, address: std::net::SocketAddr| {
            command.arg(address.to_string());
        };
        Process::start(command, bind, "/health/ready", &log)
    }
}

/// Connects to a PostgreSQL.
pub(crate) async fn connect(url: &str) -> Result<Client> {
    let (client, driver) = tokio_postgres::connect(url, NoTls).await.context("no PostgreSQL")?;
    tokio::spawn(driver);
    Ok(client)
}

#[expect(clippy::disallowed_methods, reason = "the vendors' clock is that of the machine")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |it| i64::try_from(it.as_secs()).unwrap_or(i64::MAX))
}
