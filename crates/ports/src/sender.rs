//! Senders: the vendors that deliver messages.

use async_trait::async_trait;
use domain::message::Message;
use thiserror::Error;

/// Why a message was not delivered, by what is to be done next.
#[derive(Debug, Error)]
pub enum SendError {
    /// The vendor refuses this recipient: malformed, unknown, opted out, or on a blacklist. Final.
    #[error("{vendor} refuses the recipient")]
    BadRecipient {
        /// The sender's name.
        vendor: &'static str,
    },
    /// The vendor's own limit for this recipient. Final for now, never dodged by another vendor.
    #[error("{vendor} has reached its limit for the recipient")]
    Limited {
        /// The sender's name.
        vendor: &'static str,
    },
    /// Our key, signature or template with this vendor. The next vendor may do.
    #[error("{vendor} is not set up")]
    Misconfigured {
        /// The sender's name.
        vendor: &'static str,
    },
    /// Our balance, package or ceiling with this vendor is used up. The next vendor may do.
    #[error("what was paid for at {vendor} is used up")]
    Exhausted {
        /// The sender's name.
        vendor: &'static str,
    },
    /// The vendor is set up for other messages than this one, as for codes and not for notices:
    /// it was not asked. The next vendor may do.
    #[error("{vendor} has no text for this message")]
    NotOffered {
        /// The sender's name.
        vendor: &'static str,
    },
    /// The vendor is down or busy: try again, then the next vendor.
    #[error("{vendor} is unavailable")]
    Unavailable {
        /// The sender's name.
        vendor: &'static str,
    },
    /// The request left us and no answer came: it may have been sent. Only the same code again.
    #[error("{vendor} gave no usable answer")]
    Ambiguous {
        /// The sender's name.
        vendor: &'static str,
    },
}

/// One vendor that delivers messages.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait MessageSender: Send + Sync {
    /// Hands a message to the vendor; `Ok` means accepted, not delivered. Called again for the
    /// same message it sends the same code.
    async fn send(&self, message: &Message) -> Result<(), SendError>;
}
