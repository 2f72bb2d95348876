//! The use cases: one a file, each a free function over [`ports::Ports`].
//!
//! A use case loads, asks a rule of [`domain`], and writes; it knows nothing of HTTP or SQL. To
//! follow one login, begin at [`login::login`].

pub mod authenticate;
pub mod browser_flow;
pub mod challenge;
mod change;
mod charge;
mod counts;
pub mod credential;
pub mod delete;
pub mod error;
pub mod fallback;
pub mod identities;
pub mod keyring;
pub mod link;
pub mod login;
pub mod logins;
pub mod logout;
pub mod merge;
pub mod oauth;
pub mod outbox;
pub mod password;
pub mod profile;
pub mod reauthenticate;
pub mod register;
pub mod reset;
pub mod retention;
pub mod sessions;
pub mod unlink;
mod visit;

pub use error::Error;
pub use visit::Admission;
