//! A throwaway mail server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use crate::Error;
use crate::server::Server;

/// aiosmtpd and what we tell it to do.
const SCRIPT: &str = include_str!("smtp.py");

/// How a server encrypts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// A connection begins in clear and must go on encrypted.
    Starttls,
    /// A connection is encrypted from its beginning.
    Smtps,
}

/// What a server asks of its clients; nothing by default.
#[derive(Clone, Debug, Default)]
pub struct SmtpOptions {
    /// The user and the password that a client has to give, as in `user:password`.
    pub login: Option<String>,
    /// How it encrypts, with the texts (PEM) of its certificate and its key.
    pub tls: Option<(SmtpTls, String, String)>,
}

/// A mail server of its own, on 127.0.0.1, that keeps what it accepts and delivers nothing.
///
/// It is aiosmtpd, run by a Python that has it. The name of a recipient says what becomes of a
/// mail, at any domain: `unknown` 550, `full` 452, `later` 451, `stopping` 421 and `stranger` 530
/// after RCPT; `gone` 550, `disliked` 554 and `jammed` 451 after the mail; to `silent` nothing is
/// ever answered after the mail, to `closing` the connection is closed. Every other mail is
/// accepted.
///
/// Dropping it ends it and removes its folder.
pub struct Smtp {
    server: Server,
    port: u16,
}

impl Smtp {
    /// Starts one: a few tenths of a second.
    pub fn start(python: &Path, options: &SmtpOptions) -> Result<Self, Error> {
        let mut server = Server::prepare("SMTP")?;
        let folder = server.folder().path().to_owned();
        // As ourselves: a Python below somebody's home is not everybody's to run.
        let mut command = Command::new(python);
        command.current_dir(&folder).args(["-c", SCRIPT]).arg(&folder);
        if let Some(login) = &options.login {
            command.args(["--login", login]);
        }
        if let Some((tls, certificate, key)) = &options.tls {
            let way = match tls {
                SmtpTls::Starttls => "starttls",
                SmtpTls::Smtps => "smtps",
            };
            command.args(["--tls", way]);
            for (name, text) in [("--certificate", certificate), ("--key", key)] {
                let path = folder.join(&name[2..]);
                fs::write(&path, text).map_err(Error::io("write a certificate"))?;
                command.arg(name).arg(path);
            }
        }
        let port = || fs::read_to_string(folder.join("port")).ok()?.parse().ok();
        server.launch(command, |_| port().is_some())?;
        Ok(Self { server, port: port().unwrap_or_default() })
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The mails that were accepted, oldest first, each as a text of JSON: `connection` (the
    /// client's port), `encrypted`, `login`, `from`, `to`, `headers` (name and decoded value),
    /// `type`, `defects`, `parts` (content type and decoded text) and `raw`.
    ///
    /// A mail is here before the server says that it is accepted.
    pub fn mails(&self) -> Result<Vec<String>, Error> {
        let folder = self.server.folder().path();
        let read = || -> io::Result<Vec<String>> {
            let mut paths: Vec<PathBuf> =
                fs::read_dir(folder)?.map(|it| it.map(|it| it.path())).collect::<Result<_, _>>()?;
            paths.retain(|it| it.extension().is_some_and(|it| it == "json"));
            paths.sort();
            paths.iter().map(fs::read_to_string).collect()
        };
        read().map_err(Error::io("read the mails"))
    }

    /// Ends the server and its connections.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.server.stop()
    }

    /// Makes the server hang: connections open and stay open, and nobody answers.
    pub fn freeze(&mut self) -> Result<(), Error> {
        self.server.freeze()
    }
}
