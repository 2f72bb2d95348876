//! OAuth 2 and OpenID Connect, where other programs get their users from us.
//!
//! A grant is a session: what ends the session ends its code and its tokens, by the one table of
//! [`crate::ending`]. To follow one grant, read [`authorize`] (may there be a code?), [`consent`]
//! (did the person agree?), [`code`] (may it be exchanged?), [`refresh`] (may it go on?); which
//! program it is say [`client`] and [`assertion`].

pub mod assertion;
pub mod authorize;
pub mod client;
pub mod code;
pub mod consent;
pub mod id_token;
pub mod key;
pub mod pkce;
pub mod redirect;
pub mod refresh;
pub mod scope;

use client::Client;

/// Who may ask, and in whose name we answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Provider {
    /// Our name: the public address, byte for byte (EDGE-07, OP-09).
    pub issuer: String,
    /// The programs that are registered.
    pub clients: Vec<Client>,
}

impl Provider {
    /// Finds a client by its id.
    #[must_use]
    pub fn client(&self, id: &str) -> Option<&Client> {
        self.clients.iter().find(|it| it.id.as_str() == id)
    }

    /// An address of ours, below the issuer.
    #[must_use]
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.issuer.trim_end_matches('/'))
    }
}
