//! A client of one keep-alive connection that spends as little as possible: it shares two cores
//! with what it measures.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One connection, used for one request at a time.
pub(crate) struct Connection {
    stream: TcpStream,
    /// What was read; the answer is at its beginning.
    buffer: Vec<u8>,
}

/// An answer, as long as the connection is not asked again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("nobody listens")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a request as it stands and reads the whole answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.buffer.clear();
        self.stream.write_all(request).await?;
        let head = loop {
            self.read().await?;
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
        };
        let (status, length) = read_head(self.buffer.get(..head).unwrap_or_default())?;
        let end = head + length;
        while self.buffer.len() < end {
            self.read().await?;
        }
        let body = self.buffer.get(head..end).unwrap_or_default();
        Ok(Answer { status, body })
    }

    async fn read(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the connection was closed within an answer");
        }
        Ok(())
    }
}

/// The status, and the length of what follows.
fn read_head(head: &[u8]) -> Result<(u16, usize)> {
    let text = std::str::from_utf8(head).context("a head that is not text")?;
    let status = text.get(9..12).and_then(|it| it.parse().ok()).context("no status")?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    Ok((status, length.unwrap_or(0)))
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|it| it == what)
}

/// A request without a body.
pub(crate) fn get(path: &str, token: &str, from: &str) -> Vec<u8> {
    let authorization = match token {
        "" => String::new(),
        token => format!("Authorization: Bearer {token}\r\n"),
    };
    format!(
        "GET {path} HTTP/1.1\r\nHost: latchkey\r\n{authorization}X-Forwarded-For: {from}\r\n\r\n"
    )
    .into_bytes()
}

/// A request with a body of JSON.
pub(crate) fn post(path: &str, body: &serde_json::Value, from: &str) -> Vec<u8> {
    let body = body.to_string();
    format!(
        "POST {path} HTTP/1.1\r\nHost: latchkey\r\nContent-Type: application/json\r\n\
         X-Forwarded-For: {from}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_tells_status_and_length() {
        let head = b"HTTP/1.1 202 Accepted\r\ncontent-length: 17\r\ndate: now\r\n\r\n";
        assert_eq!(read_head(head).unwrap(), (202, 17));
        assert_eq!(read_head(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap(), (204, 0));
        assert!(read_head(b"nothing").is_err());
    }
}
