//! Providers, each beside a stand-in of its vendor.
#![cfg(test)]

mod by_hand;
mod contract;
mod garbled;
mod id_tokens;
mod outage;
mod settings;
mod wire;
mod world;
