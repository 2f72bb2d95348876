//! Providers, each beside a stand-in of its vendor.
#![cfg(test)]

mod contract;
mod id_tokens;
mod outage;
mod settings;
mod wire;
mod world;
