//! `check`: everything that must pass before a change goes in.

use anyhow::Result;

use crate::run::{Progress, cargo, outlive_ctrl_c, run};
use crate::{openapi, setup, test, tidy};

/// Runs one check after the other, the quick ones first, and stops at the first that fails.
pub(crate) fn check(fast: bool) -> Result<()> {
    let progress = Progress::start();
    outlive_ctrl_c()?;

    progress.step("format");
    run(&mut cargo(["fmt", "--all", "--", "--check"]))?;

    progress.step("lints");
    run(&mut cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]))?;

    progress.step("licences, banned packages and sources");
    setup::deny()?;
    // cargo-deny reads the packages of every platform, and a build fetched only ours.
    run(&mut cargo(["fetch", "--locked"]))?;
    run(&mut cargo([
        "deny",
        "--offline",
        "check",
        "--hide-inclusion-graph",
        // A room that may use a technology need not.
        "--allow=unused-wrapper",
        "bans",
        "licenses",
        "sources",
    ]))?;

    progress.step("arrows between packages, module docs, migrations");
    tidy::tidy()?;

    progress.step("documentation");
    run(cargo(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))?;

    progress.step("OpenAPI document");
    openapi::check()?;

    if fast {
        progress.step("all checks passed; the tests were left out");
        return Ok(());
    }
    progress.step("tests");
    test::test(test::Stage::default(), &[])?;
    progress.step("all checks passed");
    Ok(())
}
