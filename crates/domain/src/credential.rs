//! Credentials: what a person shows, and what it proves.
//!
//! A password proves a user that there is. Each other type is a module of its own, and all of
//! those end in a [`VerifiedIdentity`], which may be nobody's yet.

pub mod carrier;
pub mod code;
pub mod third_party;

use crate::identifier::Identifier;
use crate::password::PasswordAttempt;
use crate::session::Method;
use crate::username::Username;
use carrier::CarrierCredential;
use code::CodeCredential;
use third_party::ProviderCredential;

/// Something that proves who a person is.
#[derive(Debug)]
pub enum Credential {
    /// An account's password.
    Password(PasswordCredential),
    /// What proves an identity.
    Identity(IdentityCredential),
}

/// Something that proves an identity, whosever it is.
#[derive(Debug)]
pub enum IdentityCredential {
    /// A code that was sent to a phone or mailbox.
    Code(CodeCredential),
    /// What a third-party provider gave.
    Provider(ProviderCredential),
    /// What a SIM's carrier gave.
    Carrier(CarrierCredential),
}

impl From<CodeCredential> for Credential {
    fn from(it: CodeCredential) -> Self {
        Self::Identity(IdentityCredential::Code(it))
    }
}

/// A login name and what was typed as its password.
#[derive(Debug)]
pub struct PasswordCredential {
    /// Phone number, e-mail address or user name.
    pub identifier: Identifier,
    /// The text as typed.
    pub password: PasswordAttempt,
}

/// An identity whose owner has just proved it. Only a rule of this crate makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedIdentity {
    identifier: Identifier,
    others: Vec<Identifier>,
    method: Method,
}

impl VerifiedIdentity {
    pub(crate) const fn proven(identifier: Identifier, method: Method) -> Self {
        Self { identifier, others: Vec::new(), method }
    }

    /// What was proved: the name that decides whose the identity is.
    #[must_use]
    pub const fn identifier(&self) -> &Identifier {
        &self.identifier
    }

    /// All names of the identity, the one that decides first.
    pub fn identifiers(&self) -> impl Iterator<Item = &Identifier> {
        std::iter::once(&self.identifier).chain(&self.others)
    }

    /// How it was proved.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }
}

/// A user name that its owner has just chosen: it needs no proof but to be free.
#[must_use]
pub const fn chosen_username(username: Username) -> VerifiedIdentity {
    VerifiedIdentity::proven(Identifier::Username(username), Method::Password)
}
