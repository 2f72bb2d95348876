//! From the first hash over all blocks to the last hash (RFC 9106, section 3.2).

use crate::blake::{self, First};
use crate::block::{BYTES, Block, WORDS};
use crate::segment::{SLICES, Segment};
use crate::{Params, Path, Variant};

/// Makes the first two blocks of each lane.
pub(crate) fn begin(blocks: &mut [Block], params: &Params, path: Path, first: &First) {
    for (lane, blocks) in (0_u32..).zip(blocks.chunks_exact_mut(params.lane_length())) {
        for (number, block) in (0_u32..2).zip(blocks) {
            let mut bytes = [0; BYTES];
            blake::long(&[first, &number.to_le_bytes(), &lane.to_le_bytes()], &mut bytes);
            let (words, _) = bytes.as_chunks();
            *block = path.arrange(|word| words.get(word).map_or(0, |it| u64::from_le_bytes(*it)));
        }
    }
}

/// Makes all other blocks, as often as there are passes.
pub(crate) fn fill(blocks: &mut [Block], params: &Params, path: Path, variant: Variant) {
    for pass in 0..params.passes() {
        for slice in 0..SLICES {
            for lane in 0..params.lanes() {
                let segment = Segment::new(params, pass, slice, lane);
                let is_counted = match variant {
                    Variant::D => false,
                    Variant::I => true,
                    Variant::Id => pass == 0 && slice < SLICES / 2,
                };
                if is_counted {
                    let counter = counter(blocks.len(), params, variant, pass, slice, lane);
                    fill_by_counting(blocks, path, &segment, counter);
                } else {
                    path.fill(blocks, &segment.stretch(segment.first(), segment.length, None));
                }
            }
        }
    }
}

/// Hashes what all lanes ended with.
pub(crate) fn finish(blocks: &[Block], params: &Params, path: Path, hash: &mut [u8]) {
    let mut last = Block::ZERO;
    for lane in blocks.chunks_exact(params.lane_length()) {
        for (word, other) in last.0.iter_mut().zip(lane.last().iter().flat_map(|it| &it.0)) {
            *word ^= other;
        }
    }
    let mut bytes = [0; BYTES];
    let (words, _) = bytes.as_chunks_mut();
    for (to, word) in words.iter_mut().zip(path.words(&last)) {
        *to = word.to_le_bytes();
    }
    blake::long(&[&bytes], hash);
}

/// Fills a segment in stretches for which one block of addresses lasts.
fn fill_by_counting(blocks: &mut [Block], path: Path, segment: &Segment, mut counter: [u64; 7]) {
    for begin in (0..segment.length).step_by(WORDS) {
        let [.., count] = &mut counter;
        *count += 1;
        let addresses = addresses(path, &counter);
        let (first, end) = (begin.max(segment.first()), segment.length.min(begin + WORDS));
        path.fill(blocks, &segment.stretch(first, end, Some(&addresses)));
    }
}

/// What addresses are made of: where in the work they are for, and their number.
fn counter(
    blocks: usize,
    params: &Params,
    variant: Variant,
    pass: u32,
    slice: usize,
    lane: u32,
) -> [u64; 7] {
    let (passes, variant) = (params.passes().into(), variant.number().into());
    [pass.into(), lane.into(), slice as u64, blocks as u64, passes, variant, 0]
}

/// Which block each of 128 blocks is mixed with: the block function of a block of zeros and the
/// counter, and again of a block of zeros and that.
fn addresses(path: Path, counter: &[u64; 7]) -> [u64; WORDS] {
    let counter = path.arrange(|word| counter.get(word).copied().unwrap_or(0));
    // It is what the third block of a lane is made by: it has one block to be mixed with, the first.
    let segment = Segment::third();
    let mut lane = [Block::ZERO, counter, Block::ZERO];
    for _ in 0..2 {
        path.fill(&mut lane, &segment.stretch(2, 3, None));
        lane.swap(1, 2);
    }
    let [_, addresses, _] = &lane;
    path.words(addresses)
}
