//! E-mail: the texts of codes and notices, and the sender that hands them to a mail server.
//!
//! [`SmtpSettings`] says where the server is, [`SmtpSender`] speaks to it. `words` has the texts,
//! `mail` makes a mail of them, `dialogue` is one conversation with the server, and tells what an
//! error means by the step at which it came.

mod dialogue;
mod mail;
mod sender;
mod settings;
mod words;

pub use sender::SmtpSender;
pub use settings::{SmtpSettings, SmtpSettingsError};

#[cfg(test)]
#[cfg(feature = "test-smtp")]
mod tests;
