//! What is handed to whoever runs the service: settings, files of `deploy/`, and the two roles.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tests::World;
use tests::test_servers::{Postgres, postgres_folder};

const KEY: &str = "6f1d2c3b4a59687706152433425160718293a4b5c6d7e8f90112233445566778";

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A file of the project.
pub(crate) fn read(path: &str) -> String {
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

/// What a Containerfile copies from the project.
fn sources(text: &str) -> impl Iterator<Item = &str> {
    let copied = text.lines().filter_map(|it| it.strip_prefix("COPY "));
    copied.filter(|it| !it.starts_with("--from")).flat_map(|line| {
        let (sources, _to) = line.rsplit_once(' ').unwrap();
        sources.split(' ')
    })
}

/// The image is built by the pinned toolchain from what is there, and runs as nobody special.
#[test]
fn the_image_is_made_of_what_is_there() {
    let text = read("deploy/Containerfile");
    let toolchain = read("rust-toolchain.toml");
    let channel = toolchain.split("channel = \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(text.contains(&format!("rust:{channel}-")), "{channel}");
    for source in sources(&text) {
        assert!(project().join(source).exists(), "{source}");
    }
    // Nothing else gets to whoever builds it: neither secrets nor data nor history.
    let ignored = read(".dockerignore");
    let mut lines = ignored.lines().filter(|it| !it.starts_with('#'));
    assert_eq!(lines.next(), Some("*"));
    let admitted: BTreeSet<&str> = lines.filter_map(|it| it.strip_prefix('!')).collect();
    let sources: BTreeSet<&str> = sources(&text).map(|it| it.split('/').next().unwrap()).collect();
    assert_eq!(admitted, sources);
    let last = text.rsplit("\nFROM ").next().unwrap();
    assert!(last.contains("\nUSER 10001:10001\n") && last.contains("ca-certificates"));
    assert!(last.contains("CMD [\"latchkey\", \"health\"]"));
    let unit = read("deploy/latchkey.service");
    for line in [
        "User=latchkey",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "StateDirectory=latchkey",
        "WorkingDirectory=/var/lib/latchkey",
    ] {
        assert!(unit.lines().any(|it| it == line), "{line}");
    }
}

/// CFG-01, CFG-03: all that the containers read is made, for its reader alone, and never again.
#[test]
fn what_the_containers_read_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let script = project().join("deploy/make-secrets.sh");
    let run = || Command::new("sh").arg(&script).arg(folder.path()).output().unwrap();
    let first = run();
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let compose = read("deploy/compose.yml");
    let read_by_it = compose.split(['[', ']', '"', ' ', ':', '\n']).filter_map(|it| {
        let it = it.strip_prefix("./").unwrap_or(it);
        (it.starts_with("secrets/") || it.starts_with("tls")).then(|| folder.path().join(it))
    });
    let read_by_it: BTreeSet<PathBuf> = read_by_it.collect();
    assert!(read_by_it.len() > 6, "{read_by_it:?}");
    for path in &read_by_it {
        assert!(path.exists(), "{}", path.display());
    }
    let files = |of: &str| std::fs::read_dir(folder.path().join(of)).unwrap().map(Result::unwrap);
    let mut kept = Vec::new();
    for it in files("secrets").chain(files("tls")).filter(|it| it.path().is_file()) {
        let is_certificate = it.path().extension().is_some_and(|it| it == "pem");
        let mode = it.metadata().unwrap().permissions().mode() & 0o777;
        let expected: &[u32] = if is_certificate { &[0o644] } else { &[0o600, 0o400] };
        assert!(expected.contains(&mode), "{}: {mode:o}", it.path().display());
        kept.push((it.path(), std::fs::read(it.path()).unwrap()));
    }
    for name in ["postgres", "redis"] {
        let verified = Command::new("openssl")
            .args(["verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", name])
            .args(["-no-CAfile", "-no-CAstore", "-CApath"])
            .arg(folder.path().join("tls/trusted"))
            .arg(folder.path().join("tls").join(name).with_extension("pem"))
            .output()
            .unwrap();
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    }
    let migrated = latchkey()
        .args(["migrate", "up"])
        .env("LATCHKEY_ENV", "production")
        .env("LATCHKEY_CONFIG_DIR", project().join("config"))
        .env("LATCHKEY__STORE__DATABASE_URL", format!("sqlite://{}/a.db", folder.path().display()))
        .env("LATCHKEY__SECRETS__KEY_FILE", folder.path().join("secrets/master.key"))
        .output()
        .unwrap();
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));

    assert!(!run().status.success(), "it is there already");
    for (path, before) in kept {
        assert_eq!(std::fs::read(&path).unwrap(), before, "{}", path.display());
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
    // A start after the first one meets what is there.
    for _ in 0..2 {
        let made = Command::new(postgres_folder().unwrap().join("psql"))
            .args(["--no-psqlrc", "--set=ON_ERROR_STOP=1", "--dbname", &server.url(), "--file"])
            .arg(project().join("deploy/make-roles.sql"))
            .envs([("OWNER_PASSWORD", "it's"), ("NODES_PASSWORD", "another")])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    let superuser = server.database_url("latchkey");
    let owner = superuser.replace("postgres@", "latchkey_owner@");
    let runtime = superuser.replace("postgres@", "latchkey@");
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
        "DELETE FROM keyring",
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
