//! A small disk that can be filled.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A file system of a few megabytes in memory. Dropping it takes it away.
pub(crate) struct Disk {
    folder: TempDir,
}

impl Disk {
    /// Mounts one; none where we may not, which only root may.
    pub(crate) fn mount(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().ok()?;
        let size = format!("size={megabytes}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path());
        mount.output().is_ok_and(|it| it.status.success()).then_some(Self { folder })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves no room on it.
    pub(crate) fn fill(&self) {
        let mut file = fs::File::create(self.ballast()).expect("a file");
        // The copy ends when there is no more room, with an error that says so.
        let copied = std::io::copy(&mut std::io::repeat(0), &mut file);
        assert!(copied.is_err(), "it has an end");
    }

    /// Makes room again.
    pub(crate) fn clear(&self) {
        fs::remove_file(self.ballast()).expect("it was filled");
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).output();
    }
}
