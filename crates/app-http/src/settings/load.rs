//! Where settings come from: files below the environment (`API.md`'s order).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::sections::Sections;
use super::tree::{KeyError, Tree};
use super::{Profile, SettingsError, samples};

/// What every variable of the tree begins with.
const PREFIX: &str = "LATCHKEY__";

/// The variables of the process that are ours.
#[derive(Debug)]
pub(crate) struct Environment(BTreeMap<String, String>);

/// Reads the process's environment.
#[expect(clippy::disallowed_methods, reason = "settings are read once, here")]
pub(crate) fn environment() -> Result<Environment, SettingsError> {
    let mut variables = BTreeMap::new();
    for (name, value) in std::env::vars_os() {
        let Ok(name) = name.into_string() else { continue };
        if name.starts_with("LATCHKEY_") {
            let value = value.into_string().map_err(|_| SettingsError::NotUnicode(name.clone()))?;
            variables.insert(name, value);
        }
    }
    Ok(Environment(variables))
}

impl Environment {
    /// Takes variables as they are.
    #[cfg(test)]
    pub(crate) const fn new(variables: BTreeMap<String, String>) -> Self {
        Self(variables)
    }

    /// Where the process runs; development unless it is told otherwise.
    pub(crate) fn profile(&self) -> Result<Profile, SettingsError> {
        match self.0.get("LATCHKEY_ENV").map_or("", String::as_str) {
            "" | "development" => Ok(Profile::Development),
            "production" => Ok(Profile::Production),
            _ => Err(SettingsError::Profile),
        }
    }

    /// The folder of the files.
    fn folder(&self) -> PathBuf {
        self.0.get("LATCHKEY_CONFIG_DIR").map_or("config", String::as_str).into()
    }
}

/// Puts files and environment together and reads them as what they are declared to be.
pub(super) fn sections(
    environment: &Environment,
    profile: Profile,
) -> Result<Sections, SettingsError> {
    let folder = environment.folder();
    let special = match profile {
        Profile::Development => "development.toml",
        Profile::Production => "production.toml",
    };
    let paths = [folder.join("default.toml"), folder.join(special)];
    let mut tree = files(&paths)?;
    for (name, text) in &environment.0 {
        let Some(path) = name.strip_prefix(PREFIX) else { continue };
        let path = path.to_lowercase();
        let path: Vec<&str> = path.split("__").collect();
        tree.set(&path, text.clone());
    }
    let sections = declared(tree)?;
    if profile == Profile::Production {
        for path in paths.iter().filter(|it| it.exists()) {
            samples::check_file(path, &declared(files(std::slice::from_ref(path))?)?)?;
        }
    }
    Ok(sections)
}

/// Reads settings as what they are declared to be.
fn declared(tree: Tree) -> Result<Sections, SettingsError> {
    serde_path_to_error::deserialize(tree).map_err(|error| {
        let path = error.path().to_string();
        let KeyError { problem, name } = error.into_inner();
        let key = match (path.as_str(), name) {
            (".", Some(name)) => name,
            (path, Some(name)) if path == name || path.ends_with(&format!(".{name}")) => {
                path.to_owned()
            }
            (path, Some(name)) => format!("{path}.{name}"),
            (path, None) => path.to_owned(),
        };
        SettingsError::key(key, problem)
    })
}

/// Reads those files that are there, each over the one before.
fn files(paths: &[PathBuf]) -> Result<Tree, SettingsError> {
    let failed = |path: &Path, error: config::ConfigError| SettingsError::File {
        path: path.to_owned(),
        problem: error.to_string().lines().next().unwrap_or_default().to_owned(),
    };
    let mut builder = config::Config::builder();
    let mut last = Path::new("");
    for path in paths {
        let file = || config::File::from(path.as_path()).required(path.exists());
        // Alone first, so that the file at fault is the one that is named.
        config::Config::builder().add_source(file()).build().map_err(|it| failed(path, it))?;
        builder = builder.add_source(file());
        last = path;
    }
    let read = builder.build().and_then(config::Config::try_deserialize::<Value>);
    read.map(Tree::from).map_err(|it| failed(last, it))
}
