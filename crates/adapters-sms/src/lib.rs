//! Text messages: the queue before the vendors, and the sender that writes to the log.
//!
//! [`Dispatcher`] takes letters, and delivers them in the background through the first vendor of
//! their channel that accepts; vendors of other channels are handed to it like those of this room.
//! [`LogSender`] and [`Inbox`] exist for development.

mod dispatcher;
mod inbox;
mod log_sender;
#[cfg(test)]
mod test_log;

pub use dispatcher::{Dispatcher, DispatcherPorts, DispatcherSettings, OnPost, Vendor};
pub use inbox::{Inbox, Kept};
pub use log_sender::LogSender;
