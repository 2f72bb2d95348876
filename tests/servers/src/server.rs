//! One server process: what PostgreSQL and Redis have in common.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Error;
use crate::folder::Folder;
use crate::guard::Guard;

/// How long a server may take until it answers; a loaded machine needs a few seconds.
const START_LIMIT: Duration = Duration::from_mins(1);
/// How long a server may take to end by itself.
const STOP_LIMIT: Duration = Duration::from_secs(15);
/// How often we look.
const PAUSE: Duration = Duration::from_millis(10);
/// How much of a log goes into an error.
const LOG_LINES: usize = 20;

/// One server process, its folder and its guard.
pub(crate) struct Server {
    name: &'static str,
    folder: Folder,
    guard: Guard,
    child: Option<Child>,
    /// The processes that were stopped by [`Server::freeze`], the server last.
    frozen: Vec<u32>,
}

impl Server {
    /// Makes the folder; the process comes with [`Server::launch`].
    pub(crate) fn prepare(name: &'static str) -> Result<Self, Error> {
        let folder = Folder::create(&name.to_lowercase())?;
        let guard = Guard::start(folder.path())?;
        Ok(Self { name, folder, guard, child: None, frozen: Vec::new() })
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    pub(crate) fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Starts the process and waits until `is_up`, which is asked with the process id.
    ///
    /// The process is in a group of its own, so that Ctrl-C does not reach it before the tests
    /// that use it.
    pub(crate) fn launch(
        &mut self,
        mut command: Command,
        is_up: impl Fn(u32) -> bool,
    ) -> Result<(), Error> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path())
            .map_err(Error::io("open the server's log"))?;
        let errors = log.try_clone().map_err(Error::io("open the server's log"))?;
        let child = command
            .stdout(log)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(Error::io(format!("start {}", self.name)))?;
        let pid = child.id();
        self.child = Some(child);
        self.guard.server(Some(pid))?;
        let started = Instant::now();
        loop {
            if !self.is_running() {
                self.stop()?;
                return Err(Error::Ended { what: self.name, log: self.end_of_log() });
            }
            if is_up(pid) {
                return Ok(());
            }
            if started.elapsed() > START_LIMIT {
                return Err(Error::Slow { what: self.name, log: self.end_of_log() });
            }
            sleep(PAUSE);
        }
    }

    /// Ends the process and keeps the folder; nothing to do if it does not run.
    pub(crate) fn stop(&mut self) -> Result<(), Error> {
        self.thaw()?;
        if let Some(mut child) = self.child.take() {
            if !has_ended(&mut child) {
                signal("INT", &[child.id()])?;
                wait_until(STOP_LIMIT, || has_ended(&mut child));
            }
            end(&mut child);
        }
        self.guard.server(None)
    }

    /// Stops the process and its children in their tracks: sockets stay open, nobody answers.
    ///
    /// PostgreSQL's children each lead a process group of their own, so a signal to the server's
    /// group would miss them. The server itself goes first: from then on it makes no new ones.
    pub(crate) fn freeze(&mut self) -> Result<(), Error> {
        if !self.is_running() {
            return Err(Error::NotRunning { what: self.name });
        }
        let Some(pid) = self.child.as_ref().map(Child::id) else {
            return Err(Error::NotRunning { what: self.name });
        };
        self.mark_frozen(vec![pid])?;
        signal("STOP", &[pid])?;
        let children = children_of(pid)?;
        self.mark_frozen([children.clone(), vec![pid]].concat())?;
        signal("STOP", &children)
    }

    /// Kills the children and leaves the process itself to deal with that.
    pub(crate) fn kill_children(&mut self) -> Result<(), Error> {
        let Some(pid) = self.child.as_ref().map(Child::id) else {
            return Err(Error::NotRunning { what: self.name });
        };
        for child in children_of(pid)? {
            // One that has ended meanwhile, because another was killed, is as good as killed.
            let _ = signal("KILL", &[child]);
        }
        Ok(())
    }

    /// Lets the processes run on; nothing to do if they do.
    ///
    /// The server goes last: until then it cannot collect a child that has ended, whose id would
    /// be free for another process.
    pub(crate) fn thaw(&mut self) -> Result<(), Error> {
        if self.frozen.is_empty() {
            return Ok(());
        }
        // That somebody else ended the server is no reason to fail.
        let result = signal("CONT", &self.frozen);
        if self.is_running() {
            result?;
        }
        self.mark_frozen(Vec::new())
    }

    fn mark_frozen(&mut self, pids: Vec<u32>) -> Result<(), Error> {
        self.guard.frozen(&pids)?;
        self.frozen = pids;
        Ok(())
    }

    fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|it| !has_ended(it))
    }

    fn end_of_log(&self) -> String {
        let log = fs::read(self.log_path()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let skipped = lines.len().saturating_sub(LOG_LINES);
        lines.into_iter().skip(skipped).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Server {
    /// The guard does the work; we collect the process, so that the guard sees it end.
    fn drop(&mut self) {
        self.guard.release();
        let guard = &mut self.guard;
        let mut child = self.child.take();
        wait_until(STOP_LIMIT, || {
            let ended = child.as_mut().is_none_or(has_ended);
            guard.is_done() && ended
        });
        if let Some(child) = &mut child {
            end(child);
        }
    }
}

/// Runs a program that prepares something to its end.
pub(crate) fn run(mut command: Command, name: &Path) -> Result<(), Error> {
    let name = name.display().to_string();
    let output =
        command.stdin(Stdio::null()).output().map_err(Error::io(format!("start {name}")))?;
    if output.status.success() {
        return Ok(());
    }
    let printed = [output.stdout, output.stderr].concat();
    Err(Error::Failed { what: name, output: String::from_utf8_lossy(&printed).into_owned() })
}

/// Whether the process has ended. Asking collects it, so its id is never signalled afterwards.
fn has_ended(child: &mut Child) -> bool {
    child.try_wait().map_or(true, |it| it.is_some())
}

/// Ends the process by force if it still runs, and collects it.
fn end(child: &mut Child) {
    if !has_ended(child) {
        // Both fail only if it ended in between.
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn wait_until(limit: Duration, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() && started.elapsed() < limit {
        sleep(PAUSE);
    }
}

/// Signals processes that we started, through the shell's own `kill`: not every system has the
/// program.
fn signal(name: &str, pids: &[u32]) -> Result<(), Error> {
    if pids.is_empty() {
        return Ok(());
    }
    let mut command = Command::new("/bin/sh");
    command.args(["-c", r#"kill -s "$@""#, "sh", name]).args(pids.iter().map(u32::to_string));
    run(command, Path::new("kill"))
}

/// The direct children of a process: from `/proc` where there is one, else from `ps`.
fn children_of(parent: u32) -> Result<Vec<u32>, Error> {
    if Path::new("/proc/self/stat").exists() {
        let processes = fs::read_dir("/proc").map_err(Error::io("read /proc"))?;
        return Ok(processes
            .flatten()
            // A process may end between the two reads.
            .filter_map(|it| parent_and_child(&fs::read_to_string(it.path().join("stat")).ok()?))
            .filter_map(|(of, child)| (of == parent).then_some(child))
            .collect());
    }
    let output = Command::new("ps")
        .args(["-A", "-o", "ppid=,pid="])
        .output()
        .map_err(Error::io("start ps"))?;
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            let (of, child) = line.trim().split_once(char::is_whitespace)?;
            (of.parse() == Ok(parent)).then(|| child.trim().parse().ok())?
        })
        .collect())
}

/// Reads `pid (name) state ppid …`; the name may hold anything, so what follows its last `)`.
fn parent_and_child(stat: &str) -> Option<(u32, u32)> {
    let child = stat.split_once(' ')?.0.parse().ok()?;
    let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
    Some((parent, child))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_read_past_any_name() {
        assert_eq!(parent_and_child("42 (post) gres)) S 7 42 42 0"), Some((7, 42)));
        assert_eq!(parent_and_child("nonsense"), None);
    }

    #[test]
    fn children_are_found() {
        let mut child = Command::new("sleep").arg("5").spawn().expect("sleep");
        let children = children_of(std::process::id()).expect("a list");
        assert!(children.contains(&child.id()), "{children:?}");
        end(&mut child);
    }
}
