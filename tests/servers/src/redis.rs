//! A throwaway Redis.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use crate::server::Server;
use crate::{Error, free_port, redis_program};

/// How often a start is tried, each time on another port.
const TRIES: usize = 3;
/// How long one question whether it is up may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// A Redis server of its own, on 127.0.0.1, that keeps nothing on disk.
///
/// Dropping it ends it and removes its folder.
pub struct Redis {
    server: Server,
    program: PathBuf,
    options: Vec<String>,
    port: u16,
}

impl Redis {
    /// Starts one: a few hundredths of a second.
    pub fn start() -> Result<Self, Error> {
        Self::start_with(&[])
    }

    /// Starts one with more options, given as to the program `redis-server`, such as
    /// `["--appendonly", "yes"]` for one that keeps its data over a restart.
    pub fn start_with(options: &[&str]) -> Result<Self, Error> {
        let program = redis_program()?;
        let server = Server::prepare("Redis")?;
        let options = options.iter().map(|&it| it.to_owned()).collect();
        let mut redis = Self { server, program, options, port: 0 };
        let mut tries = 1;
        loop {
            redis.port = free_port()?;
            match redis.launch() {
                Err(Error::Ended { .. }) if tries < TRIES => tries += 1,
                result => return result.map(|()| redis),
            }
        }
    }

    /// Starts one that speaks TLS as well, with this certificate and key, in PEM; gives the port of
    /// that beside it.
    pub fn start_with_tls(certificate: &str, key: &str) -> Result<(Self, u16), Error> {
        let mut redis = Self::start()?;
        let port = free_port()?;
        let folder = redis.server.folder();
        let mut options = vec!["--tls-auth-clients".to_owned(), "no".to_owned()];
        options.extend(["--tls-port".to_owned(), port.to_string()]);
        for (option, name, text) in [
            ("--tls-cert-file", "server.crt", certificate),
            ("--tls-ca-cert-file", "ca.crt", certificate),
            ("--tls-key-file", "server.key", key),
        ] {
            let path = folder.path().join(name);
            fs::write(&path, text).map_err(Error::io("give a server its certificate"))?;
            folder.own(&path)?;
            options.extend([option.to_owned(), path.display().to_string()]);
        }
        redis.options = options;
        redis.restart()?;
        Ok((redis, port))
    }

    /// The address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The port; a restart keeps it.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port that it speaks to other nodes of a cluster on, where it was told one.
    #[must_use]
    pub(crate) fn cluster_port(&self) -> &str {
        let mut options = self.options.iter().skip_while(|it| *it != "--cluster-port");
        options.nth(1).map_or("0", String::as_str)
    }

    /// The file that everything the server says goes to.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.server.log_path()
    }

    /// Ends the server and its connections; the port stays, the data goes.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.server.stop()
    }

    /// Ends the server if it runs, and starts it on the same port, empty.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.stop()?;
        self.launch()
    }

    /// Makes the server hang: connections open and stay open, and nobody answers.
    pub fn freeze(&mut self) -> Result<(), Error> {
        self.server.freeze()
    }

    /// Lets a server that hangs run on: it answers what was asked meanwhile.
    pub fn thaw(&mut self) -> Result<(), Error> {
        self.server.thaw()
    }

    fn launch(&mut self) -> Result<(), Error> {
        let mut command = self.server.folder().command(&self.program);
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
            .arg(self.server.folder().path())
            .arg("--port")
            .arg(self.port.to_string())
            .args(&self.options);
        let port = self.port;
        self.server.launch(command, |pid| {
            // A server that was there before us would answer on this port too.
            let wanted = format!("process_id:{pid}\r\n");
            info(port).is_ok_and(|it| it.contains(&wanted))
        })
    }
}

/// Asks the server on this port about itself.
fn info(port: u16) -> io::Result<String> {
    tell(port, "INFO server")
}

/// Sends a command to the server on this port, and gives its answer as it is.
pub(crate) fn tell(port: u16, command: &str) -> io::Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes())?;
    let (mut answer, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut chunk)?;
        answer.extend_from_slice(chunk.get(..read).unwrap_or_default());
        let text = String::from_utf8_lossy(&answer);
        // A sentinel does not know how to take its leave.
        if read == 0 || text.contains("unknown command 'QUIT'") {
            return Ok(text.into_owned());
        }
    }
}
