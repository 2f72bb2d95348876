//! A Docker of its own, with images and volumes apart from those of the machine; and Compose on it.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::run::{output, run};
use crate::workspace::root;

/// How often it is looked whether the daemon answers, and how long between two looks.
const LOOKS: (u32, Duration) = (120, Duration::from_millis(250));
/// What deploy/compose.yml reads beside itself and the secrets.
const BESIDE: [&str; 2] = ["make-roles.sql", "roles.sql"];
/// The composition's name, which older programs take here and not in the file.
const NAME: &str = "latchkey";

/// The daemon, which ends with us.
pub(super) struct Engine {
    daemon: Child,
    /// What it needs while it runs. A socket's path is short.
    folder: PathBuf,
}

impl Engine {
    /// Starts it; what it keeps goes below `target`.
    pub(super) fn start(target: &Path) -> Result<Self> {
        let folder = PathBuf::from(format!("/run/latchkey-engine-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let log = target.join("dockerd.log");
        let daemon = Command::new("dockerd")
            .arg("--data-root")
            .arg(target.join("engine"))
            .arg("--exec-root")
            .arg(folder.join("run"))
            .arg("--pidfile")
            // Two on the same images would be one too many.
            .arg(target.join("dockerd.pid"))
            .arg("--host")
            .arg(socket(&folder))
            // A composition has a network of its own, which needs nothing of the machine's filters.
            .args(["--bridge=none", "--iptables=false"])
            .stdin(Stdio::null())
            .stderr(File::create(&log)?)
            // Ctrl-C is ours: it ends when all is taken down.
            .process_group(0)
            .spawn()
            .context("the daemon does not start")?;
        let mut engine = Self { daemon, folder };
        for _ in 0..LOOKS.0 {
            if engine.docker("info").stdout(Stdio::null()).stderr(Stdio::null()).status()?.success()
            {
                engine.clear()?;
                return Ok(engine);
            }
            if engine.daemon.try_wait()?.is_some() {
                break;
            }
            sleep(LOOKS.1);
        }
        bail!("the daemon does not answer: see {}", log.display())
    }

    /// Takes away what an earlier run left, but for its images.
    fn clear(&self) -> Result<()> {
        for container in output(self.docker("ps").args(["--all", "--quiet"]))?.lines() {
            output(self.docker("rm").args(["--force", "--volumes", container]))?;
        }
        for volume in output(self.docker("volume").args(["ls", "--quiet"]))?.lines() {
            output(self.docker("volume").args(["rm", volume]))?;
        }
        output(self.docker("network").args(["prune", "--force"]))?;
        // What was built of sources that are no more.
        output(self.docker("image").args(["prune", "--force", "--filter=until=24h"])).map(drop)
    }

    pub(super) fn docker(&self, verb: &str) -> Command {
        let mut command = Command::new("docker");
        command.arg("--host").arg(socket(&self.folder)).arg(verb);
        // The newer builder asks the registry for each image that a file begins with.
        command.env("DOCKER_BUILDKIT", "0").env("DOCKER_CONFIG", &self.folder);
        command
    }

    pub(super) fn build(&self, file: &Path, name: &str, context: &Path) -> Result<()> {
        let mut build = self.docker("build");
        build.args(["--network=host", "--tag", name, "--file"]).arg(file).arg(context);
        run(&mut build)
    }

    /// What the engine knows of an image or a container.
    pub(super) fn inspect(&self, what: &str) -> Result<Value> {
        let told: Value = serde_json::from_str(&output(self.docker("inspect").arg(what))?)?;
        told.get(0).cloned().with_context(|| format!("nothing is told of {what}"))
    }

    /// Starts the service's image, in which nothing but `/tmp` can be written; gives the container.
    pub(super) fn begin(&self, variables: &[&str], arguments: &[&str]) -> Result<String> {
        let mut command = self.docker("run");
        command.args(["--detach", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL"]);
        command.args(variables.iter().flat_map(|it| ["--env", it])).arg("latchkey").args(arguments);
        Ok(output(&mut command)?.trim().to_owned())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Asked to end it ends its containers.
        if matches!(self.daemon.try_wait(), Ok(None)) {
            let _ = Command::new("kill").arg(self.daemon.id().to_string()).status();
            let _ = self.daemon.wait();
        }
        // It may leave this behind.
        let network = self.folder.join("run/netns/default");
        let _ = Command::new("umount").arg(network).stderr(Stdio::null()).status();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// deploy/compose.yml beside secrets of its own.
pub(super) struct Composition<'a> {
    engine: &'a Engine,
    folder: PathBuf,
}

impl<'a> Composition<'a> {
    /// Makes the secrets, as deploy/make-secrets.sh does, and places the file beside them.
    pub(super) fn place(engine: &'a Engine, target: &Path) -> Result<Self> {
        let folder = target.join("composition");
        // What an earlier run left there is of no use.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        let source = root().join("deploy");
        for name in BESIDE {
            fs::copy(source.join(name), folder.join(name))?;
        }
        let file = fs::read_to_string(source.join("compose.yml"))?;
        let named = format!("name: {NAME}\n");
        ensure!(file.contains(&named), "deploy/compose.yml has another name");
        fs::write(folder.join("compose.yml"), file.replace(&named, ""))?;
        run(Command::new("sh").arg(source.join("make-secrets.sh")).arg(&folder))?;
        Ok(Self { engine, folder })
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Result<()> {
        run(self.compose().args(arguments))
    }

    /// What it prints.
    pub(super) fn told(&self, arguments: &[&str]) -> Result<String> {
        Ok(output(self.compose().args(arguments))?.trim().to_owned())
    }

    /// The container of a service.
    pub(super) fn container(&self, service: &str) -> Result<String> {
        self.told(&["ps", "--all", "--quiet", service])
    }

    fn compose(&self) -> Command {
        let mut command = Command::new("docker-compose");
        command.arg("--host").arg(socket(&self.engine.folder));
        command.args(["--project-name", NAME, "--file"]).arg(self.folder.join("compose.yml"));
        command
    }
}

impl Drop for Composition<'_> {
    fn drop(&mut self) {
        // Also after Ctrl-C, when nothing else is begun any more.
        let _ = self.compose().args(["down", "--volumes"]).status();
    }
}

fn socket(folder: &Path) -> String {
    format!("unix://{}", folder.join("socket").display())
}
