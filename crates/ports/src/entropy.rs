//! Random bytes.

/// Gives random bytes that nobody can foretell.
#[cfg_attr(feature = "testing", mockall::automock)]
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with random ones.
    ///
    /// Never fails: a machine without randomness cannot go on, so the adapter panics.
    fn fill(&self, bytes: &mut [u8]);
}

/// Draws an array of random bytes.
pub fn bytes<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut drawn = [0; N];
    entropy.fill(&mut drawn);
    drawn
}
