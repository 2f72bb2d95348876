//! One way in of one user, as its owner sees it.

use std::net::IpAddr;

use crate::Timestamp;
use crate::id::IdentityId;
use crate::identifier::IdentifierKind;
use crate::secret::{IdentifierKey, Sealed};

/// A name by which an identity is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Its key.
    pub key: IdentifierKey,
    /// Where it is unique: empty for what is our own, else the provider's appid, platform or issuer.
    pub namespace: String,
}

impl From<IdentifierKey> for Name {
    /// A name of our own.
    fn from(key: IdentifierKey) -> Self {
        Self { key, namespace: String::new() }
    }
}

/// One way in of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its name.
    pub id: IdentityId,
    /// Its kind.
    pub kind: IdentifierKind,
    /// The identifier, sealed for this identity; for a third-party account with its nickname there.
    pub display: Sealed,
    /// When its owner proved it; `None` for a user name, which needs no proof.
    pub verified_at: Option<Timestamp>,
    /// When it became the user's.
    pub linked_at: Timestamp,
    /// When it last logged in.
    pub last_used_at: Option<Timestamp>,
    /// From where.
    pub last_ip: Option<IpAddr>,
}
