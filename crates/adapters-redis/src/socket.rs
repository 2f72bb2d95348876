//! Sockets, and how those that callers share are made.

use bb8_redis::bb8;
use domain::Duration;
use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::cluster::{ClusterClient, ClusterConfig};
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use redis::{
    Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, Pipeline, RedisError, RedisFuture,
    TlsMode, Value,
};
use tokio::time::timeout;

use crate::address::{Address, tcp};
use crate::doubts::{Doubts, Held};
use crate::own::Own;

/// How long one sentinel may take to say who the master is, and the master to say that it is.
const ASKED: Duration = Duration::from_millis(200);
/// How often a cluster is asked in all: it may have moved the key meanwhile. A step of ours that
/// is carried out twice counts twice or finds itself used up, which errs on the safe side.
const TRIES: u32 = 2;

/// A socket to one server, or those to the nodes of a cluster.
#[derive(Clone)]
pub(crate) enum Socket {
    Server(ConnectionManager),
    Cluster(ClusterConnection),
}

impl Socket {
    /// Runs commands that have nothing to do with one another, all at the same time.
    pub(crate) async fn all(&mut self, commands: &Pipeline) -> Result<(), RedisError> {
        match self {
            Self::Server(it) => commands.exec_async(it).await,
            // Their keys are on several nodes.
            Self::Cluster(it) => {
                let runs = commands.cmd_iter().map(|command| {
                    let mut it = it.clone();
                    async move { command.exec_async(&mut it).await }
                });
                futures_util::future::try_join_all(runs).await.map(drop)
            }
        }
    }
}

impl ConnectionLike for Socket {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Server(it) => it.req_packed_command(cmd),
            Self::Cluster(it) => it.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Server(it) => it.req_packed_commands(pipeline, offset, count),
            Self::Cluster(it) => it.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Server(it) => it.get_db(),
            Self::Cluster(it) => it.get_db(),
        }
    }
}

/// Makes the pool's sockets.
pub(crate) struct Sockets {
    source: Source,
    config: ConnectionManagerConfig,
    patience: Duration,
    doubts: Doubts,
}

enum Source {
    Server(Client),
    Cluster(Box<ClusterClient>),
    Sentinel { sentinels: Vec<ConnectionInfo>, master: String, node: SentinelNodeConnectionInfo },
}

impl Sockets {
    /// Nothing is connected yet. `patience` is the longest that connecting and one answer may take.
    pub(crate) fn new(address: Address, patience: Duration) -> Result<Self, RedisError> {
        let source = match address {
            Address::Server(it) => Source::Server(Client::open(it)?),
            Address::Cluster(nodes) => {
                let client = ClusterClient::builder(nodes).retries(TRIES - 1).tcp_settings(tcp());
                Source::Cluster(Box::new(client.build()?))
            }
            Address::Sentinel { sentinels, master, like } => {
                let node = SentinelNodeConnectionInfo::default()
                    .set_redis_connection_info(like.redis_settings().clone())
                    .set_tcp_settings(tcp());
                let node = match like.addr() {
                    ConnectionAddr::TcpTls { insecure: false, .. } => {
                        node.set_tls_mode(TlsMode::Secure)
                    }
                    ConnectionAddr::TcpTls { insecure: true, .. } => {
                        node.set_tls_mode(TlsMode::Insecure)
                    }
                    _ => node,
                };
                Source::Sentinel { sentinels, master, node }
            }
        };
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(patience))
            .set_response_timeout(Some(patience))
            .set_number_of_retries(0)
            .set_pipeline_buffer_size(1024)
            .set_concurrency_limit(4096);
        Ok(Self { source, config, patience, doubts: Doubts::default() })
    }

    /// What makes sockets to one server for callers that have their own; `None` where it takes more
    /// than one server.
    pub(crate) fn own(&self) -> Option<Own> {
        match &self.source {
            Source::Server(client) => {
                let doubts = self.doubts();
                Some(Own::new(client.clone(), self.config.clone(), doubts))
            }
            Source::Cluster(_) | Source::Sentinel { .. } => None,
        }
    }

    /// What a failure of a socket is noted in.
    pub(crate) fn doubts(&self) -> Doubts {
        self.doubts.clone()
    }
}

impl bb8::ManageConnection for Sockets {
    type Connection = Held;
    type Error = RedisError;

    async fn connect(&self) -> Result<Held, RedisError> {
        let made = self.doubts.count();
        let socket = match &self.source {
            Source::Server(client) => self.server(client.clone())?,
            Source::Cluster(client) => {
                let config = ClusterConfig::new()
                    .set_connection_timeout(self.patience)
                    .set_response_timeout(self.patience);
                Socket::Cluster(client.get_pending_async_connection_with_config(config))
            }
            Source::Sentinel { sentinels, master, node } => {
                self.server(ask(sentinels, master, node).await?)?
            }
        };
        Ok(Held::new(socket, made))
    }

    async fn is_valid(&self, held: &mut Held) -> Result<(), RedisError> {
        // A cluster's driver replaces its connections itself: one may fail, and the others serve.
        if matches!(self.source, Source::Cluster(_)) || self.doubts.trust(held) {
            return Ok(());
        }
        Err((ErrorKind::Io, "a socket failed since").into())
    }

    fn has_broken(&self, _: &mut Held) -> bool {
        false
    }
}

impl Sockets {
    fn server(&self, client: Client) -> Result<Socket, RedisError> {
        ConnectionManager::new_lazy_with_config(client, self.config.clone()).map(Socket::Server)
    }
}

/// Asks the sentinels, one after the other, until one knows a master that says so itself.
async fn ask(
    sentinels: &[ConnectionInfo],
    master: &str,
    node: &SentinelNodeConnectionInfo,
) -> Result<Client, RedisError> {
    let mut last = RedisError::from((ErrorKind::Io, "no sentinel answers in time"));
    for sentinel in sentinels {
        let asked = SentinelClient::build(
            vec![sentinel.clone()],
            master,
            Some(node.clone()),
            SentinelServerType::Master,
        );
        let mut asked = asked?;
        match timeout(ASKED, asked.async_get_client()).await {
            Ok(Ok(client)) => return Ok(client),
            Ok(Err(error)) => last = error,
            Err(_) => {}
        }
    }
    Err(last)
}
