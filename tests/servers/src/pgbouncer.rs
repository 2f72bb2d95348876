//! A throwaway `PgBouncer`.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};

use crate::find::pgbouncer_program;
use crate::server::Server;
use crate::{Error, free_port};

/// Connections that it has to each database: fewer than a node opens, so that they are shared.
const CONNECTIONS: u8 = 4;

/// What the service's role has in production (docs/operations.md).
const LIMITS: &str = "SET statement_timeout = 2000; SET lock_timeout = 1000; \
                      SET idle_in_transaction_session_timeout = 5000";

/// A `PgBouncer` in transaction mode before a PostgreSQL server, on 127.0.0.1: each database of the
/// server goes by its own name.
pub struct PgBouncer {
    port: u16,
    _server: Server,
}

impl PgBouncer {
    /// Starts one before the server at this port.
    pub fn start(postgres: u16) -> Result<Self, Error> {
        let program = pgbouncer_program()?;
        let mut server = Server::prepare("PgBouncer")?;
        let port = free_port()?;
        let file = server.folder().path().join("pgbouncer.ini");
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={postgres} user=postgres \
             connect_query='{LIMITS}'\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = any\npool_mode = transaction\nmax_client_conn = 2000\n\
             default_pool_size = {CONNECTIONS}\nserver_idle_timeout = 5\n"
        );
        fs::write(&file, settings).map_err(Error::io("write a pooler's settings"))?;
        server.folder().own(&file)?;
        let mut command = server.folder().command(&program);
        command.arg(&file);
        server.launch(command, |_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())?;
        Ok(Self { port, _server: server })
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}
