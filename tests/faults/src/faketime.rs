//! A machine's clock that can be set, for the processes that are told to look at it.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;
use test_servers::faketime_library;

/// A clock of its own.
pub(crate) struct Dial {
    library: PathBuf,
    folder: TempDir,
}

impl Dial {
    /// One that is right; none without the library.
    pub(crate) fn new() -> Option<Self> {
        let dial = Self { library: faketime_library()?, folder: tempfile::tempdir().ok()? };
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
