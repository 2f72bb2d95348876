//! The machine's randomness.

use ports::entropy::Entropy;
use rand::TryRng as _;
use rand::rngs::SysRng;

/// The operating system's generator, asked anew for every byte: nothing is kept in the process.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = SysRng.try_fill_bytes(bytes) {
            panic!("the operating system gives no random bytes: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[expect(clippy::unused_async, reason = "suites await what makes a port")]
    async fn fresh() -> Arc<dyn Entropy> {
        Arc::new(SystemEntropy)
    }

    ports::entropy_contract!(fresh());
}
