//! What happens by chance, and is the same in every run.

/// A stream of numbers that look like chance (xorshift64).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// The stream of a number, as that of a client.
    #[must_use]
    pub fn of(number: u64) -> Self {
        // Any constant will do that spreads small numbers over all bits.
        Self((number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// A number below a bound.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound.max(1)
    }

    /// One of several; none of none.
    pub fn one<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        of.get(self.below(of.len())).copied()
    }
}
