//! Every migration exists for both engines, and goes both ways.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::migrate::{ENGINES, FILES};

/// Every migration that one engine lacks, and every half of one.
pub(super) fn complaints(migrations: &Path) -> Vec<String> {
    let held = ENGINES.map(|engine| (engine, names(&migrations.join(engine))));
    let all: BTreeSet<&String> = held.iter().flat_map(|(_, names)| names).collect();
    let mut found = Vec::new();
    for (engine, names) in &held {
        for name in &all {
            if !names.contains(*name) {
                found.push(format!("migrations/{engine}/{name} is missing"));
                continue;
            }
            for file in FILES {
                let path = migrations.join(engine).join(name).join(file);
                // A file without a statement is an error when it is run.
                if fs::read_to_string(path).map_or(true, |it| it.trim().is_empty()) {
                    found.push(format!("migrations/{engine}/{name}/{file} is missing or empty"));
                }
            }
        }
    }
    found
}

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder)
        .map(|entries| {
            entries
                .flatten()
                .filter(|it| it.path().is_dir())
                .map(|it| it.file_name().to_string_lossy().into_owned())
                .collect()
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_found() {
        let root = std::env::temp_dir().join(format!("latchkey-halves-{}", std::process::id()));
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        };
        for engine in ENGINES {
            write(&format!("{engine}/1_a/up.sql"), "SELECT 1;");
            write(&format!("{engine}/1_a/down.sql"), "SELECT 1;");
        }
        assert_eq!(complaints(&root), Vec::<String>::new());
        write("sqlite/2_b/up.sql", "SELECT 1;");
        write("sqlite/2_b/down.sql", "\n");
        assert_eq!(
            complaints(&root),
            [
                "migrations/postgres/2_b is missing",
                "migrations/sqlite/2_b/down.sql is missing or empty"
            ]
        );
        fs::remove_dir_all(&root).expect("removed");
    }
}
