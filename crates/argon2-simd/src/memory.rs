//! The memory that is hashed in.

#![expect(unsafe_code, reason = "mapped bytes are read as blocks")]

use std::fmt;
use std::io;

#[cfg(target_os = "linux")]
use memmap2::Advice;
use memmap2::MmapMut;

use crate::block::{BYTES, Block};

/// A huge page of x86-64 and of most others, in bytes. Where it is another size this is a waste of
/// addresses, not of memory.
const HUGE_PAGE: usize = 2 * 1024 * 1024;

/// Work memory: nothing until a hash needs it, then kept until it is released or dropped.
///
/// It is the operating system's own, on huge pages where there are any, goes back to it at once and
/// into no core dump. What a hash left stays until the next one of as many blocks overwrites it:
/// whoever reads it meanwhile can try passwords cheaply.
#[derive(Default)]
pub struct Memory {
    mapping: Option<MmapMut>,
    blocks: usize,
}

impl Memory {
    /// None so far.
    #[must_use]
    pub const fn new() -> Self {
        Self { mapping: None, blocks: 0 }
    }

    /// Gives all of it back.
    pub fn release(&mut self) {
        *self = Self::new();
    }

    /// How much is kept, in KiB.
    #[must_use]
    pub const fn kib(&self) -> usize {
        self.blocks
    }

    /// The first `count` blocks, with whatever is in them.
    pub(crate) fn blocks(&mut self, count: usize) -> io::Result<&mut [Block]> {
        if self.blocks < count {
            // What is kept goes first, so that both are never there together.
            self.release();
        }
        let mapping = match &mut self.mapping {
            Some(mapping) => mapping,
            none => {
                // So much more that the blocks can begin where a huge page does.
                let bytes = count.checked_mul(BYTES).and_then(|it| it.checked_add(HUGE_PAGE));
                let mapping = MmapMut::map_anon(bytes.ok_or(io::ErrorKind::OutOfMemory)?)?;
                #[cfg(target_os = "linux")]
                // A kernel that cannot says so, and hashes are the same.
                for advice in [Advice::HugePage, Advice::DontDump] {
                    let _ = mapping.advise(advice);
                }
                self.blocks = count;
                none.insert(mapping)
            }
        };
        let begin = mapping.as_ptr().align_offset(HUGE_PAGE);
        let bytes = mapping.get_mut(begin..).unwrap_or_default();
        // SAFETY: a block is integers and nothing else, so any bytes are blocks.
        let (_, blocks, _) = unsafe { bytes.align_to_mut::<Block>() };
        blocks.get_mut(..count).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("kib", &self.kib()).finish_non_exhaustive()
    }
}
