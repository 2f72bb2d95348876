//! The edge: what every request goes through before and after its route (EDGE-01 to EDGE-14).
//!
//! [`framing`] reads the raw stream and lets whole, well-formed heads pass; [`mod@gate`] is the one
//! middleware around all routes; [`target`] judges paths and queries, [`client`] finds the
//! client's address, [`headers`] are those of every answer.

mod chunks;
mod client;
mod framing;
mod gate;
mod head;
mod headers;
mod request_id;
mod target;

pub(crate) use client::{ClientIp, Network};
pub(crate) use framing::Framed;
pub(crate) use gate::gate;
pub(crate) use headers::{no_override, page_policy};
