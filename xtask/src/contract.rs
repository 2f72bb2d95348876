//! `contract`: asks a node everything that its own OpenAPI document allows, and what it does not,
//! and looks for answers that the document does not have.

use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use test_servers::free_port;

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
/// How often it is looked whether the node listens, and how long between two looks.
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
    let port = free_port()?;
    let mut command = Command::new(workspace.target_directory.join("debug").join("latchkey"));
    command
        .current_dir(&folder)
        .env("LATCHKEY_ENV", "development")
        .env("LATCHKEY_CONFIG_DIR", &folder)
        .env("LATCHKEY__SERVER__BIND", format!("127.0.0.1:{port}"))
        .envs(OUT_OF_THE_WAY.map(|it| (format!("LATCHKEY__{it}"), "100000")))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(folder.join("log")).context("no log")?);
    let _node = Node::start(command, port)?;
    progress.step("asking it");
    let script = root().join("tests").join("clients").join("contract.py");
    // It leaves files where it runs.
    let mut asking = Command::new(python);
    run(asking.arg(script).arg(format!("http://127.0.0.1:{port}")).current_dir(&folder))?;
    progress.step("nothing was answered that the document does not have");
    Ok(())
}

/// The node, which ends with us.
struct Node(Child);

impl Node {
    fn start(mut command: Command, port: u16) -> Result<Self> {
        let mut node = Self(command.spawn().context("the service does not start")?);
        for _ in 0..LOOKS.0 {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(node);
            }
            if node.0.try_wait()?.is_some() {
                break;
            }
            sleep(LOOKS.1);
        }
        bail!("the service does not listen: see target/contract/log")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
