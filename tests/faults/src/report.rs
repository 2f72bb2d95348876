//! What came of a fault, as a line of the table.

use std::fmt::Write as _;
use std::time::Duration;

use crate::tally::Counts;

/// The heads of the table's columns.
const HEADS: [&str; 8] = [
    "fault",
    "stores",
    "requests",
    "acknowledged",
    "refused or unanswered",
    "longest answer",
    "recovery",
    "invariants",
];
/// Between these lines of the document stands the table.
const MARKS: [&str; 2] = ["<!-- faults: begin -->", "<!-- faults: end -->"];

/// One fault on one set of stores.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    fault: String,
    stores: String,
    counts: Counts,
    recovery: Option<Duration>,
    /// What does not hold; empty if all does.
    pub(crate) broken: Vec<String>,
    notes: Vec<String>,
}

impl Report {
    /// A report of which only the name is known.
    pub(crate) fn of(fault: &str, stores: &str) -> Self {
        Self {
            fault: fault.to_owned(),
            stores: stores.to_owned(),
            counts: Counts::default(),
            recovery: None,
            broken: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// With what was seen.
    pub(crate) fn with(
        self,
        counts: Counts,
        recovery: Option<Duration>,
        broken: Vec<String>,
    ) -> Self {
        let broken = [self.broken, counts.broken.clone(), broken].concat();
        Self { counts, recovery, broken, ..self }
    }

    /// With something to say beside the numbers.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// What makes it this line and no other.
    fn key(&self) -> String {
        format!("| {} | {} |", self.fault, self.stores)
    }

    /// The line.
    pub(crate) fn line(&self) -> String {
        let refused: Vec<_> =
            self.counts.refused.iter().map(|(kind, count)| format!("{kind} ×{count}")).collect();
        let recovery = self.recovery.map_or_else(|| "–".to_owned(), seconds);
        let held = if self.broken.is_empty() { "held" } else { "**BROKEN**" };
        let mut line = self.key();
        let refused = if refused.is_empty() { "–".to_owned() } else { refused.join(", ") };
        let cells = [
            self.counts.requests.to_string(),
            self.counts.acknowledged.to_string(),
            refused,
            seconds(self.counts.longest),
            recovery,
            [vec![held.to_owned()], self.notes.clone()].concat().join("; "),
        ];
        for cell in cells {
            let _ = write!(line, " {cell} |");
        }
        line
    }
}

fn seconds(it: Duration) -> String {
    format!("{:.2} s", it.as_secs_f64())
}

/// The table.
pub(crate) fn table(lines: &[String]) -> String {
    let rule = HEADS.map(|_| "---").join("|");
    format!("| {} |\n|{rule}|\n{}", HEADS.join(" | "), lines.join("\n"))
}

/// The document with these lines in its table: those that were there stay in their places, and
/// what was measured again is replaced. None if the document has no place for a table.
pub(crate) fn written(document: &str, reports: &[Report]) -> Option<String> {
    let [begin, end] = MARKS;
    let (before, rest) = document.split_once(begin)?;
    let (old, after) = rest.split_once(end)?;
    let mut lines: Vec<String> =
        old.lines().filter(|it| it.starts_with("| ")).skip(1).map(str::to_owned).collect();
    for report in reports {
        let key = report.key();
        match lines.iter_mut().find(|it| it.starts_with(&key)) {
            Some(line) => *line = report.line(),
            None => lines.push(report.line()),
        }
    }
    Some(format!("{before}{begin}\n{}\n{end}{after}", table(&lines)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_keeps_what_was_not_measured_again() {
        let document = "a\n<!-- faults: begin -->\n<!-- faults: end -->\nz\n";
        let first = [Report::of("kill", "SQLite"), Report::of("kill", "PostgreSQL")];
        let document = written(document, &first).expect("a document");
        let again = Report::of("kill", "SQLite").with(
            Counts { requests: 7, ..Counts::default() },
            Some(Duration::from_millis(1_234)),
            vec!["lost".to_owned()],
        );
        let document = written(&document, &[again]).expect("a document");
        assert!(document.starts_with("a\n<!--") && document.ends_with("-->\nz\n"));
        assert_eq!(document.matches("| kill | SQLite | 7 |").count(), 1);
        assert_eq!(document.matches("| kill | PostgreSQL | 0 |").count(), 1);
        assert!(document.contains("| 1.23 s | **BROKEN** |"));
        assert_eq!(written("no marks", &[]), None);
    }
}
