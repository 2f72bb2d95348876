//! A node that a task runs on, or looks at.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command};

use anyhow::{Context as _, Result};

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
    let ask = || -> io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream
            .write_all(b"GET /health/ready HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|it| it.starts_with("HTTP/1.1 200 "))
}
