//! Which block is made of which (RFC 9106, section 3.4).

use crate::Params;
use crate::block::{Block, WORDS};

/// The slices of a lane.
pub(crate) const SLICES: usize = 4;

/// A slice of a lane, in one pass.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Its blocks.
    pub(crate) length: usize,
    pass: u32,
    /// The index of its first block.
    begin: usize,
    lane: usize,
    lanes: usize,
    lane_length: usize,
    /// True if it must not or cannot be mixed with other lanes.
    is_alone: bool,
    /// The blocks of a lane that may be mixed with, outside this slice.
    done: usize,
    /// Where in a lane they begin.
    oldest: usize,
}

impl Segment {
    pub(crate) fn new(params: &Params, pass: u32, slice: usize, lane: u32) -> Self {
        let (length, lane_length) = (params.segment_length(), params.lane_length());
        let (lane, lanes) = (lane as usize, params.lanes() as usize);
        let is_first_pass = pass == 0;
        Self {
            length,
            pass,
            begin: lane * lane_length + slice * length,
            lane,
            lanes,
            lane_length,
            is_alone: lanes == 1 || (is_first_pass && slice == 0),
            done: if is_first_pass { slice * length } else { lane_length - length },
            oldest: if is_first_pass { 0 } else { (slice + 1) % SLICES * length },
        }
    }

    /// The first three blocks of a lane, of which the third is to be made.
    pub(crate) const fn third() -> Self {
        Self {
            length: 3,
            pass: 0,
            begin: 0,
            lane: 0,
            lanes: 1,
            lane_length: 3,
            is_alone: true,
            done: 0,
            oldest: 0,
        }
    }

    /// The first block that is made here: a lane's first two are given.
    pub(crate) const fn first(&self) -> usize {
        if self.pass == 0 && self.done == 0 { 2 } else { 0 }
    }

    /// The blocks from `first` to before `end`.
    pub(crate) const fn stretch<'a>(
        &'a self,
        first: usize,
        end: usize,
        addresses: Option<&'a [u64; WORDS]>,
    ) -> Stretch<'a> {
        Stretch { first, end, keeps_old: self.pass > 0, segment: self, addresses }
    }
}

/// Blocks of one segment, one after the other.
///
/// A block is `at` within its segment, and at an index among all.
#[derive(Debug)]
pub(crate) struct Stretch<'a> {
    /// The first of them, within the segment.
    pub(crate) first: usize,
    /// The one after the last of them.
    pub(crate) end: usize,
    /// True if a block's old content goes into the new one: from the second pass on.
    pub(crate) keeps_old: bool,
    segment: &'a Segment,
    /// What chooses the blocks to mix with, where that is not the block before.
    addresses: Option<&'a [u64; WORDS]>,
}

impl Stretch<'_> {
    /// The index of a block of the segment.
    #[inline]
    pub(crate) const fn index(&self, at: usize) -> usize {
        self.segment.begin + at
    }

    /// The index of the block before the first one; before a lane's first is its last.
    pub(crate) const fn previous(&self) -> usize {
        let (index, lane_length) = (self.index(self.first), self.segment.lane_length);
        if index % lane_length == 0 { index + lane_length - 1 } else { index - 1 }
    }

    /// The index of the block that is mixed with the one before `at`, which begins with `word`.
    ///
    /// Computed for the end of the stretch as well, it is the index of some block.
    #[inline]
    pub(crate) fn reference(&self, at: usize, word: u64) -> usize {
        let Segment { lane, lanes, lane_length, is_alone, done, oldest, .. } = *self.segment;
        let chosen = match self.addresses {
            Some(addresses) => addresses.get(at % WORDS).copied().unwrap_or(0),
            None => word,
        };
        let (low, high) = (chosen & 0xffff_ffff, chosen >> 32);
        let other = if is_alone { lane } else { low32(high) % lanes };
        // How many blocks there are to choose from: never the block before, which is mixed with it.
        // In another lane that is the last of the slice before, while this slice begins.
        let area = if other == lane { done + at } else { done + usize::from(at != 0) } - 1;
        let back = (area as u64 * ((low * low) >> 32)) >> 32;
        let place = oldest + area - 1 - low32(back);
        let place = if place < lane_length { place } else { place - lane_length };
        other * lane_length + place
    }
}

/// A number of 32 bits.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "no platform has less than 32 bits")]
const fn low32(number: u64) -> usize {
    number as u32 as usize
}

/// The block at an index.
#[inline]
#[expect(clippy::indexing_slicing, reason = "an index of no block is a bug")]
pub(crate) fn at(blocks: &[Block], index: usize) -> &Block {
    &blocks[index]
}

/// The block at an index, to be written.
#[inline]
#[expect(clippy::indexing_slicing, reason = "an index of no block is a bug")]
pub(crate) fn at_mut(blocks: &mut [Block], index: usize) -> &mut Block {
    &mut blocks[index]
}
