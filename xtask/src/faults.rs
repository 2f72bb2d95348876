//! `faults`: brings faults upon real nodes, prints what held, and keeps it in docs/reliability.md.

use std::process::Command;

use anyhow::Result;
use test_servers::python_program;

use crate::run::{Progress, cargo, outlive_ctrl_c, run};
use crate::setup::{self, Program};
use crate::workspace::{Workspace, root};

/// Builds the service and the suite, and runs those faults that are named, or all.
pub(crate) fn faults(only: &[String]) -> Result<()> {
    let progress = Progress::start();
    outlive_ctrl_c()?;
    setup::servers()?;
    if let Err(error) = setup::programs(&[Program::Faketime]) {
        eprintln!("warning: {error:#}\nwarning: faults of the clock are left out");
    }
    progress.step("building the service and the suite");
    run(&mut cargo(["build", "--package", "app-http", "--package", "test-faults"]))?;
    let built = Workspace::load()?.target_directory.join("debug");
    let mut suite = Command::new(built.join("faults"));
    suite.env("LATCHKEY_BIN", built.join("latchkey"));
    suite.env("LATCHKEY_TEST_PYTHON", python_program()?);
    suite.arg("--document").arg(root().join("docs").join("reliability.md"));
    if !only.is_empty() {
        suite.arg("--only").arg(only.join(","));
    }
    progress.step("faults");
    run(&mut suite)?;
    progress.step("all invariants held; the table is in docs/reliability.md");
    Ok(())
}
