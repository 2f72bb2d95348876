//! The master secret: given, read from a file, or made on the first development run (CFG-01).

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use adapters_crypto::{MasterSecretError, master_secret};
use ports::entropy::{Entropy, bytes};
use secrecy::{ExposeSecret as _, SecretSlice};

use super::sections::Sections;
use super::{Profile, SettingsError};

/// The bytes of a secret that is made.
const LENGTH: usize = 32;

/// Where the master secret comes from.
#[derive(Debug)]
pub(crate) enum MasterSecret {
    /// It was given, by the setting of this name.
    Given(SecretSlice<u8>, &'static str),
    /// It is in this file, or is made there.
    Made(PathBuf),
}

/// Finds where the secret comes from, and reads it where it was given.
pub(super) fn source(sections: &Sections, profile: Profile) -> Result<MasterSecret, SettingsError> {
    let key = sections.secrets.key.expose_secret();
    let file = sections.secrets.key_file.as_str();
    match (key.is_empty(), file.is_empty(), profile) {
        (false, false, _) => {
            Err(SettingsError::key("secrets.key", "is given twice: here and by secrets.key_file"))
        }
        (false, true, _) => given(decode(key, profile), "secrets.key"),
        (true, false, _) => given(read(Path::new(file), profile), "secrets.key_file"),
        (true, true, Profile::Production) => {
            Err(SettingsError::key("secrets.key", "must be set in production"))
        }
        (true, true, Profile::Development) => {
            let database = sections.store.database_url.expose_secret();
            Ok(MasterSecret::Made(data_folder(database).join("secret.key")))
        }
    }
}

fn given(
    read: Result<SecretSlice<u8>, String>,
    key: &'static str,
) -> Result<MasterSecret, SettingsError> {
    match read {
        Ok(secret) => Ok(MasterSecret::Given(secret, key)),
        Err(problem) => Err(SettingsError::key(key, problem)),
    }
}

impl MasterSecret {
    /// Where it comes from, for people.
    pub(crate) fn source(&self) -> String {
        match self {
            Self::Given(_, key) => format!("setting `{key}`"),
            Self::Made(path) => format!("the master secret in {}", path.display()),
        }
    }

    /// The secret's bytes. Makes the file where there is none.
    pub(crate) fn bytes(&self, entropy: &dyn Entropy) -> Result<SecretSlice<u8>, SettingsError> {
        match self {
            Self::Given(secret, _) => Ok(secret.clone()),
            Self::Made(path) => {
                if !path.exists() {
                    make(path, entropy).map_err(|source| unusable(path, source))?;
                }
                read(path, Profile::Development)
                    .map_err(|it| unusable(path, io::Error::new(io::ErrorKind::InvalidData, it)))
            }
        }
    }
}

/// The folder of the SQLite file, so that a database and its secret stay together.
fn data_folder(database_url: &str) -> PathBuf {
    let file = database_url.strip_prefix("sqlite://").and_then(|it| it.split('?').next());
    let folder = file.filter(|it| !it.starts_with(':')).and_then(|it| Path::new(it).parent());
    folder.map_or_else(|| PathBuf::from("data"), Path::to_owned)
}

/// Makes the file. Of two that do so at once, one wins and both read its secret.
fn make(path: &Path, entropy: &dyn Entropy) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let [first, ..]: [u8; 8] = bytes(entropy);
    let draft = path.with_extension(format!("{}-{first}.tmp", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    writeln!(file, "{}", hex::encode(bytes::<LENGTH>(entropy)))?;
    file.sync_all()?;
    // A link appears whole or not at all, and never replaces another.
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Reads the secret in a file, or tells what is wrong with it.
pub(crate) fn read(path: &Path, profile: Profile) -> Result<SecretSlice<u8>, String> {
    let failed = |it: io::Error| format!("{} cannot be read: {}", path.display(), it.kind());
    let text = fs::read_to_string(path).map_err(failed)?;
    let mode = fs::metadata(path).map_err(failed)?.permissions();
    if profile == Profile::Production && is_open(&mode) {
        return Err("names a file that others may read; its mode must be 0600 or 0400".to_owned());
    }
    decode(text.trim(), profile)
}

/// True for a file that nobody but its owner may read or write (CFG-01).
pub(super) fn is_own(path: &Path) -> Result<bool, SettingsError> {
    let file = fs::metadata(path).map_err(|source| unusable(path, source))?;
    Ok(!is_open(&file.permissions()))
}

fn is_open(mode: &Permissions) -> bool {
    mode.mode() & 0o077 != 0
}

fn unusable(path: &Path, source: io::Error) -> SettingsError {
    SettingsError::SecretFile { path: path.to_owned(), source }
}

/// Reads hex or base64, and refuses what is short; in production also what is plainly not random.
fn decode(text: &str, profile: Profile) -> Result<SecretSlice<u8>, String> {
    let bytes = match master_secret(text) {
        Ok(bytes) => bytes,
        Err(MasterSecretError::NotEncoded) => return Err("must be hex or base64".to_owned()),
        Err(MasterSecretError::TooShort) => return Err("must have at least 32 bytes".to_owned()),
    };
    // 32 random bytes have about 30 different ones; a sample typed by hand has few.
    let different = bytes.iter().collect::<std::collections::BTreeSet<_>>().len();
    let is_text = bytes.iter().all(|it| it.is_ascii_graphic() || *it == b' ');
    let climbs = bytes.windows(2).all(|it| matches!(it, [a, b] if a.wrapping_add(1) == *b));
    if profile == Profile::Production && (different < 16 || climbs || is_text) {
        return Err("is a known sample or not random".to_owned());
    }
    Ok(bytes.to_vec().into())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("sqlite://data/latchkey.db", "data")]
    #[case("sqlite:///var/lib/latchkey/db", "/var/lib/latchkey")]
    #[case("sqlite://latchkey.db", "")]
    #[case("sqlite://:memory:", "data")]
    #[case("postgres://localhost/latchkey", "data")]
    fn the_secret_stays_beside_the_database(#[case] url: &str, #[case] folder: &str) {
        assert_eq!(data_folder(url), Path::new(folder));
    }

    #[rstest]
    #[case::zeros(&"00".repeat(32))]
    #[case::pattern(&"0123456789abcdef".repeat(4))]
    #[case::ascending("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")]
    #[case::text("change me, please, before you run this")]
    #[case::encoded_text("cGxlYXNlIGNoYW5nZSBtZSBiZWZvcmUgeW91IHJ1biB0aGlzIQ==")]
    #[case::short("9b1c1e6a5d0f4c7799c2a1b0e4d5f607")]
    fn a_sample_is_no_secret(#[case] text: &str) {
        assert!(decode(text, Profile::Production).is_err());
    }

    /// CFG-01: the secret that is made is for its owner alone, and stays the same.
    #[test]
    fn a_secret_is_made_once() {
        struct Counting(std::sync::atomic::AtomicU8);
        impl Entropy for Counting {
            fn fill(&self, bytes: &mut [u8]) {
                for byte in bytes {
                    *byte = self.0.fetch_add(37, std::sync::atomic::Ordering::SeqCst);
                }
            }
        }
        let folder = std::env::temp_dir().join(format!("latchkey-master-{}", std::process::id()));
        let made = MasterSecret::Made(folder.join("data").join("secret.key"));
        let entropy = Counting(0.into());
        let first = made.bytes(&entropy).expect("a secret");
        let second = made.bytes(&entropy).expect("the same");
        assert_eq!(first.expose_secret(), second.expose_secret());
        let MasterSecret::Made(path) = &made else { unreachable!() };
        assert!(!is_open(&fs::metadata(path).expect("a file").permissions()));
        fs::remove_dir_all(folder).expect("cleaned up");
    }
}
