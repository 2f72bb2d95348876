//! What cargo says about the packages of this repository.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::run;

/// The packages of this repository and where their binaries go.
pub(crate) struct Workspace {
    pub(crate) packages: Vec<Package>,
    pub(crate) target_directory: PathBuf,
}

/// One package.
pub(crate) struct Package {
    pub(crate) name: String,
    /// Where its `Cargo.toml` is.
    pub(crate) manifest: PathBuf,
    /// Whether it has a library, and so documentation tests.
    pub(crate) is_library: bool,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a package's `[dependencies]`, `[dev-dependencies]` or `[build-dependencies]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) is_dev: bool,
    /// Whether it is a package of this repository.
    pub(crate) is_ours: bool,
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

impl Workspace {
    /// Asks `cargo metadata`; no network is needed.
    pub(crate) fn load() -> Result<Self> {
        let json = run::output(&mut run::cargo([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ]))?;
        Self::parse(&json)
    }

    fn parse(json: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(json).context("cargo metadata is not JSON")?;
        Ok(Self {
            packages: array(&value, "packages")?.iter().map(package).collect::<Result<_>>()?,
            target_directory: text(&value, "target_directory")?.into(),
        })
    }
}

fn package(value: &Value) -> Result<Package> {
    let is_library = array(value, "targets")?
        .iter()
        .filter_map(|it| it.get("kind")?.as_array())
        .flatten()
        .any(|it| it == "lib" || it == "proc-macro");
    Ok(Package {
        name: text(value, "name")?.to_owned(),
        manifest: text(value, "manifest_path")?.into(),
        is_library,
        dependencies: array(value, "dependencies")?
            .iter()
            .map(dependency)
            .collect::<Result<_>>()?,
    })
}

fn dependency(value: &Value) -> Result<Dependency> {
    Ok(Dependency {
        name: text(value, "name")?.to_owned(),
        is_dev: value.get("kind").is_some_and(|it| it == "dev"),
        is_ours: value.get("path").is_some_and(Value::is_string),
    })
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value
        .get(key)
        .and_then(Value::as_str)
        .with_context(|| format!("cargo metadata has no text `{key}`"))
}

fn array<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>> {
    value
        .get(key)
        .and_then(Value::as_array)
        .with_context(|| format!("cargo metadata has no list `{key}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_says_is_understood() {
        let json = r#"{
            "target_directory": "/t",
            "packages": [{
                "name": "ports",
                "manifest_path": "/r/crates/ports/Cargo.toml",
                "targets": [{ "kind": ["lib"] }],
                "dependencies": [
                    { "name": "domain", "kind": null, "path": "/r/crates/domain" },
                    { "name": "rstest", "kind": "dev" }
                ]
            }]
        }"#;
        let workspace = Workspace::parse(json).expect("a workspace");
        assert_eq!(workspace.target_directory, Path::new("/t"));
        let [ports] = &workspace.packages[..] else { panic!("one package") };
        assert!(ports.is_library);
        assert_eq!(ports.manifest, Path::new("/r/crates/ports/Cargo.toml"));
        let dependency =
            |name: &str, is_dev, is_ours| Dependency { name: name.to_owned(), is_dev, is_ours };
        assert_eq!(
            ports.dependencies,
            [dependency("domain", false, true), dependency("rstest", true, false)]
        );
    }
}
