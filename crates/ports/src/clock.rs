//! The present moment.

use domain::Timestamp;

/// Tells the present moment, in whole microseconds, so that stores give back what they were given.
#[cfg_attr(feature = "testing", mockall::automock)]
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}
