//! Many users at once, for measuring how the service grows: rows as a registration writes them,
//! copied into four tables side by side.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::BytesMut;
use domain::Timestamp;
use domain::id::{IdentityId, SessionId, UserId};
use domain::secret::{IdentifierKey, Sealed, TokenHash};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{IsNull, ToSql, Type};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// Chunks that wait for a table: enough that none waits for the next.
const WAITING: usize = 4;

/// One user with a phone number and a session.
#[derive(Debug, Clone)]
pub struct Seed {
    /// The user.
    pub user_id: UserId,
    /// Their phone number as a way in.
    pub identity_id: IdentityId,
    /// What it is found by.
    pub key: IdentifierKey,
    /// What it shows.
    pub display: Sealed,
    /// Their session.
    pub session_id: SessionId,
    /// What that is found by.
    pub token: TokenHash,
    /// When they registered, and were last seen.
    pub at: Timestamp,
    /// When the session ends for want of use.
    pub idle_ends_at: Timestamp,
    /// Where it began.
    pub ip: IpAddr,
}

/// Why users were not written.
#[derive(Debug, Error)]
pub enum SeedError {
    /// The database cannot be reached, or refuses a row.
    #[error("the database did not take the users")]
    Refused(#[from] tokio_postgres::Error),
    /// A table failed before.
    #[error("a table takes no more rows")]
    Ended,
}

/// What users are written to, until [`Seeder::finish`].
#[derive(Debug)]
pub struct Seeder {
    tables: Vec<mpsc::Sender<Arc<Vec<Seed>>>>,
    running: JoinSet<Result<(), SeedError>>,
    url: String,
}

impl Seeder {
    /// Begins to write to the database at `url`, whose tables are there. The role must be a
    /// superuser: no foreign key is checked, since all rows of a user come together.
    pub async fn begin(url: &str) -> Result<Self, SeedError> {
        let (mut tables, mut running) = (Vec::new(), JoinSet::new());
        for table in Table::ALL {
            let (sender, chunks) = mpsc::channel(WAITING);
            let client = connect(url).await?;
            running.spawn(copy(client, table, chunks));
            tables.push(sender);
        }
        Ok(Self { tables, running, url: url.to_owned() })
    }

    /// Hands users over.
    pub async fn write(&self, seeds: Vec<Seed>) -> Result<(), SeedError> {
        let seeds = Arc::new(seeds);
        for table in &self.tables {
            table.send(Arc::clone(&seeds)).await.map_err(|_| SeedError::Ended)?;
        }
        Ok(())
    }

    /// Waits until all are written, and has the database look at them.
    pub async fn finish(self) -> Result<(), SeedError> {
        let Self { tables, mut running, url } = self;
        drop(tables);
        while let Some(ended) = running.join_next().await {
            ended.map_err(|_| SeedError::Ended)??;
        }
        let client = connect(&url).await?;
        Ok(client.batch_execute("VACUUM (ANALYZE)").await?)
    }
}

async fn connect(url: &str) -> Result<Client, SeedError> {
    let (client, driver) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(driver);
    client.batch_execute("SET session_replication_role = replica").await?;
    client.batch_execute("SET synchronous_commit = off").await?;
    Ok(client)
}

/// The tables of a user.
#[derive(Debug, Clone, Copy)]
enum Table {
    Users,
    Identities,
    Identifiers,
    Sessions,
}

impl Table {
    const ALL: [Self; 4] = [Self::Users, Self::Identities, Self::Identifiers, Self::Sessions];

    const fn columns(self) -> &'static str {
        match self {
            Self::Users => "users (id, state, security_epoch, created_at)",
            Self::Identities => {
                "identities (id, user_id, kind, display, verified_at, linked_at, last_used_at, \
                 last_ip)"
            }
            Self::Identifiers => "identifiers (value, kind, namespace, identity_id, user_id)",
            Self::Sessions => {
                "sessions (id, user_id, identity_id, token_hash, method, auth_time, created_at, \
                 last_seen_at, idle_ends_at, ip)"
            }
        }
    }

    const fn types(self) -> &'static [Type] {
        const AT: Type = Type::TIMESTAMPTZ;
        match self {
            Self::Users => &[Type::UUID, Type::TEXT, Type::INT4, AT],
            Self::Identities => {
                &[Type::UUID, Type::UUID, Type::TEXT, Type::BYTEA, AT, AT, AT, Type::INET]
            }
            Self::Identifiers => &[Type::BYTEA, Type::TEXT, Type::TEXT, Type::UUID, Type::UUID],
            Self::Sessions => &[
                Type::UUID,
                Type::UUID,
                Type::UUID,
                Type::BYTEA,
                Type::TEXT,
                AT,
                AT,
                AT,
                AT,
                Type::INET,
            ],
        }
    }

    fn row(self, seed: &Seed) -> Vec<Value<'_>> {
        let user = Value::Id(seed.user_id.as_uuid());
        let identity = Value::Id(seed.identity_id.as_uuid());
        let (at, ip) = (Value::At(seed.at), Value::Ip(seed.ip));
        match self {
            Self::Users => vec![user, Value::Text("active"), Value::Number(0), at],
            Self::Identities => {
                let display = Value::Bytes(seed.display.as_bytes());
                vec![identity, user, Value::Text("phone"), display, at, at, at, ip]
            }
            Self::Identifiers => {
                let value = Value::Bytes(seed.key.as_bytes());
                vec![value, Value::Text("phone"), Value::Text(""), identity, user]
            }
            Self::Sessions => vec![
                Value::Id(seed.session_id.as_uuid()),
                user,
                identity,
                Value::Bytes(seed.token.as_bytes()),
                Value::Text("sms"),
                at,
                at,
                at,
                Value::At(seed.idle_ends_at),
                ip,
            ],
        }
    }
}

/// Writes one table until there are no more users.
async fn copy(
    client: Client,
    table: Table,
    mut chunks: mpsc::Receiver<Arc<Vec<Seed>>>,
) -> Result<(), SeedError> {
    let statement = format!("COPY {} FROM STDIN BINARY", table.columns());
    let sink = client.copy_in(&statement).await?;
    let mut writer = std::pin::pin!(BinaryCopyInWriter::new(sink, table.types()));
    while let Some(chunk) = chunks.recv().await {
        for seed in chunk.iter() {
            writer.as_mut().write_raw(table.row(seed)).await?;
        }
    }
    writer.finish().await?;
    Ok(())
}

/// A column of a row, written as PostgreSQL's binary form wants it.
#[derive(Debug, Clone, Copy)]
enum Value<'a> {
    Id(&'a Uuid),
    Text(&'static str),
    Bytes(&'a [u8]),
    Number(i32),
    At(Timestamp),
    Ip(IpAddr),
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Id(it) => out.extend_from_slice(it.as_bytes()),
            Self::Text(it) => out.extend_from_slice(it.as_bytes()),
            Self::Bytes(it) => out.extend_from_slice(it),
            Self::Number(it) => return it.to_sql(kind, out),
            // Microseconds since 2000.
            Self::At(it) => {
                let micros = it.as_microsecond() - crate::types::POSTGRES_EPOCH;
                out.extend_from_slice(&micros.to_be_bytes());
            }
            Self::Ip(it) => return it.to_sql(kind, out),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.to_sql(kind, out)
    }
}
