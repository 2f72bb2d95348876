//! Reading JSON strictly, in two steps that have two answers (EDGE-02).
//!
//! [`node`] reads the text: one object, UTF-8, not too deep, no member twice, nothing that other
//! readers would read differently; else 400. [`shape`] gives it a type: every member known, there
//! and of its type; else 422 with the member's path. [`body`] does both for a request.

mod body;
mod node;
mod shape;

pub(crate) use body::{Json, NoBody, text_of};
pub(crate) use node::Node;
pub(crate) use shape::typed;

use serde::{Deserialize, Deserializer};

/// Reads a member that may be absent, `null` or a value, and tells the first two apart.
#[expect(clippy::option_option, reason = "absent, null, or a value")]
pub(crate) fn nullable<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}
