//! The folder that a server lives in, and the user that it runs as.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Error;
use crate::port::random;

/// A fresh folder under the system's temporary one, owned by the user that servers run as.
///
/// The [`Guard`](crate::guard::Guard) removes it.
pub(crate) struct Folder {
    path: PathBuf,
    user: Option<User>,
}

/// Whom a server runs as when we are root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct User {
    uid: u32,
    gid: u32,
}

impl Folder {
    /// Makes a new one, readable by its owner alone.
    pub(crate) fn create(kind: &str) -> Result<Self, Error> {
        let name = format!("latchkey-{kind}-{}-{:08x}", std::process::id(), random() >> 32);
        let path = std::env::temp_dir().join(name);
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(Error::io(format!("make the folder {}", path.display())))?;
        match owner_of(&path) {
            Ok(user) => Ok(Self { path, user }),
            Err(error) => {
                // Empty still; what is left behind on a failure here harms nobody.
                let _ = fs::remove_dir(&path);
                Err(error)
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Hands a file in it to the user that servers run as.
    pub(crate) fn own(&self, file: &Path) -> Result<(), Error> {
        let Some(User { uid, gid }) = self.user else { return Ok(()) };
        chown(file, Some(uid), Some(gid))
            .map_err(Error::io(format!("hand {} over", file.display())))
    }

    /// A command that runs in this folder, as its owner, with nothing on standard input.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.path).stdin(Stdio::null());
        if let Some(User { uid, gid }) = self.user {
            // As root, this drops the supplementary groups as well.
            command.uid(uid).gid(gid);
        }
        command
    }
}

/// Hands a folder that root made to the user that servers run as; `None` if we are not root.
fn owner_of(path: &Path) -> Result<Option<User>, Error> {
    let uid = fs::metadata(path).map_err(Error::io("look at the new folder"))?.uid();
    if uid != 0 {
        return Ok(None);
    }
    let passwd = fs::read_to_string("/etc/passwd").map_err(Error::io("read /etc/passwd"))?;
    let user = user("postgres", &passwd).or_else(|| user("nobody", &passwd));
    let user = user.ok_or(Error::NoUser)?;
    chown(path, Some(user.uid), Some(user.gid))
        .map_err(Error::io("hand the folder to the user that servers run as"))?;
    Ok(Some(user))
}

/// Finds a user in the text of `/etc/passwd`: `name:password:uid:gid:…`.
fn user(name: &str, passwd: &str) -> Option<User> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(User { uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_the_whole_name() {
        let passwd = "root:x:0:0::/root:/bin/sh\npostgresql:x:1:2::/:/bin/sh\n\
                      postgres:x:106:113:PostgreSQL:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(user("postgres", passwd), Some(User { uid: 106, gid: 113 }));
        assert_eq!(user("nobody", passwd), None);
    }
}
