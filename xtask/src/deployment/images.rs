//! Stand-ins of the images of a registry, made of Debian's packages under the same names.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::engine::Engine;
use crate::run::{Progress, cargo, env, output, run, version};
use crate::workspace::root;

/// What the last stage begins with, and the release of Debian that this is.
const DEBIAN: (&str, &str) = ("docker.io/library/debian:bookworm-slim", "bookworm");
/// What the first stage begins with, without its version.
const RUST: &str = "docker.io/library/rust:";
/// What deploy/compose.yml runs beside the service, and the folders below xtask/images.
const STORES: [(&str, &str); 2] =
    [("docker.io/library/postgres:17", "postgres"), ("docker.io/library/redis:7", "redis")];

/// Makes them all; of what an earlier run left the engine builds nothing again.
pub(super) fn make(engine: &Engine, folder: &Path, progress: &Progress) -> Result<()> {
    let is_there = |name: &str| {
        let mut asked = engine.docker("inspect");
        let asked = asked.arg(name).stdout(Stdio::null()).stderr(Stdio::null());
        asked.status().is_ok_and(|it| it.success())
    };
    if !is_there(DEBIAN.0) {
        progress.step("a Debian, of its packages");
        debian(engine, folder)?;
    }
    progress.step("a Debian with this machine's toolchain");
    rust(engine)?;
    for (name, source) in STORES {
        progress.step(format!("a Debian with {source}"));
        let source = root().join("xtask/images").join(source);
        engine.build(&source.join("Containerfile"), name, &source)?;
    }
    Ok(())
}

fn debian(engine: &Engine, folder: &Path) -> Result<()> {
    let system = folder.join(DEBIAN.1);
    // What an earlier run left half made is of no use.
    run(Command::new("rm").arg("-rf").arg(&system))?;
    run(Command::new("debootstrap").args(["--variant=minbase", DEBIAN.1]).arg(&system))?;
    let mut packed = Command::new("tar");
    packed.arg("--directory").arg(&system).args(["--create", "."]);
    piped(&mut packed, engine.docker("import").args(["-", DEBIAN.0]))?;
    run(Command::new("rm").arg("-rf").arg(&system))
}

/// The toolchain that runs us, and what cargo has fetched.
fn rust(engine: &Engine) -> Result<()> {
    let file = root().join("xtask/images/rust");
    let wanted = std::fs::read_to_string(root().join("deploy/Containerfile"))?;
    let name = wanted.split_whitespace().find(|it| it.starts_with(RUST));
    let name = name.context("deploy/Containerfile begins with another image")?;
    let rustc = || {
        let mut command = Command::new(env("RUSTC").as_deref().unwrap_or("rustc"));
        command.current_dir(root());
        command
    };
    let here = version(rustc().arg("--version")).context("no rustc")?;
    ensure!(name.contains(&here), "this is Rust {here}, and {name} is wanted");
    run(cargo(["fetch", "--locked"]).stdout(Stdio::null()))?;
    let sysroot = output(rustc().args(["--print", "sysroot"]))?;
    let home = env("CARGO_HOME").or_else(|| env("HOME").map(|it| format!("{it}/.cargo")));
    let home = home.context("cargo has no home")?;
    let mut packed = Command::new("tar");
    packed.arg("--create").arg("--directory").arg(file).arg("Containerfile");
    packed.args(["--directory", sysroot.trim(), "bin", "lib"]);
    packed.args(["--directory", &home, "registry/cache", "registry/index"]);
    let mut build = engine.docker("build");
    build.args(["--network=host", "--tag", name, "--file=Containerfile", "-"]);
    piped(&mut packed, &mut build)
}

/// Gives what one program prints to another one.
fn piped(from: &mut Command, to: &mut Command) -> Result<()> {
    let mut from = from.stdout(Stdio::piped()).spawn().context("could not start tar")?;
    let printed = from.stdout.take().context("tar prints nothing")?;
    run(to.stdin(printed))?;
    let ended = from.wait()?;
    ensure!(ended.success(), "tar failed ({ended})");
    Ok(())
}
