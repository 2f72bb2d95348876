//! Argon2 v1.3 (RFC 9106) with the block function in three forms: AVX-512, AVX2 and plain Rust.
//!
//! [`Argon2`] says how to hash, [`Input`] what, and [`Memory`] is what it works on; whoever hashes
//! often keeps it. Lanes are computed one after the other, on the caller's thread.
//!
//! ```
//! use argon2_simd::{Argon2, Input, Memory, Params, Variant};
//!
//! let argon2 = Argon2::new(Variant::Id, Params::new(64, 2, 1).expect("within bounds"));
//! let input = Input { password: b"correct horse", salt: b"c29tZSBzYWx0", ..Input::default() };
//! let mut memory = Memory::new();
//! let mut hash = [0; 32];
//! argon2.hash(&input, &mut memory, &mut hash).expect("a salt of twelve bytes");
//! ```
//!
//! This is the only crate of the workspace with `unsafe` in it: `path` calls code for instructions
//! that it has seen the machine have, `path/avx512` and `path/avx2` move registers to and from
//! blocks, and `memory` reads mapped bytes as blocks. Every form must give what the crate `argon2`
//! gives, bit for bit; `tests` asks for that over all parameters. How fast each is, and what was
//! tried: `docs/hashing.md`, ADR 16.

mod blake;
mod block;
mod fill;
mod memory;
mod params;
mod path;
mod segment;

use std::fmt;

use thiserror::Error;

pub use memory::Memory;
pub use params::{Params, ParamsError};
pub use path::Path;

/// The shortest salt, in bytes. Source: the reference code; the RFC itself takes any.
const SHORTEST_SALT: usize = 8;
/// The shortest hash, in bytes. Source: RFC 9106, section 3.1.
const SHORTEST_HASH: usize = 4;

/// How the block to mix with is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// Argon2d: by what was computed so far.
    D,
    /// Argon2i: by counting, so that memory is read in an order that tells nothing.
    I,
    /// Argon2id: by counting in the first half of the first pass, then as Argon2d.
    Id,
}

impl Variant {
    /// The number that stands for it in the first hash.
    const fn number(self) -> u32 {
        match self {
            Self::D => 0,
            Self::I => 1,
            Self::Id => 2,
        }
    }
}

/// What is hashed.
#[derive(Clone, Copy, Default)]
pub struct Input<'a> {
    /// The password.
    pub password: &'a [u8],
    /// The salt, of at least 8 bytes.
    pub salt: &'a [u8],
    /// A secret beside the password; usually empty.
    pub secret: &'a [u8],
    /// Associated data; usually empty.
    pub associated: &'a [u8],
}

impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").finish_non_exhaustive()
    }
}

/// Why nothing was hashed.
#[derive(Debug, Error)]
pub enum HashError {
    /// A salt of less than 8 bytes, a hash of less than 4, or anything of 4 GiB or more.
    #[error("the input or the hash has a length that argon2 does not take")]
    Length,
    /// The operating system gives no more memory.
    #[error("there is no memory to hash in")]
    Memory {
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
}

/// A way to hash.
#[derive(Debug, Clone, Copy)]
pub struct Argon2 {
    variant: Variant,
    params: Params,
    path: Path,
}

impl Argon2 {
    /// By the fastest path of this machine.
    #[must_use]
    pub fn new(variant: Variant, params: Params) -> Self {
        Self { variant, params, path: Path::fastest() }
    }

    /// By this path. The hash is the same.
    #[must_use]
    pub const fn on(self, path: Path) -> Self {
        Self { path, ..self }
    }

    /// Hashes, and fills `hash`, whose length is part of what is hashed.
    ///
    /// `memory` grows if it must, and what it held does not matter.
    pub fn hash(
        &self,
        input: &Input<'_>,
        memory: &mut Memory,
        hash: &mut [u8],
    ) -> Result<(), HashError> {
        let Input { password, salt, secret, associated } = input;
        let is_taken = [password.len(), salt.len(), secret.len(), associated.len(), hash.len()]
            .into_iter()
            .all(|it| u32::try_from(it).is_ok());
        if !is_taken || salt.len() < SHORTEST_SALT || hash.len() < SHORTEST_HASH {
            return Err(HashError::Length);
        }
        let blocks =
            memory.blocks(self.params.blocks()).map_err(|source| HashError::Memory { source })?;
        let first = blake::first(self.variant, &self.params, input, hash.len());
        fill::begin(blocks, &self.params, self.path, &first);
        fill::fill(blocks, &self.params, self.path, self.variant);
        fill::finish(blocks, &self.params, self.path, hash);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
