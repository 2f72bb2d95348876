//! One node: the real binary as a process.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::Client;

static STARTED: AtomicU32 = AtomicU32::new(0);

/// A running node. Dropping it kills the process.
pub struct Node {
    /// Speaks to it.
    pub client: Client,
    /// Where it listens, as in `127.0.0.1:40123`.
    pub address: String,
    process: Child,
    log: PathBuf,
}

impl Node {
    pub(crate) async fn start(
        folder: &Path,
        settings: Vec<(String, String)>,
        blocks: Option<u32>,
    ) -> Self {
        let mut node = Self::spawn(folder, settings, blocks);
        for _ in 0..200 {
            let ready = node.client.get("/health/ready").await;
            if ready.is_ok_and(|it| it.status == 200) {
                return node;
            }
            if node.process.try_wait().expect("a child").is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the node is not ready:\n{}", node.log());
    }

    pub(crate) fn spawn(
        folder: &Path,
        settings: Vec<(String, String)>,
        blocks: Option<u32>,
    ) -> Self {
        let number = STARTED.fetch_add(1, Ordering::SeqCst);
        let log = folder.join(format!("node-{number}.log"));
        let output = File::create(&log).expect("a log file");
        let errors = output.try_clone().expect("a log file");
        // `ulimit -f` bounds the size of files; without the trap, reaching it would be a signal.
        let mut process = match blocks {
            None => Command::new(binary()),
            Some(blocks) => {
                let mut limited = Command::new("sh");
                let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\"");
                limited.arg("-c").arg(script).arg(binary());
                limited
            }
        }
        .current_dir(folder)
        // The system gives a port that nobody has; the log tells which.
        .env("LATCHKEY__SERVER__BIND", "127.0.0.1:0")
        .envs(settings)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .spawn()
        .expect("the binary starts");
        for _ in 0..400 {
            if let Some(address) = told_address(&log) {
                return Self { client: Client::new(&address), address, process, log };
            }
            if process.try_wait().expect("a child").is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        let _ = process.kill();
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        panic!("the node does not listen:\n{log}");
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Asks it to end, and gives its exit code when it has.
    pub async fn terminate(&mut self) -> Option<i32> {
        let kill = Command::new("kill").arg("-TERM").arg(self.pid().to_string()).status();
        assert!(kill.expect("kill runs").success());
        for _ in 0..1_600 {
            if let Some(status) = self.process.try_wait().expect("a child") {
                return status.code();
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the node does not end:\n{}", self.log());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where a node listens, by its log; none until it does.
fn told_address(log: &Path) -> Option<String> {
    let text = std::fs::read_to_string(log).ok()?;
    let serves = |it: &&str| it.contains("latchkey serves") && !it.contains("its metrics");
    let line = text.lines().find(serves)?;
    let (_, behind) = line.split_once("127.0.0.1:")?;
    let port: String = behind.chars().take_while(char::is_ascii_digit).collect();
    Some(format!("127.0.0.1:{port}"))
}

/// The binary that the test command built.
#[expect(clippy::disallowed_methods, reason = "the test command tells where the binary is")]
pub(crate) fn binary() -> String {
    std::env::var("LATCHKEY_BIN").expect("run the tests with `cargo xtask test`")
}
