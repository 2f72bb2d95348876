//! The disk of the SQLite file is full, and then it is not.

use tests::World;

use super::ALONE;
use crate::disk::Disk;
use crate::report::Report;
use crate::stage::{Expected, PROMPT, Stage, WHILE};

const NAME: &str = "disk full";
/// Room for what a node writes before the fault, in megabytes.
const ROOM: u32 = 64;

/// On the one set of stores that writes to a disk of ours.
pub(crate) async fn bring() -> Vec<Report> {
    let Some(disk) = Disk::mount(ROOM) else {
        return vec![Report::of(NAME, ALONE).note("not tried: only root may mount a small disk")];
    };
    let mut stage = Stage::on(World::in_folder(disk.path()), 1, &[]).await;
    let known = stage.somebody().await;
    stage.storm();
    tokio::time::sleep(WHILE).await;
    disk.fill();
    tokio::time::sleep(WHILE).await;
    // Reads go on.
    for path in ["/v1/me", "/v1/me/sessions", "/v1/me/identities", "/health/live"] {
        let answer = known.get(path).await.expect("an answer");
        if answer.status != 200 {
            stage.tally.broke(format!("a read is refused, {path}: {}", answer.text));
        }
    }
    tokio::time::sleep(WHILE).await;
    disk.clear();
    let recovery = stage.heals().await;
    tokio::time::sleep(WHILE).await;
    let told = stage.tally.counts().refused.contains_key("503 storage_unavailable");
    if !told {
        stage.tally.broke("nobody was told that there is no room");
    }
    let kinds = ["503 storage_unavailable"];
    let expected = Expected { kinds: &kinds, is_told: true, longest: Some(PROMPT) };
    let report = stage.end(Report::of(NAME, ALONE), Some(recovery), expected).await;
    drop(disk);
    vec![report]
}
