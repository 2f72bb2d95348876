//! `migrate`: runs or adds database migrations.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use jiff::Timestamp;

use crate::run::{cargo, run};
use crate::workspace::root;

/// The engines, each with a folder of migrations.
pub(crate) const ENGINES: [&str; 2] = ["postgres", "sqlite"];
/// The two files of a migration.
pub(crate) const FILES: [&str; 2] = ["up.sql", "down.sql"];

/// What to do with migrations.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Verb {
    /// Runs what has not run yet
    Up,
    /// Takes the last one back
    Down,
    /// Takes the last one back and runs it again
    Redo,
    /// Lists them, and which have run
    Status,
    /// Adds one, with empty files for each engine
    New {
        /// What it does, in a few words: `add_nickname`
        name: String,
    },
}

/// Adds a migration, or has the binary run them: it knows the settings, the driver and the SQL.
pub(crate) fn migrate(verb: Verb) -> Result<()> {
    let verb = match verb {
        Verb::Up => "up",
        Verb::Down => "down",
        Verb::Redo => "redo",
        Verb::Status => "status",
        Verb::New { name } => {
            for file in add(&root().join("migrations"), &name, now())? {
                eprintln!("wrote {}", file.strip_prefix(root()).unwrap_or(&file).display());
            }
            return Ok(());
        }
    };
    run(&mut cargo(["run", "--quiet", "--package", "app-http", "--", "migrate", verb]))
}

#[expect(clippy::disallowed_methods, reason = "a new migration is named after the moment")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// Writes the files and returns them.
fn add(migrations: &Path, name: &str, now: Timestamp) -> Result<Vec<PathBuf>> {
    let name = folder_name(name, now)?;
    let mut written = Vec::new();
    for engine in ENGINES {
        let folder = migrations.join(engine).join(&name);
        let what = || format!("could not write {}", folder.display());
        fs::create_dir_all(&folder).with_context(what)?;
        for file in FILES {
            let path = folder.join(file);
            fs::write(&path, "").with_context(what)?;
            written.push(path);
        }
    }
    Ok(written)
}

/// `2026-11-21-090503_add_nickname`, in UTC: diesel runs them in the order of their names.
fn folder_name(name: &str, now: Timestamp) -> Result<String> {
    let words: Vec<&str> = name.split(['_', '-', ' ']).filter(|it| !it.is_empty()).collect();
    let is_plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit();
    if words.is_empty() || !words.iter().all(|it| it.chars().all(is_plain)) {
        bail!("`{name}` is no name for a migration: use lower-case words, such as add_nickname");
    }
    Ok(format!("{}_{}", now.strftime("%Y-%m-%d-%H%M%S"), words.join("_")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment() -> Timestamp {
        "2026-11-21T09:05:03Z".parse().expect("a moment")
    }

    #[test]
    fn a_migration_is_named_after_the_moment_and_what_it_does() {
        let name = folder_name("add-nickname 2", moment()).expect("a name");
        assert_eq!(name, "2026-11-21-090503_add_nickname_2");
        for bad in ["", "__", "Nickname", "../up", "naïve"] {
            assert!(folder_name(bad, moment()).is_err(), "{bad}");
        }
    }

    #[test]
    fn both_engines_get_both_files() {
        let root = std::env::temp_dir().join(format!("latchkey-new-{}", std::process::id()));
        let written = add(&root, "x", moment()).expect("written");
        let written: Vec<_> = written
            .iter()
            .map(|it| it.strip_prefix(&root).expect("inside").display().to_string())
            .collect();
        assert_eq!(
            written,
            [
                "postgres/2026-11-21-090503_x/up.sql",
                "postgres/2026-11-21-090503_x/down.sql",
                "sqlite/2026-11-21-090503_x/up.sql",
                "sqlite/2026-11-21-090503_x/down.sql",
            ]
        );
        fs::remove_dir_all(&root).expect("removed");
    }
}
