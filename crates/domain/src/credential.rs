//! Credentials: what a person shows, and what it proves.
//!
//! Each type of credential is a module of its own; all of them end in a [`VerifiedIdentity`].

pub mod code;

use crate::identifier::Identifier;
use crate::password::PasswordAttempt;
use crate::session::Method;
use crate::username::Username;
use code::CodeCredential;

/// Something that proves who a person is.
#[derive(Debug)]
pub enum Credential {
    /// A code that was sent to a phone or mailbox.
    Code(CodeCredential),
    /// An account's password.
    Password(PasswordCredential),
}

/// A login name and what was typed as its password.
#[derive(Debug)]
pub struct PasswordCredential {
    /// Phone number, e-mail address or user name.
    pub identifier: Identifier,
    /// The text as typed.
    pub password: PasswordAttempt,
}

/// An identifier whose owner has just proved it. Only a rule of this crate makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedIdentity {
    identifier: Identifier,
    method: Method,
}

impl VerifiedIdentity {
    pub(crate) const fn proven(identifier: Identifier, method: Method) -> Self {
        Self { identifier, method }
    }

    /// What was proved.
    #[must_use]
    pub const fn identifier(&self) -> &Identifier {
        &self.identifier
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
