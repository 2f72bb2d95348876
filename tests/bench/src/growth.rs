//! What becomes of logins and session checks when there are a thousand times as many users.
//!
//! At each size the same number of people, spread evenly over all, log in and are looked at; the
//! node removes what is over meanwhile, as it does each minute.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters_crypto::RootKeys;
use anyhow::{Context as _, Result, bail};
use domain::secret::SessionToken;
use ports::keys::Keys as _;
use serde_json::{Value, json};

use crate::load::{Work, ask};
use crate::people;
use crate::process::Process;
use crate::report::{Machine, Measured, machine, median, round};
use crate::stage::Stage;

/// People who are asked for at each size.
const SAMPLE: u32 = 3000;
/// Callers at a time.
const CALLERS: usize = 16;
/// How long sessions are looked at whose copies are there.
const COPIED: Duration = Duration::from_secs(3);
/// How often a node removes what is over, from its start on.
const SWEEP: Duration = Duration::from_mins(1);
/// Longer than an idle connection of PostgreSQL keeps to itself what it counted.
const COUNTED: Duration = Duration::from_secs(11);
/// How much slower the slowest may be at the last size than at the first.
const GROWTH: f64 = 1.3;
/// What is over at each size, in rows: more than a node removes in the runs' minutes.
const OVER: &str = "
    INSERT INTO sessions (id, user_id, identity_id, token_hash, method, auth_time, created_at,
            last_seen_at, idle_ends_at, ip)
        SELECT gen_random_uuid(), user_id, id, sha256(gen_random_uuid()::text::bytea), 'sms', t, t,
            t, t, '192.0.2.7'
        FROM (SELECT id, user_id, now() - interval '40 days' AS t FROM identities LIMIT 10000) u,
            generate_series(1, 5);
    INSERT INTO spent_proofs (digest, until)
        SELECT sha256(gen_random_uuid()::text::bytea), now() - interval '1 day'
        FROM generate_series(1, 50000);
    INSERT INTO password_attempts (subject, failed, last_at)
        SELECT sha256(gen_random_uuid()::text::bytea), 1, now() - interval '1 day'
        FROM generate_series(1, 50000);
    ANALYZE sessions, spent_proofs, password_attempts";

/// One size.
#[derive(Debug)]
struct Size {
    users: u32,
    seeded_in: Duration,
    database_mib: i64,
    /// Sessions that were removed while it was measured.
    removed: i64,
    login: Measured,
    check: Measured,
    check_uncopied: Measured,
    /// What one login, and one check without a copy, has PostgreSQL do.
    by_login: Pages,
    by_check: Pages,
}

/// What PostgreSQL did, since it started or for one answer.
#[derive(Debug, Clone, Copy)]
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
#[derive(Debug)]
pub(crate) struct Growth {
    before: Machine,
    after: Machine,
    sizes: Vec<Size>,
}

/// Measures at each size, the smallest first: so many runs of each load, a minute each.
pub(crate) async fn run(binary: &Path, users: &[u32], runs: u32) -> Result<Growth> {
    let since = Instant::now();
    let step = |what: &str| eprintln!("==> [{:>4} s] {what}", since.elapsed().as_secs());
    if !users.is_sorted() || users.first().is_none_or(|it| *it < SAMPLE) {
        bail!("the numbers of users must grow, from {SAMPLE} on");
    }
    let before = machine()?;
    let stage = Stage::new().await?;
    let (mut there, mut sizes) = (0, Vec::new());
    for users in users {
        step(&format!("seeding {users} users"));
        let begun = Instant::now();
        let mut seed = stage.command(binary);
        seed.args(["seed", "--first", &there.to_string(), "--users", &(users - there).to_string()]);
        if !seed.status()?.success() {
            bail!("the users were not written");
        }
        there = *users;
        let seeded_in = begun.elapsed();
        // What PostgreSQL still has to do for so many new rows it does before it is measured.
        for settle in ["VACUUM (ANALYZE)", "CHECKPOINT"] {
            stage.sql.batch_execute(settle).await?;
        }
        step(&format!("measuring with {users} users"));
        let mut size = measure(&stage, binary, *users, runs).await?;
        size.seeded_in = seeded_in;
        sizes.push(size);
        step(&line(sizes.last().context("a size")?));
    }
    Ok(Growth { before, after: machine()?, sizes })
}

async fn measure(stage: &Stage, binary: &Path, users: u32, runs: u32) -> Result<Size> {
    stage.sql.batch_execute(OVER).await?;
    forget(stage).await?;
    let sessions = rows(stage, "SELECT count(*) FROM sessions WHERE idle_ends_at < now()").await?;
    let started = Instant::now();
    let server = stage.serve(binary)?;
    let numbers: Vec<u32> = (0..SAMPLE).map(|it| it * (users / SAMPLE)).collect();
    let checks = checks(&numbers)?;
    // The first look at a session may write down that it is in use.
    ask(server.address, CALLERS, &checks).await?;
    let work = logins_of(&server, &numbers).await?;
    let begun = Pages::until_now(stage).await?;
    outcome(&server, &work).await?;
    let between = Pages::until_now(stage).await?;
    forget(stage).await?;
    outcome(&server, &checks).await?;
    let (by_login, by_check) =
        (between.since(begun), Pages::until_now(stage).await?.since(between));
    let (mut logins, mut copied, mut uncopied) = (Vec::new(), Vec::new(), Vec::new());
    for run in 1..=runs {
        let work = logins_of(&server, &numbers).await?;
        // The run begins with the sweep.
        let sweep = started + SWEEP * run;
        tokio::time::sleep_until(sweep.into()).await;
        logins.push(outcome(&server, &work).await?);
        forget(stage).await?;
        uncopied.push(outcome(&server, &checks).await?);
        // Which has put the copies.
        let held = Work { again: true, most: COPIED, ..checks.clone() };
        copied.push(outcome(&server, &held).await?);
    }
    let left = rows(stage, "SELECT count(*) FROM sessions WHERE idle_ends_at < now()").await?;
    let size = "SELECT pg_database_size(current_database()) / 1048576";
    Ok(Size {
        users,
        seeded_in: Duration::ZERO,
        database_mib: rows(stage, size).await?,
        removed: sessions - left,
        login: median(&logins),
        check: median(&copied),
        check_uncopied: median(&uncopied),
        by_login,
        by_check,
    })
}

/// One login by code of each.
async fn logins_of(server: &Process, numbers: &[u32]) -> Result<Work> {
    let phones = numbers.iter().map(|it| people::known(usize::try_from(*it).unwrap_or(0)));
    let requests = Arc::new(people::codes(server.address, phones.collect()).await?);
    Ok(Work { requests, again: false, expects: 200, most: Duration::from_secs(30) })
}

impl Pages {
    /// What all connections did until now.
    async fn until_now(stage: &Stage) -> Result<Self> {
        tokio::time::sleep(COUNTED).await;
        let query = "SELECT blks_hit::float8, blks_read::float8, wal_bytes::float8 / 1024,
                wal_fpi::float8
            FROM pg_stat_database, pg_stat_wal WHERE datname = current_database()";
        let row = stage.sql.query_one(query, &[]).await?;
        Ok(Self { held: row.get(0), asked: row.get(1), logged: row.get(2), whole: row.get(3) })
    }

    /// For each of the people who were asked for since.
    fn since(self, before: Self) -> Self {
        let each = |now: f64, then: f64| (now - then) / f64::from(SAMPLE);
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
    if outcome.refused > 0 {
        bail!("{} requests were refused", outcome.refused);
    }
    Ok(Measured::new(&outcome, Some((before, server.cost()?))))
}

/// A look at each person's session, by the token that the seeder gave it.
fn checks(numbers: &[u32]) -> Result<Work> {
    let keys = RootKeys::new(&[0; 32])?;
    let token = |it: &u32| SessionToken::new(keys.digest(&format!("seed{it}")));
    let requests = numbers.iter().map(|it| people::me(token(it).reveal())).collect();
    let most = Duration::from_secs(30);
    Ok(Work { requests: Arc::new(requests), again: false, expects: 200, most })
}

/// Has Redis lose the copies of sessions, and all else.
async fn forget(stage: &Stage) -> Result<()> {
    let client = redis::Client::open(stage.redis.url())?;
    let mut redis = client.get_multiplexed_async_connection().await?;
    Ok(redis::cmd("FLUSHALL").query_async(&mut redis).await?)
}

async fn rows(stage: &Stage, query: &str) -> Result<i64> {
    Ok(stage.sql.query_one(query, &[]).await?.get(0))
}

fn line(size: &Size) -> String {
    let Size { users, seeded_in, database_mib, removed, login, check, check_uncopied, .. } = size;
    let (by_login, by_check) = (size.by_login, size.by_check);
    format!(
        "| {users} | {:.0} | {database_mib} | {:.0} | {:.2} | {:.2} | {:.0} | {:.2} | {:.0} | \
         {:.2} | {removed} | {:.1} | {:.1} | {:.1} | {:.1} |",
        seeded_in.as_secs_f64(),
        login.rate,
        login.p50,
        login.p99,
        check.rate,
        check.p99,
        check_uncopied.rate,
        check_uncopied.p99,
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
        let (Some(first), Some(last)) = (self.sizes.first(), self.sizes.last()) else {
            return Vec::new();
        };
        let times = |one: &Measured, other: &Measured| other.p99 / one.p99.max(1e-9);
        vec![
            ("code, known user", times(&first.login, &last.login)),
            ("session check", times(&first.check, &last.check)),
            ("session check without a copy", times(&first.check_uncopied, &last.check_uncopied)),
        ]
    }

    fn json(&self) -> Value {
        let sizes = self.sizes.iter().map(|it| {
            json!({
                "users": it.users, "seeded_in_s": round(it.seeded_in.as_secs_f64(), 1),
                "database_mib": it.database_mib, "sessions_removed": it.removed,
                "login": it.login.json(), "session_check": it.check.json(),
                "session_check_without_copy": it.check_uncopied.json(),
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

    /// Writes it where it is looked for.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        Ok(fs::write(folder.join("growth.json"), format!("{:#}\n", self.json()))?)
    }
}
