//! A third party hangs: the identity provider, or the SMS vendor.

use std::time::{Duration, Instant};

use test_vendors::Fault;
use tests::serde_json::json;
use tests::{Client, Topology, World};

use super::ALONE;
use crate::report::Report;
use crate::stage::{Expected, Stage, WHILE};
use crate::vendors::{self, PROVIDER};

/// Longer than anybody waits.
const LONG: Duration = Duration::from_mins(5);
/// The longest that a provider may keep anybody, in all (ADR 13), and some more for the rest.
const PROVIDER_LIMIT: Duration = Duration::from_secs(10);
/// The most that 99 of 100 good logins may take meanwhile.
const LOGIN: Duration = Duration::from_secs(1);
/// How long we wait for recovery.
const GIVEN_UP: Duration = Duration::from_mins(2);

/// Both.
pub(crate) async fn bring() -> Vec<Report> {
    vec![provider().await, sms().await]
}

async fn provider() -> Report {
    let world = World::new(Topology::Sqlite).await;
    let mut stage = Stage::on(world, 1, &[]).await;
    stage.storm();
    tokio::time::sleep(WHILE).await;
    stage.vendors.provider_faults().set(&format!("/{PROVIDER}"), Fault::Slow(LONG));
    tokio::time::sleep(WHILE * 5).await;
    stage.vendors.provider_faults().clear();
    let client = stage.clients().swap_remove(0);
    let mut people = 1..;
    let recovery = until(async || {
        let number = people.next().unwrap_or_default();
        let credential = vendors::credential(&stage.vendors.desk, number);
        client.post("/v1/login", &json!({"credential": credential})).await.status == 200
    })
    .await;
    let kinds = ["503 provider_unavailable"];
    finish(stage, "identity provider hanging", recovery, &kinds, Some(PROVIDER_LIMIT)).await
}

async fn sms() -> Report {
    let world = World::new(Topology::Sqlite).await;
    let mut stage = Stage::with_sms(world).await;
    stage.storm();
    tokio::time::sleep(WHILE).await;
    stage.vendors.sms_faults().set("/tencent", Fault::Slow(LONG));
    tokio::time::sleep(WHILE * 15).await;
    stage.vendors.sms_faults().clear();
    let client = stage.clients().swap_remove(0);
    let taken = || stage.vendors.sms.tencent.sent().len();
    let before = taken();
    let mut phones = 18_500_000_000_u64..;
    let recovery = until(async || {
        asks(&client, phones.next().unwrap_or_default()).await;
        taken() > before
    })
    .await;
    let kinds = ["503 sms_unavailable", "503 overloaded"];
    finish(stage, "SMS vendor hanging", recovery, &kinds, Some(PROVIDER_LIMIT)).await
}

async fn asks(client: &Client, phone: u64) {
    let _ = client.ask(&phone.to_string()).await;
}

/// How long until something holds; asked again and again.
async fn until(mut holds: impl AsyncFnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !holds().await && begun.elapsed() < GIVEN_UP {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    begun.elapsed()
}

async fn finish(
    stage: Stage,
    name: &str,
    recovery: Duration,
    kinds: &[&str],
    longest: Option<Duration>,
) -> Report {
    tokio::time::sleep(WHILE).await;
    if recovery > GIVEN_UP {
        stage.tally.broke("it does not heal");
    }
    let p99 = stage.tally.counts().p99();
    if p99 > LOGIN {
        stage.tally.broke(format!("99 of 100 logins took {p99:.2?}"));
    }
    let report = Report::of(name, ALONE).note(format!("p99 of logins {:.2} s", p99.as_secs_f64()));
    stage.end(report, Some(recovery), Expected { kinds, is_told: true, longest }).await
}
