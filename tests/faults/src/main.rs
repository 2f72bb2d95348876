//! What becomes of the service under faults: `cargo xtask faults`.
//!
//! Each fault is brought upon real nodes on real stores while clients register, log in, link,
//! merge and leave. Then everything that the nodes had acknowledged is asked for again, at the
//! nodes and in the database, and a line of a table says what was seen.

#![expect(clippy::expect_used, reason = "all of this is test code")]

mod actor;
mod acts;
mod check;
mod disk;
mod faketime;
mod faults;
mod ledger;
mod report;
mod rows;
mod site;
mod stage;
mod tally;
mod vendors;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use faults::Fault;
use report::Report;

/// Brings faults upon the service and looks at what holds.
#[derive(Parser)]
struct Arguments {
    /// Only these, by their names
    #[arg(long, value_delimiter = ',')]
    only: Vec<Fault>,
    /// The document that holds the table
    #[arg(long)]
    document: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let local = tokio::task::LocalSet::new();
    let reports = local.block_on(&runtime.expect("a runtime"), run(&arguments));
    let lines: Vec<_> = reports.iter().map(Report::line).collect();
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{}", report::table(&lines));
    let mut holds = true;
    for report in &reports {
        for it in &report.broken {
            holds = false;
            let _ = writeln!(out, "BROKEN: {}: {it}", report.line());
        }
    }
    if let Some(path) = &arguments.document {
        let document = std::fs::read_to_string(path).unwrap_or_default();
        if let Some(document) = report::written(&document, &reports) {
            std::fs::write(path, document).expect("the document is written");
        } else {
            let _ = writeln!(out, "{} has no place for the table", path.display());
            holds = false;
        }
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run(arguments: &Arguments) -> Vec<Report> {
    let mut reports = Vec::new();
    for &fault in <Fault as clap::ValueEnum>::value_variants() {
        if !arguments.only.is_empty() && !arguments.only.contains(&fault) {
            continue;
        }
        let _ = writeln!(io::stderr(), "==> {}", fault.name());
        // A fault that fails in the middle is a line of its own, and the others go on.
        let ended = tokio::task::spawn_local(fault.bring()).await;
        let found = ended.unwrap_or_else(|error| {
            let mut report = Report::of(&fault.name(), "–");
            report.broken.push(format!("it ended in the middle: {error}"));
            vec![report]
        });
        for report in &found {
            let _ = writeln!(io::stderr(), "{}", report.line());
            for it in &report.broken {
                let _ = writeln!(io::stderr(), "  BROKEN: {it}");
            }
        }
        reports.extend(found);
    }
    reports
}
