//! Redis stopped, hanging, restarted empty and flushed, and a master that is lost.

use test_servers::{AnyRedis, Error};
use tests::World;

use super::{TWO_NODES, postgres};
use crate::report::Report;
use crate::stage::{Expected, PROMPT, Stage, WHILE};
use crate::{stage, tally};

/// How it fails, and how it comes back.
struct Failure {
    name: &'static str,
    begin: fn(&mut AnyRedis) -> Result<(), Error>,
    end: fn(&mut AnyRedis) -> Result<(), Error>,
    /// Whether codes on their way go.
    forgets: bool,
    /// Whether it is away meanwhile.
    is_away: bool,
    /// How it is set up.
    shape: &'static str,
}

const STOPPED: Failure = Failure {
    name: "Redis stopped",
    begin: AnyRedis::stop,
    end: AnyRedis::restart,
    forgets: true,
    is_away: true,
    shape: "server",
};

const FAILURES: [Failure; 5] = [
    STOPPED,
    Failure {
        name: "Redis hanging",
        begin: AnyRedis::freeze,
        end: AnyRedis::thaw,
        forgets: false,
        ..STOPPED
    },
    Failure { name: "Redis restarted", begin: AnyRedis::restart, end: |_| Ok(()), ..STOPPED },
    Failure { name: "Redis flushed", begin: flush, end: |_| Ok(()), is_away: false, ..STOPPED },
    // What the replica had not been told yet is gone.
    Failure {
        name: "Redis' master lost, its replica follows",
        begin: fail_over,
        end: |_| Ok(()),
        shape: "sentinel",
        ..STOPPED
    },
];

/// Ends the master under sentinels.
fn fail_over(redis: &mut AnyRedis) -> Result<(), Error> {
    let AnyRedis::Sentinels(it) = redis else { panic!("nobody names the next master") };
    it.fail_over()
}

#[expect(clippy::unnecessary_wraps, reason = "it is one failure of several, which may fail")]
fn flush(redis: &mut AnyRedis) -> Result<(), Error> {
    let client = tests::redis::Client::open(redis.url()).expect("an address");
    let mut connection = client.get_connection().expect("a connection");
    tests::redis::cmd("FLUSHALL").exec(&mut connection).expect("all is flushed");
    Ok(())
}

/// On the stores that have one.
pub(crate) async fn bring() -> Vec<Report> {
    let mut reports = Vec::new();
    for failure in FAILURES {
        reports.push(on(&failure).await);
    }
    reports
}

async fn on(failure: &Failure) -> Report {
    let server = postgres();
    let redis = AnyRedis::start_as(failure.shape).expect("a Redis");
    let mut stage = Stage::on(World::on_both(&server, redis).await, 2, &[]).await;
    stage.storm();
    tokio::time::sleep(WHILE).await;
    with(&stage, failure.begin);
    tokio::time::sleep(WHILE).await;
    with(&stage, failure.end);
    let recovery = stage.heals().await;
    tokio::time::sleep(WHILE).await;
    let mut kinds = vec!["503 dependency_unavailable", "503 overloaded"];
    if failure.forgets {
        kinds.push(tally::FORGOTTEN);
    }
    let is_told = failure.is_away;
    let expected = Expected { kinds: &kinds, is_told, longest: Some(PROMPT) };
    stage.end(Report::of(failure.name, TWO_NODES), Some(recovery), expected).await
}

fn with(stage: &stage::Stage, act: fn(&mut AnyRedis) -> Result<(), Error>) {
    let mut redis = stage.world.redis.lock().expect("nobody failed with it");
    act(redis.as_mut().expect("a Redis")).expect("it does what it is told");
}
