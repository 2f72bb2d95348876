//! Names of things: UUIDv7 for what is stored, 128 random bits for a challenge.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::Timestamp;

macro_rules! uuid_v7 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Makes one from the moment and ten random bytes (RFC 9562, version 7).
            #[must_use]
            pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
                let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }

            /// Takes one that was stored.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// Gives the form in which it is stored.
            #[must_use]
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_v7!(
    /// A person's account. Random, never reused, and never an identifier of theirs (ID-06).
    UserId
);
uuid_v7!(
    /// One way in of one user.
    IdentityId
);
uuid_v7!(
    /// One session. Not its token: an id opens nothing.
    SessionId
);
uuid_v7!(
    /// One line of the audit log.
    EventId
);

/// A challenge that was sent: 128 random bits, as 22 characters of base64url (OTP-06).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChallengeId([u8; 16]);

impl ChallengeId {
    /// Makes one from random bytes.
    #[must_use]
    pub const fn new(random: [u8; 16]) -> Self {
        Self(random)
    }

    /// Reads one as the client sends it; `None` for any other text, which then names no challenge.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// The bytes, for the keyed hash of its code.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for ChallengeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for ChallengeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_later_moments_sort_behind() {
        let early = UserId::new(Timestamp::from_second(1).unwrap(), [255; 10]);
        let late = UserId::new(Timestamp::from_second(2).unwrap(), [0; 10]);
        assert!(early < late);
        assert_eq!(early.as_uuid().get_version_num(), 7);
    }

    #[test]
    fn a_challenge_id_reads_back_and_nothing_else_does() {
        let id = ChallengeId::new([7; 16]);
        assert_eq!(ChallengeId::parse(&id.to_string()), Some(id));
        assert_eq!(id.to_string().len(), 22);
        for bad in ["", "AAAA", "BwcHBwcHBwcHBwcHBwcHBw==", "BwcHBwcHBwcHBwcHBwcHBwcH", "ä"] {
            assert_eq!(ChallengeId::parse(bad), None, "{bad}");
        }
    }
}
