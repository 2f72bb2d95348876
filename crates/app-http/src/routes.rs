//! The routes, one a file: decode, one use case, encode.

pub(crate) mod challenges;
pub(crate) mod consents;
pub(crate) mod dev;
pub(crate) mod docs;
pub(crate) mod health;
pub(crate) mod identities;
pub(crate) mod login;
pub(crate) mod logins;
pub(crate) mod logout;
pub(crate) mod me;
pub(crate) mod merge;
pub(crate) mod oauth2;
pub(crate) mod openapi;
pub(crate) mod password;
pub(crate) mod password_reset;
pub(crate) mod providers;
pub(crate) mod reauthenticate;
pub(crate) mod register;
pub(crate) mod sessions;
