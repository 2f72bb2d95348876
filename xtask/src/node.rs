//! A node that a task runs on, or looks at.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// Where a node says whether it is ready.
pub(crate) const READY: &str = "/health/ready";
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The process, which ends with us.
pub(crate) struct Node(pub(crate) Child);

impl Node {
    pub(crate) fn spawn(command: &mut Command) -> Result<Self> {
        Ok(Self(command.spawn().context("the service does not start")?))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether the node at `address` says that it is ready.
pub(crate) fn is_ready(address: &str) -> bool {
    status(address, READY).is_ok_and(|it| it == 200)
}

/// The status of the answer to a GET.
pub(crate) fn status(address: &str, path: &str) -> Result<u16> {
    asked(address, &format!("GET {path} HTTP/1.1\r\n"), "")
}

/// The status of the answer to a JSON that is posted.
pub(crate) fn posted(address: &str, path: &str, body: &Value) -> Result<u16> {
    let head = format!("POST {path} HTTP/1.1\r\ncontent-type: application/json\r\n");
    asked(address, &head, &body.to_string())
}

fn asked(address: &str, head: &str, body: &str) -> Result<u16> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = body.len();
    let rest = format!("host: node\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all([head, &rest].concat().as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).with_context(|| format!("no status: {answer}"))?;
    Ok(status.parse()?)
}
