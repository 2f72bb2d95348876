//! Stand-ins of the vendors that Latchkey calls: they speak each vendor's wire on loopback, verify
//! what the vendor verifies, keep count of what they were asked, and misbehave when told to.
//!
//! One [`StandIn`] serves one vendor or several, each below a path of its own, as
//! `http://127.0.0.1:9900/wechat`.

pub mod carrier;
mod chance;
mod fault;
mod garble;
pub mod oauth;
mod server;
pub mod sms;

pub use chance::Chance;
pub use fault::{Fault, Faults};
pub use server::StandIn;
