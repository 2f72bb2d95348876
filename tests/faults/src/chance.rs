//! What clients do next: by chance, and the same in every run.

/// A stream of numbers that look like chance (xorshift64).
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The stream of one client.
    pub(crate) fn of(client: u64) -> Self {
        // Any constant will do that spreads small numbers over all bits.
        Self((client + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// A number below a bound.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound.max(1)
    }

    /// One of several; none of none.
    pub(crate) fn one<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        of.get(self.below(of.len())).copied()
    }
}
