//! `bench` and `growth`: how fast the service is, and what becomes of that when it grows.

use std::path::PathBuf;

use anyhow::Result;

use crate::run::{Progress, cargo, outlive_ctrl_c, run};
use crate::setup;
use crate::workspace::Workspace;

/// Measures the six loads beside their limits; `arguments` go to the program that measures.
pub(crate) fn bench(arguments: &[String]) -> Result<()> {
    measure("run", &[], arguments)
}

/// Measures logins and session checks at several numbers of users.
pub(crate) fn growth(arguments: &[String]) -> Result<()> {
    // The binary that is measured fills the database as well: in a release it cannot.
    measure("growth", &["--features", "seed"], arguments)
}

fn measure(task: &str, features: &[&str], arguments: &[String]) -> Result<()> {
    let progress = Progress::start();
    outlive_ctrl_c()?;
    setup::servers()?;
    let target = Workspace::load()?.target_directory;
    let release: PathBuf = target.join("release");
    // One after the other: built together, each would get what the other's dependencies ask for.
    progress.step("building the service");
    run(cargo(["build", "--release", "--package", "app-http"]).args(features))?;
    progress.step("building what measures it");
    run(&mut cargo(["build", "--release", "--package", "bench"]))?;
    progress.step("measuring; leave the machine alone meanwhile");
    let mut command = std::process::Command::new(release.join("bench"));
    command.arg(task).arg("--server").arg(release.join("latchkey"));
    command.arg("--out").arg(target.join("bench")).args(arguments);
    run(&mut command)?;
    progress.step(format!("the results are under {}", target.join("bench").display()));
    Ok(())
}
