//! What a stored hash says: which scheme, which parameters.

use std::num::NonZeroU32;

use argon2_simd::Params;

use super::legacy::LegacyScheme;

/// The most memory that a stored hash may ask for: 256 MiB. Source: ours.
const MOST_MEMORY_KIB: u32 = 256 * 1024;
/// The most passes that a stored hash may ask for. Source: ours.
const MOST_PASSES: u32 = 10;
/// The most lanes that a stored hash may ask for. Source: ours.
const MOST_LANES: u32 = 4;
/// The costs of bcrypt that are taken: weaker ones are refused, dearer ones take seconds (PWD-07).
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 10..=14;
/// The most iterations of PBKDF2 that a stored hash may ask for. Source: ours.
const MOST_ITERATIONS: u32 = 10_000_000;
/// The length of PBKDF2's hash, in bytes: one block of SHA-256.
const PBKDF2_OUTPUT: usize = 32;

/// A stored hash, by its scheme. Parameters are within bounds.
pub(super) enum Stored {
    /// Argon2id of the password in NFC: today's scheme.
    Argon(Argon),
    /// Argon2id of another system's digest.
    Wrapped {
        /// How the digest is computed.
        scheme: LegacyScheme,
        /// What it was hashed to.
        argon: Argon,
    },
    /// bcrypt's own form.
    Bcrypt(String),
    /// PBKDF2 with HMAC-SHA-256.
    Pbkdf2 {
        /// Its iterations.
        iterations: NonZeroU32,
        /// Its salt.
        salt: Vec<u8>,
        /// Its hash.
        hash: Vec<u8>,
    },
}

/// An Argon2id hash with all that is needed to compute it again.
pub(super) struct Argon {
    pub(super) params: Params,
    pub(super) salt: Vec<u8>,
    pub(super) hash: Vec<u8>,
}

impl Stored {
    /// Reads a stored hash; `None` for an unknown scheme, a damaged text, or parameters out of
    /// bounds, each of which is no password at all (PWD-07).
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some((scheme, rest)) = LegacyScheme::parse_tag(text) {
            return Some(Self::Wrapped { scheme, argon: Argon::parse(rest)? });
        }
        match text.strip_prefix('$')?.split('$').next()? {
            "argon2id" => Argon::parse(text).map(Self::Argon),
            "2a" | "2b" | "2y" => {
                let parts: bcrypt::HashParts = text.parse().ok()?;
                BCRYPT_COSTS.contains(&parts.get_cost()).then(|| Self::Bcrypt(text.to_owned()))
            }
            "pbkdf2-sha256" => parse_pbkdf2(text),
            _ => None,
        }
    }

    /// True if a right password should be hashed anew: another scheme, or less work than today.
    pub(super) fn is_weaker_than(&self, today: &Params) -> bool {
        match self {
            Self::Argon(argon) => {
                argon.params.memory_kib() < today.memory_kib()
                    || argon.params.passes() < today.passes()
            }
            Self::Wrapped { .. } | Self::Bcrypt(_) | Self::Pbkdf2 { .. } => true,
        }
    }
}

impl Argon {
    fn parse(text: &str) -> Option<Self> {
        let parsed = phc::PasswordHash::new(text).ok()?;
        let [memory_kib, passes, lanes] =
            ["m", "t", "p"].map(|name| parsed.params.get_decimal(name));
        let params = Params::new(memory_kib?, passes?, lanes?).ok().filter(is_affordable)?;
        // Old extensions (`keyid`, `data`) change the hash; nobody has such strings.
        let plain = parsed.params.iter().count() == 3;
        let known = parsed.algorithm.as_str() == "argon2id" && parsed.version == Some(19);
        (plain && known).then_some(())?;
        Some(Self {
            params,
            salt: parsed.salt?.as_ref().to_vec(),
            hash: parsed.hash?.as_bytes().to_vec(),
        })
    }
}

/// True if computing a hash with these parameters stays within memory and time.
pub(super) fn is_affordable(params: &Params) -> bool {
    params.memory_kib() <= MOST_MEMORY_KIB
        && params.passes() <= MOST_PASSES
        && params.lanes() <= MOST_LANES
}

fn parse_pbkdf2(text: &str) -> Option<Stored> {
    let parsed = phc::PasswordHash::new(text).ok()?;
    let iterations = parsed.params.get_decimal("i").filter(|it| *it <= MOST_ITERATIONS)?;
    let length =
        parsed.params.get_decimal("l").map_or(Some(PBKDF2_OUTPUT), |it| it.try_into().ok());
    let hash = parsed.hash?.as_bytes().to_vec();
    if length != Some(PBKDF2_OUTPUT) || hash.len() != PBKDF2_OUTPUT {
        return None;
    }
    Some(Stored::Pbkdf2 {
        iterations: NonZeroU32::new(iterations)?,
        salt: parsed.salt?.as_ref().to_vec(),
        hash,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const SALT_AND_HASH: &str = "c29tZSBzYWx0IG9mIGl0$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    const BCRYPT: &str = "L6Bc/AlTQHyd9liGgGEZyOFLPHNgyxeEPfgYfBCVxJ7JIlwxyVU3u";

    /// PWD-07: what is not known, or costs too much, is no password.
    #[rstest]
    #[case(&format!("$argon2id$v=19$m=19456,t=2,p=1${SALT_AND_HASH}"), true)]
    #[case(&format!("$argon2id$v=19$m=262144,t=10,p=4${SALT_AND_HASH}"), true)]
    #[case(&format!("$argon2id$v=19$m=262145,t=2,p=1${SALT_AND_HASH}"), false)]
    #[case(&format!("$argon2id$v=19$m=4294967295,t=2,p=1${SALT_AND_HASH}"), false)]
    #[case(&format!("$argon2id$v=19$m=64,t=11,p=1${SALT_AND_HASH}"), false)]
    #[case(&format!("$argon2id$v=19$m=64,t=2,p=5${SALT_AND_HASH}"), false)]
    #[case(&format!("$argon2id$v=19$m=8,t=2,p=4${SALT_AND_HASH}"), false)]
    #[case(&format!("$argon2id$v=19$m=64,t=0,p=1${SALT_AND_HASH}"), false)]
    #[case(&format!("$argon2id$v=16$m=64,t=2,p=1${SALT_AND_HASH}"), false)]
    #[case(&format!("$argon2id$m=64,t=2,p=1${SALT_AND_HASH}"), false)]
    #[case(&format!("$argon2id$v=19$m=64,t=2,p=1,keyid=AAAA${SALT_AND_HASH}"), false)]
    #[case(&format!("$argon2id$v=19$m=64,t=2${SALT_AND_HASH}"), false)]
    #[case(&format!("$argon2i$v=19$m=64,t=2,p=1${SALT_AND_HASH}"), false)]
    #[case("$argon2id$v=19$m=64,t=2,p=1$c29tZSBzYWx0IG9mIGl0", false)]
    #[case("$argon2id$v=19$m=64,t=2,p=1", false)]
    #[case(&format!("$2a$10${BCRYPT}"), true)]
    #[case(&format!("$2b$14${BCRYPT}"), true)]
    #[case(&format!("$2y$12${BCRYPT}"), true)]
    #[case(&format!("$2y$09${BCRYPT}"), false)]
    #[case(&format!("$2y$15${BCRYPT}"), false)]
    #[case(&format!("$2y$31${BCRYPT}"), false)]
    #[case(&format!("$2x$12${BCRYPT}"), false)]
    #[case("$2y$12$short", false)]
    #[case(&format!("$pbkdf2-sha256$i=600000,l=32${SALT_AND_HASH}"), true)]
    #[case(&format!("$pbkdf2-sha256$i=600000${SALT_AND_HASH}"), true)]
    #[case(&format!("$pbkdf2-sha256$i=10000001,l=32${SALT_AND_HASH}"), false)]
    #[case(&format!("$pbkdf2-sha256$i=0,l=32${SALT_AND_HASH}"), false)]
    #[case(&format!("$pbkdf2-sha256$i=1000,l=16${SALT_AND_HASH}"), false)]
    #[case(&format!("$pbkdf2-sha256$l=32${SALT_AND_HASH}"), false)]
    #[case(&format!("$pbkdf2-sha512$i=1000,l=32${SALT_AND_HASH}"), false)]
    #[case(&format!("md5$argon2id$v=19$m=64,t=2,p=1${SALT_AND_HASH}"), true)]
    #[case(&format!("md5-salt-suffix$c2FsdA$argon2id$v=19$m=64,t=2,p=1${SALT_AND_HASH}"), true)]
    #[case(&format!("md5-salt-suffix$argon2id$v=19$m=64,t=2,p=1${SALT_AND_HASH}"), false)]
    #[case(&format!("md4$argon2id$v=19$m=64,t=2,p=1${SALT_AND_HASH}"), false)]
    #[case(&format!("md5$$2y$12${BCRYPT}"), false)]
    #[case("md5$5f4dcc3b5aa765d61d8327deb882cf99", false)]
    #[case("5f4dcc3b5aa765d61d8327deb882cf99", false)]
    #[case("$1$salt$hash", false)]
    #[case("", false)]
    fn a_stored_hash_is_known_or_not(#[case] text: &str, #[case] known: bool) {
        assert_eq!(Stored::parse(text).is_some(), known);
    }

    proptest! {
        #[test]
        fn no_text_panics(
            text in "(md5|sha1-salt-prefix|)[$](argon2id|2y|pbkdf2-sha256|c2F)?[$]?\\PC{0,60}",
        ) {
            let _ = Stored::parse(&text);
        }
    }
}
