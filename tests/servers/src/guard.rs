//! What ends a server and removes its folder, however the process that started it ends.
//!
//! The guard is a shell that reads from a pipe of which we hold the other end. The system closes
//! our end whenever we end: by returning, by a panic, by Ctrl-C and by `kill -9`. Then the guard
//! thaws what was frozen, ends the server and removes the folder. The usual way, dropping the
//! value, is the same way: it closes the pipe and waits.
//!
//! It is a shell and not a program of ours, because a library has no program of its own to start.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::Error;

/// Reads lines `server [pid]` and `frozen [pid]…`, each of which replaces the one before, and
/// acts on the last ones when the pipe closes. SIGINT is PostgreSQL's fast stop.
const SCRIPT: &str = r#"
PATH=$PATH:/usr/bin:/bin
server= frozen=
while read -r word pids; do
  case $word in
    server) server=$pids ;;
    frozen) frozen=$pids ;;
  esac
done
[ -z "$frozen" ] || kill -s CONT $frozen
if [ -n "$server" ]; then
  kill -s INT "$server"
  tries=0
  while kill -s 0 "$server" && [ $tries -lt 200 ]; do
    sleep 0.05
    tries=$((tries + 1))
  done
  [ $tries -lt 200 ] || kill -s KILL "$server"
fi
rm -rf "$1"
"#;

/// One waiting shell.
pub(crate) struct Guard {
    shell: Child,
}

impl Guard {
    /// Starts one that will remove `folder`.
    pub(crate) fn start(folder: &Path) -> Result<Self, Error> {
        let shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "sh"])
            .arg(folder)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C, and a test runner that ends a test, signal our group: the guard outlives it.
            .process_group(0)
            .spawn()
            .map_err(Error::io("start /bin/sh"))?;
        Ok(Self { shell })
    }

    /// Says which server to end; `None` if there is none.
    pub(crate) fn server(&mut self, pid: Option<u32>) -> Result<(), Error> {
        self.tell("server", pid.as_slice())
    }

    /// Says which processes to let run again before anything else.
    pub(crate) fn frozen(&mut self, pids: &[u32]) -> Result<(), Error> {
        self.tell("frozen", pids)
    }

    /// Closes the pipe: the guard goes to work.
    pub(crate) fn release(&mut self) {
        drop(self.shell.stdin.take());
    }

    /// Whether the guard has done its work.
    pub(crate) fn is_done(&mut self) -> bool {
        // An error means that there is no such process, so there is nothing to wait for either.
        self.shell.try_wait().map_or(true, |it| it.is_some())
    }

    fn tell(&mut self, word: &str, pids: &[u32]) -> Result<(), Error> {
        let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
        let line = format!("{word} {}\n", pids.join(" "));
        match &mut self.shell.stdin {
            Some(pipe) => pipe.write_all(line.as_bytes()),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
        .map_err(Error::io("tell the guard"))
    }
}
