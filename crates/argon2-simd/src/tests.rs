//! The paths against the RFC and against the crate `argon2`; and the memory.

mod against_argon2;
mod memory;
mod vectors;
