//! The server as a process: started, asked what it costs, and ended.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use test_servers::free_port;

/// How long a start may take.
const START: Duration = Duration::from_mins(1);
/// How often readiness is looked at while it starts.
const LOOK: Duration = Duration::from_millis(1);
/// Microseconds in a tick of the kernel's accounts: `USER_HZ` is 100 on every Linux.
const TICK: u64 = 10_000;

/// A running process that listens. Dropping it ends it.
pub(crate) struct Process {
    pub(crate) address: SocketAddr,
    /// From its start to its first 200.
    pub(crate) started_in: Duration,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program that takes its address from `bind`, and waits until `ready` answers 200.
    pub(crate) fn start(
        mut command: Command,
        bind: impl FnOnce(&mut Command, SocketAddr),
        ready: &str,
        log: &Path,
    ) -> Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        bind(&mut command, address);
        let output = File::create(log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let since = Instant::now();
        let child = command.spawn().context("the server does not start")?;
        let mut process = Self { address, started_in: START, child, log: log.to_owned() };
        while since.elapsed() < START {
            if answers_200(address, ready).unwrap_or(false) {
                process.started_in = since.elapsed();
                return Ok(process);
            }
            if process.child.try_wait()?.is_some() {
                break;
            }
            std::thread::sleep(LOOK);
        }
        let log = fs::read_to_string(&process.log).unwrap_or_default();
        bail!("the server is not ready:\n{log}");
    }

    /// What it has cost so far.
    pub(crate) fn cost(&self) -> Result<Cost> {
        let pid = self.child.id();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        Ok(Cost {
            cpu: Duration::from_micros(cpu_micros(&stat).context("no times in stat")?),
            resident_kib: kib(&status, "VmRSS:").context("no VmRSS")?,
            peak_kib: kib(&status, "VmHWM:").context("no VmHWM")?,
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It keeps nothing that a signal could lose.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process has cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// Time on a core, its own and the kernel's for it.
    pub(crate) cpu: Duration,
    /// Memory now.
    pub(crate) resident_kib: u64,
    /// The most memory ever.
    pub(crate) peak_kib: u64,
}

/// User and system time, the 14th and 15th field; the second may hold blanks.
fn cpu_micros(stat: &str) -> Option<u64> {
    let (_, behind) = stat.rsplit_once(')')?;
    let mut fields = behind.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) * TICK)
}

fn kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|it| it.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn answers_200(address: SocketAddr, path: &str) -> Result<bool> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: latchkey\r\n\r\n")?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    Ok(status == *b"HTTP/1.1 200")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_read_from_what_the_kernel_says() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 5 0 1 1 1";
        assert_eq!(cpu_micros(stat), Some(2_000_000));
        let status = "Name:\tlatchkey\nVmHWM:\t   40960 kB\nVmRSS:\t   20480 kB\n";
        assert_eq!(kib(status, "VmRSS:"), Some(20_480));
        assert_eq!(kib(status, "VmHWM:"), Some(40_960));
        assert_eq!(kib(status, "VmSwap:"), None);
    }
}
