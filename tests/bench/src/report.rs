//! What was measured, as a table to read, as JSON, and held against what is to be reached.

use std::fs;

use anyhow::Result;
use serde_json::{Value, json};

use crate::chart::Bar;
use crate::load::{Outcome, count};
use crate::process::Cost;
use crate::run::Kind;

/// How much longer the slowest session checks may take beside passwords.
const BESIDE: f64 = 2.0;
/// The longest start on an existing database, in milliseconds.
const START: f64 = 100.0;
/// The most memory, idle and under any load, in MiB.
const IDLE: f64 = 40.0;
const LOADED: f64 = 90.0;
/// How far a right and a wrong password may be apart.
const APART: f64 = 0.03;

/// One run, or the median of several.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Measured {
    /// Good answers in a second.
    pub(crate) rate: f64,
    /// Milliseconds within which half of them, and 99 of a hundred, came.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Answers with another status.
    pub(crate) refused: f64,
    /// Microseconds of a core that the server took for one answer; 0 where nobody asked.
    pub(crate) cpu: f64,
    /// Its memory after the run, in MiB.
    pub(crate) memory: f64,
}

impl Measured {
    pub(crate) fn new(outcome: &Outcome, costs: Option<(Cost, Cost)>) -> Self {
        let answers = count(outcome.took.len() + outcome.refused).max(1.0);
        let cpu = costs.map(|(before, after)| after.cpu.saturating_sub(before.cpu));
        Self {
            rate: outcome.rate(),
            p50: outcome.percentile(50),
            p99: outcome.percentile(99),
            refused: count(outcome.refused),
            cpu: cpu.map_or(0.0, |it| it.as_secs_f64() * 1e6 / answers),
            memory: costs.map_or(0.0, |(_, after)| mib(after.resident_kib)),
        }
    }

    pub(crate) fn json(&self) -> Value {
        let Self { rate, p50, p99, refused, cpu, memory } = *self;
        json!({
            "per_second": round(rate, 1), "p50_ms": round(p50, 3), "p99_ms": round(p99, 3),
            "refused": refused, "cpu_us": round(cpu, 0), "memory_mib": round(memory, 1),
        })
    }
}

/// The median of each number.
pub(crate) fn median(runs: &[Measured]) -> Measured {
    let of = |number: fn(&Measured) -> f64| {
        let mut all: Vec<f64> = runs.iter().map(number).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or_default()
    };
    Measured {
        rate: of(|it| it.rate),
        p50: of(|it| it.p50),
        p99: of(|it| it.p99),
        refused: of(|it| it.refused),
        cpu: of(|it| it.cpu),
        memory: of(|it| it.memory),
    }
}

/// One load by so many connections, beside its limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) kind: Kind,
    pub(crate) connections: usize,
    pub(crate) served: Measured,
    pub(crate) limited: Measured,
    /// Round trips of one request: to Redis and to PostgreSQL.
    pub(crate) commands: usize,
    pub(crate) statements: usize,
}

impl Row {
    pub(crate) fn ratio(&self) -> f64 {
        if self.limited.rate > 0.0 { self.served.rate / self.limited.rate } else { 0.0 }
    }

    /// Its line of the table.
    pub(crate) fn line(&self) -> String {
        let Self { kind, connections, served, limited, commands, statements } = self;
        format!(
            "| {} {} | {connections} | {:.0} | {:.2} | {:.2} | {:.0} | {:.2} | **{:.2}** | \
             {:.0} | {:.0} | {:.0} | {commands} | {statements} | {:.0} |",
            kind.name(),
            kind.title(),
            served.rate,
            served.p50,
            served.p99,
            limited.rate,
            limited.p99,
            self.ratio(),
            served.cpu,
            limited.cpu,
            served.memory,
            served.refused,
        )
    }
}

/// Session checks alone and beside passwords.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beside {
    pub(crate) connections: usize,
    pub(crate) alone: Measured,
    pub(crate) busy: Measured,
    pub(crate) passwords: Measured,
}

/// Everything that was measured in one run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) before: Machine,
    pub(crate) after: Machine,
    /// Milliseconds of each start.
    pub(crate) starts: Vec<f64>,
    pub(crate) idle_kib: u64,
    pub(crate) peak_kib: u64,
    pub(crate) rows: Vec<Row>,
    pub(crate) beside: Vec<Beside>,
    /// Milliseconds of a right and of a wrong password, asked in turn.
    pub(crate) apart: Option<[f64; 2]>,
}

/// The machine, and how busy it was.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) processor: String,
    /// The load average of a minute.
    pub(crate) load: String,
}

/// Looks at the machine.
pub(crate) fn machine() -> Result<Machine> {
    let load = fs::read_to_string("/proc/loadavg")?;
    let about = fs::read_to_string("/proc/cpuinfo")?;
    let processor = about.lines().find_map(|it| it.strip_prefix("model name"));
    Ok(Machine {
        cores: std::thread::available_parallelism()?.get(),
        processor: processor.unwrap_or_default().trim_start_matches([' ', '\t', ':']).to_owned(),
        load: load.split(' ').next().unwrap_or_default().to_owned(),
    })
}

/// Something that is to be reached.
struct Target {
    what: String,
    wanted: String,
    found: String,
    is_met: bool,
}

impl Report {
    /// The table, for people.
    pub(crate) fn table(&self) -> String {
        let mut lines = vec![
            "| load | connections | req/s | p50 ms | p99 ms | limit req/s | limit p99 ms | ratio | \
             CPU µs | limit CPU µs | MiB | Redis | SQL | refused |"
                .to_owned(),
            "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|".to_owned(),
        ];
        lines.extend(self.rows.iter().map(Row::line));
        lines.push(String::new());
        lines.push("| to reach | wanted | measured | |".to_owned());
        lines.push("|---|---|---|---|".to_owned());
        lines.extend(self.targets().iter().map(|it| {
            let met = if it.is_met { "met" } else { "**not met**" };
            format!("| {} | {} | {} | {met} |", it.what, it.wanted, it.found)
        }));
        let Machine { cores, processor, load } = &self.before;
        lines.push(String::new());
        lines.push(format!(
            "{cores} cores ({processor}); load average {load} before and {} after",
            self.after.load
        ));
        lines.join("\n")
    }

    /// Everything, for programs.
    pub(crate) fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            json!({
                "load": row.kind.name(), "what": row.kind.title(), "connections": row.connections,
                "server": row.served.json(), "limit": row.limited.json(),
                "ratio": round(row.ratio(), 3),
                "round_trips": {"redis": row.commands, "sql": row.statements},
            })
        });
        let beside = self.beside.iter().map(|it| {
            json!({
                "connections": it.connections, "alone": it.alone.json(),
                "beside": it.busy.json(), "passwords": it.passwords.json(),
            })
        });
        let targets = self.targets();
        let targets = targets.iter().map(|it| {
            json!({"what": it.what, "wanted": it.wanted, "measured": it.found, "met": it.is_met})
        });
        json!({
            "machine": {
                "cores": self.before.cores, "processor": self.before.processor,
                "load_before": self.before.load, "load_after": self.after.load,
            },
            "rows": rows.collect::<Vec<_>>(),
            "session_checks_beside_passwords": beside.collect::<Vec<_>>(),
            "right_and_wrong_password_ms": self.apart.map(|it| it.map(|it| round(it, 2))),
            "start_ms": self.starts.iter().map(|it| round(*it, 1)).collect::<Vec<_>>(),
            "idle_mib": round(mib(self.idle_kib), 1),
            "peak_mib": round(mib(self.peak_kib), 1),
            "targets": targets.collect::<Vec<_>>(),
        })
    }

    /// The ratios, for the chart.
    pub(crate) fn bars(&self) -> Vec<Bar> {
        let bar = |row: &Row| Bar {
            label: format!("{} {} × {}", row.kind.name(), row.kind.title(), row.connections),
            value: row.ratio(),
            mark: row.kind.target(),
            is_met: row.ratio() >= row.kind.target(),
            note: format!("{:.0}/s of {:.0}/s", row.served.rate, row.limited.rate),
        };
        self.rows.iter().map(bar).collect()
    }

    /// What is to be reached. A ratio is the one where the machine is full: by the most callers.
    fn targets(&self) -> Vec<Target> {
        let mut all = Vec::new();
        let fullest = |kind| {
            let of_kind = self.rows.iter().filter(move |it| it.kind == kind);
            of_kind.max_by_key(|it| it.connections)
        };
        for kind in Kind::ALL {
            if let Some(row) = fullest(kind) {
                all.push(Target {
                    what: format!("{} {} × {}", kind.name(), kind.title(), row.connections),
                    wanted: format!(">= {:.2}", kind.target()),
                    found: format!("{:.2}", row.ratio()),
                    is_met: row.ratio() >= kind.target(),
                });
            }
        }
        if let Some([right, wrong]) = self.apart {
            let apart = (right / wrong.max(1e-9) - 1.0).abs();
            all.push(Target {
                what: "right and wrong password apart, in turn".to_owned(),
                wanted: format!("<= {:.0} %", APART * 100.0),
                found: format!("{:.1} % ({right:.1} and {wrong:.1} ms)", apart * 100.0),
                is_met: apart <= APART,
            });
        }
        for it in &self.beside {
            let times = it.busy.p99 / it.alone.p99.max(1e-9);
            all.push(Target {
                what: format!("p99 of W1 × {} beside W4 × 16", it.connections),
                wanted: format!("<= {BESIDE} x"),
                found: format!("{times:.1} x ({:.2} of {:.2} ms)", it.busy.p99, it.alone.p99),
                is_met: times <= BESIDE,
            });
        }
        let mut bound = |what: &str, most: f64, found: f64, unit: &str| {
            all.push(Target {
                what: what.to_owned(),
                wanted: format!("<= {most:.0} {unit}"),
                found: format!("{found:.0} {unit}"),
                is_met: found <= most,
            });
        };
        let slowest = self.starts.iter().copied().fold(0.0, f64::max);
        bound("start to first 200, slowest", START, slowest, "ms");
        bound("memory when idle", IDLE, mib(self.idle_kib), "MiB");
        bound("memory at its peak", LOADED, mib(self.peak_kib), "MiB");
        all
    }
}

fn mib(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0
}

/// A number with so many digits behind the point.
pub(crate) fn round(number: f64, digits: i32) -> f64 {
    let by = 10_f64.powi(digits);
    (number * by).round() / by
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_of_each_number() {
        let run = |rate, p99| Measured { rate, p99, ..Measured::default() };
        let all = median(&[run(1.0, 9.0), run(3.0, 7.0), run(2.0, 8.0)]);
        assert!((all.rate - 2.0).abs() < 1e-9 && (all.p99 - 8.0).abs() < 1e-9);
    }

    #[test]
    fn a_target_is_met_or_not_by_the_fullest_row() {
        let machine = Machine { cores: 2, processor: String::new(), load: String::new() };
        let measured = |rate| Measured { rate, ..Measured::default() };
        let row = |connections, rate| Row {
            kind: Kind::Session,
            connections,
            served: measured(rate),
            limited: measured(100.0),
            commands: 1,
            statements: 0,
        };
        let report = Report {
            before: machine.clone(),
            after: machine,
            starts: vec![50.0, 101.0],
            idle_kib: 40 * 1024,
            peak_kib: 50 * 1024,
            rows: vec![row(1, 99.0), row(64, 79.0)],
            beside: Vec::new(),
            apart: Some([100.0, 104.0]),
        };
        let met: Vec<_> = report.targets().iter().map(|it| it.is_met).collect();
        assert_eq!(met, [false, false, false, true, true]);
        assert!(report.table().contains("**not met**"));
        assert_eq!(report.json()["rows"][1]["ratio"], 0.79);
    }
}
