//! A stand-in for the team's other systems: it receives webhooks, or traces, well or badly.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How a receiver answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// With a status and no body.
    Status(u16),
    /// With a redirect to another address of its own.
    Redirect,
    /// Never.
    Hang,
    /// By closing the connection.
    Close,
}

/// A webhook as it came.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// The path with its query.
    pub path: String,
    /// The body's bytes.
    pub bytes: Vec<u8>,
    /// The body's text.
    pub text: String,
    /// The body.
    pub body: Value,
    headers: Vec<(String, String)>,
}

impl Webhook {
    /// A header, by its name in lower case; empty without it.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(it, _)| it == name);
        found.map_or("", |(_, value)| value)
    }

    /// What happened, as in `user.registered`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.body.get("type").and_then(Value::as_str).unwrap_or_default()
    }

    /// A detail of what happened; empty without it.
    #[must_use]
    pub fn data(&self, name: &str) -> &str {
        let data = self.body.get("data").and_then(|it| it.get(name));
        data.and_then(Value::as_str).unwrap_or_default()
    }
}

/// Receives webhooks at an address of its own. Dropping it frees the address.
pub struct Receiver {
    address: SocketAddr,
    state: Arc<State>,
    serving: Option<JoinHandle<()>>,
}

struct State {
    manner: Mutex<Manner>,
    got: Mutex<Vec<Webhook>>,
}

impl Receiver {
    /// Begins to receive, and takes everything.
    pub async fn start() -> Self {
        let state = State { manner: Mutex::new(Manner::Status(204)), got: Mutex::default() };
        let mut receiver = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            state: Arc::new(state),
            serving: None,
        };
        receiver.come_back().await;
        receiver
    }

    /// The address for the setting `webhooks.url`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    /// The address for the setting `telemetry.otlp_endpoint`.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it answers like this.
    pub fn behave(&self, manner: Manner) {
        *lock(&self.state.manner) = manner;
    }

    /// Goes away: nobody is at the address.
    pub fn go(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
        }
    }

    /// Is at its address again.
    pub async fn come_back(&mut self) {
        let listener = bind_again(self.address).await;
        self.address = listener.local_addr().expect("an address");
        let state = Arc::clone(&self.state);
        self.serving = Some(tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&state)));
            }
        }));
    }

    /// All that came, each try, the oldest first.
    #[must_use]
    pub fn got(&self) -> Vec<Webhook> {
        lock(&self.state.got).clone()
    }

    /// Waits until so many have come, and gives all of them.
    ///
    /// # Panics
    /// If they do not come within 20 seconds.
    pub async fn wait_for(&self, count: usize) -> Vec<Webhook> {
        for _ in 0..800 {
            let got = self.got();
            if got.len() >= count {
                return got;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{count} webhooks were to come, and these came: {:#?}", self.got());
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.go();
    }
}

/// Locks what is never left half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    let mut stream = BufReader::new(stream);
    while let Some(webhook) = read(&mut stream).await {
        lock(&state.got).push(webhook);
        let manner = *lock(&state.manner);
        let head = match manner {
            Manner::Status(status) => format!("{status} -"),
            Manner::Redirect => "307 -\r\nlocation: /elsewhere".to_owned(),
            Manner::Hang => return std::future::pending().await,
            Manner::Close => return,
        };
        let answer = format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads a request; `None` if none comes, or not all of it.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<Webhook> {
    let mut lines = stream.lines();
    let path = lines.next_line().await.ok()??.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        let line = lines.next_line().await.ok()??;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut bytes = vec![0; length.and_then(|(_, it)| it.parse().ok()).unwrap_or(0)];
    lines.get_mut().read_exact(&mut bytes).await.ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Some(Webhook { path, bytes, text, body, headers })
}

/// Binds an address that was ours: whoever was there before takes a moment to be gone.
async fn bind_again(address: SocketAddr) -> TcpListener {
    for _ in 0..200 {
        if let Ok(listener) = TcpListener::bind(address).await {
            return listener;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{address} is not free");
}
