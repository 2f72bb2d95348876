//! `tidy`: what the compiler does not hold together.

mod arrows;
mod ids;
mod lints;
mod migrations;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::workspace::{Workspace, root};

/// A source file: its path from the root of the repository, and its text.
struct Source {
    path: PathBuf,
    text: String,
}

/// Checks the arrows, the lints, the sources and the migrations, and lists all that is wrong.
pub(crate) fn tidy() -> Result<()> {
    let workspace = Workspace::load()?;
    let sources = sources()?;
    let complaints = [
        arrows::complaints(&workspace.packages),
        lints::complaints(&manifests(&workspace)?),
        sources::complaints(&sources),
        migrations::complaints(&root().join("migrations")),
    ]
    .concat();
    for it in &complaints {
        eprintln!("tidy: {it}");
    }
    if !complaints.is_empty() {
        bail!("tidy found {} thing(s) to put right", complaints.len());
    }
    eprintln!(
        "tidy: {} packages, {} source files, nothing to put right",
        workspace.packages.len(),
        sources.len()
    );
    Ok(())
}

/// Prints which requirement is named by the tests of which file.
pub(crate) fn print_ids() -> Result<()> {
    ids::print(&sources()?);
    Ok(())
}

/// The manifests of all packages, and that of the workspace.
fn manifests(workspace: &Workspace) -> Result<lints::Manifests> {
    let read = |path: &Path| {
        fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))
    };
    Ok(lints::Manifests {
        workspace: read(&root().join("Cargo.toml"))?,
        packages: workspace
            .packages
            .iter()
            .map(|it| Ok((it.name.clone(), read(&it.manifest)?)))
            .collect::<Result<_>>()?,
    })
}

/// All Rust files of the repository, in the order of their paths.
fn sources() -> Result<Vec<Source>> {
    let mut paths = Vec::new();
    for folder in ["crates", "tests", "xtask"] {
        collect(&root().join(folder), &mut paths)?;
    }
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("could not read {}", path.display()))?;
            let path = path.strip_prefix(root()).map(Path::to_path_buf).unwrap_or(path);
            Ok(Source { path, text })
        })
        .collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("could not list {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
    Ok(())
}
