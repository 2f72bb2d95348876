//! `openapi`: keeps docs/openapi.json as the binary prints it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::run::{cargo, output};
use crate::workspace::root;

/// Writes the document.
pub(crate) fn write() -> Result<()> {
    let path = path();
    fs::write(&path, printed()?).with_context(|| format!("could not write {}", path.display()))?;
    eprintln!("wrote docs/openapi.json");
    Ok(())
}

/// Fails if the file is not what the binary prints.
pub(crate) fn check() -> Result<()> {
    let path = path();
    let held =
        fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    match first_difference(&held, &printed()?) {
        None => Ok(()),
        Some(line) => {
            bail!("docs/openapi.json is out of date from line {line} on: run `cargo xtask openapi`")
        }
    }
}

fn path() -> PathBuf {
    root().join("docs").join("openapi.json")
}

/// What the binary prints, with exactly one line end after it.
fn printed() -> Result<String> {
    let printed = output(&mut cargo(["run", "--quiet", "--package", "app-http", "--", "openapi"]))?;
    Ok(format!("{}\n", printed.trim_end()))
}

/// The number of the first line that differs, from 1; `None` if the texts are the same.
fn first_difference(held: &str, printed: &str) -> Option<usize> {
    if held == printed {
        return None;
    }
    let same = held.lines().zip(printed.lines()).take_while(|(held, printed)| held == printed);
    Some(same.count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_named() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), Some(2));
        assert_eq!(first_difference("a\n", "a\nb\n"), Some(2));
        assert_eq!(first_difference("", "a\n"), Some(1));
    }
}
