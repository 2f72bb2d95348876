//! How a pool is used, for whoever draws it.

/// A pool of connections at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolState {
    /// Which of the database's pools.
    pub name: &'static str,
    /// The most connections that it may have.
    pub most: usize,
    /// Connections that it has.
    pub size: usize,
    /// Those that nobody uses.
    pub idle: usize,
    /// Calls that wait for one.
    pub waiting: usize,
}
