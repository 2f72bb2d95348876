//! OAuth 2 and OpenID Connect, to the letter of the standards.

mod assertion;
pub(crate) mod authorize;
mod calling;
pub(crate) mod cors;
pub(crate) mod discovery;
pub(crate) mod introspect;
pub(crate) mod jwks;
pub(crate) mod revoke;
mod shown;
pub(crate) mod token;
pub(crate) mod userinfo;
