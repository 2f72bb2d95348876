//! OAuth 2 and OpenID Connect, where other programs get their users from us.
//!
//! [`issue`] makes codes, [`token`] exchanges and refreshes, [`inspect`] looks at tokens and ends
//! them, [`claims`] tells who somebody is, [`consent`] what people let programs know, [`keys`] looks
//! after the keys that sign, [`client`] finds out which program is calling.

pub mod claims;
pub mod client;
pub mod consent;
mod error;
pub mod inspect;
pub mod issue;
pub mod keys;
pub mod token;

pub use error::OauthError;
