//! What becomes of logins and session checks when there are a thousand times as many users.
//!
//! Each number of users has a database of its own, and all are measured in turn, round by round: as
//! many people, spread evenly over all users, log in and are looked at; the node removes what is over
//! meanwhile, as it does each minute. Each run stands as far behind a checkpoint as any other.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters_crypto::RootKeys;
use anyhow::{Result, bail, ensure};
use domain::secret::SessionToken;
use ports::keys::Keys as _;
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::chart::{Bar, draw};
use crate::load::{Work, ask, count};
use crate::people;
use crate::process::Process;
use crate::report::{Machine, Measured, machine, median, round};
use crate::stage::{Stage, connect};

/// People who log in in a round.
const PEOPLE: u32 = 2_500;
/// Groups of people: some are counted by, and each round has its own.
const GROUPS: u32 = 4;
/// Rounds there are people for.
pub(crate) const MOST_ROUNDS: u32 = GROUPS - 1;
/// Users beside those, whose sessions are over.
const GONE: u32 = 1_000;
/// Callers at a time.
const CALLERS: usize = 16;
/// How long one run, or sending notices, may take at the most.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long sessions are looked at whose copies are there.
const COPIED: Duration = Duration::from_secs(3);
/// How often a node removes what is over, from its start on.
const SWEEP: Duration = Duration::from_mins(1);
/// Longer than an idle connection of PostgreSQL keeps to itself what it counted.
const COUNTED: Duration = Duration::from_secs(11);
/// Sessions that are over and not removed yet.
const ENDED: &str = "SELECT count(*) FROM sessions WHERE idle_ends_at < now()";
/// Notices that are not sent yet.
const UNTOLD: &str = "SELECT count(*) FROM outbox WHERE done_at IS NULL AND parked_at IS NULL";
/// How much slower the slowest may be at the last size than at the first.
const GROWTH: f64 = 1.3;
/// What PostgreSQL does by its own clock is done before each run instead.
const BY_ITSELF: [&str; 3] = [
    "ALTER SYSTEM SET autovacuum = off",
    "ALTER SYSTEM SET checkpoint_timeout = '1h'",
    "SELECT pg_reload_conf()",
];
/// What is over, in rows: as much as a node removes in five minutes. Those who came last have it.
const OVER: &str = "
    INSERT INTO sessions (id, user_id, identity_id, token_hash, method, auth_time, created_at,
            last_seen_at, idle_ends_at, ip)
        SELECT gen_random_uuid(), user_id, id, sha256(gen_random_uuid()::text::bytea), 'sms', t, t,
            t, t, '192.0.2.7'
        FROM (SELECT id, user_id, now() - interval '40 days' AS t FROM identities
                ORDER BY id DESC LIMIT 1000) u,
            generate_series(1, 50);
    INSERT INTO spent_proofs (digest, until)
        SELECT sha256(gen_random_uuid()::text::bytea), now() - interval '1 day'
        FROM generate_series(1, 50000);
    INSERT INTO password_attempts (subject, failed, last_at)
        SELECT sha256(gen_random_uuid()::text::bytea), 1, now() - interval '1 day'
        FROM generate_series(1, 50000)";

/// What is measured, in the order of [`Size::medians`].
const WHAT: [&str; 3] = ["code, known user", "session check", "session check, no copy"];
/// The longest bar of the chart.
const MOST: f64 = 1.6;

/// So many users, in a database of their own.
struct Size {
    users: u32,
    url: String,
    sql: Client,
    seeded_in: Duration,
    database_mib: i64,
    /// What one login, and one check without a copy, has PostgreSQL do.
    by_login: Pages,
    by_check: Pages,
    /// One of each a round.
    logins: Vec<Measured>,
    checks: Vec<Measured>,
    checks_uncopied: Vec<Measured>,
    /// Sessions that were removed meanwhile.
    removed: i64,
}

/// What PostgreSQL did, since it started or for one answer.
#[derive(Debug, Clone, Copy, Default)]
struct Pages {
    /// Pages of 8 KiB that it looked at in its own memory, and that it asked the system for.
    held: f64,
    asked: f64,
    /// KiB that it logged, and whole pages among them: each one that was changed for the first time
    /// after a checkpoint.
    logged: f64,
    whole: f64,
}

/// Everything that was measured.
pub(crate) struct Growth {
    before: Machine,
    after: Machine,
    sizes: Vec<Size>,
}

/// Measures at each size, so many rounds of a minute each.
pub(crate) async fn run(binary: &Path, users: &[u32], rounds: u32) -> Result<Growth> {
    let since = Instant::now();
    let step = |what: &str| eprintln!("==> [{:>4} s] {what}", since.elapsed().as_secs());
    let least = PEOPLE * GROUPS;
    let grows = users.is_sorted_by(|one, other| one < other);
    if !grows || users.first().is_none_or(|it| *it < least) {
        bail!("the numbers of users must grow, from {least} on");
    }
    let before = machine()?;
    let stage = Stage::new().await?;
    let mut sizes = Vec::new();
    for users in users {
        step(&format!("seeding {users} users"));
        sizes.push(Size::seed(&stage, binary, *users).await?);
    }
    for setting in BY_ITSELF {
        stage.sql.batch_execute(setting).await?;
    }
    for size in &mut sizes {
        step(&format!("counting with {} users", size.users));
        size.acquaint(&stage, binary).await?;
        size.count(&stage, binary).await?;
    }
    for round in 1..=rounds {
        // What one size leaves behind meets another one in the next round.
        sizes.reverse();
        for size in &mut sizes {
            step(&format!("round {round} of {rounds}: {} users", size.users));
            size.measure(&stage, binary, round).await?;
        }
    }
    sizes.sort_by_key(|it| it.users);
    Ok(Growth { before, after: machine()?, sizes })
}

impl Size {
    /// Writes the users.
    async fn seed(stage: &Stage, binary: &Path, users: u32) -> Result<Self> {
        let since = Instant::now();
        let url = stage.postgres.create_database(&format!("users{users}"))?;
        for (first, count) in [(0, users), (users, GONE)] {
            let mut seed = stage.command(binary, &url);
            seed.args(["seed", "--first", &first.to_string(), "--users", &count.to_string()]);
            if !seed.status()?.success() {
                bail!("the users were not written");
            }
        }
        let seeded_in = since.elapsed();
        let sql = connect(&url).await?;
        for after in [OVER, "VACUUM (ANALYZE)"] {
            sql.batch_execute(after).await?;
        }
        let size = sql.query_one("SELECT pg_database_size(current_database()) / 1048576", &[]);
        let database_mib = size.await?.get(0);
        Ok(Self {
            users,
            url,
            sql,
            seeded_in,
            database_mib,
            by_login: Pages::default(),
            by_check: Pages::default(),
            logins: Vec::new(),
            checks: Vec::new(),
            checks_uncopied: Vec::new(),
            removed: 0,
        })
    }

    /// Has everybody log in once: who never did is told of a new device, by and by.
    async fn acquaint(&self, stage: &Stage, binary: &Path) -> Result<()> {
        let server = self.begin(stage, binary).await?;
        for group in 0..GROUPS {
            outcome(&server, &logins_of(&server, &self.people(group)).await?).await?;
        }
        let since = Instant::now();
        while self.rows(UNTOLD).await? > 0 {
            ensure!(since.elapsed() < PATIENCE, "the notices are not sent");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    /// A node that finds an empty Redis, and PostgreSQL behind a checkpoint.
    async fn begin(&self, stage: &Stage, binary: &Path) -> Result<Process> {
        forget(stage).await?;
        self.sql.batch_execute("CHECKPOINT").await?;
        stage.serve(binary, &self.url)
    }

    /// Counts what logins and checks have PostgreSQL do.
    async fn count(&mut self, stage: &Stage, binary: &Path) -> Result<()> {
        let server = self.begin(stage, binary).await?;
        let started = Instant::now();
        let checks = self.checks()?;
        // A look at a session may write down that it is in use.
        outcome(&server, &checks).await?;
        let work = logins_of(&server, &self.people(0)).await?;
        let begun = Pages::until_now(&self.sql).await?;
        outcome(&server, &work).await?;
        let between = Pages::until_now(&self.sql).await?;
        forget(stage).await?;
        outcome(&server, &checks).await?;
        let end = Pages::until_now(&self.sql).await?;
        ensure!(started.elapsed() < SWEEP, "the node removed what is over while it was counted");
        self.by_login = between.since(begun, work.requests.len());
        self.by_check = end.since(between, checks.requests.len());
        Ok(())
    }

    /// The people of this round log in; all are looked at.
    async fn measure(&mut self, stage: &Stage, binary: &Path, round: u32) -> Result<()> {
        let over = self.rows(ENDED).await?;
        let server = self.begin(stage, binary).await?;
        let started = Instant::now();
        let work = logins_of(&server, &self.people(round)).await?;
        ensure!(started.elapsed() < SWEEP, "the codes took too long");
        // It begins with the sweep.
        tokio::time::sleep_until((started + SWEEP).into()).await;
        self.logins.push(outcome(&server, &work).await?);
        let checks = self.checks()?;
        // As in `count`.
        outcome(&server, &checks).await?;
        forget(stage).await?;
        self.checks_uncopied.push(outcome(&server, &checks).await?);
        // Which has put the copies.
        let held = Work { again: true, most: COPIED, ..checks };
        self.checks.push(outcome(&server, &held).await?);
        self.removed += over - self.rows(ENDED).await?;
        Ok(())
    }

    /// The people of a group, spread evenly over all.
    fn people(&self, group: u32) -> Vec<u32> {
        let apart = self.users / PEOPLE;
        (0..PEOPLE).map(|it| it * apart + group * apart / GROUPS).collect()
    }

    /// A look at each one's session, by the token that the seeder gave it.
    fn checks(&self) -> Result<Work> {
        let keys = RootKeys::new(&[0; 32])?;
        let token = |it| SessionToken::new(keys.digest(&format!("seed{it}")));
        let people = (0..GROUPS).flat_map(|it| self.people(it));
        let requests = people.map(|it| people::me(token(it).reveal())).collect();
        Ok(Work { requests: Arc::new(requests), again: false, expects: 200, most: PATIENCE })
    }

    /// Of logins, of checks, and of checks without a copy.
    fn medians(&self) -> [Measured; 3] {
        [&self.logins, &self.checks, &self.checks_uncopied].map(|it| median(it))
    }

    async fn rows(&self, query: &str) -> Result<i64> {
        Ok(self.sql.query_one(query, &[]).await?.get(0))
    }
}

/// One login by code of each.
async fn logins_of(server: &Process, numbers: &[u32]) -> Result<Work> {
    let phones = numbers.iter().map(|it| people::known(usize::try_from(*it).unwrap_or(0)));
    let requests = Arc::new(people::codes(server.address, phones.collect()).await?);
    Ok(Work { requests, again: false, expects: 200, most: PATIENCE })
}

impl Pages {
    /// What all connections did until now.
    async fn until_now(sql: &Client) -> Result<Self> {
        tokio::time::sleep(COUNTED).await;
        let query = "SELECT blks_hit::float8, blks_read::float8, wal_bytes::float8 / 1024,
                wal_fpi::float8
            FROM pg_stat_database, pg_stat_wal WHERE datname = current_database()";
        let row = sql.query_one(query, &[]).await?;
        Ok(Self { held: row.get(0), asked: row.get(1), logged: row.get(2), whole: row.get(3) })
    }

    /// For each of so many requests since.
    fn since(self, before: Self, requests: usize) -> Self {
        let each = |now: f64, then: f64| (now - then) / count(requests);
        Self {
            held: each(self.held, before.held),
            asked: each(self.asked, before.asked),
            logged: each(self.logged, before.logged),
            whole: each(self.whole, before.whole),
        }
    }

    fn json(self) -> Value {
        let Self { held, asked, logged, whole } = self;
        json!({
            "pages_held": round(held, 2), "pages_asked_for": round(asked, 2),
            "log_kib": round(logged, 2), "log_whole_pages": round(whole, 2),
        })
    }
}

async fn outcome(server: &Process, work: &Work) -> Result<Measured> {
    let before = server.cost()?;
    let outcome = ask(server.address, CALLERS, work).await?;
    ensure!(outcome.refused == 0, "{} requests were refused", outcome.refused);
    ensure!(work.again || outcome.took.len() == work.requests.len(), "it took too long");
    Ok(Measured::new(&outcome, Some((before, server.cost()?))))
}

/// Has Redis lose the copies of sessions, and all else.
async fn forget(stage: &Stage) -> Result<()> {
    let client = redis::Client::open(stage.redis.url())?;
    let mut redis = client.get_multiplexed_async_connection().await?;
    Ok(redis::cmd("FLUSHALL").query_async(&mut redis).await?)
}

fn line(size: &Size) -> String {
    let Size { users, seeded_in, database_mib, removed, by_login, by_check, .. } = size;
    let [login, check, uncopied] = size.medians();
    format!(
        "| {users} | {:.0} | {database_mib} | {:.0} | {:.2} | {:.2} | {:.0} | {:.2} | {:.0} | \
         {:.2} | {removed} | {:.1} | {:.1} | {:.1} | {:.1} |",
        seeded_in.as_secs_f64(),
        login.rate,
        login.p50,
        login.p99,
        check.rate,
        check.p99,
        uncopied.rate,
        uncopied.p99,
        by_login.asked,
        by_login.logged,
        by_login.whole,
        by_check.asked,
    )
}

impl Growth {
    /// The table, for people.
    pub(crate) fn table(&self) -> String {
        let mut lines = vec![
            "| users | seeded in s | MiB | logins/s | p50 ms | p99 ms | checks/s | p99 ms | \
             checks/s without copies | p99 ms | sessions removed | pages asked for by a login | \
             KiB it logs | whole pages of it | pages asked for by a check without a copy |"
                .to_owned(),
            format!("|{}", "---:|".repeat(15)),
        ];
        lines.extend(self.sizes.iter().map(line));
        lines.push(String::new());
        lines.extend(self.grown().into_iter().map(|(what, times)| {
            let met = if times <= GROWTH { "met" } else { "**not met**" };
            format!("{what}: p99 x {times:.2}, wanted <= {GROWTH} ({met})")
        }));
        let Machine { cores, processor, load } = &self.before;
        lines.push(format!(
            "{cores} cores ({processor}); load average {load} before and {} after",
            self.after.load
        ));
        lines.join("\n")
    }

    /// How much slower the slowest became from the first size to the last.
    fn grown(&self) -> Vec<(&'static str, f64)> {
        let last = self.sizes.last().into_iter();
        last.flat_map(|it| WHAT.into_iter().zip(self.times(it))).collect()
    }

    /// How much slower the slowest are than at the first size, in the order of [`WHAT`].
    fn times(&self, size: &Size) -> Vec<f64> {
        let first = self.sizes.first().map(Size::medians).into_iter().flatten();
        first.zip(size.medians()).map(|(one, other)| other.p99 / one.p99.max(1e-9)).collect()
    }

    fn json(&self) -> Value {
        let sizes = self.sizes.iter().map(|it| {
            let [login, check, uncopied] = it.medians();
            let p99 = |of: &[Measured]| of.iter().map(|it| round(it.p99, 2)).collect::<Vec<_>>();
            json!({
                "users": it.users, "seeded_in_s": round(it.seeded_in.as_secs_f64(), 1),
                "database_mib": it.database_mib, "sessions_removed": it.removed,
                "login": login.json(), "session_check": check.json(),
                "session_check_without_copy": uncopied.json(),
                "p99_of_each_round": {
                    "login": p99(&it.logins), "session_check": p99(&it.checks),
                    "session_check_without_copy": p99(&it.checks_uncopied),
                },
                "postgresql_for_a_login": it.by_login.json(),
                "postgresql_for_a_check_without_copy": it.by_check.json(),
            })
        });
        let grown = self.grown().into_iter().map(|(what, times)| {
            json!({"what": what, "p99_times": round(times, 2), "met": times <= GROWTH})
        });
        json!({
            "machine": {
                "cores": self.before.cores, "processor": self.before.processor,
                "load_before": self.before.load, "load_after": self.after.load,
            },
            "sizes": sizes.collect::<Vec<_>>(), "growth": grown.collect::<Vec<_>>(),
        })
    }

    /// The same at each size, for the chart: those of one load stand together.
    fn bars(&self) -> Vec<Bar> {
        let mut bars = Vec::new();
        for (number, what) in WHAT.into_iter().enumerate() {
            for size in &self.sizes {
                let measured = self.times(size).into_iter().zip(size.medians()).nth(number);
                bars.extend(measured.map(|(value, it)| Bar {
                    label: format!("{what}, {}", size.users),
                    value,
                    mark: GROWTH,
                    is_met: value <= GROWTH,
                    note: format!("{:.2} ms", it.p99),
                }));
            }
        }
        bars
    }

    /// Writes it where it is looked for.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("growth.json"), format!("{:#}\n", self.json()))?;
        let caption = "p99, of that with the fewest users, measured in turn; the mark is the most";
        Ok(fs::write(folder.join("growth.svg"), draw(&self.bars(), MOST, caption))?)
    }
}
