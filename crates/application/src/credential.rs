//! Proving a credential: one module a type.

pub mod code;
pub mod password;
