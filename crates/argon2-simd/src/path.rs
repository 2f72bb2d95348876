//! The forms of the block function, and which of them this machine runs.

#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "there is code for instructions that not every machine has")
)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use std::fmt;

use crate::block::{Block, WORDS};
use crate::segment::Stretch;

/// A form of the block function that this machine runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Path(Form);

/// The forms there are. Whoever makes one of it has seen that the machine has its instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

impl Path {
    /// All that this machine runs, the fastest first.
    pub fn all() -> impl Iterator<Item = Self> {
        let forms = [
            #[cfg(target_arch = "x86_64")]
            is_x86_feature_detected!("avx512f").then_some(Form::Avx512),
            #[cfg(target_arch = "x86_64")]
            is_x86_feature_detected!("avx2").then_some(Form::Avx2),
            Some(Form::Portable),
        ];
        forms.into_iter().flatten().map(Self)
    }

    /// The fastest that this machine runs.
    #[must_use]
    pub fn fastest() -> Self {
        Self::all().next().unwrap_or(Self(Form::Portable))
    }

    /// Fills a stretch of blocks that are arranged for this path.
    pub(crate) fn fill(self, blocks: &mut [Block], stretch: &Stretch<'_>) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: there is no such path on a machine without AVX-512F.
            Form::Avx512 => unsafe { avx512::fill(blocks, stretch) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: there is no such path on a machine without AVX2.
            Form::Avx2 => unsafe { avx2::fill(blocks, stretch) },
            Form::Portable => portable::fill(blocks, stretch),
        }
    }

    /// A block of these words, arranged for this path.
    #[expect(clippy::indexing_slicing, reason = "a position is one of the block")]
    pub(crate) fn arrange(self, words: impl Fn(usize) -> u64) -> Block {
        let mut block = Block::ZERO;
        for word in 0..WORDS {
            block.0[self.position(word)] = words(word);
        }
        block
    }

    /// The words of a block that is arranged for this path.
    #[expect(clippy::indexing_slicing, reason = "a position is one of the block")]
    pub(crate) fn words(self, block: &Block) -> [u64; WORDS] {
        std::array::from_fn(|word| block.0[self.position(word)])
    }

    /// Where this path has a word of the RFC's block. The first is the first on every path.
    const fn position(self, word: usize) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Form::Avx512 => avx512::position(word),
            #[cfg(target_arch = "x86_64")]
            Form::Avx2 => word,
            Form::Portable => word,
        }
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Has a block brought to the nearest cache.
#[cfg(target_arch = "x86_64")]
#[inline]
fn prefetch(block: &Block) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    let (lines, _) = block.0.as_chunks::<8>();
    for line in lines {
        // SAFETY: every x86-64 has this instruction, and nothing that a program sees comes of it.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
}
