//! A throwaway PostgreSQL.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::PathBuf;

use crate::server::{Server, run};
use crate::{Error, free_port, postgres_folder};

/// Nothing here outlives the machine, so nothing waits for the disk.
const SETTINGS: [&str; 5] = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "unix_socket_directories=",
];
/// How often a start is tried, each time on another port.
const TRIES: usize = 3;

/// A PostgreSQL server of its own, on 127.0.0.1; whoever reaches it is its superuser `postgres`.
///
/// Dropping it ends it and removes its data.
pub struct Postgres {
    server: Server,
    programs: PathBuf,
    options: Vec<String>,
    port: u16,
}

impl Postgres {
    /// Starts one: about a second and a half.
    pub fn start() -> Result<Self, Error> {
        Self::start_with(&[])
    }

    /// Starts one that speaks TLS as well, with this certificate and key, in PEM.
    pub fn start_with_tls(certificate: &str, key: &str) -> Result<Self, Error> {
        let mut postgres = Self::start()?;
        postgres.stop()?;
        let data = postgres.server.folder().path().join("data");
        let failed =
            |source| Error::Io { what: "give a server its certificate".to_owned(), source };
        let owner = fs::metadata(data.join("PG_VERSION")).map_err(failed)?;
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let path = data.join(name);
            fs::write(&path, text).map_err(failed)?;
            // The server refuses a key that others may read.
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
            chown(&path, Some(owner.uid()), Some(owner.gid())).map_err(failed)?;
        }
        postgres.options.extend(["-c", "ssl=on"].map(str::to_owned));
        postgres.restart()?;
        Ok(postgres)
    }

    /// Starts one with more options, given as to the program `postgres`, such as
    /// `["-c", "log_statement=all"]`; see [`Postgres::log_path`].
    pub fn start_with(options: &[&str]) -> Result<Self, Error> {
        let programs = postgres_folder()?;
        let server = Server::prepare("PostgreSQL")?;
        let initdb = programs.join("initdb");
        let mut command = server.folder().command(&initdb);
        command
            .args(["-A", "trust", "--no-locale", "-E", "UTF8", "--no-sync", "-U", "postgres", "-D"])
            .arg(server.folder().path().join("data"));
        run(command, &initdb)?;
        let options = options.iter().map(|&it| it.to_owned()).collect();
        let mut postgres = Self { server, programs, options, port: 0 };
        let mut tries = 1;
        loop {
            postgres.port = free_port()?;
            match postgres.launch() {
                Err(Error::Ended { .. }) if tries < TRIES => tries += 1,
                result => return result.map(|()| postgres),
            }
        }
    }

    /// The address of the database `postgres`.
    #[must_use]
    pub fn url(&self) -> String {
        self.database_url("postgres")
    }

    /// The address of the database with this name; it need not exist yet.
    #[must_use]
    pub fn database_url(&self, name: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    /// The port; a restart keeps it.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The file that everything the server says goes to, statements too if `log_statement` is on.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.server.log_path()
    }

    /// Makes a database and returns its address.
    pub fn create_database(&self, name: &str) -> Result<String, Error> {
        let createdb = self.programs.join("createdb");
        let mut command = self.server.folder().command(&createdb);
        command
            .args(["-h", "127.0.0.1", "-U", "postgres", "--maintenance-db=postgres", "-p"])
            .arg(self.port.to_string())
            .args(["--", name]);
        run(command, &createdb)?;
        Ok(self.database_url(name))
    }

    /// Ends the server and its connections; the data stays, and so does the port.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.server.stop()
    }

    /// Ends the server if it runs, and starts it on the same port and data.
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

    /// Crashes the server: all of its processes but the first are killed, and it recovers by
    /// itself, from what it had written.
    pub fn crash(&mut self) -> Result<(), Error> {
        self.server.kill_children()
    }

    fn launch(&mut self) -> Result<(), Error> {
        let data = self.server.folder().path().join("data");
        let mut command = self.server.folder().command(&self.programs.join("postgres"));
        command
            .arg("-D")
            .arg(&data)
            .args(["-h", "127.0.0.1", "-p"])
            .arg(self.port.to_string())
            .args(SETTINGS.into_iter().flat_map(|it| ["-c", it]))
            .args(&self.options);
        let pid_file = data.join("postmaster.pid");
        self.server.launch(command, |pid| {
            fs::read_to_string(&pid_file).is_ok_and(|text| says_ready(&text, pid))
        })
    }
}

/// Whether `postmaster.pid` is of this process (its first line) and says `ready` (its eighth,
/// which is where `pg_ctl` looks).
fn says_ready(pid_file: &str, pid: u32) -> bool {
    let mut lines = pid_file.lines();
    lines.next().is_some_and(|it| it.trim().parse() == Ok(pid))
        && lines.nth(6).is_some_and(|it| it.trim() == "ready")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_ready_when_its_own_file_says_so() {
        let file = "42\n/data\n1760000000\n20000\n\n127.0.0.1\n  123  4\nready   \n";
        assert!(says_ready(file, 42));
        assert!(!says_ready(file, 43), "another server's file");
        assert!(!says_ready(&file.replace("ready", "starting"), 42));
        assert!(!says_ready("42\n/data\n", 42));
    }
}
