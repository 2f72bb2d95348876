//! The budgets of round trips, counted: commands that Redis got from outside its scripts, and
//! statements that PostgreSQL ran, BEGIN and COMMIT aside, and what no request makes: looks into
//! the outbox, and the first signing key.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tests::test_servers::Postgres;
use tests::{Client, Node, World};

use crate::providers::Vendors;

/// What Redis and PostgreSQL were asked while something happened.
struct Meter<'a> {
    postgres: &'a Postgres,
    /// What MONITOR tells, line by line.
    monitored: Arc<Mutex<Vec<String>>>,
}

impl<'a> Meter<'a> {
    fn new(postgres: &'a Postgres, redis_url: &str) -> Self {
        let address = redis_url.trim_start_matches("redis://").trim_end_matches('/');
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"MONITOR\r\n").unwrap();
        let monitored = Arc::<Mutex<Vec<String>>>::default();
        let lines = Arc::clone(&monitored);
        std::thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                lines.lock().unwrap().push(String::from_utf8_lossy(&line).into_owned());
            }
        });
        Self { postgres, monitored }
    }

    /// Counts commands and statements of `work`.
    async fn count<R>(&self, work: impl AsyncFnOnce() -> R) -> (usize, usize, R) {
        // What went before may still be on its way to the log.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let (statements, commands) = (self.statements().len(), self.commands().len());
        let result = work().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let ran = self.statements().split_off(statements);
        let sent = self.commands().split_off(commands);
        eprintln!("{sent:#?} {ran:#?}");
        (sent.len(), ran.len(), result)
    }

    /// The commands that came from outside: what scripts do by themselves is marked `lua`.
    fn commands(&self) -> Vec<String> {
        let lines = self.monitored.lock().unwrap();
        let outside = lines.iter().filter(|it| it.contains('"') && !it.contains(" lua] "));
        outside.map(|it| it.chars().take(100).collect()).collect()
    }

    /// The statements in the server's log, BEGIN and COMMIT aside, and what the courier does behind
    /// all requests.
    fn statements(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.postgres.log_path()).unwrap();
        log.lines()
            .filter_map(|line| {
                line.split_once("execute ").or_else(|| line.split_once("statement: "))
            })
            .map(|(_, statement)| statement.chars().take(100).collect::<String>())
            .filter(|it| !it.contains("BEGIN") && !it.contains("COMMIT"))
            .filter(|it| !it.contains("WITH due AS MATERIALIZED") && !it.contains("oauth_keys"))
            .filter(|it| !it.contains("UPDATE \"outbox\""))
            .collect()
    }
}

struct Stage {
    postgres: Postgres,
    world: World,
    node: Node,
}

async fn stage() -> Stage {
    let postgres = Postgres::start_with(&["-c", "log_statement=all"]).unwrap();
    let world = World::on(&postgres).await;
    let node = world.node().await;
    // Scripts are loaded and statements prepared by the first of each kind.
    warm_up(&node.client).await;
    Stage { postgres, world, node }
}

async fn warm_up(client: &Client) {
    for _ in 0..2 {
        let login = client.log_in("13900139000").await;
        client.as_user(&login).me().await;
        client.login_by_password("13900139000", "wrong").await;
        tokio::time::sleep(Duration::from_millis(1_050)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_keeps_its_budget() {
    let stage = stage().await;
    let client = &stage.node.client;
    let meter = Meter::new(&stage.postgres, stage.world.redis_url());

    let (redis, sql, _) = meter.count(async || client.ask("13800138000").await).await;
    // One before the answer, and one behind it for who took the code.
    assert_eq!((redis, sql), (2, 0), "ask for a code");

    let sent = client.get("/dev/messages?to=13800138000").await.unwrap();
    let id = sent.str("/messages/0/challenge_id").to_owned();
    let credential = client.code_of("13800138000", &id).await;
    let (redis, sql, login) = meter.count(async || client.login(&credential).await).await;
    assert_eq!(login.body["is_new_user"], true, "{}", login.text);
    assert!(redis <= 2 && sql <= 3, "log in by code, new user: {redis} + {sql}");

    let user = client.as_user(&login);
    let (redis, sql, me) = meter.count(async || user.me().await).await;
    assert_eq!(me.status, 200);
    assert_eq!((redis, sql), (1, 0), "check a session");

    tokio::time::sleep(Duration::from_millis(1_050)).await;
    let credential = client.code("13800138000").await;
    let (redis, sql, login) = meter.count(async || client.login(&credential).await).await;
    assert_eq!(login.body["is_new_user"], false);
    assert!(redis <= 2 && sql <= 2, "log in by code, known user: {redis} + {sql}");

    let changed = user
        .json(
            reqwest::Method::PUT,
            "/v1/me/password",
            &json!({"new_password": "correct horse battery"}),
        )
        .await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let (redis, sql, login) = meter
        .count(async || client.login_by_password("13800138000", "correct horse battery").await)
        .await;
    assert_eq!(login.status, 200, "{}", login.text);
    assert!(redis <= 2 && sql <= 2, "log in by password: {redis} + {sql}");

    let (redis, sql, refused) =
        meter.count(async || client.login_by_password("13800138000", "wrong").await).await;
    assert_eq!(refused.status, 401);
    assert!(redis <= 2 && sql <= 2, "a wrong password: {redis} + {sql}");
}

/// OP-10: who needs no consent does not pay for those who do, and these pay one look at it.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_for_a_program_keeps_its_budget() {
    let postgres = Postgres::start_with(&["-c", "log_statement=all"]).unwrap();
    let world = World::on(&postgres).await;
    let node = crate::oauth2::node(&world).await;
    let user = node.client.as_user(&node.client.log_in("13800138000").await);
    let body = json!({"scope": "openid"});
    let agreed = user.json(reqwest::Method::PUT, "/v1/me/consents/other", &body).await;
    assert_eq!(agreed.status, 200, "{}", agreed.text);
    let asked = async |client| user.authorize(&[("client_id", client), ("scope", "openid")]).await;
    let meter = Meter::new(&postgres, world.redis_url());
    for (client, budget) in [("web", 7), ("partner", 7), ("other", 8)] {
        assert_eq!(asked(client).await.redirected("error"), "", "{client}");
        let (redis, sql, _) = meter.count(async || asked(client).await).await;
        assert_eq!((redis, sql), (1, budget), "a code for {client}");
    }
}

/// A known account and a new one, each with an openid and a unionid.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_by_a_third_party_keeps_its_budget() {
    let postgres = Postgres::start_with(&["-c", "log_statement=all"]).unwrap();
    let world = World::on(&postgres).await;
    let vendors = Vendors::new().await;
    let node = vendors.node(&world, &[]).await;
    let login = async |id| {
        let credential = vendors.code("wechat", &vendors.person(id));
        node.client.login(&credential).await
    };
    warm_up(&node.client).await;
    for id in [1, 1, 2] {
        assert_eq!(login(id).await.status, 200);
    }
    let meter = Meter::new(&postgres, world.redis_url());
    for (id, is_new) in [(3, true), (3, false)] {
        let (redis, sql, came) = meter.count(async || login(id).await).await;
        assert_eq!(came.body["is_new_user"], is_new, "{}", came.text);
        assert!(redis <= 2 && sql <= 2, "log in by a third party: {redis} + {sql}");
    }
}
