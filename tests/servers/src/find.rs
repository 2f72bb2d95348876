//! Where the server programs are.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Error;

/// Finds the folder that holds `postgres` and `initdb`: through `PATH`, else where Debian's
/// packages put it, else Homebrew's; the newest version where there are several.
///
/// A symbolic link on `PATH` is followed, because the other programs stand beside its target.
pub fn postgres_folder() -> Result<PathBuf, Error> {
    let on_path = search_path().into_iter().filter_map(|it| {
        let program = it.join("postgres").canonicalize().ok()?;
        program.parent().map(Path::to_path_buf)
    });
    let packaged = newest_first(
        ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"]
            .into_iter()
            .flat_map(|it| folders_in(Path::new(it)))
            .filter_map(|it| version(it.file_name()?).map(|version| (version, it)))
            .collect(),
    );
    on_path
        .chain(packaged.into_iter().map(|it| it.join("bin")))
        .find(|it| ["postgres", "initdb"].iter().all(|program| it.join(program).is_file()))
        .ok_or(Error::Missing { program: "postgres" })
}

/// Finds `redis-server`: through `PATH`, else where Debian's and Homebrew's packages put it.
///
/// Links are kept: Debian's `redis-server` is a link to a program that goes by its name.
pub fn redis_program() -> Result<PathBuf, Error> {
    search_path()
        .into_iter()
        .chain(["/usr/bin", "/opt/homebrew/bin", "/usr/local/bin"].map(PathBuf::from))
        .map(|it| it.join("redis-server"))
        .find(|it| it.is_file())
        .ok_or(Error::Missing { program: "redis-server" })
}

/// Finds `pgbouncer`: through `PATH`, else where Debian's and Homebrew's packages put it.
pub fn pgbouncer_program() -> Result<PathBuf, Error> {
    search_path()
        .into_iter()
        .chain(["/usr/sbin", "/opt/homebrew/bin", "/usr/local/bin"].map(PathBuf::from))
        .map(|it| it.join("pgbouncer"))
        .find(|it| it.is_file())
        .ok_or(Error::Missing { program: "pgbouncer" })
}

/// Finds libfaketime: what `LATCHKEY_TEST_FAKETIME` names, else where packages put it.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "where a library is, is a matter of the machine")]
pub fn faketime_library() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("LATCHKEY_TEST_FAKETIME") {
        return Some(named.into());
    }
    // Below a folder of the architecture, or not; the first is the one for programs of many threads.
    let folders = ["/usr/lib", "/usr/lib64", "/usr/local/lib"].map(PathBuf::from);
    let folders = folders.into_iter().flat_map(|it| {
        let inner = fs::read_dir(&it).into_iter().flatten().flatten().map(|it| it.path());
        inner.chain([it.clone()]).collect::<Vec<_>>()
    });
    let names = ["faketime/libfaketimeMT.so.1", "faketime/libfaketime.so.1"];
    folders.flat_map(|folder| names.map(|it| folder.join(it))).find(|it| it.is_file())
}

/// Finds a Python 3 that can make virtual environments: through `PATH`, else the system's own.
pub fn python_program() -> Result<PathBuf, Error> {
    search_path()
        .into_iter()
        .chain(["/usr/bin", "/opt/homebrew/bin", "/usr/local/bin"].map(PathBuf::from))
        .map(|it| it.join("python3"))
        .find(|it| it.is_file() && makes_environments(it))
        .ok_or(Error::Missing { program: "python3 with venv" })
}

/// Debian leaves `ensurepip` out where the package `python3-venv` is not installed.
fn makes_environments(python: &Path) -> bool {
    let mut command = Command::new(python);
    command.args(["-c", "import ensurepip, venv"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|it| it.success())
}

#[expect(
    clippy::disallowed_methods,
    reason = "where programs are is a matter of the machine, not a setting of the product"
)]
fn search_path() -> Vec<PathBuf> {
    std::env::var_os("PATH").map(|it| std::env::split_paths(&it).collect()).unwrap_or_default()
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder)
        .map(|entries| entries.flatten().map(|it| it.path()).filter(|it| it.is_dir()).collect())
        .unwrap_or_default()
}

/// Reads the major version out of a folder's name: `15`, or Homebrew's `postgresql@15`.
fn version(name: &OsStr) -> Option<u32> {
    let name = name.to_str()?;
    name.strip_prefix("postgresql@").unwrap_or(name).parse().ok()
}

fn newest_first(mut found: Vec<(u32, PathBuf)>) -> Vec<PathBuf> {
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, folder)| folder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_the_names_that_packages_use() {
        assert_eq!(version(OsStr::new("15")), Some(15));
        assert_eq!(version(OsStr::new("postgresql@17")), Some(17));
        assert_eq!(version(OsStr::new("redis")), None);
    }

    #[test]
    fn ten_is_newer_than_nine() {
        let found = [(9, "nine"), (10, "ten")].map(|(version, it)| (version, PathBuf::from(it)));
        assert_eq!(newest_first(found.into()), ["ten", "nine"].map(PathBuf::from));
    }
}
