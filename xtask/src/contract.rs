//! `contract`: asks a node everything that its own OpenAPI document allows, and what it does not,
//! and looks for answers that the document does not have.

use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use test_servers::free_port;

use crate::node::{Node, is_ready};
use crate::run::{Progress, cargo, outlive_ctrl_c, run};
use crate::setup;
use crate::workspace::{Workspace, root};

/// Limits that would be all that is seen.
const OUT_OF_THE_WAY: [&str; 12] = [
    "CODES__PER_PHONE_HOUR",
    "CODES__PER_PHONE_DAY",
    "CODES__PER_IP_HOUR",
    "LIMITS__IP_SENDS_DAY",
    "LIMITS__PREFIX_SENDS_HOUR",
    "LIMITS__IP_FAILING_ACCOUNTS_HOUR",
    "LIMITS__IP_FAILURES_WINDOW",
    "LIMITS__IP_REGISTRATIONS_MINUTE",
    "LIMITS__IP_CARRIER_MINUTE",
    "LIMITS__IP_PROVIDER_MINUTE",
    "LIMITS__RESET_PER_TARGET_HOUR",
    "LIMITS__RESET_PER_IP_HOUR",
];
/// How often it is looked whether the node is ready, and how long between two looks.
const LOOKS: (u32, Duration) = (400, Duration::from_millis(25));

/// Builds the service, starts it on SQLite, and has Schemathesis ask it.
pub(crate) fn contract() -> Result<()> {
    let progress = Progress::start();
    outlive_ctrl_c()?;
    let workspace = Workspace::load()?;
    let python = setup::schemathesis(&workspace)?;
    progress.step("building the service");
    run(&mut cargo(["build", "--package", "app-http"]))?;
    let folder = workspace.target_directory.join("contract");
    // What an earlier run left there is of no use.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).context("no folder for the node's data")?;
    let address = format!("127.0.0.1:{}", free_port()?);
    let mut command = Command::new(workspace.target_directory.join("debug").join("latchkey"));
    command
        .current_dir(&folder)
        .env("LATCHKEY_ENV", "development")
        .env("LATCHKEY_CONFIG_DIR", &folder)
        .env("LATCHKEY__SERVER__BIND", &address)
        .envs(OUT_OF_THE_WAY.map(|it| (format!("LATCHKEY__{it}"), "100000")))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(folder.join("log")).context("no log")?);
    let _node = started(&mut command, &address)?;
    progress.step("asking it");
    let script = root().join("tests").join("clients").join("contract.py");
    // It leaves files where it runs.
    let mut asking = Command::new(python);
    run(asking.arg(script).arg(format!("http://{address}")).current_dir(&folder))?;
    progress.step("nothing was answered that the document does not have");
    Ok(())
}

/// Starts the node, and waits until it is ready: before that it answers 503.
fn started(command: &mut Command, address: &str) -> Result<Node> {
    let mut node = Node::spawn(command)?;
    for _ in 0..LOOKS.0 {
        if is_ready(address) {
            return Ok(node);
        }
        if node.0.try_wait()?.is_some() {
            break;
        }
        sleep(LOOKS.1);
    }
    bail!("the service is not ready: see target/contract/log")
}
