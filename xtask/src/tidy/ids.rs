//! Which requirement is named by which tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Source;

/// The files that name an id, by id.
type Table = BTreeMap<String, BTreeSet<String>>;

/// Names of standards that look like an id.
const NOT_IDS: [&str; 2] = ["SHA", "UTF"];

/// Prints the ids that tests name, and after them those that only other code names.
#[expect(clippy::print_stdout, reason = "the table is what the task was asked for")]
pub(super) fn print(sources: &[Source]) {
    let (tests, code) = tables(sources);
    for (id, files) in &tests {
        println!("{id:<8} {}", files.iter().map(String::as_str).collect::<Vec<_>>().join(" "));
    }
    println!("\n{} named by tests", tests.len());
    let untested: Vec<&str> =
        code.keys().filter(|it| !tests.contains_key(*it)).map(String::as_str).collect();
    if !untested.is_empty() {
        println!("{} named by code and by no test: {}", untested.len(), untested.join(" "));
    }
}

/// What tests name, and what other code names.
fn tables(sources: &[Source]) -> (Table, Table) {
    let (mut tests, mut code) = (Table::new(), Table::new());
    // The tasks keep no requirement, and the tests below name ids that are only examples.
    for source in sources.iter().filter(|it| !it.path.starts_with("xtask")) {
        let is_test_file = is_test_file(&source.path);
        let mut is_test = is_test_file;
        for line in source.text.lines() {
            // Tests are the last thing in a file.
            is_test |= line.trim_start().starts_with("#[cfg(test)]");
            let table = if is_test { &mut tests } else { &mut code };
            for id in ids(line) {
                let file = source.path.display().to_string();
                table.entry(id.to_owned()).or_default().insert(file);
            }
        }
    }
    (tests, code)
}

/// Whether all of a file is tests: the black-box tests, and the suites of promises.
fn is_test_file(path: &Path) -> bool {
    path.components().any(|it| ["tests", "testing"].iter().any(|name| it.as_os_str() == *name))
        || path.ends_with("tests.rs")
}

/// The ids on a line: two to five capitals, a hyphen, two digits.
fn ids(line: &str) -> impl Iterator<Item = &str> {
    line.split(|it: char| !it.is_ascii_alphanumeric() && it != '-').filter(|word| {
        word.split_once('-').is_some_and(|(kind, number)| {
            (2..=5).contains(&kind.len())
                && kind.bytes().all(|it| it.is_ascii_uppercase())
                && !NOT_IDS.contains(&kind)
                && number.len() == 2
                && number.bytes().all(|it| it.is_ascii_digit())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_the_names_of_standards() {
        let line = "/// OTP-05, ID-03 (EDGE-12): SHA-256 of UTF-16 and ES256; see RFC-9457.";
        assert_eq!(ids(line).collect::<Vec<_>>(), ["OTP-05", "ID-03", "EDGE-12"]);
    }

    #[test]
    fn tests_and_other_code_are_told_apart() {
        let source = |path: &str, text: &str| Source { path: path.into(), text: text.to_owned() };
        let (tests, code) = tables(&[
            source("crates/a/src/b.rs", "//! AB-01\n#[cfg(test)]\nmod tests { // AB-02\n}\n"),
            source("crates/ports/src/testing/contract/c.rs", "/// AB-03\n"),
        ]);
        assert_eq!(code.keys().collect::<Vec<_>>(), ["AB-01"]);
        assert_eq!(tests.keys().collect::<Vec<_>>(), ["AB-02", "AB-03"]);
    }
}
