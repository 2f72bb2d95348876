//! `image`: builds the image that deploy/Containerfile describes, on stand-ins of the images that it
//! begins with, and looks at what came of it.
//!
//! No engine and no registry of images is needed: Debian's packages are the base, and the service is
//! built here instead of in the first stage.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use test_servers::free_port;

use crate::node::{Node, is_ready};
use crate::run::{Progress, cargo, outlive_ctrl_c, output, run};
use crate::setup::{self, Program};
use crate::workspace::{Workspace, root};

/// What the last stage begins with, and the release of Debian that this is.
const BASE: (&str, &str) = ("docker.io/library/debian:bookworm-slim", "bookworm");
/// Its stand-in, and what is built.
const STAND_IN: &str = "localhost/latchkey-base";
const BUILT: &str = "localhost/latchkey";
/// The user of the image.
const USER: &str = "10001:10001";
/// Where that user may write: what every Debian has for everybody.
const WRITABLE: [&str; 3] = ["/run/lock", "/tmp", "/var/tmp"];
/// A master secret.
const SECRET: &str = "6f1d2c3b4a59687706152433425160718293a4b5c6d7e8f90112233445566778";
/// How long a program in the image may take, in seconds; stopping takes half of it at most.
const PATIENCE: &str = "60";
/// How often it is looked whether a node is well, and how long between two looks.
const LOOKS: (u32, Duration) = (100, Duration::from_millis(100));

/// Builds the image and looks at it: who runs it, what that user may write, whom it trusts, whether
/// its health check tells, and how it starts and stops.
pub(crate) fn image() -> Result<()> {
    let progress = Progress::start();
    outlive_ctrl_c()?;
    let is_root = cfg!(target_os = "linux") && output(Command::new("id").arg("-u"))?.trim() == "0";
    ensure!(is_root, "an image is built and looked at by root, on Linux");
    setup::programs(&[Program::Buildah, Program::Debootstrap])?;
    let workspace = Workspace::load()?;
    let tools = Tools { folder: workspace.target_directory.join("image") };
    progress.step("building the service");
    run(&mut cargo(["build", "--release", "--locked", "--package", "app-http"]))?;
    let placed = tools.folder.join("built/latchkey/target/release");
    fs::create_dir_all(&placed)?;
    fs::copy(workspace.target_directory.join("release/latchkey"), placed.join("latchkey"))?;
    progress.step("the base, from Debian's packages");
    tools.base()?;
    progress.step("the last stage of deploy/Containerfile");
    tools.build()?;
    progress.step("looking at it");
    let about: Value =
        serde_json::from_str(&output(tools.buildah("inspect").args(["--type", "image", BUILT]))?)?;
    let settings = about.pointer("/Docker/config").context("buildah tells no settings")?;
    for (key, wanted) in [
        ("/User", json!(USER)),
        ("/StopSignal", json!("SIGTERM")),
        ("/Entrypoint", json!(["latchkey"])),
        ("/Healthcheck/Test", json!(["CMD", "latchkey", "health"])),
    ] {
        let said = settings.pointer(key).unwrap_or(&Value::Null);
        ensure!(*said == wanted, "its {key} is {said}");
    }
    let container = output(tools.buildah("from").args(["--pull=never", BUILT]))?;
    let container = Container { tools: &tools, name: container.trim().to_owned() };
    container.look(settings)?;
    progress.step("the image is as deploy/Containerfile says; the first stage was not run");
    Ok(())
}

/// buildah, with images of its own.
struct Tools {
    folder: PathBuf,
}

impl Tools {
    fn buildah(&self, verb: &str) -> Command {
        let mut command = Command::new("buildah");
        command.arg("--root").arg(self.folder.join("images"));
        command.arg("--runroot").arg(self.folder.join("run"));
        command.args(["--storage-driver", "vfs", verb]).env("BUILDAH_ISOLATION", "chroot");
        command
    }

    /// Makes the stand-in of the base, of packages that an earlier run may have left.
    fn base(&self) -> Result<()> {
        // All else that it left is of no use.
        run(self.buildah("rm").arg("--all"))?;
        run(self.buildah("rmi").args(["--all", "--force"]))?;
        let system = self.folder.join(BASE.1);
        // debootstrap takes this away last.
        if !system.join("etc").exists() || system.join("debootstrap").exists() {
            let _ = fs::remove_dir_all(&system);
            run(Command::new("debootstrap").args(["--variant=minbase", BASE.1]).arg(&system))?;
        }
        let empty = output(self.buildah("from").arg("scratch"))?;
        let empty = empty.trim();
        run(self.buildah("add").args(["--quiet", empty]).arg(&system).arg("/"))?;
        run(self.buildah("commit").args(["--quiet", "--rm", empty, STAND_IN]))
    }

    fn build(&self) -> Result<()> {
        let mut build = self.buildah("build");
        build.args(["--pull=never", "--format", "docker", "--tag", BUILT]);
        build.arg(format!("--build-context={}=container-image://{STAND_IN}", BASE.0));
        build.arg(format!("--build-context=build={}", self.folder.join("built").display()));
        build.arg("--file").arg(root().join("deploy/Containerfile")).arg(root());
        run(&mut build)
    }
}

/// A container of the image, which goes with us.
struct Container<'a> {
    tools: &'a Tools,
    name: String,
}

impl Container<'_> {
    fn look(&self, settings: &Value) -> Result<()> {
        let system = output(self.tools.buildah("mount").arg(&self.name))?;
        let system = Path::new(system.trim());
        let inside = |program: &str| {
            // What should end and does not is killed.
            let mut command = Command::new("timeout");
            command.args(["--signal=KILL", PATIENCE, "chroot"]);
            command.arg(format!("--userspec={USER}")).arg(system).arg(program).env_clear();
            let variables = settings.pointer("/Env").and_then(Value::as_array);
            let variables = variables.into_iter().flatten();
            command.envs(variables.filter_map(|it| it.as_str()?.split_once('=')));
            command
        };
        // All that may be written is told; what may not be read is not gone into.
        let look = "/ -xdev ( -type d -o -type f ) ( -writable -print -o -true ) -type d ! -readable \
                    -prune";
        let found = output(inside("find").args(look.split(' ')))?;
        let found: BTreeSet<_> = found.lines().collect();
        ensure!(found == BTreeSet::from(WRITABLE), "its user may write to {found:?}");
        let bundle = fs::read_to_string(system.join("etc/ssl/certs/ca-certificates.crt"));
        let authorities = bundle.context("no authorities")?.matches("BEGIN CERTIFICATE").count();
        ensure!(authorities > 100, "it trusts {authorities} authorities");
        let bind = format!("127.0.0.1:{}", free_port()?);
        let own = [("SERVER__BIND", bind.as_str()), ("STORE__DATABASE_URL", "sqlite:///tmp/db")];
        let own = own.map(|(key, value)| (format!("LATCHKEY__{key}"), value));
        let node = || {
            let mut node = inside("latchkey");
            node.envs(own.clone()).env("LATCHKEY__STORE__MIGRATE", "true");
            node
        };
        let refused = node().output()?;
        let said = String::from_utf8_lossy(&refused.stderr);
        ensure!(!refused.status.success(), "it starts without a master secret");
        ensure!(said.contains("secrets.key"), "it does not name what it lacks: {said}");
        let secret = system.join("tmp/master.key");
        fs::write(&secret, SECRET)?;
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o400))?;
        std::os::unix::fs::chown(&secret, Some(10_001), Some(10_001))?;
        let given = ("LATCHKEY__SECRETS__KEY_FILE", "/tmp/master.key");
        let is_well = || {
            let mut check = inside("latchkey");
            check.arg("health").envs(own.clone()).env(given.0, given.1).stderr(Stdio::null());
            check.status().is_ok_and(|it| it.success())
        };
        ensure!(!is_well(), "the health check finds a node where none is");
        let mut running = node();
        running.env(given.0, given.1).stdout(Stdio::null());
        let mut running = Node::spawn(&mut running)?;
        let mut looks = 0;
        while !(is_well() && is_ready(&bind)) {
            looks += 1;
            let ended = running.0.try_wait()?;
            ensure!(looks < LOOKS.0 && ended.is_none(), "the node is not well: {ended:?}");
            sleep(LOOKS.1);
        }
        run(Command::new("kill").args(["-TERM", &running.0.id().to_string()]))?;
        let end = running.0.wait()?;
        ensure!(end.success(), "SIGTERM ended it with {end}");
        Ok(())
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        if let Err(error) = output(self.tools.buildah("rm").arg(&self.name)) {
            eprintln!("warning: {error:#}");
        }
    }
}
