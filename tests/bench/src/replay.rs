//! A recording driven bare, by many at a time: the drivers alone, without pools, time limits or
//! anything that decides.
//!
//! Each replay is another login: the person's own names are those of another person who is there,
//! and whatever else was random is random again, alike in all places.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::BytesMut;
use adapters_crypto::SystemEntropy;
use anyhow::{Context as _, Result, bail};
use ports::entropy::Entropy as _;
use redis::aio::MultiplexedConnection;
use tokio_postgres::types::{Format, IsNull, ToSql, Type};
use tokio_postgres::{Client, Statement};

use crate::load::{Outcome, Step, drive};
use crate::recording::Recording;
use crate::stage::{Stage, connect};

/// Connections to PostgreSQL, as many as a node has.
const CONNECTIONS: usize = 16;
/// How our keys begin.
const OURS: &[u8] = b"latchkey:";

/// A value that names somebody: a keyed hash, a user's id, an identity's id.
pub(crate) type Person = [Vec<u8>; 3];

/// What a challenge's key ends with in Redis, and what lies there.
#[derive(Clone)]
pub(crate) struct Challenge {
    pub(crate) id: Vec<u8>,
    pub(crate) dump: Vec<u8>,
}

/// A recording, with connections to drive it by.
pub(crate) struct Replay {
    recording: Recording,
    /// The person who was recorded; none where nobody was there yet.
    person: Option<Person>,
    challenge: Option<Challenge>,
    redis: MultiplexedConnection,
    connections: Vec<Arc<Bare>>,
}

/// A connection and the recording's statements, prepared.
struct Bare {
    client: Client,
    statements: Vec<Statement>,
}

/// One login to be.
struct Login {
    commands: Vec<redis::Cmd>,
    parameters: Vec<Vec<Value>>,
}

impl Replay {
    /// Opens the connections.
    pub(crate) async fn new(
        stage: &Stage,
        recording: Recording,
        person: Option<Person>,
        challenge: Option<Challenge>,
    ) -> Result<Self> {
        let client = redis::Client::open(stage.redis.url())?;
        let redis = client.get_multiplexed_async_connection().await?;
        let mut connections = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            let client = connect(&stage.postgres.url()).await?;
            let mut statements = Vec::new();
            for it in &recording.statements {
                statements.push(client.prepare(&it.text).await?);
            }
            connections.push(Arc::new(Bare { client, statements }));
        }
        Ok(Self { recording, person, challenge, redis, connections })
    }

    /// Replays as many logins as there are people, by so many at a time.
    pub(crate) async fn drive(
        &self,
        callers: usize,
        most: Duration,
        people: &[Option<Person>],
    ) -> Result<Outcome> {
        let mut logins = Vec::with_capacity(people.len());
        for person in people {
            logins.push(self.login(person.as_ref()).await?);
        }
        let logins = Arc::new(logins);
        let (redis, connections) = (self.redis.clone(), self.connections.clone());
        let step = move |caller: usize, number: usize| {
            let (logins, redis) = (Arc::clone(&logins), redis.clone());
            let bare = connections.get(caller % CONNECTIONS).cloned();
            async move {
                let (Some(login), Some(bare)) = (logins.get(number), bare) else {
                    return Ok(Step::Over);
                };
                run(login, redis, &bare).await.map(|()| Step::Good)
            }
        };
        drive(callers, most, step).await
    }

    /// Puts another login together, with a challenge of its own where one is used up.
    async fn login(&self, person: Option<&Person>) -> Result<Login> {
        let mut names = Names::default();
        if let (Some(own), Some(person)) = (&self.person, person) {
            for (old, new) in own.iter().zip(person) {
                names.0.insert(old.clone(), new.clone());
            }
        }
        if let Some(Challenge { id, dump }) = &self.challenge {
            let new = names.new_for(id);
            let key = [OURS, b"{otp}:c:", &new].concat();
            let mut redis = self.redis.clone();
            let mut restore = redis::cmd("RESTORE");
            restore.arg(key).arg(600_000).arg(dump).arg("REPLACE");
            let _: () = restore.query_async(&mut redis).await.context("RESTORE")?;
        }
        let mut parameters = Vec::new();
        for (number, it) in self.recording.statements.iter().enumerate() {
            let first = self.connections.first().context("no connection")?;
            let types = first.statements.get(number).context("no statement")?.params();
            let values = it.parameters.iter().zip(types);
            parameters.push(values.map(|(it, kind)| names.value(it.as_deref(), kind)).collect());
        }
        let mut commands = Vec::new();
        for it in &self.recording.commands {
            let mut command = redis::Cmd::new();
            for argument in it {
                command.arg(names.argument(argument));
            }
            commands.push(command);
        }
        Ok(Login { commands, parameters })
    }
}

/// What a login asks, in its order: the last command writes the copy of a session that stands.
async fn run(login: &Login, mut redis: MultiplexedConnection, bare: &Bare) -> Result<()> {
    let (last, before) = login.commands.split_last().context("no command")?;
    for command in before {
        let _: redis::Value = command.query_async(&mut redis).await?;
    }
    let mut rows = 0;
    for (statement, values) in bare.statements.iter().zip(&login.parameters) {
        let values: Vec<_> = values.iter().map(|it| it as &(dyn ToSql + Sync)).collect();
        rows = bare.client.query(statement, &values).await?.len();
    }
    if rows == 0 {
        bail!("a replayed login wrote nothing");
    }
    let _: redis::Value = last.query_async(&mut redis).await?;
    Ok(())
}

/// Names of one replay: what stands for what was recorded.
#[derive(Default)]
struct Names(HashMap<Vec<u8>, Vec<u8>>);

impl Names {
    /// Random bytes of the same length, the same each time.
    fn new_for(&mut self, old: &[u8]) -> Vec<u8> {
        let random = || {
            let mut bytes = vec![0; old.len()];
            SystemEntropy.fill(&mut bytes);
            bytes
        };
        self.0.entry(old.to_vec()).or_insert_with(random).clone()
    }

    fn value(&mut self, recorded: Option<&str>, kind: &Type) -> Value {
        let Some(text) = recorded else { return Value::Null };
        match *kind {
            Type::UUID => hex(&text.replace('-', "")).map(|it| Value::Bytes(self.new_for(&it))),
            Type::BYTEA => text.strip_prefix("\\x").and_then(hex).map(|it| {
                // Texts that are sealed or hashed are random; nothing shorter is.
                Value::Bytes(if it.len() >= 16 { self.new_for(&it) } else { it })
            }),
            _ => None,
        }
        .unwrap_or_else(|| Value::Text(text.to_owned()))
    }

    /// An argument of a command: a key of ours ends with the bytes that it names.
    fn argument(&mut self, recorded: &[u8]) -> Vec<u8> {
        let name = match recorded.strip_prefix(OURS) {
            Some(rest) if rest.starts_with(b"{otp}:c:") && rest.len() == 24 => 16,
            Some(rest) if rest.starts_with(b"{throttle}:c:") => 32,
            Some(rest) if rest.starts_with(b"session:") => 32,
            _ => return recorded.to_vec(),
        };
        let (kind, name) = recorded.split_at(recorded.len().saturating_sub(name));
        [kind, &self.new_for(name)].concat()
    }
}

/// A parameter as it is sent.
#[derive(Debug)]
enum Value {
    Null,
    Bytes(Vec<u8>),
    /// Read by PostgreSQL, as it wrote it.
    Text(String),
}

impl ToSql for Value {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Bytes(it) => out.extend_from_slice(it),
            Self::Text(it) => out.extend_from_slice(it.as_bytes()),
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

    fn encode_format(&self, _: &Type) -> Format {
        match self {
            Self::Text(_) => Format::Text,
            Self::Null | Self::Bytes(_) => Format::Binary,
        }
    }
}

/// Reads bytes in hexadecimal.
pub(crate) fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks_exact(2);
    digits.map(|it| u8::from_str_radix(str::from_utf8(it).ok()?, 16).ok()).collect()
}
