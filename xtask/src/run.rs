//! Starting other programs, and saying how far we are.

use std::ffi::OsStr;
use std::fmt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::workspace::root;

/// Set by Ctrl-C. The only global of the crate: a signal has no other way to say something.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// What a task prints while it works: `==> [  12 s] clippy`.
pub(crate) struct Progress {
    started: Instant,
}

impl Progress {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// Says what comes next.
    pub(crate) fn step(&self, what: impl fmt::Display) {
        eprintln!("==> [{:>4} s] {what}", self.started.elapsed().as_secs());
    }
}

/// From now on Ctrl-C ends the program that we wait for, and us after we have tidied up: the
/// terminal sends it to both.
pub(crate) fn outlive_ctrl_c() -> Result<()> {
    match ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed)) {
        Ok(()) | Err(ctrlc::Error::MultipleHandlers) => Ok(()),
        Err(error) => Err(error).context("could not listen for Ctrl-C"),
    }
}

/// Whether Ctrl-C was pressed.
pub(crate) fn was_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// A call of cargo, from the root of the repository.
pub(crate) fn cargo<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env("CARGO").as_deref().unwrap_or("cargo"));
    command.current_dir(root()).args(arguments);
    command
}

/// Runs a program to its end; what it prints is seen. Any end but success is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    if was_interrupted() {
        bail!("interrupted");
    }
    let status = command.status().with_context(|| format!("could not start {}", name(command)))?;
    ended_well(status, command)
}

/// Runs a program to its end and returns what it prints on standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("could not start {}", name(command)))?;
    ended_well(output.status, command)?;
    String::from_utf8(output.stdout)
        .with_context(|| format!("{} printed something that is not UTF-8", name(command)))
}

/// What a program says about its version: the first word that begins with a digit; `None` if the
/// program is not there or fails.
pub(crate) fn version(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let printed = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| version_in(&printed))
}

/// Reads a setting of the person who runs the task.
#[expect(clippy::disallowed_methods, reason = "the environment is how cargo and a person reach us")]
pub(crate) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|it| !it.is_empty())
}

fn version_in(printed: &str) -> String {
    printed
        .split_whitespace()
        .map(|it| it.trim_start_matches("v="))
        .find(|it| it.starts_with(|first: char| first.is_ascii_digit()))
        .unwrap_or_else(|| printed.trim())
        .to_owned()
}

fn ended_well(status: ExitStatus, command: &Command) -> Result<()> {
    if was_interrupted() {
        bail!("interrupted");
    }
    if !status.success() {
        bail!("{} failed ({status})", name(command));
    }
    Ok(())
}

/// The call as one would type it.
fn name(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str());
    let words: Vec<_> =
        std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    format!("`{}`", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_what_programs_print() {
        assert_eq!(version_in("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"), "15.14");
        assert_eq!(version_in("Redis server v=7.0.15 sha=00000000:0 bits=64"), "7.0.15");
        assert_eq!(version_in("cargo-deny 0.20.2\n"), "0.20.2");
        assert_eq!(version_in("none\n"), "none");
    }

    #[test]
    fn a_failed_call_is_named_as_one_would_type_it() {
        let error = run(Command::new("/bin/sh").args(["-c", "exit 3"])).expect_err("a failure");
        assert_eq!(error.to_string(), "`sh -c exit 3` failed (exit status: 3)");
    }
}
