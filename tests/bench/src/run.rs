//! The six loads beside their limits, in one run.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::chart::draw;
use crate::http::Connection;
use crate::limits::Hashing;
use crate::load::{Outcome, Work, ask};
use crate::people::{self, PASSWORD};
use crate::process::Process;
use crate::recording::{Recording, record};
use crate::replay::{Challenge, Person, Replay};
use crate::report::{Beside, Measured, Report, Row, machine, median};
use crate::stage::Stage;

/// The numbers of connections.
pub(crate) const CONNECTIONS: [usize; 3] = [1, 16, 64];
/// People who are known before anything is measured.
const KNOWN: usize = 4000;
/// Runs of each load and of its limit, in turn.
const RUNS: usize = 3;
/// How often the server is started to see how long that takes.
const STARTS: usize = 5;
/// How long a server that has nothing to do is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(3);
/// The longest bar of the chart.
const MOST: f64 = 1.2;
/// Right and wrong passwords that are asked in turn, of each.
const TURNS: usize = 150;
/// Not the password of anybody.
const WRONG: &str = "wrong horse battery";

/// One kind of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Session,
    KnownCode,
    NewCode,
    Password,
    WrongPassword,
    Provider,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] = [
        Self::Session,
        Self::KnownCode,
        Self::NewCode,
        Self::Password,
        Self::WrongPassword,
        Self::Provider,
    ];

    /// The name in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Session => "W1",
            Self::KnownCode => "W2",
            Self::NewCode => "W3",
            Self::Password => "W4",
            Self::WrongPassword => "W5",
            Self::Provider => "W6",
        }
    }

    /// What it is.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Session => "session check",
            Self::KnownCode => "code, known user",
            Self::NewCode => "code, new user",
            Self::Password => "password",
            Self::WrongPassword => "wrong password",
            Self::Provider => "third party",
        }
    }

    /// The ratio to its limit that is to be reached.
    pub(crate) const fn target(self) -> f64 {
        match self {
            Self::Session => 0.80,
            Self::KnownCode | Self::NewCode => 0.55,
            Self::Password | Self::WrongPassword => 0.93,
            Self::Provider => 0.40,
        }
    }

    const fn status(self) -> u16 {
        if matches!(self, Self::WrongPassword) { 401 } else { 200 }
    }

    /// The most requests of one run: what each needs is made before.
    const fn most(self, connections: usize) -> usize {
        match self {
            Self::Session => usize::MAX,
            Self::Password | Self::WrongPassword => 2000,
            Self::KnownCode | Self::NewCode | Self::Provider => match connections {
                1 => 600,
                16 => 2500,
                _ => KNOWN,
            },
        }
    }
}

/// Everything that is measured on.
struct Bench {
    stage: Stage,
    server: Process,
    session_limit: Process,
    hashing: Hashing,
    tokens: Vec<String>,
    phones: Vec<Person>,
    accounts: Vec<Person>,
    /// People who registered by now.
    new: usize,
    time: Duration,
}

/// Runs all loads, each run as long as `time` at most.
pub(crate) async fn run(binary: &Path, time: Duration, kinds: &[Kind]) -> Result<Report> {
    let since = Instant::now();
    let step = |what: &str| eprintln!("==> [{:>4} s] {what}", since.elapsed().as_secs());
    let before = machine()?;
    step("starting PostgreSQL, Redis and the stand-in");
    let stage = Stage::new().await?;
    drop(stage.serve(binary, &stage.postgres.url())?);
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let started = stage.serve(binary, &stage.postgres.url())?;
        starts.push(started.started_in.as_secs_f64() * 1000.0);
    }
    let server = stage.serve(binary, &stage.postgres.url())?;
    tokio::time::sleep(IDLE).await;
    let idle_kib = server.cost()?.resident_kib;
    step("making people ready");
    let mut bench = Bench::new(stage, server, time).await?;
    let mut rows = Vec::new();
    for kind in kinds {
        let replay = bench.replay(*kind).await?;
        for connections in CONNECTIONS {
            let row = bench.row(*kind, connections, &replay).await?;
            step(&row.line());
            rows.push(row);
        }
    }
    let mut beside = Vec::new();
    if kinds.contains(&Kind::Session) {
        for connections in [1, 16] {
            step(&format!("W1 by {connections} beside W4"));
            beside.push(bench.beside(connections).await?);
        }
    }
    let has = |it: &Kind| kinds.contains(it);
    let apart = if has(&Kind::Password) && has(&Kind::WrongPassword) {
        step("right and wrong passwords in turn");
        Some(bench.apart().await?)
    } else {
        None
    };
    let peak_kib = bench.server.cost()?.peak_kib;
    Ok(Report { before, after: machine()?, starts, idle_kib, peak_kib, rows, beside, apart })
}

/// What a request was seen to ask, and for logins what drives it bare.
struct Limit {
    commands: usize,
    statements: usize,
    replay: Option<Replay>,
}

impl Bench {
    async fn new(stage: Stage, server: Process, time: Duration) -> Result<Self> {
        let address = server.address;
        let phones = (0..KNOWN).map(people::known).collect();
        let logins = people::codes(address, phones).await?;
        let tokens = people::answers(address, logins, "/access_token").await?;
        let logins = (0..KNOWN).map(|it| people::provider(&stage, it)).collect();
        people::answers(address, logins, "/access_token").await?;
        let hashing = Hashing::start().await?;
        let set = "INSERT INTO passwords SELECT user_id, $1, now() FROM identities \
                   WHERE kind = 'phone'";
        stage.sql.execute(set, &[&hashing.stored.as_str()]).await?;
        stage.sql.batch_execute("VACUUM ANALYZE").await?;
        let session_limit = stage.serve_limit()?;
        let phones = people_of(&stage, "phone").await?;
        let accounts = people_of(&stage, "wechat").await?;
        Ok(Self { stage, server, session_limit, hashing, tokens, phones, accounts, new: 0, time })
    }

    /// So many requests of a kind, each good once.
    async fn requests(&mut self, kind: Kind, number: usize) -> Result<Vec<Vec<u8>>> {
        let address = self.server.address;
        let known = || (0..number.min(KNOWN)).map(people::known);
        Ok(match kind {
            Kind::Session => self.tokens.iter().map(|it| people::me(it)).collect(),
            Kind::KnownCode => {
                // A code may be asked for again after a second.
                tokio::time::sleep(Duration::from_millis(1_050)).await;
                people::codes(address, known().collect()).await?
            }
            Kind::NewCode => {
                let first = self.new;
                self.new += number;
                people::codes(address, (first..self.new).map(people::new).collect()).await?
            }
            Kind::Password => known().map(|it| people::password(&it, PASSWORD)).collect(),
            Kind::WrongPassword => known().map(|it| people::password(&it, WRONG)).collect(),
            Kind::Provider => {
                (0..number.min(KNOWN)).map(|it| people::provider(&self.stage, it)).collect()
            }
        })
    }

    async fn work(&mut self, kind: Kind, connections: usize) -> Result<Work> {
        let requests = Arc::new(self.requests(kind, kind.most(connections)).await?);
        let again = kind == Kind::Session;
        Ok(Work { requests, again, expects: kind.status(), most: self.time })
    }

    /// One load by so many connections, and its limit, in turn.
    async fn row(&mut self, kind: Kind, connections: usize, limit: &Limit) -> Result<Row> {
        let (mut served, mut limited) = (Vec::new(), Vec::new());
        let all = self.time;
        // The first round warms up.
        for round in 0..=RUNS {
            let is_warm = round > 0;
            self.time = if is_warm { all } else { all / 4 };
            let work = self.work(kind, connections).await?;
            let before = self.server.cost()?;
            let outcome = ask(self.server.address, connections, &work).await?;
            let after = self.server.cost()?;
            let idle = self.session_limit.cost()?;
            let bare = self.limit(kind, connections, &work, limit).await?;
            let busy = self.session_limit.cost()?;
            if is_warm {
                served.push(Measured::new(&outcome, Some((before, after))));
                limited.push(Measured::new(&bare, Some((idle, busy))));
            }
        }
        self.time = all;
        Ok(Row {
            kind,
            connections,
            served: median(&served),
            limited: median(&limited),
            commands: limit.commands,
            statements: limit.statements,
        })
    }

    /// The limit, for as long and by as many.
    async fn limit(
        &self,
        kind: Kind,
        connections: usize,
        work: &Work,
        limit: &Limit,
    ) -> Result<Outcome> {
        match (kind, &limit.replay) {
            (Kind::Session, _) => ask(self.session_limit.address, connections, work).await,
            (Kind::Password, _) => self.hashing.drive(connections, work.most, PASSWORD).await,
            (Kind::WrongPassword, _) => self.hashing.drive(connections, work.most, WRONG).await,
            (_, replay) => {
                let people = self.others(kind, work.requests.len());
                let replay = replay.as_ref().context("nothing was recorded")?;
                replay.drive(connections, work.most, &people).await
            }
        }
    }

    /// Who logs in when a recording is driven.
    fn others(&self, kind: Kind, number: usize) -> Vec<Option<Person>> {
        let people = match kind {
            Kind::NewCode => return vec![None; number],
            Kind::Provider => &self.accounts,
            _ => &self.phones,
        };
        people.iter().take(number).cloned().map(Some).collect()
    }

    /// Records one request of a kind.
    async fn replay(&mut self, kind: Kind) -> Result<Limit> {
        // A session that was not looked at lately is read from the database, once a minute.
        let (person, challenge, recording) = match kind {
            Kind::KnownCode | Kind::NewCode => {
                let number = if kind == Kind::NewCode { 99_999_999 } else { 0 };
                let phone =
                    if kind == Kind::NewCode { people::new(number) } else { people::known(number) };
                tokio::time::sleep(Duration::from_millis(1_050)).await;
                let mut connection = Connection::open(self.server.address).await?;
                let (id, code) = people::challenge(&mut connection, &phone).await?;
                let challenge = challenge(&self.stage, &id).await?;
                let credential =
                    serde_json::json!({"type": "code", "challenge_id": id, "code": code});
                let recording = self.record(&people::login(&credential), kind).await?;
                let known = kind == Kind::KnownCode;
                let person = if known { self.whose(&recording) } else { None };
                (person, Some(challenge), recording)
            }
            _ => {
                let requests = self.requests(kind, 2).await?;
                let (first, last) = (requests.first(), requests.last());
                let first = first.context("no request")?;
                // From now on scripts are loaded, and the copy of a session is there.
                Connection::open(self.server.address).await?.ask(first).await?;
                let of_session = kind == Kind::Session;
                let request = if of_session { Some(first) } else { last };
                let recording = self.record(request.context("no request")?, kind).await?;
                (self.whose(&recording), None, recording)
            }
        };
        let (commands, statements) = (recording.commands.len(), recording.statements.len());
        let is_driven = matches!(kind, Kind::KnownCode | Kind::NewCode | Kind::Provider);
        let replay = if is_driven {
            Some(Replay::new(&self.stage, recording, person, challenge).await?)
        } else {
            None
        };
        Ok(Limit { commands, statements, replay })
    }

    async fn record(&self, request: &[u8], kind: Kind) -> Result<Recording> {
        record(&self.stage, self.server.address, request, kind.status()).await
    }

    /// The person whose names a recording has.
    fn whose(&self, recording: &Recording) -> Option<Person> {
        let parameters = recording.statements.iter().flat_map(|it| &it.parameters).flatten();
        let named: Vec<_> = parameters.filter_map(|it| it.strip_prefix("\\x")).collect();
        let named: Vec<_> = named.into_iter().filter_map(crate::replay::hex).collect();
        let mut people = self.phones.iter().chain(&self.accounts);
        people.find(|[key, ..]| named.contains(key)).cloned()
    }

    /// The usual times of a right and of a wrong password, in milliseconds, asked in turn.
    async fn apart(&mut self) -> Result<[f64; 2]> {
        let right = self.requests(Kind::Password, TURNS).await?;
        let wrong = self.requests(Kind::WrongPassword, TURNS).await?;
        let mut connection = Connection::open(self.server.address).await?;
        let mut took = [Vec::new(), Vec::new()];
        for (right, wrong) in right.iter().zip(&wrong) {
            for (request, took) in [right, wrong].into_iter().zip(&mut took) {
                let since = Instant::now();
                connection.ask(request).await?;
                took.push(since.elapsed().as_secs_f64() * 1000.0);
            }
        }
        Ok(took.map(|mut it| {
            it.sort_by(f64::total_cmp);
            it.get(it.len() / 2).copied().unwrap_or_default()
        }))
    }

    /// Session checks alone, and beside as many passwords as there can be.
    async fn beside(&mut self, connections: usize) -> Result<Beside> {
        let (mut alone, mut beside, mut passwords) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let checks = self.work(Kind::Session, connections).await?;
            alone.push(Measured::new(&ask(self.server.address, connections, &checks).await?, None));
            let mut hashes = self.work(Kind::Password, 16).await?;
            hashes.most += Duration::from_millis(500);
            let address: SocketAddr = self.server.address;
            let full = tokio::spawn(async move { ask(address, 16, &hashes).await });
            tokio::time::sleep(Duration::from_millis(300)).await;
            beside.push(Measured::new(&ask(address, connections, &checks).await?, None));
            passwords.push(Measured::new(&full.await??, None));
        }
        let (alone, busy) = (median(&alone), median(&beside));
        Ok(Beside { connections, alone, busy, passwords: median(&passwords) })
    }
}

/// Everybody who is known by a kind of identity: key, user, identity.
async fn people_of(stage: &Stage, kind: &str) -> Result<Vec<Person>> {
    let query = "SELECT value, uuid_send(user_id), uuid_send(identity_id) FROM identifiers \
                 WHERE kind = $1 ORDER BY identity_id";
    let rows = stage.sql.query(query, &[&kind]).await?;
    Ok(rows.iter().map(|it| [it.get(0), it.get(1), it.get(2)]).collect())
}

/// What Redis keeps of a challenge.
async fn challenge(stage: &Stage, id: &str) -> Result<Challenge> {
    let id = domain::id::ChallengeId::parse(id).context("no challenge")?.as_bytes().to_vec();
    let mut redis =
        redis::Client::open(stage.redis.url())?.get_multiplexed_async_connection().await?;
    let key = [b"latchkey:{otp}:c:", id.as_slice()].concat();
    let dump: Option<Vec<u8>> = redis::cmd("DUMP").arg(key).query_async(&mut redis).await?;
    Ok(Challenge { id, dump: dump.context("no such challenge")? })
}

/// Writes a report where it is looked for.
pub(crate) fn write(report: &Report, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("bench.json"), format!("{:#}\n", report.json()))?;
    let caption = "ratio to the limit, measured in the same run; the mark is what is to be reached";
    Ok(fs::write(folder.join("bench.svg"), draw(&report.bars(), MOST, caption))?)
}
