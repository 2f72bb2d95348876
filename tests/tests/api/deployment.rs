//! What is handed to whoever runs the service: settings, files of `deploy/`, and the two roles.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use test_vendors::carrier::{Case, Purpose, token};
use test_vendors::oauth::SigningKey;
use tests::oauth::{CALLBACK, CHALLENGE, SECRET, authorize, clients};
use tests::test_servers::{Postgres, postgres_folder};
use tests::{Answer, Client, Node, World};

use crate::browser_flow::start;
use crate::providers::Vendors;

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

/// A row of the table of what is answered without Redis.
struct Row {
    method: Method,
    path: String,
    status: u16,
    /// What it says beside the status: the way that is tried, and what came of it.
    said: String,
}

impl Row {
    fn parse(line: &str) -> Self {
        let (route, said) = line.trim_end_matches(" |").split_once("` | ").unwrap();
        let (method, path) = route.trim_start_matches("| `").split_once(' ').unwrap();
        let (status, said) = said.split_at(3);
        Self {
            method: method.parse().unwrap(),
            path: path.to_owned(),
            status: status.parse().unwrap(),
            said: said.to_owned(),
        }
    }

    fn by(&self, way: &str) -> bool {
        self.said.contains(&format!("by {way}"))
    }

    /// What is wrong with an answer; `after` is what the witness was answered afterwards.
    fn fault(&self, answer: &Answer, after: u16) -> Option<&'static str> {
        let text = |pointer: &str| answer.body.pointer(pointer).and_then(Value::as_str);
        let waits = answer.header("retry-after").parse().is_ok_and(|it: u64| it > 0);
        let is_told = match self.path.as_str() {
            "/health/ready" => text("/checks/redis") == Some("unavailable"),
            it if it.starts_with("/oauth2/") => text("/error") == Some("temporarily_unavailable"),
            _ => text("/code") == Some("dependency_unavailable"),
        };
        let over = if self.said.contains("ended") { 401 } else { 200 };
        match () {
            () if answer.status != self.status => Some("another status"),
            () if answer.took >= Duration::from_secs(3) => Some("too slow"),
            () if answer.status == 503 && !(is_told && waits) => Some("not told as it should be"),
            () if after != over => Some("the session is not as the row says"),
            () => None,
        }
    }
}

fn table() -> Vec<Row> {
    let documented = read("docs/operations.md");
    let (_, table) = documented.split_once("| route | without Redis |\n|---|---|\n").unwrap();
    table.lines().take_while(|it| it.starts_with('|')).map(Row::parse).collect()
}

/// A request of a row, and a session with a path that tells whether it is still good.
struct Try {
    request: RequestBuilder,
    witness: (Client, &'static str),
}

/// Who tries the rows. Each row has people of its own, since some end sessions.
struct Stage {
    node: Node,
    vendors: Vendors,
    key: SigningKey,
}

impl Stage {
    async fn of(world: &World) -> Self {
        let (vendors, key) = (Vendors::new().await, SigningKey::ec("1"));
        let (name, known) = clients();
        let mut known: Value = serde_json::from_str(&known).unwrap();
        let holder = json!({"id": "holder", "redirect_uris": [CALLBACK],
            "public_keys": [key.public_pem()]});
        known.as_array_mut().unwrap().push(holder);
        // Nobody listens there: whoever is asked before Redis is, is told by another code.
        let carrier = json!({"app_id": "a", "app_key": "kV8sQ2xN0pLr",
            "endpoint": "http://127.0.0.1:9"});
        let settings = [(name, &*known.to_string()), ("CARRIERS__CMCC", &*carrier.to_string())];
        let node = vendors.node(world, &settings).await;
        Self { node, vendors, key }
    }

    /// Makes what a row needs while all is there.
    async fn prepare(&self, row: &Row, number: u16) -> Try {
        let (client, phone) = (&self.node.client, format!("138001{number:05}"));
        if row.path.starts_with("/oauth2/") && row.method == Method::POST {
            return self.of_a_client(row, &phone).await;
        }
        let login = client.log_in(&phone).await;
        let user = client.as_user(&login);
        let mut witness = (user.clone(), "/v1/me");
        let path = match (row.method.as_str(), row.path.as_str()) {
            ("GET", "/oauth2/authorize") => format!("/oauth2/authorize?{}", authorize(&[])),
            ("GET", "/oauth2/userinfo") => {
                let tokens = client.partner_tokens(&phone.replacen('8', "9", 1), "openid").await;
                let program = client.as_user(&tokens);
                return Try { request: program.request(Method::GET, &row.path), witness };
            }
            ("GET", "/v1/providers/{provider}/start") => format!(
                "/v1/providers/wechat/start?client_id=web&redirect_uri={CALLBACK}\
                 &code_challenge={CHALLENGE}&code_challenge_method=S256"
            ),
            ("GET", "/v1/providers/{provider}/callback") => {
                let begun = start(client, "wechat", &[]).await;
                format!("/v1/providers/wechat/callback?code=1&state={}", begun.redirected("state"))
            }
            ("DELETE", "/v1/me/sessions") => {
                let scope = if row.said.contains("scope=others") { "others" } else { "all" };
                format!("/v1/me/sessions?scope={scope}")
            }
            ("DELETE", "/v1/me/consents/{client_id}") => {
                let scope = json!({"scope": "openid"});
                let agreed = user.json(Method::PUT, "/v1/me/consents/other", &scope).await;
                assert_eq!(agreed.status, 200, "{}", agreed.text);
                if !row.said.contains("without a session") {
                    let changes = [("client_id", "other"), ("scope", "openid")];
                    let code = user.authorize(&changes).await.redirected("code");
                    let tokens = client.exchange_as("other", &code).await;
                    witness = (client.as_user(&tokens), "/oauth2/userinfo");
                }
                "/v1/me/consents/other".to_owned()
            }
            ("DELETE", "/v1/me/identities/{id}") => {
                if !row.said.contains("last way in") {
                    assert_eq!(user.link(&format!("a{number}@example.com")).await.status, 201);
                }
                let identities = user.identities().await;
                format!("/v1/me/identities/{}", identities[0].1)
            }
            (_, path) => {
                path.replace("{id}", login.str("/session/id")).replace("{client_id}", "other")
            }
        };
        let request = user.request(row.method.clone(), &path);
        let body = self.body(row, number).await;
        Try { request: if body.is_null() { request } else { request.json(&body) }, witness }
    }

    /// What a program asks, for tokens that it has.
    async fn of_a_client(&self, row: &Row, phone: &str) -> Try {
        let client = &self.node.client;
        let tokens = client.partner_tokens(phone, "openid").await;
        let witness = (client.as_user(&tokens), "/oauth2/userinfo");
        let (access, refresh) = (tokens.str("/access_token"), tokens.str("/refresh_token"));
        let mut form = match row.path.as_str() {
            "/oauth2/token" => format!("grant_type=refresh_token&refresh_token={refresh}"),
            "/oauth2/revoke" if row.said.contains("refresh") => format!("token={refresh}"),
            _ => format!("token={access}"),
        };
        let asking = if row.by("`private_key_jwt`") {
            #[expect(clippy::disallowed_methods, reason = "a token's time is that of the machine")]
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            let claims = json!({"iss": "holder", "sub": "holder", "iat": now, "exp": now + 60,
                "aud": format!("http://{}/oauth2/token", self.node.address), "jti": phone});
            let said = self.key.sign(&json!({"alg": "ES256", "typ": "JWT"}), &claims);
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            form.extend(["&client_assertion_type=", kind, "&client_assertion=", &said]);
            client.clone()
        } else {
            client.with_basic("partner", if row.by("a wrong secret") { "wrong" } else { SECRET })
        };
        let request = asking.request(Method::POST, &row.path);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Try { request: request.body(form), witness }
    }

    async fn body(&self, row: &Row, number: u16) -> Value {
        let phone = format!("137001{number:05}");
        let password = "correct horse battery";
        match (row.method.as_str(), row.path.as_str()) {
            ("POST", "/v1/challenges") => json!({"channel": "sms", "target": phone}),
            ("POST", "/v1/register") => json!({"username": "ada_lovelace", "password": password}),
            ("PUT", "/v1/me/password") => json!({"new_password": password}),
            ("PUT", "/v1/me/consents/{client_id}") => json!({"scope": "openid"}),
            ("PATCH", "/v1/me") => json!({"nickname": "Ada"}),
            ("POST", "/v1/password-reset") => {
                json!({"credential": self.credential(row, &phone).await, "new_password": password})
            }
            ("POST", "/v1/login" | "/v1/reauthenticate" | "/v1/me/identities" | "/v1/me/merge") => {
                json!({"credential": self.credential(row, &phone).await})
            }
            _ => Value::Null,
        }
    }

    async fn credential(&self, row: &Row, phone: &str) -> Value {
        if row.by("a password") {
            return json!({"type": "password", "identifier": phone, "password": "wrong"});
        }
        if row.by("a provider") {
            return self.vendors.code("wechat", &self.vendors.person(1));
        }
        if row.by("a carrier") {
            let token = token("cmcc", Purpose::Login, Case::Good, phone);
            return json!({"type": "carrier_token", "vendor": "cmcc", "token": token});
        }
        let asked = self.node.client.ask(phone).await;
        json!({"type": "code", "challenge_id": asked.str("/challenge_id"), "code": "123456"})
    }
}

/// The table has the routes that there are, all of them; development's own are not run there.
#[test]
fn the_table_without_redis_has_all_routes() {
    let document: Value = serde_json::from_str(&read("docs/openapi.json")).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let there: BTreeSet<String> = paths
        .iter()
        .filter(|(path, _)| !path.starts_with("/dev/"))
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |it| format!("{} {path}", it.to_uppercase()))
        })
        .collect();
    let told: BTreeSet<String> =
        table().iter().map(|it| format!("{} {}", it.method, it.path)).collect();
    assert_eq!(told, there);
}

/// REL-04: what each route answers while Redis is away, as `docs/operations.md` has it.
#[tokio::test(flavor = "multi_thread")]
async fn without_redis_each_route_answers_as_the_table_says() {
    let world = World::new(tests::Topology::PostgresRedis).await;
    let stage = Stage::of(&world).await;
    let mut tries = Vec::new();
    for (number, row) in (0..).zip(table()) {
        let prepared = stage.prepare(&row, number).await;
        tries.push((row, prepared));
    }
    world.redis.lock().unwrap().as_mut().unwrap().stop().unwrap();
    let mut wrong = Vec::new();
    for (row, Try { request, witness }) in tries {
        let answer = stage.node.client.send(request).await.unwrap();
        let after = witness.0.get(witness.1).await.unwrap().status;
        if let Some(fault) = row.fault(&answer, after) {
            let Row { method, path, status, said } = row;
            wrong.push(format!(
                "{method} {path} {status}{said}: {fault}: {} in {:?}, then {after}: {}",
                answer.status, answer.took, answer.text
            ));
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
