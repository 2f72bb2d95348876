//! Digests of other systems, which lie in the store under Argon2id only (PWD-07).

use std::fmt;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

/// The longest salt that is taken, in bytes. Source: ours.
const LONGEST_SALT: usize = 256;

/// A fast digest that passwords were stored under elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegacyDigest {
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

impl LegacyDigest {
    const ALL: [Self; 3] = [Self::Md5, Self::Sha1, Self::Sha256];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// The digest's length, in bytes.
    const fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// The digest in hexadecimal, lower case.
    fn hex_of(self, bytes: &[u8]) -> Zeroizing<String> {
        let by = |algorithm| hex::encode(digest::digest(algorithm, bytes));
        Zeroizing::new(match self {
            Self::Md5 => hex::encode(Md5::digest(bytes)),
            Self::Sha1 => by(&digest::SHA1_FOR_LEGACY_USE_ONLY),
            Self::Sha256 => by(&digest::SHA256),
        })
    }
}

/// How a salt went into the digest.
#[derive(Clone, PartialEq, Eq)]
pub enum Salting {
    /// There was none: digest(password).
    None,
    /// digest(password ‖ salt).
    Suffix(Vec<u8>),
    /// digest(salt ‖ password).
    Prefix(Vec<u8>),
    /// There was none, and the digest's hexadecimal text was digested again.
    Double,
}

impl fmt::Debug for Salting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.suffix())
    }
}

impl Salting {
    /// What follows the digest's name in a tag.
    const fn suffix(&self) -> &'static str {
        match self {
            Self::None => "",
            Self::Suffix(_) => "-salt-suffix",
            Self::Prefix(_) => "-salt-prefix",
            Self::Double => "-double",
        }
    }
}

/// How another system made its digests.
///
/// Stored as `md5`, `sha1` or `sha256` with `-salt-suffix`, `-salt-prefix`, `-double` or nothing
/// behind it, then `$` and the salt in base64 where there is one, then the PHC string of Argon2id
/// over the digest's hexadecimal text: `md5$argon2id$v=19$…`, `md5-salt-suffix$c2FsdA$argon2id$…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacyScheme {
    /// The digest.
    pub digest: LegacyDigest,
    /// What was digested.
    pub salting: Salting,
}

impl LegacyScheme {
    /// The digest of a password, in hexadecimal, lower case.
    pub(super) fn digest_of(&self, password: &str) -> Zeroizing<String> {
        let password = password.as_bytes();
        let hex_of = |parts: &[&[u8]]| self.digest.hex_of(&Zeroizing::new(parts.concat()));
        match &self.salting {
            Salting::None => hex_of(&[password]),
            Salting::Suffix(salt) => hex_of(&[password, salt]),
            Salting::Prefix(salt) => hex_of(&[salt, password]),
            Salting::Double => hex_of(&[hex_of(&[password]).as_bytes()]),
        }
    }

    /// Takes a digest in hexadecimal of either case; `None` if it is not of this scheme.
    pub(super) fn read_digest(&self, text: &str) -> Option<Zeroizing<String>> {
        let salt_fits = match &self.salting {
            Salting::Suffix(salt) | Salting::Prefix(salt) => salt.len() <= LONGEST_SALT,
            Salting::None | Salting::Double => true,
        };
        let is_digest =
            text.len() == 2 * self.digest.length() && text.bytes().all(|it| it.is_ascii_hexdigit());
        (salt_fits && is_digest).then(|| Zeroizing::new(text.to_ascii_lowercase()))
    }

    /// What stands before the PHC string in the store.
    pub(super) fn tag(&self) -> String {
        let name = [self.digest.as_str(), self.salting.suffix()].concat();
        match &self.salting {
            Salting::Suffix(salt) | Salting::Prefix(salt) => {
                format!("{name}${}", STANDARD_NO_PAD.encode(salt))
            }
            Salting::None | Salting::Double => name,
        }
    }

    /// Reads the tag of a stored hash and gives the PHC string behind it; `None` if there is none.
    pub(super) fn parse_tag(stored: &str) -> Option<(Self, &str)> {
        let (name, phc) = stored.split_at_checked(stored.find('$')?)?;
        let digest = LegacyDigest::ALL.into_iter().find(|it| {
            let rest = name.strip_prefix(it.as_str());
            rest.is_some_and(|it| it.is_empty() || it.starts_with('-'))
        })?;
        let (salting, phc) = match name.strip_prefix(digest.as_str())? {
            "" => (Salting::None, phc),
            "-double" => (Salting::Double, phc),
            "-salt-suffix" => {
                let (salt, phc) = parse_salt(phc)?;
                (Salting::Suffix(salt), phc)
            }
            "-salt-prefix" => {
                let (salt, phc) = parse_salt(phc)?;
                (Salting::Prefix(salt), phc)
            }
            _ => return None,
        };
        Some((Self { digest, salting }, phc))
    }
}

/// Reads `$`, a salt, and what follows from the next `$` on.
fn parse_salt(text: &str) -> Option<(Vec<u8>, &str)> {
    let text = text.strip_prefix('$')?;
    let (salt, rest) = text.split_at_checked(text.find('$')?)?;
    let salt = STANDARD_NO_PAD.decode(salt).ok()?;
    (salt.len() <= LONGEST_SALT).then_some((salt, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn scheme(digest: LegacyDigest, salting: Salting) -> LegacyScheme {
        LegacyScheme { digest, salting }
    }

    /// RFC 1321 and FIPS 180 for "abc"; the others were computed with another implementation.
    #[rstest]
    #[case(LegacyDigest::Md5, Salting::None, "900150983cd24fb0d6963f7d28e17f72")]
    #[case(LegacyDigest::Sha1, Salting::None, "a9993e364706816aba3e25717850c26c9cd0d89d")]
    #[case(
        LegacyDigest::Sha256,
        Salting::None,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )]
    #[case(LegacyDigest::Md5, Salting::Suffix(b"d".to_vec()), "e2fc714c4727ee9395f324cd2e7f331f")]
    #[case(LegacyDigest::Md5, Salting::Prefix(b"d".to_vec()), "ff47730ec385147d396754b322cadb21")]
    #[case(LegacyDigest::Md5, Salting::Double, "ec0405c5aef93e771cd80e0db180b88b")]
    fn a_digest_is_what_the_other_system_made(
        #[case] digest: LegacyDigest,
        #[case] salting: Salting,
        #[case] hex: &str,
    ) {
        assert_eq!(scheme(digest, salting).digest_of("abc").as_str(), hex);
    }

    #[rstest]
    #[case("900150983cd24fb0d6963f7d28e17f72", true)]
    #[case("900150983CD24FB0D6963F7D28E17F72", true)]
    #[case("900150983cd24fb0d6963f7d28e17f7", false)]
    #[case("a9993e364706816aba3e25717850c26c9cd0d89d", false)]
    #[case("900150983cd24fb0d6963f7d28e17f7g", false)]
    #[case("", false)]
    fn a_digest_is_taken_or_not(#[case] text: &str, #[case] taken: bool) {
        let read = scheme(LegacyDigest::Md5, Salting::None).read_digest(text);
        assert_eq!(read.is_some(), taken);
        assert!(read.is_none_or(|it| it.as_str() == "900150983cd24fb0d6963f7d28e17f72"));
        let salted = scheme(LegacyDigest::Md5, Salting::Prefix(vec![0; LONGEST_SALT + 1]));
        assert!(salted.read_digest(text).is_none());
    }

    proptest! {
        #[test]
        fn a_tag_reads_back(
            which in 0_usize..3,
            salt in prop::collection::vec(any::<u8>(), 0..40),
            form in 0..4,
        ) {
            let salting = match form {
                0 => Salting::None,
                1 => Salting::Double,
                2 => Salting::Suffix(salt),
                _ => Salting::Prefix(salt),
            };
            let scheme = scheme(LegacyDigest::ALL[which], salting);
            let stored = format!("{}$argon2id$v=19$rest", scheme.tag());
            let read = LegacyScheme::parse_tag(&stored);
            prop_assert_eq!(read, Some((scheme, "$argon2id$v=19$rest")));
        }
    }
}
