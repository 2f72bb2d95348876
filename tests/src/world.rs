//! The stores that nodes run on, one set a test.

use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use crate::Node;

/// Which stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topology {
    /// SQLite and in-process stores: one node.
    Sqlite,
    /// PostgreSQL and in-process stores: one node.
    Postgres,
    /// PostgreSQL and Redis: any number of nodes.
    PostgresRedis,
}

/// The stores of one test, fresh and its own.
pub struct World {
    /// Which stores these are.
    pub topology: Topology,
    /// The Redis of this test, where there is one.
    pub redis: Mutex<Option<test_servers::AnyRedis>>,
    folder: TempDir,
    database_url: String,
    /// The same through a pooler, where the test command brought one up.
    pooled_url: Option<String>,
    redis_url: String,
}

impl World {
    /// Fresh stores: a file of its own, a database of its own on the server that the test command
    /// brought up, a Redis of its own.
    pub async fn new(topology: Topology) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database_url = match topology {
            Topology::Sqlite => format!("sqlite://{}/data/latchkey.db", folder.path().display()),
            Topology::Postgres | Topology::PostgresRedis => fresh_database(&postgres_url()).await,
        };
        let redis = (topology == Topology::PostgresRedis)
            .then(|| test_servers::AnyRedis::start().expect("a Redis server"));
        let redis_url = redis.as_ref().map(test_servers::AnyRedis::url).unwrap_or_default();
        let pooled_url = None;
        let mut world = Self {
            topology,
            redis: Mutex::new(redis),
            folder,
            database_url,
            pooled_url,
            redis_url,
        };
        if topology != Topology::Sqlite
            && let Some(port) = pooler_port()
        {
            // Migrations run at the server itself.
            let _ = world.run(&["migrate", "up"]);
            world.pooled_url = Some(pooled(&world.database_url, &port));
        }
        world
    }

    /// PostgreSQL and Redis, on a PostgreSQL server of the caller's.
    pub async fn on(postgres: &test_servers::Postgres) -> Self {
        Self::on_both(postgres, test_servers::AnyRedis::start().expect("a Redis server")).await
    }

    /// The same, with a Redis of the caller's as well.
    pub async fn on_both(postgres: &test_servers::Postgres, redis: test_servers::AnyRedis) -> Self {
        let database_url = fresh_database(&postgres.url()).await;
        let redis_url = redis.url();
        Self {
            topology: Topology::PostgresRedis,
            redis: Mutex::new(Some(redis)),
            folder: tempfile::tempdir().expect("a folder"),
            database_url,
            pooled_url: None,
            redis_url,
        }
    }

    /// PostgreSQL and in-process stores, on a PostgreSQL server of the caller's.
    pub async fn without_redis(postgres: &test_servers::Postgres) -> Self {
        Self {
            topology: Topology::Postgres,
            redis: Mutex::new(None),
            folder: tempfile::tempdir().expect("a folder"),
            database_url: fresh_database(&postgres.url()).await,
            pooled_url: None,
            redis_url: String::new(),
        }
    }

    /// SQLite and in-process stores, with the database in a folder of the caller's.
    #[must_use]
    pub fn in_folder(data: &std::path::Path) -> Self {
        Self {
            topology: Topology::Sqlite,
            redis: Mutex::new(None),
            folder: tempfile::tempdir().expect("a folder"),
            database_url: format!("sqlite://{}/latchkey.db", data.display()),
            pooled_url: None,
            redis_url: String::new(),
        }
    }

    /// Starts a node whose files cannot grow beyond so many blocks of 512 bytes.
    pub async fn limited_node(&self, blocks: u32) -> Node {
        Node::start(self.folder.path(), self.settings(&[]), Some(blocks)).await
    }

    /// Starts a node, with limits high enough to be out of a test's way; `settings` go on top, as
    /// in `("LIMITS__PHONE_WRONG_HOUR", "3")`.
    pub async fn node_with(&self, settings: &[(&str, &str)]) -> Node {
        Node::start(self.folder.path(), self.settings(settings), None).await
    }

    /// Starts a node that trusts the authorities in a file instead of the system's, and does not
    /// wait until it is ready.
    #[must_use]
    pub fn launched_node_trusting(
        &self,
        authorities: &std::path::Path,
        settings: &[(&str, &str)],
    ) -> Node {
        let mut all = self.settings(settings);
        all.push(("SSL_CERT_FILE".to_owned(), authorities.display().to_string()));
        Node::spawn(self.folder.path(), all, None)
    }

    /// Starts a node with more in its environment than settings.
    pub async fn node_under(
        &self,
        settings: &[(&str, &str)],
        environment: &[(String, String)],
    ) -> Node {
        let all = [self.settings(settings), environment.to_vec()].concat();
        Node::start(self.folder.path(), all, None).await
    }

    /// Starts a node and does not wait until it is ready.
    pub fn launched_node(&self) -> Node {
        Node::spawn(self.folder.path(), self.settings(&[]), None)
    }

    /// Starts a node as where people's accounts are, with the settings that it asks for and
    /// without anybody who delivers messages; `settings` go on top.
    pub async fn production_node_with(&self, settings: &[(&str, &str)]) -> Node {
        let production = [
            ("SERVER__PUBLIC_URL", "https://id.example.com"),
            ("SMS__SENDERS", "[]"),
            ("STORE__MIGRATE", "true"),
        ];
        let mut all = self.settings(&[&production, settings].concat());
        all.push(("LATCHKEY_ENV".to_owned(), "production".to_owned()));
        Node::start(self.folder.path(), all, None).await
    }

    fn settings(&self, settings: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> = [
            ("STORE__DATABASE_URL", self.database_url.as_str()),
            ("STORE__REDIS_URL", self.redis_url.as_str()),
            ("CODES__RESEND_SECS", "1"),
            ("CODES__PER_PHONE_HOUR", "1000"),
            ("CODES__PER_PHONE_DAY", "1000"),
            ("CODES__PER_IP_HOUR", "10000"),
            ("LIMITS__IP_SENDS_DAY", "10000"),
            ("LIMITS__PREFIX_SENDS_HOUR", "10000"),
            ("LIMITS__IP_FAILING_ACCOUNTS_HOUR", "10000"),
            ("LIMITS__IP_FAILURES_WINDOW", "10000"),
            ("LIMITS__IP_REGISTRATIONS_MINUTE", "10000"),
            ("LIMITS__IP_CARRIER_MINUTE", "10000"),
            ("LIMITS__IP_PROVIDER_MINUTE", "10000"),
            ("LIMITS__RESET_PER_TARGET_HOUR", "1000"),
            ("LIMITS__RESET_PER_IP_HOUR", "10000"),
            ("SECRETS__KEY", "7b1d9c40e2a86f5533c1047e98fd26ba0e4c71d285963fab5de8104729b6c3f0"),
        ]
        .iter()
        .chain(settings)
        .map(|(key, value)| (format!("LATCHKEY__{key}"), (*value).to_owned()))
        .collect();
        all.push(("LATCHKEY_CONFIG_DIR".to_owned(), "/nonexistent".to_owned()));
        if let Some(pooled) = &self.pooled_url {
            all.push(("LATCHKEY__STORE__DATABASE_URL".to_owned(), pooled.clone()));
            all.push(("LATCHKEY__STORE__MIGRATE".to_owned(), "false".to_owned()));
        }
        all
    }

    /// Runs the binary once with arguments, as an operator would, and gives what it printed.
    ///
    /// # Panics
    /// If it fails.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.run_with(&[], arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs the binary once with arguments; `settings` go on top.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn run_with(&self, settings: &[(&str, &str)], arguments: &[&str]) -> std::process::Output {
        std::process::Command::new(crate::node::binary())
            .args(arguments)
            .current_dir(self.folder.path())
            .envs(self.settings(settings))
            .output()
            .expect("the binary starts")
    }

    /// Starts a node.
    pub async fn node(&self) -> Node {
        self.node_with(&[]).await
    }

    /// The folder of the test, with the SQLite file under `data/` and the nodes' logs.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The address of the database.
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// The address of Redis; empty without one.
    pub fn redis_url(&self) -> &str {
        &self.redis_url
    }

    /// The addresses of all servers of Redis that take writes.
    ///
    /// # Panics
    /// If a test that held the Redis has failed.
    pub fn redis_masters(&self) -> Vec<String> {
        let redis = self.redis.lock().expect("a Redis");
        redis.as_ref().map(test_servers::AnyRedis::masters).unwrap_or_default()
    }

    /// Runs statements on the SQLite file of this test, as an operator would.
    pub fn sqlite(&self, statements: &str) {
        let script = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1], timeout=20)\n\
                      db.executescript(sys.argv[2])";
        let file = self.database_url.trim_start_matches("sqlite://");
        let run =
            std::process::Command::new(python()).args(["-c", script, file, statements]).output();
        let run = run.expect("a Python");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }

    /// Reads the first column of a query's rows as texts, on whichever engine it is.
    pub async fn column(&self, query: &str) -> Vec<String> {
        if self.topology == Topology::Sqlite {
            return self.sqlite_column(query);
        }
        let rows = self.sql(query).await;
        rows.iter()
            .filter_map(|it| match it {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            })
            .collect()
    }

    fn sqlite_column(&self, query: &str) -> Vec<String> {
        let script = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1], timeout=20)\n\
                      print(*(row[0] for row in db.execute(sys.argv[2])), sep='\\n')";
        let file = self.database_url.trim_start_matches("sqlite://");
        let run = std::process::Command::new(python()).args(["-c", script, file, query]).output();
        let run = run.expect("a Python");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8_lossy(&run.stdout).lines().map(str::to_owned).collect()
    }

    /// Runs a statement on the PostgreSQL database of this test, as an operator would.
    pub async fn sql(&self, statement: &str) -> Vec<tokio_postgres::SimpleQueryMessage> {
        simple_query(&self.database_url, statement).await
    }
}

/// The Python that the test command prepared.
#[expect(clippy::disallowed_methods, reason = "the test command tells where it is")]
#[must_use]
pub fn python() -> String {
    std::env::var("LATCHKEY_TEST_PYTHON").expect("run the tests with `cargo xtask test`")
}

/// The server that the test command brought up.
#[expect(clippy::disallowed_methods, reason = "the test command tells where the server is")]
fn postgres_url() -> String {
    std::env::var("LATCHKEY_TEST_POSTGRES_URL").expect("run the tests with `cargo xtask test`")
}

/// The port of the pooler that the test command brought up, if it did.
#[expect(clippy::disallowed_methods, reason = "the test command tells where the pooler is")]
fn pooler_port() -> Option<String> {
    std::env::var("LATCHKEY_TEST_POOLER_PORT").ok()
}

/// The address of a database through the pooler.
fn pooled(url: &str, port: &str) -> String {
    let (server, name) = url.rsplit_once('/').expect("an address with a database");
    let (host, _) = server.rsplit_once(':').expect("an address with a port");
    format!("{host}:{port}/{name}?pgbouncer=true")
}

async fn fresh_database(server: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "a name that no other test has")]
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_nanos();
    let name = format!("t_{}_{nanos}", std::process::id());
    simple_query(server, &format!("CREATE DATABASE {name}")).await;
    let (base, _) = server.rsplit_once('/').expect("an address with a database");
    format!("{base}/{name}")
}

async fn simple_query(url: &str, statement: &str) -> Vec<tokio_postgres::SimpleQueryMessage> {
    let (client, driver) =
        tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("PostgreSQL");
    let driver = tokio::spawn(driver);
    let rows = client.simple_query(statement).await.expect("a statement that runs");
    drop(client);
    let _ = driver.await;
    rows
}
