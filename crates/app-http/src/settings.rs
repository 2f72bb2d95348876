//! Settings: read once at the start, checked once, and turned into the types of the rules.
//!
//! [`load`] puts defaults, files and environment together, [`sections`] has the names and their
//! defaults, [`ranges`] says what is acceptable where, [`policy`] makes the rules' settings.
//! Nobody else reads the environment.

mod carriers;
mod links;
mod load;
mod master;
mod oauth;
mod policy;
mod providers;
mod ranges;
mod samples;
mod sections;
mod sms;
mod sms_budget;
mod telemetry;
mod tree;
mod webhooks;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adapters_email::{SmtpSettings, SmtpSettingsError};
use adapters_sms::Budget;
use domain::policy::Policy;
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

use crate::edge::Network;
pub(crate) use carriers::Carrier;
pub(crate) use load::{Environment, environment};
pub(crate) use master::{MasterSecret, read as read_master_secret};
pub(crate) use providers::Provider;
pub(crate) use sms::Sender;
pub(crate) use telemetry::Telemetry;
pub(crate) use webhooks::Webhooks;

/// Everything that an operator decides.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Where the process runs.
    pub(crate) profile: Profile,
    /// The HTTP server.
    pub(crate) server: Server,
    /// The stores.
    pub(crate) store: Store,
    /// The cost of a password's hash.
    pub(crate) hashing: Hashing,
    /// The rules' settings.
    pub(crate) policy: Arc<Policy>,
    /// Who delivers text messages, in the order in which they are tried.
    pub(crate) senders: Vec<Sender>,
    /// What text messages may cost; `None` for no bound.
    pub(crate) sms_budget: Option<Budget>,
    /// Where events go; `None` tells nobody.
    pub(crate) webhooks: Option<Webhooks>,
    /// Who delivers e-mail; `None` for nobody.
    pub(crate) email: Option<SmtpSettings>,
    /// Who verifies phone numbers.
    pub(crate) carriers: Vec<Carrier>,
    /// Who proves accounts at third parties.
    pub(crate) providers: Vec<Provider>,
    /// Where traces go; `None` for nowhere.
    pub(crate) telemetry: Option<Telemetry>,
    /// Where the master secret comes from.
    pub(crate) secret: MasterSecret,
}

/// Where the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// On a developer's machine: codes are printed, ranges do not bind.
    Development,
    /// Where people's accounts are.
    Production,
}

/// The HTTP server.
#[derive(Debug)]
pub(crate) struct Server {
    /// The address that it listens at.
    pub(crate) bind: SocketAddr,
    /// The address that `/metrics` is read at; `None` for nowhere.
    pub(crate) metrics_bind: Option<SocketAddr>,
    /// True where people reach it by `https`.
    pub(crate) is_https: bool,
    /// Whose word on the client's address is taken.
    pub(crate) trusted_proxies: Vec<Network>,
    /// The header in which they give it, in lower case.
    pub(crate) forwarded_header: String,
    /// How long new requests are still taken after the signal to stop.
    pub(crate) drain: Duration,
}

/// The stores.
#[derive(Debug)]
pub(crate) struct Store {
    /// The database's address, with its password.
    pub(crate) database_url: SecretString,
    /// Redis' address; `None` keeps in the process what Redis would.
    pub(crate) redis_url: Option<SecretString>,
    /// Whether the start runs the migrations that have not run.
    pub(crate) migrate: bool,
}

impl Store {
    /// True for a file beside the process: where it cannot be opened, waiting does not help.
    pub(crate) fn database_url_is_sqlite(&self) -> bool {
        self.database_url.expose_secret().starts_with("sqlite:")
    }
}

/// The cost of a password's hash.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hashing {
    /// Memory of one hash, in KiB.
    pub(crate) memory_kib: u32,
    /// Passes over it.
    pub(crate) iterations: u32,
    /// Lanes.
    pub(crate) parallelism: u32,
}

/// Why the settings refuse the start. Names keys, never values.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    /// `LATCHKEY_ENV` is something else.
    #[error("LATCHKEY_ENV must be `development` or `production`")]
    Profile,
    /// A file cannot be read.
    #[error("the file of settings {} cannot be read: {problem}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why: the first line of it, since more would quote the file.
        problem: String,
    },
    /// The text of an environment variable is not Unicode.
    #[error("the environment variable {0} is not Unicode")]
    NotUnicode(String),
    /// A key is unknown, has the wrong type, or a value that cannot be.
    #[error("setting `{key}`: {problem}")]
    Key {
        /// Its path, as in `codes.length`.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// A file of secrets cannot be looked at, or that of the master secret cannot be made.
    #[error("the file of secrets {} cannot be used", path.display())]
    SecretFile {
        /// Where it is.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl SettingsError {
    /// A key and what is wrong with it.
    fn key(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Key { key: key.into(), problem: problem.into() }
    }
}

impl Settings {
    /// Reads the settings from files and `environment`.
    pub(crate) fn read(environment: &Environment) -> Result<Self, SettingsError> {
        let profile = environment.profile()?;
        let sections = load::sections(environment, profile)?;
        ranges::check(&sections, profile)?;
        samples::check(&sections, profile)?;
        links::check(&sections.store, profile)?;
        let secret = master::source(&sections, profile)?;
        let server = &sections.server;
        let redis_url = &sections.store.redis_url;
        let has_redis = !redis_url.expose_secret().is_empty();
        let trusted = server.trusted_proxies.iter().map(|it| {
            Network::parse(it).ok_or_else(|| {
                SettingsError::key("server.trusted_proxies", "holds addresses and CIDR blocks")
            })
        });
        Ok(Self {
            profile,
            server: Server {
                bind: socket("server.bind", &server.bind)?,
                metrics_bind: match server.metrics_bind.as_str() {
                    "" => None,
                    it => Some(socket("server.metrics_bind", it)?),
                },
                is_https: server.public_url.starts_with("https://"),
                trusted_proxies: trusted.collect::<Result<_, _>>()?,
                forwarded_header: header(
                    "server.forwarded_header",
                    server.forwarded_header.as_deref().unwrap_or("x-forwarded-for"),
                )?,
                drain: Duration::from_secs(server.drain_secs),
            },
            store: Store {
                database_url: sections.store.database_url.clone(),
                redis_url: has_redis.then(|| redis_url.clone()),
                migrate: sections.store.migrate.unwrap_or(profile == Profile::Development),
            },
            hashing: Hashing {
                memory_kib: sections.password.memory_kib,
                iterations: sections.password.iterations,
                parallelism: sections.password.parallelism,
            },
            senders: sms::senders(&sections.sms, profile)?,
            sms_budget: sms_budget::budget(&sections.sms)?,
            webhooks: webhooks::webhooks(&sections.webhooks, profile)?,
            email: email(&sections.email.smtp, profile)?,
            policy: Arc::new(policy::policy(&sections, profile)?),
            carriers: carriers::carriers(&sections.carriers, profile)?,
            providers: providers::providers(&sections.providers)?,
            telemetry: telemetry::telemetry(&sections.telemetry, profile)?,
            secret,
        })
    }
}

fn socket(key: &str, text: &str) -> Result<SocketAddr, SettingsError> {
    text.parse().map_err(|_| SettingsError::key(key, "must be an address and a port"))
}

fn header(key: &str, text: &str) -> Result<String, SettingsError> {
    actix_web::http::header::HeaderName::try_from(text)
        .map(|it| it.as_str().to_owned())
        .map_err(|_| SettingsError::key(key, "must be the name of a header"))
}

fn email(smtp: &sections::Smtp, profile: Profile) -> Result<Option<SmtpSettings>, SettingsError> {
    let key = "email.smtp.url";
    if smtp.url.expose_secret().is_empty() {
        return Ok(None);
    }
    let settings = SmtpSettings::parse(&smtp.url, &smtp.from).map_err(|refusal| {
        let key = match refusal {
            SmtpSettingsError::Url(_) | SmtpSettingsError::Tls => key,
            SmtpSettingsError::From => "email.smtp.from",
        };
        SettingsError::key(key, refusal.to_string())
    })?;
    if profile == Profile::Production && !settings.is_encrypted() && !settings.is_local() {
        let problem = "must be encrypted in production: smtps://, or smtp:// with ?tls=required";
        return Err(SettingsError::key(key, problem));
    }
    Ok(Some(settings))
}

/// True for an address that is encrypted, or one of this machine.
fn is_private_link(url: &str) -> bool {
    url.starts_with("https://") || url.strip_prefix("http://").is_some_and(stays_here)
}

/// True for an address, without its scheme, that is one of this machine.
fn stays_here(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => host,
        _ => authority,
    };
    is_local(host)
}

/// True for an address that a link on this machine alone can have.
fn is_local(host: &str) -> bool {
    host == "localhost"
        || host.trim_matches(['[', ']']).parse().is_ok_and(|it: IpAddr| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const KEY: &str = "LATCHKEY__SECRETS__KEY";
    const SECRET: &str = "9b1c1e6a5d0f4c7799c2a1b0e4d5f60718293a4b5c6d7e8f90a1b2c3d4e5f607";

    fn read(profile: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
        let mut all =
            vec![("LATCHKEY_ENV", profile), ("LATCHKEY_CONFIG_DIR", "/nowhere"), (KEY, SECRET)];
        all.retain(|(name, _)| !variables.iter().any(|(it, _)| it == name));
        all.extend_from_slice(variables);
        let all = all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Settings::read(&Environment::new(all.collect())).map_err(|it| it.to_string())
    }

    fn refused(profile: &str, variables: &[(&str, &str)]) -> String {
        read(profile, variables).expect_err("a refusal")
    }

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let settings = read("development", &[]).expect("settings");
        assert_eq!(settings.server.bind.to_string(), "127.0.0.1:8080");
        assert!(settings.store.migrate && settings.store.redis_url.is_none());
        assert!(matches!(*settings.senders, [Sender::Log]));
        let policy = &settings.policy;
        assert_eq!(policy.codes.length, 6);
        assert_eq!(policy.codes.per_phone.len(), 3);
        assert_eq!(policy.codes.per_ip.len(), 2);
        assert_eq!(policy.sessions.idle, Duration::from_hours(168));
        assert_eq!(policy.guessing.accounts.map(|it| it.count), Some(20));
        assert!(policy.ways.usernames && !policy.require_phone);
    }

    #[test]
    fn the_environment_is_read_by_the_declared_type() {
        let settings = read(
            "development",
            &[
                ("LATCHKEY__CODES__TTL_SECS", "120"),
                ("LATCHKEY__POLICY__REQUIRE_PHONE", "true"),
                ("LATCHKEY__POLICY__ALLOWED_REGIONS", r#"["CN","DE"]"#),
                ("LATCHKEY__SERVER__FORWARDED_HEADER", "X-Real-Ip"),
                ("LATCHKEY__SERVER__TRUSTED_PROXIES", r#"["10.0.0.0/8","::1"]"#),
                ("LATCHKEY__OAUTH2__CLIENTS", r#"[{"id":"web"}]"#),
                ("LATCHKEY__PROVIDERS__QQ__APP_ID", "101000001"),
                ("LATCHKEY__PROVIDERS__QQ__APP_IDS", r#"["101000002"]"#),
                ("LATCHKEY__PROVIDERS__QQ__ENABLED", "false"),
                ("LATCHKEY__SMS", r#"{"senders":["log","log"]}"#),
                ("LATCHKEY__CODES", r#"{"ttl_secs":5,"length":7}"#),
            ],
        )
        .expect("settings");
        assert_eq!(settings.policy.codes.ttl, Duration::from_mins(2));
        assert_eq!(settings.policy.codes.length, 7);
        assert!(settings.policy.require_phone);
        assert_eq!(settings.policy.phones.allowed_regions.len(), 2);
        assert_eq!(settings.server.forwarded_header, "x-real-ip");
        assert_eq!(settings.server.trusted_proxies.len(), 2);
        assert_eq!(settings.senders.len(), 2);
        let [qq] = settings.providers.as_slice() else { panic!("one provider") };
        assert_eq!((qq.name.as_str(), qq.enabled), ("qq", false));
        assert_eq!(qq.settings.app_id.as_deref(), Some("101000001"));
        assert_eq!(qq.settings.app_ids.as_deref(), Some(&["101000002".to_owned()][..]));
    }

    #[rstest]
    #[case::key("LATCHKEY__CODES__LENGHT", "6", "codes.lenght")]
    #[case::section("LATCHKEY__CODE__LENGTH", "6", "code")]
    #[case::deeper("LATCHKEY__CODES__LENGTH__X", "6", "codes.length")]
    #[case::number("LATCHKEY__CODES__TTL_SECS", "soon", "codes.ttl_secs")]
    #[case::negative("LATCHKEY__CODES__TTL_SECS", "-1", "codes.ttl_secs")]
    #[case::truth("LATCHKEY__POLICY__REQUIRE_PHONE", "maybe", "policy.require_phone")]
    #[case::list("LATCHKEY__SMS__SENDERS", "log", "sms.senders")]
    #[case::vendor("LATCHKEY__SMS__SENDERS", r#"["aliyun"]"#, "sms.aliyun.access_key_id")]
    #[case::stranger("LATCHKEY__SMS__SENDERS", r#"["pigeon"]"#, "sms.senders")]
    #[case::region("LATCHKEY__POLICY__ALLOWED_REGIONS", r#"["China"]"#, "policy.allowed_regions")]
    #[case::proxy("LATCHKEY__SERVER__TRUSTED_PROXIES", r#"["proxy"]"#, "server.trusted_proxies")]
    #[case::bind("LATCHKEY__SERVER__BIND", "localhost", "server.bind")]
    #[case::metrics("LATCHKEY__SERVER__METRICS_BIND", "9090", "server.metrics_bind")]
    #[case::zero("LATCHKEY__CODES__TTL_SECS", "0", "codes.ttl_secs")]
    #[case::weak_key("LATCHKEY__SECRETS__KEY", "c2hvcnQ=", "secrets.key")]
    #[case::unsigned("LATCHKEY__WEBHOOKS__URL", "https://example.com", "webhooks.secret")]
    #[case::no_name("LATCHKEY__PROVIDERS__SMS__APP_ID", "1", "providers.sms")]
    #[case::typo("LATCHKEY__PROVIDERS__QQ__APPID", "1", "providers.qq.appid")]
    #[case::one_id("LATCHKEY__PROVIDERS__QQ__APP_IDS", "1", "providers.qq.app_ids")]
    #[case::nowhere("LATCHKEY__WEBHOOKS__SECRET", "whsec_", "webhooks.url")]
    #[case::client("LATCHKEY__OAUTH2__CLIENTS", r#"[{"name":"web"}]"#, "oauth2.clients[0].name")]
    fn what_cannot_be_is_refused_by_its_name(
        #[case] name: &str,
        #[case] value: &str,
        #[case] key: &str,
    ) {
        let message = refused("development", &[(name, value)]);
        assert!(message.contains(&format!("`{key}`")), "{message}");
    }

    /// CFG-02: production refuses what only development may have, naming the key.
    #[rstest]
    #[case::log_sender("LATCHKEY__SMS__SENDERS", r#"["log"]"#, "sms.senders")]
    #[case::short_code("LATCHKEY__CODES__LENGTH", "4", "codes.length")]
    #[case::long_life("LATCHKEY__CODES__TTL_SECS", "601", "codes.ttl_secs")]
    #[case::many_tries("LATCHKEY__CODES__MAX_TRIES", "6", "codes.max_tries")]
    #[case::no_limit("LATCHKEY__LIMITS__PHONE_WRONG_HOUR", "0", "limits.phone_wrong_hour")]
    #[case::no_cap("LATCHKEY__CODES__PER_PHONE_DAY", "0", "codes.per_phone_day")]
    #[case::little_memory("LATCHKEY__PASSWORD__MEMORY_KIB", "19455", "password.memory_kib")]
    #[case::one_pass("LATCHKEY__PASSWORD__ITERATIONS", "1", "password.iterations")]
    #[case::short("LATCHKEY__PASSWORD__MIN_LENGTH", "7", "password.min_length")]
    #[case::idle("LATCHKEY__SESSIONS__IDLE_SECS", "299", "sessions.idle_secs")]
    #[case::http("LATCHKEY__SERVER__PUBLIC_URL", "http://id.example.com", "server.public_url")]
    #[case::no_key("LATCHKEY__SECRETS__KEY", "", "secrets.key")]
    #[case::clear_disguised(
        "LATCHKEY__SERVER__PUBLIC_URL",
        "http://localhost:80@id.example.com",
        "server.public_url"
    )]
    #[case::many_hosts(
        "LATCHKEY__SERVER__PUBLIC_URL",
        "https://*.example.com",
        "server.public_url"
    )]
    #[case::clear_issuer_like_us(
        "LATCHKEY__SERVER__PUBLIC_URL",
        "http://localhost.example.com",
        "server.public_url"
    )]
    #[case::nobodys_header(
        "LATCHKEY__SERVER__FORWARDED_HEADER",
        "x-forwarded-for",
        "server.trusted_proxies"
    )]
    #[case::everybody("LATCHKEY__SERVER__TRUSTED_PROXIES", r#"["::/0"]"#, "server.trusted_proxies")]
    #[case::zeros("LATCHKEY__SECRETS__KEY", &"0".repeat(64), "secrets.key")]
    #[case::sample(
        "LATCHKEY__WEBHOOKS",
        r#"{"url":"https://example.com","secret":"changeme"}"#,
        "webhooks.secret"
    )]
    #[case::database_sample(
        "LATCHKEY__STORE__DATABASE_URL",
        "postgres://latchkey:changeme@127.0.0.1/latchkey",
        "store.database_url"
    )]
    #[case::redis_sample(
        "LATCHKEY__STORE__REDIS_URL",
        "redis://:change-me@127.0.0.1",
        "store.redis_url"
    )]
    #[case::smtp_sample(
        "LATCHKEY__EMAIL__SMTP",
        r#"{"url":"smtps://a:password@example.com","from":"a@example.com"}"#,
        "email.smtp.url"
    )]
    #[case::provider_sample(
        "LATCHKEY__PROVIDERS__QQ__APP_SECRET",
        "your-app-secret",
        "providers.qq.app_secret"
    )]
    #[case::carrier_sample(
        "LATCHKEY__CARRIERS__CMCC__APP_KEY",
        "xxxxxxxx",
        "carriers.cmcc.app_key"
    )]
    #[case::database_in_clear(
        "LATCHKEY__STORE__DATABASE_URL",
        "postgres://latchkey@db.example.com/latchkey",
        "store.database_url"
    )]
    #[case::database_unless(
        "LATCHKEY__STORE__DATABASE_URL",
        "postgres://latchkey@db.example.com/latchkey?sslmode=prefer",
        "store.database_url"
    )]
    #[case::redis_in_clear(
        "LATCHKEY__STORE__REDIS_URL",
        "redis://redis.example.com",
        "store.redis_url"
    )]
    #[case::redis_unverified(
        "LATCHKEY__STORE__REDIS_URL",
        "rediss://redis.example.com/#insecure",
        "store.redis_url"
    )]
    #[case::many_nodes("LATCHKEY__STORE__NODES", "2", "store.redis_url")]
    #[case::wildcard_origin(
        "LATCHKEY__OAUTH2__CLIENTS",
        r#"[{"id":"web","origins":["*"]}]"#,
        "oauth2.clients[0].origins"
    )]
    #[case::wildcard_redirect(
        "LATCHKEY__OAUTH2__CLIENTS",
        r#"[{"id":"web","redirect_uris":["https://*.example.com/"]}]"#,
        "oauth2.clients[0].redirect_uris"
    )]
    fn production_refuses_what_is_weak(#[case] name: &str, #[case] value: &str, #[case] key: &str) {
        let mut variables = vec![(name, value)];
        if name != "LATCHKEY__SMS__SENDERS" {
            variables.push(("LATCHKEY__SMS__SENDERS", "[]"));
        }
        let message = refused("production", &variables);
        assert!(message.contains(&format!("`{key}`")), "{message}");
    }

    /// CFG-02: a store in the process is one node's, whatever the profile.
    #[rstest]
    #[case::alone("1", "", "sqlite://a.db", None)]
    #[case::in_process("2", "", "postgres://127.0.0.1/a", Some("store.redis_url"))]
    #[case::file("2", "redis://127.0.0.1", "sqlite://a.db", Some("store.database_url"))]
    #[case::shared("2", "redis://127.0.0.1", "postgres://127.0.0.1/a", None)]
    #[case::none("0", "", "sqlite://a.db", Some("store.nodes"))]
    fn several_nodes_share_their_stores(
        #[case] nodes: &str,
        #[case] redis: &str,
        #[case] database: &str,
        #[case] key: Option<&str>,
    ) {
        for profile in ["development", "production"] {
            let set = [
                ("LATCHKEY__SMS__SENDERS", "[]"),
                ("LATCHKEY__STORE__NODES", nodes),
                ("LATCHKEY__STORE__REDIS_URL", redis),
                ("LATCHKEY__STORE__DATABASE_URL", database),
            ];
            match (read(profile, &set), key) {
                (Err(said), Some(key)) => assert!(said.contains(&format!("`{key}`")), "{said}"),
                (read, key) => {
                    assert_eq!(read.map(drop), key.map_or(Ok(()), |_| Err(String::new())));
                }
            }
        }
    }

    /// CFG-01: a file with a secret in it is its owner's alone, in production.
    #[rstest]
    #[case::settings("production.toml", "[secrets]\nkey = \"KEY\"", None, "secrets.key")]
    #[case::address(
        "default.toml",
        "[store]\nredis_url = \"redis://:kV8sQ2xN0pLr@127.0.0.1\"",
        None,
        "store.redis_url"
    )]
    #[case::master("key", "KEY", Some("LATCHKEY__SECRETS__KEY_FILE"), "secrets.key_file")]
    #[case::carrier(
        "key.pem",
        "KEY",
        Some("LATCHKEY__CARRIERS__CMCC__PRIVATE_KEY_FILE"),
        "carriers.cmcc.private_key_file"
    )]
    fn a_secret_that_others_may_read_is_refused(
        #[case] name: &str,
        #[case] text: &str,
        #[case] setting: Option<&str>,
        #[case] key: &str,
    ) {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text.replace("KEY", SECRET)).unwrap();
        let said = |mode| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let mut set = vec![
                ("LATCHKEY__SMS__SENDERS", "[]"),
                ("LATCHKEY_CONFIG_DIR", folder.path().to_str().unwrap()),
            ];
            if let Some(setting) = setting {
                set.push((setting, path.to_str().unwrap()));
            }
            if ["secrets.key", "secrets.key_file"].contains(&key) {
                set.push((KEY, ""));
            }
            if key.starts_with("carriers") {
                set.push(("LATCHKEY__CARRIERS__CMCC__APP_ID", "300000000001"));
                set.push(("LATCHKEY__CARRIERS__CMCC__APP_KEY", "kV8sQ2xN0pLr"));
            }
            read("production", &set).err().unwrap_or_default()
        };
        for mode in [0o644, 0o640, 0o660] {
            let said = said(mode);
            assert!(said.contains(&format!("`{key}`")) && said.contains("0600"), "{said}");
            assert!(!said.contains(SECRET) && !said.contains("kV8"), "{said}");
        }
        assert!(!said(0o600).contains("0600"), "its owner's alone");
    }

    const SMTP: &str = "LATCHKEY__EMAIL__SMTP__URL";
    const FROM: &str = "LATCHKEY__EMAIL__SMTP__FROM";

    /// Without a server there is nobody to deliver mail.
    #[rstest]
    #[case::none("", false)]
    #[case::encrypted("smtps://ada:pw@mail.example.com", true)]
    #[case::starttls("smtp://mail.example.com?tls=required", true)]
    #[case::here("smtp://localhost:25", true)]
    fn mail_goes_by_the_server_that_is_named(#[case] url: &str, #[case] delivers: bool) {
        for profile in ["development", "production"] {
            let senders = ("LATCHKEY__SMS__SENDERS", "[]");
            let set = [senders, (SMTP, url), (FROM, "Latchkey <no-reply@example.com>")];
            assert_eq!(read(profile, &set).expect("settings").email.is_some(), delivers);
        }
    }

    #[rstest]
    #[case::clear("smtp://mail.example.com", "a@example.com", "email.smtp.url", true)]
    #[case::offered(
        "smtp://mail.example.com?tls=opportunistic",
        "a@example.com",
        "email.smtp.url",
        true
    )]
    #[case::scheme("http://mail.example.com", "a@example.com", "email.smtp.url", false)]
    #[case::from("smtps://mail.example.com", "", "email.smtp.from", false)]
    #[case::from_text("smtps://mail.example.com", "nobody", "email.smtp.from", false)]
    fn a_mail_server_that_cannot_be_is_refused_by_its_key(
        #[case] url: &str,
        #[case] from: &str,
        #[case] key: &str,
        #[case] in_production_alone: bool,
    ) {
        let set = [("LATCHKEY__SMS__SENDERS", "[]"), (SMTP, url), (FROM, from)];
        let message = refused("production", &set);
        assert!(message.contains(&format!("`{key}`")), "{message}");
        assert_eq!(read("development", &set).is_ok(), in_production_alone);
    }

    #[test]
    fn a_refusal_never_tells_the_value() {
        let url = ("LATCHKEY__EMAIL__SMTP__URL", "smtps://ada@hunter2:hunter2");
        assert!(!refused("development", &[url]).contains("hunter2"));
        let message = refused("development", &[("LATCHKEY__SECRETS__KEY", "hunter2")]);
        assert!(!message.contains("hunter2"), "{message}");
        let message = refused("development", &[("LATCHKEY__SECRETS", "hunter2")]);
        assert!(!message.contains("hunter2"), "{message}");
    }

    #[test]
    fn the_profile_is_one_of_two() {
        assert!(refused("staging", &[]).contains("LATCHKEY_ENV"));
    }
}
