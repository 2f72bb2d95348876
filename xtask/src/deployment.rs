//! `deployment`: runs what `deploy/` describes, on an engine of its own: the image, the composition
//! of two nodes and their stores, the unit of systemd, the alarms.
//!
//! No registry of images is needed: [`images`] makes stand-ins of Debian's packages.

mod engine;
mod images;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::node::{READY, posted, status};
use crate::run::{Progress, outlive_ctrl_c, output, run};
use crate::setup::{self, Program};
use crate::workspace::{Workspace, root};
use engine::{Composition, Engine};

/// The user of the image.
const USER: &str = "10001:10001";
/// Where that user may write: what every Debian has for everybody.
const WRITABLE: [&str; 3] = ["/run/lock", "/tmp", "/var/tmp"];
/// A master secret.
const SECRET: &str = "6f1d2c3b4a59687706152433425160718293a4b5c6d7e8f90112233445566778";
/// The nodes of deploy/compose.yml, and where they are reached.
const NODES: [(&str, &str); 2] = [("node1", "127.0.0.1:8081"), ("node2", "127.0.0.1:8082")];
/// What it runs once, before them.
const ONCE: [&str; 3] = ["roles", "migrate", "grants"];
/// How the composition is started, on the images that are here.
const UP: &[&str] = &["up", "--detach", "--no-build"];
/// How often it is looked whether a node is well, and how long between two looks.
const LOOKS: (u32, Duration) = (240, Duration::from_millis(250));
/// How much of itself the unit may leave open, by `systemd-analyze security`: 0 to 100.
const EXPOSURE: &str = "15";

/// Looks at all of `deploy/`.
pub(crate) fn deployment() -> Result<()> {
    let progress = Progress::start();
    outlive_ctrl_c()?;
    let is_root = cfg!(target_os = "linux") && output(Command::new("id").arg("-u"))?.trim() == "0";
    ensure!(is_root, "an engine is run by root, on Linux");
    setup::programs(&[
        Program::Docker,
        Program::Compose,
        Program::Debootstrap,
        Program::Systemd,
        Program::Promtool,
    ])?;
    let folder = Workspace::load()?.target_directory.join("deployment");
    fs::create_dir_all(&folder)?;
    progress.step("the unit of systemd, and the alarms");
    unit(&folder)?;
    run(Command::new("promtool").args(["check", "rules"]).arg(root().join("deploy/alerts.yml")))?;
    let engine = Engine::start(&folder)?;
    images::make(&engine, &folder, &progress)?;
    progress.step("the image, as deploy/Containerfile says");
    engine.build(&root().join("deploy/Containerfile"), "latchkey", root())?;
    progress.step("looking at it");
    image(&engine)?;
    progress.step("the composition of deploy/compose.yml");
    composition(&engine, &folder)?;
    progress.step("all of deploy/ holds");
    Ok(())
}

/// What systemd says of its unit. It looks for the program, which is not installed here.
fn unit(folder: &Path) -> Result<()> {
    let unit = fs::read_to_string(root().join("deploy/latchkey.service"))?;
    let placed = folder.join("latchkey.service");
    let unit = unit.replace("ExecStart=/usr/local/bin/latchkey\n", "ExecStart=/bin/true\n");
    ensure!(unit.contains("ExecStart=/bin/true\n"), "the unit starts another program");
    fs::write(&placed, unit)?;
    let mut verify = Command::new("systemd-analyze");
    run(verify.args(["verify", "--man=no", "--recursive-errors=no"]).arg(&placed))?;
    let mut security = Command::new("systemd-analyze");
    security.args(["security", "--offline=true", "--no-pager", "--threshold", EXPOSURE]);
    // What it prints is long; that it fails is enough.
    output(security.arg(&placed)).map(drop)
}

/// Who runs the image, what that user may write, whom it trusts, whether its health check tells,
/// and how it starts and stops.
fn image(engine: &Engine) -> Result<()> {
    let about = engine.inspect("latchkey")?;
    for (key, wanted) in [
        ("/Config/User", json!(USER)),
        ("/Config/StopSignal", json!("SIGTERM")),
        ("/Config/Entrypoint", json!(["latchkey"])),
        ("/Config/Healthcheck/Test", json!(["CMD", "latchkey", "health"])),
    ] {
        let said = about.pointer(key).unwrap_or(&Value::Null);
        ensure!(*said == wanted, "its {key} is {said}");
    }
    let inside = |program: &str, arguments: &[&str]| {
        let mut command = engine.docker("run");
        output(command.args(["--rm", "--entrypoint", program, "latchkey"]).args(arguments))
    };
    // All that may be written is told; what may not be read is not gone into.
    let look = "/ -xdev ( -type d -o -type f ) ( -writable -print -o -true ) -type d ! -readable \
                -prune";
    let found = inside("find", &look.split(' ').collect::<Vec<_>>())?;
    let found: BTreeSet<_> = found.lines().collect();
    ensure!(found == BTreeSet::from(WRITABLE), "its user may write to {found:?}");
    let bundle = "/etc/ssl/certs/ca-certificates.crt";
    let authorities: u32 =
        inside("grep", &["-c", "BEGIN CERTIFICATE", bundle])?.trim().parse().unwrap_or(0);
    ensure!(authorities > 100, "it trusts {authorities} authorities");
    let secret = format!("LATCHKEY__SECRETS__KEY={SECRET}");
    let database = "LATCHKEY__STORE__DATABASE_URL=sqlite:///tmp/latchkey.db";
    let own = [secret.as_str(), database, "LATCHKEY__STORE__MIGRATE=true"];
    let refused = engine.begin(own.get(1..).unwrap_or_default(), &[])?;
    until("it goes without a master secret", || Ok(code(engine, &refused)?.is_some()))?;
    ensure!(code(engine, &refused)? != Some(0), "it does not tell that it cannot start");
    let said = engine.docker("logs").arg(&refused).output()?.stderr;
    let said = String::from_utf8_lossy(&said);
    ensure!(said.contains("secrets.key"), "it does not name what it lacks: {said}");
    let unasked = engine.begin(&own, &["health"])?;
    until("a health check without a node ends", || Ok(code(engine, &unasked)?.is_some()))?;
    ensure!(code(engine, &unasked)? != Some(0), "the health check finds a node where none is");
    let alone = engine.begin(&own, &[])?;
    until("the image is well", || Ok(health(engine, &alone)? == "healthy"))?;
    output(engine.docker("stop").args(["--time=60", &alone]))?;
    ended_well(engine, &alone)
}

/// The whole composition, twice over the same data, as after a start of its machine.
fn composition(engine: &Engine, folder: &Path) -> Result<()> {
    let composition = Composition::place(engine, folder)?;
    composition.run(UP)?;
    let first = is_whole(engine, &composition)?;
    a_lost_store_is_told(&composition)?;
    composition.run(&["stop"])?;
    for service in ["postgres", "redis"].into_iter().chain(NODES.map(|(node, _)| node)) {
        ended_well(engine, &composition.container(service)?).context(service)?;
    }
    composition.run(UP)?;
    let second = is_whole(engine, &composition)?;
    ensure!(first == second, "the second start found other data than the first one left");
    Ok(())
}

/// Looks at all that runs; gives when the first node of all opened the database.
fn is_whole(engine: &Engine, composition: &Composition<'_>) -> Result<String> {
    for service in ONCE {
        ended_well(engine, &composition.container(service)?).context(service)?;
    }
    for (node, address) in NODES {
        let container = composition.container(node)?;
        until(node, || {
            Ok(status(address, READY).is_ok_and(|it| it == 200)
                && health(engine, &container)? == "healthy")
        })?;
        let restarts = engine.inspect(&container)?.pointer("/RestartCount").cloned();
        ensure!(restarts == Some(json!(0)), "{node} was started anew: {restarts:?}");
        // Asks both stores: Redis for the limits, PostgreSQL for the account.
        let credential =
            json!({"type": "password", "identifier": "nobody", "password": "12345678"});
        let asked = posted(address, "/v1/login", &json!({ "credential": credential }))?;
        ensure!(asked == 401, "{node} answers {asked} to an unknown user");
    }
    let opened = "SELECT min(added_at) FROM keyring";
    let psql = ["psql", "--username=postgres", "--tuples-only", "--command", opened, "latchkey"];
    composition.told(&[["exec", "-T", "postgres"].as_slice(), &psql].concat())
}

/// A node without its Redis is alive and not ready, and heals.
fn a_lost_store_is_told(composition: &Composition<'_>) -> Result<()> {
    for (verb, ready) in [("stop", 503), ("start", 200)] {
        composition.run(&[verb, "redis"])?;
        for (node, address) in NODES {
            let what = format!("{node} after `{verb} redis`");
            until(&what, || Ok(status(address, READY).is_ok_and(|it| it == ready)))?;
            ensure!(status(address, "/health/live")? == 200, "{node} does not live");
        }
    }
    Ok(())
}

/// Whether a container came to a good end, and was not killed.
fn ended_well(engine: &Engine, container: &str) -> Result<()> {
    let ended = code(engine, container)?;
    ensure!(ended == Some(0), "it ended with {ended:?}");
    Ok(())
}

/// What a container ended with; `None` if it runs.
fn code(engine: &Engine, container: &str) -> Result<Option<i64>> {
    let state = engine.inspect(container)?;
    let has_ended = state.pointer("/State/Status") == Some(&json!("exited"));
    Ok(state.pointer("/State/ExitCode").and_then(Value::as_i64).filter(|_| has_ended))
}

fn health(engine: &Engine, container: &str) -> Result<String> {
    let state = engine.inspect(container)?;
    let told = |key| state.pointer(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    ensure!(told("/State/Status") == "running", "it is {}", told("/State/Status"));
    Ok(told("/State/Health/Status"))
}

fn until(what: &str, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    for _ in 0..LOOKS.0 {
        if is_so().with_context(|| what.to_owned())? {
            return Ok(());
        }
        sleep(LOOKS.1);
    }
    bail!("{what}: not seen in {:?}", LOOKS.1 * LOOKS.0)
}
