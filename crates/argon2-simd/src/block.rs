//! A block of Argon2's memory.

/// The words of a block.
pub(crate) const WORDS: usize = 128;
/// A block, in bytes.
pub(crate) const BYTES: usize = WORDS * 8;

/// 1 KiB, its words in the order of the path that fills it.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(crate) struct Block(pub(crate) [u64; WORDS]);

impl Block {
    pub(crate) const ZERO: Self = Self([0; WORDS]);
}
