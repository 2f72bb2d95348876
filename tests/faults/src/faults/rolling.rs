//! Two nodes are replaced one after the other, under load and behind a balancer that asks for
//! readiness.

use std::time::Instant;

use tests::World;

use super::{TWO_NODES, postgres};
use crate::report::Report;
use crate::stage::{Expected, PROMPT, Stage, WHILE};

/// How long a node that is about to stop goes on, so that the balancer sees that it is not ready.
const DRAIN: (&str, &str) = ("SERVER__DRAIN_SECS", "1");
/// The most of 1000 requests that may be refused (REL-09).
const REFUSED: u64 = 10;

/// On the one set of stores that has two nodes.
pub(crate) async fn bring() -> Vec<Report> {
    let server = postgres();
    let mut stage = Stage::on(World::on(&server).await, 2, &[DRAIN]).await;
    let balancer = stage.site.balanced();
    stage.storm();
    let mut longest = None;
    for number in [0, 1, 0, 1] {
        tokio::time::sleep(WHILE).await;
        let begun = Instant::now();
        let code = stage.terminate(number).await;
        if code != Some(0) {
            stage.tally.broke(format!("a node that was told to stop ended with {code:?}"));
        }
        longest = longest.max(Some(begun.elapsed()));
        stage.start(number).await;
    }
    tokio::time::sleep(WHILE).await;
    drop(balancer);
    let counts = stage.tally.counts();
    let refused: u64 = counts.refused.values().sum();
    if refused * 1_000 > counts.requests * REFUSED {
        stage.tally.broke(format!("{refused} of {} requests were refused", counts.requests));
    }
    let kinds = ["503 dependency_unavailable", "503 overloaded"];
    let stopping = longest.unwrap_or_default().as_secs_f64();
    let report = Report::of("rolling restart, twice", TWO_NODES)
        .note(format!("SIGTERM to exit 0: {stopping:.1} s at most"));
    vec![
        stage
            .end(report, None, Expected { kinds: &kinds, is_told: false, longest: Some(PROMPT) })
            .await,
    ]
}
