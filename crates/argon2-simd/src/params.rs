//! What a hash costs.

use thiserror::Error;

use crate::segment::SLICES;

/// The fewest blocks of a lane: two a slice. Source: RFC 9106, section 3.1.
const SHORTEST_LANE: u32 = 8;
/// The most lanes. Source: RFC 9106, section 3.1.
const MOST_LANES: u32 = (1 << 24) - 1;

/// The parameters of Argon2, within its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Parameters that Argon2 does not have: no pass, no lane, more than 2^24 - 1 lanes, or less than
/// 8 KiB a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("argon2 does not take these parameters")]
pub struct ParamsError;

impl Params {
    /// Memory in KiB, passes over it, and lanes: `m`, `t` and `p`.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, ParamsError> {
        let is_taken =
            passes >= 1 && (1..=MOST_LANES).contains(&lanes) && memory_kib / SHORTEST_LANE >= lanes;
        is_taken.then_some(Self { memory_kib, passes, lanes }).ok_or(ParamsError)
    }

    /// The memory, in KiB.
    #[must_use]
    pub const fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    /// The passes over it.
    #[must_use]
    pub const fn passes(&self) -> u32 {
        self.passes
    }

    /// The lanes.
    #[must_use]
    pub const fn lanes(&self) -> u32 {
        self.lanes
    }

    /// The blocks of a segment: a slice of a lane.
    pub(crate) const fn segment_length(&self) -> usize {
        self.memory_kib as usize / (SLICES * self.lanes as usize)
    }

    /// The blocks of a lane.
    pub(crate) const fn lane_length(&self) -> usize {
        SLICES * self.segment_length()
    }

    /// All blocks: the memory, less what does not divide evenly.
    pub(crate) const fn blocks(&self) -> usize {
        self.lane_length() * self.lanes as usize
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::least(8, 1, 1, true)]
    #[case::least_of_four_lanes(32, 1, 4, true)]
    #[case::most(u32::MAX, u32::MAX, MOST_LANES, true)]
    #[case::little_memory(7, 1, 1, false)]
    #[case::little_memory_for_four_lanes(31, 1, 4, false)]
    #[case::no_pass(8, 0, 1, false)]
    #[case::no_lane(8, 1, 0, false)]
    #[case::many_lanes(u32::MAX, 1, MOST_LANES + 1, false)]
    fn bounds_are_those_of_the_rfc(
        #[case] memory_kib: u32,
        #[case] passes: u32,
        #[case] lanes: u32,
        #[case] taken: bool,
    ) {
        assert_eq!(Params::new(memory_kib, passes, lanes).is_ok(), taken);
        assert_eq!(argon2::Params::new(memory_kib, passes, lanes, None).is_ok(), taken);
    }
}
