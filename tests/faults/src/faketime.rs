//! A machine's clock that can be set, for the processes that are told to look at it.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

/// Where packages put the library, below a folder of the architecture or not.
const FOLDERS: [&str; 3] = ["/usr/lib", "/usr/lib64", "/usr/local/lib"];
/// The library for programs of many threads, and its other name.
const NAMES: [&str; 2] = ["faketime/libfaketimeMT.so.1", "faketime/libfaketime.so.1"];
/// Names the library, where it is somewhere else.
const LIBRARY: &str = "LATCHKEY_TEST_FAKETIME";

/// A clock of its own.
pub(crate) struct Dial {
    library: PathBuf,
    folder: TempDir,
}

impl Dial {
    /// One that is right; none without the library.
    pub(crate) fn new() -> Option<Self> {
        let dial = Self { library: library()?, folder: tempfile::tempdir().ok()? };
        dial.set(0);
        Some(dial)
    }

    /// Sets the clock so many seconds before or after the right time.
    pub(crate) fn set(&self, seconds: i64) {
        let (next, file) = (self.folder.path().join("next"), self.file());
        // In one step: whoever reads it meanwhile reads one or the other.
        let written =
            fs::write(&next, format!("{seconds:+}\n")).and_then(|()| fs::rename(next, file));
        written.expect("the clock is set");
    }

    /// What makes a process look at it. What measures spans goes on by itself, as it does when a
    /// real clock is set.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("FAKETIME_DISABLE_SHM", "1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }
}

#[expect(clippy::disallowed_methods, reason = "where a library is, is a matter of the machine")]
fn library() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(LIBRARY) {
        return Some(named.into());
    }
    let folders = FOLDERS.map(PathBuf::from).into_iter().flat_map(|it| {
        let inner = fs::read_dir(&it).into_iter().flatten().flatten().map(|it| it.path());
        inner.chain([it.clone()]).collect::<Vec<_>>()
    });
    let files = folders.flat_map(|folder| NAMES.map(|it| folder.join(it)));
    files.into_iter().find(|it| it.is_file())
}
