//! What is handed to whoever runs the service: settings, files of `deploy/`, and the two roles.

use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tests::World;
use tests::serde_json::{self, json};
use tests::test_servers::Postgres;

const KEY: &str = "6f1d2c3b4a59687706152433425160718293a4b5c6d7e8f90112233445566778";

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(project().join(path)).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the test command tells where the binary is")]
fn latchkey() -> Command {
    Command::new(std::env::var("LATCHKEY_BIN").unwrap())
}

/// CFG-02: the settings for production, as they are shipped, start with secrets from outside.
#[test]
fn the_settings_for_production_are_acceptable() {
    let folder = tempfile::tempdir().unwrap();
    let status = |name: &str, value: &str| {
        let mut command = latchkey();
        command
            .args(["migrate", "up"])
            .env("LATCHKEY_ENV", "production")
            .env("LATCHKEY_CONFIG_DIR", project().join("config"))
            .env(
                "LATCHKEY__STORE__DATABASE_URL",
                format!("sqlite://{}/a.db", folder.path().display()),
            )
            .env("LATCHKEY__SECRETS__KEY", KEY)
            .env(name, value);
        command.output().unwrap()
    };
    let good = status("LATCHKEY__SERVER__PUBLIC_URL", "https://id.example.com");
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    let bad = status("LATCHKEY__SECRETS__KEY", "");
    assert!(!bad.status.success(), "it is production");
}

/// Each variable that a file of `deploy/` sets is a setting that there is.
#[test]
fn the_files_name_settings_that_there_are() {
    let known = read("config/default.toml");
    for file in ["Containerfile", "compose.yml", "latchkey.service"] {
        let text = read(&format!("deploy/{file}"));
        let mut names = text.split("LATCHKEY__").skip(1).peekable();
        assert!(names.peek().is_some(), "{file}");
        for name in names {
            let end = name.find(|it: char| !(it.is_ascii_uppercase() || it == '_'));
            let name = name[..end.unwrap_or(name.len())].to_lowercase();
            let (section, key) = name.rsplit_once("__").unwrap();
            let section = section.replace("__", ".");
            let (_, behind) = known.split_once(&format!("\n[{section}]\n")).expect(&name);
            let behind = behind.split("\n[").next().unwrap();
            assert!(
                behind.contains(&format!("\n# {key} ="))
                    || behind.starts_with(&format!("# {key} =")),
                "{file}: {name}"
            );
        }
    }
}

/// The image is built by the pinned toolchain from what is there, and runs as nobody special.
#[test]
fn the_image_is_made_of_what_is_there() {
    let text = read("deploy/Containerfile");
    let toolchain = read("rust-toolchain.toml");
    let channel = toolchain.split("channel = \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(text.contains(&format!("rust:{channel}-")), "{channel}");
    let copied = text.lines().filter_map(|it| it.strip_prefix("COPY "));
    for line in copied.filter(|it| !it.starts_with("--from")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (_, sources) = words.split_last().unwrap();
        for source in sources {
            assert!(project().join(source).exists(), "{source}");
        }
    }
    let last = text.rsplit("\nFROM ").next().unwrap();
    assert!(last.contains("\nUSER 10001:10001\n") && last.contains("ca-certificates"));
    assert!(last.contains("CMD [\"latchkey\", \"health\"]"));
    let unit = read("deploy/latchkey.service");
    for line in ["User=latchkey", "NoNewPrivileges=yes", "ProtectSystem=strict"] {
        assert!(unit.lines().any(|it| it == line), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_asks_whether_its_node_lives() {
    let world = World::new(tests::Topology::Sqlite).await;
    let node = world.node().await;
    let asked = |bind: &str| {
        latchkey()
            .arg("health")
            .current_dir(world.folder())
            .env("LATCHKEY__SECRETS__KEY", KEY)
            .env("LATCHKEY__SERVER__BIND", bind)
            .output()
            .unwrap()
    };
    assert!(asked(&node.address).status.success());
    let address = node.address.clone();
    drop(node);
    let asked = asked(&address);
    assert!(!asked.status.success());
    assert!(String::from_utf8_lossy(&asked.stderr).contains("does not answer"));
}

/// CFG-03: migrations run by the owner's role; the service works by a role that can neither make
/// or drop tables nor change the audit log.
#[tokio::test(flavor = "multi_thread")]
async fn the_service_works_by_a_role_with_few_rights() {
    let server = Postgres::start().unwrap();
    sql(&server.url(), "CREATE ROLE latchkey_owner LOGIN").await.unwrap();
    sql(&server.url(), "CREATE ROLE latchkey LOGIN").await.unwrap();
    sql(&server.url(), "CREATE DATABASE latchkey OWNER latchkey_owner").await.unwrap();
    let superuser = server.database_url("latchkey");
    let owner = superuser.replace("postgres@", "latchkey_owner@");
    let runtime = superuser.replace("postgres@", "latchkey@");
    sql(&superuser, "ALTER SCHEMA public OWNER TO latchkey_owner").await.unwrap();
    let world = World::on(&server).await;
    let migrated = latchkey()
        .args(["migrate", "up"])
        .current_dir(world.folder())
        .env("LATCHKEY__SECRETS__KEY", KEY)
        .env("LATCHKEY__STORE__DATABASE_URL", &owner)
        .output()
        .unwrap();
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    sql(&owner, &read("deploy/roles.sql")).await.unwrap();

    let settings = [("STORE__DATABASE_URL", runtime.as_str()), ("STORE__MIGRATE", "false")];
    let node = world.node_with(&settings).await;
    let client = &node.client;
    let user = client.as_user(&client.log_in("13800138000").await);
    assert_eq!(user.link("a@example.com").await.status, 201);
    assert_eq!(user.get("/v1/me/logins").await.unwrap().status, 200);
    assert_eq!(client.login_by_password("13800138000", "wrong").await.status, 401);
    assert_eq!(user.post_nothing("/v1/logout").await.status, 204);
    for statement in [
        "UPDATE login_events SET outcome = 'failure'",
        "DELETE FROM audit_events",
        "TRUNCATE login_events",
        "CREATE TABLE more (id integer)",
        "DROP TABLE users",
        "DELETE FROM __diesel_schema_migrations",
        "ALTER TABLE login_events DISABLE TRIGGER ALL",
    ] {
        let refused = sql(&runtime, statement).await.unwrap_err();
        assert!(
            refused.contains("permission denied") || refused.contains("must be owner"),
            "{statement}: {refused}"
        );
    }
}

async fn sql(url: &str, statement: &str) -> Result<(), String> {
    let connected = tests::tokio_postgres::connect(url, tests::tokio_postgres::NoTls).await;
    let (client, driver) = connected.unwrap();
    let driver = tokio::spawn(driver);
    let done = client.batch_execute(statement).await;
    drop(client);
    let _ = driver.await;
    done.map_err(|it| it.as_db_error().map_or_else(|| it.to_string(), |it| it.message().to_owned()))
}

/// REL-04: what each route answers while Redis is away, as `docs/operations.md` has it.
#[tokio::test(flavor = "multi_thread")]
async fn without_redis_each_route_answers_as_the_table_says() {
    let world = World::new(tests::Topology::PostgresRedis).await;
    let node = world.node().await;
    let client = &node.client;
    let login = client.log_in("13800138000").await;
    let user = client.as_user(&login);
    let session = login.str("/session/id").to_owned();
    let identities = user.get("/v1/me/identities").await.unwrap();
    let identity = identities.body.pointer("/identities/0/id").and_then(|it| it.as_str());
    let identity = identity.unwrap_or("0199c0de-0000-7000-8000-000000000000").to_owned();
    let asked = client.ask("13800138002").await;
    let challenge = asked.str("/challenge_id").to_owned();
    world.redis.lock().unwrap().as_mut().unwrap().stop().unwrap();
    let code = json!({"type": "code", "challenge_id": challenge, "code": "123456"});
    let password = json!({"type": "password", "identifier": "13800138000", "password": "wrong"});
    let mut wrong = Vec::new();
    let documented = read("docs/operations.md");
    let (_, table) = documented.split_once("| route | without Redis |").unwrap();
    let table = table.split("\n\n").next().unwrap();
    let rows: Vec<&str> = table.lines().filter(|it| it.starts_with("| `")).collect();
    assert!(rows.len() > 20, "a table");
    for row in rows {
        let (route, said) = row.split_once("` | ").unwrap();
        let (method, path) = route.trim_start_matches("| `").split_once(' ').unwrap();
        let expected: u16 = said[..3].parse().unwrap();
        let body = match (method, path) {
            ("POST", "/v1/challenges") => json!({"channel": "sms", "target": "13800138001"}),
            ("POST", "/v1/login") if said.contains("password") => json!({"credential": password}),
            ("POST", "/v1/login" | "/v1/reauthenticate" | "/v1/me/identities" | "/v1/me/merge") => {
                json!({"credential": code})
            }
            ("POST", "/v1/register") => {
                json!({"username": "ada_lovelace", "password": "correct horse battery"})
            }
            ("POST", "/v1/password-reset") => {
                json!({"credential": code, "new_password": "correct horse battery"})
            }
            ("PUT", "/v1/me/password") => json!({"new_password": "correct horse battery"}),
            ("PATCH", "/v1/me") => json!({"nickname": "Ada"}),
            _ => serde_json::Value::Null,
        };
        let path = path.replace("sessions/{id}", &format!("sessions/{session}"));
        let path = path.replace("identities/{id}", &format!("identities/{identity}"));
        let request = user.request(method.parse().unwrap(), &path);
        let request = if body.is_null() { request } else { request.json(&body) };
        let answer = user.send(request).await.unwrap();
        if answer.status != expected {
            wrong.push(format!("{row} answered {} {}", answer.status, answer.text));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The certificate of an authority, and a certificate for `localhost` with its key, in PEM.
fn authority_and_server() -> (String, String, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let own = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let server = server.signed_by(&own, &issuer).unwrap().pem();
    (authority, server, own.serialize_pem())
}

/// CFG-03: Redis elsewhere proves its name, or hears nothing.
#[tokio::test(flavor = "multi_thread")]
async fn redis_is_spoken_to_by_verified_tls() {
    let (authority, certificate, key) = authority_and_server();
    let (stranger, ..) = authority_and_server();
    let (_redis, port) = tests::test_servers::Redis::start_with_tls(&certificate, &key).unwrap();
    let world = World::new(tests::Topology::Sqlite).await;
    for (name, trusted, host, expected) in [
        ("ours.pem", &authority, "localhost", "ok"),
        ("other.pem", &stranger, "localhost", "unavailable"),
        ("ours.pem", &authority, "127.0.0.1", "unavailable"),
    ] {
        let file = world.folder().join(name);
        std::fs::write(&file, trusted).unwrap();
        let url = format!("rediss://{host}:{port}");
        let node = world.launched_node_trusting(&file, &[("STORE__REDIS_URL", &url)]);
        let ready = node.client.get("/health/ready").await.unwrap();
        assert_eq!(ready.body["checks"]["redis"], expected, "{host}, {name}: {}", node.log());
    }
}
