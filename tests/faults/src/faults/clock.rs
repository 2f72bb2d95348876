//! A clock is set back an hour: of a node that runs, and of one that starts then.

use std::time::Duration;

use tests::reqwest::Method;
use tests::serde_json::{Value, json};
use tests::{Answer, Client, Topology, World};

use super::{ALONE, TWO_NODES, postgres};
use crate::faketime::Dial;
use crate::ledger::PASSWORD;
use crate::report::Report;
use crate::stage::{Expected, Stage, WHILE};
use crate::tally::{FORGOTTEN, NO_ANSWER};

const NAME: &str = "clock set back 1 h";
/// An hour back.
const BACK: i64 = -3_600;
/// How long sessions and codes live here, and for how long an account is locked.
const LIVES: [(&str, &str); 4] = [
    ("SESSIONS__IDLE_SECS", "4"),
    ("CODES__TTL_SECS", "4"),
    ("LOCKOUT__BASE_SECS", "600"),
    ("LOCKOUT__MAX_SECS", "600"),
];
/// A little longer than that.
const OVER: Duration = Duration::from_secs(5);

/// Alone and on two nodes.
pub(crate) async fn bring() -> Vec<Report> {
    let mut reports = Vec::new();
    let server = postgres();
    for (nodes, stores) in [(1, ALONE), (2, TWO_NODES)] {
        let world = async || match nodes {
            1 => World::new(Topology::Sqlite).await,
            _ => World::on(&server).await,
        };
        let Some(dial) = Dial::new() else {
            let why = "not tried: needs libfaketime (`apt-get install libfaketime`)";
            reports.push(Report::of(NAME, stores).note(why));
            continue;
        };
        reports.push(in_a_storm(world().await, nodes, stores, &dial).await);
        dial.set(0);
        reports.push(what_was_over(world().await, nodes, stores, &dial).await);
        dial.set(0);
        reports.push(what_nobody_saw_end(world().await, nodes, stores, &dial).await);
    }
    reports
}

/// Everything goes on, and what was acknowledged holds.
async fn in_a_storm(world: World, nodes: usize, stores: &str, dial: &Dial) -> Report {
    let mut stage = Stage::under(world, nodes, &[], dial.environment()).await;
    stage.storm();
    tokio::time::sleep(WHILE).await;
    dial.set(BACK);
    tokio::time::sleep(WHILE).await;
    stage.kill(0);
    stage.start(0).await;
    let recovery = stage.heals().await;
    tokio::time::sleep(WHILE).await;
    let report = Report::of(&format!("{NAME}, a node killed and started"), stores);
    // At half the pace of time people come again too soon.
    let soon = ["429 rate_limited", "429 sms_rate_limited"];
    let kinds = [[NO_ANSWER, FORGOTTEN], soon].concat();
    stage
        .end(report, Some(recovery), Expected { kinds: &kinds, is_told: false, longest: None })
        .await
}

/// What had ended, expired, been used or been locked is so at every node, before and after a start.
async fn what_was_over(world: World, nodes: usize, stores: &str, dial: &Dial) -> Report {
    let mut stage = Stage::under(world, nodes, &LIVES, dial.environment()).await;
    let past = Past::make(&stage.clients().swap_remove(0)).await;
    tokio::time::sleep(OVER).await;
    past.stays(&stage, "before the clock is set").await;
    dial.set(BACK);
    past.stays(&stage, "on a node that runs").await;
    for number in 0..nodes {
        stage.kill(number);
        stage.start(number).await;
        past.stays(&stage, "with a node that started then").await;
    }
    let recovery = stage.heals().await;
    let report = Report::of(&format!("{NAME}: what was over"), stores);
    stage.end(report, Some(recovery), Expected { kinds: &[], is_told: false, longest: None }).await
}

/// The same where nobody came between the end of it and that of the nodes: no login and no change
/// tells how late it was, but the nodes wrote it down when they were told to stop.
async fn what_nobody_saw_end(world: World, nodes: usize, stores: &str, dial: &Dial) -> Report {
    let mut stage = Stage::under(world, nodes, &LIVES, dial.environment()).await;
    let past = Past::make(&stage.clients().swap_remove(0)).await;
    tokio::time::sleep(OVER).await;
    for number in 0..nodes {
        let code = stage.terminate(number).await;
        if code != Some(0) {
            stage.tally.broke(format!("a node that was told to stop ended with {code:?}"));
        }
    }
    dial.set(BACK);
    for number in 0..nodes {
        stage.start(number).await;
    }
    past.stays(&stage, "though nobody saw it end").await;
    let recovery = stage.heals().await;
    let report = Report::of(&format!("{NAME} while no node runs: what was over"), stores);
    stage.end(report, Some(recovery), Expected { kinds: &[], is_told: false, longest: None }).await
}

/// What is over, or will be soon.
struct Past {
    expired: String,
    ended: String,
    unused: Value,
    used: Value,
}

impl Past {
    async fn make(client: &Client) -> Self {
        let token = |it: &Answer| it.str("/access_token").to_owned();
        let expired = token(&client.log_in("13800138000").await);
        let ended = token(&client.log_in("13800138001").await);
        let left = client.bearing(&ended).post_nothing("/v1/logout").await;
        assert_eq!(left.status, 204, "{}", left.text);
        let used = client.code("13800138002").await;
        assert_eq!(client.login(&used).await.status, 200);
        let name = json!({"username": "locked", "password": PASSWORD});
        assert_eq!(client.post("/v1/register", &name).await.status, 201);
        for _ in 0..5 {
            client.login_by_password("locked", "wrong").await;
        }
        Self { expired, ended, unused: client.code("13800138003").await, used }
    }

    async fn stays(&self, stage: &Stage, when: &str) {
        for client in stage.clients() {
            for (what, token) in [("an expired", &self.expired), ("an ended", &self.ended)] {
                let answer = client.bearing(token).me().await;
                if answer.status != 401 {
                    stage.tally.broke(format!("{what} session lives {when}: {}", answer.text));
                }
            }
            for (what, code) in [("an expired", &self.unused), ("a used", &self.used)] {
                let answer = client.login(code).await;
                if answer.status != 401 {
                    stage.tally.broke(format!("{what} code is good {when}: {}", answer.text));
                }
            }
            let answer = client.login_by_password("locked", PASSWORD).await;
            if answer.status != 429 {
                stage.tally.broke(format!("a locked account opens {when}: {}", answer.text));
            }
            let live = client.request(Method::GET, "/health/live");
            if client.send(live).await.map_or(0, |it| it.status) != 200 {
                stage.tally.broke(format!("a node does not live {when}"));
            }
        }
    }
}
