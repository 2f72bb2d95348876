//! Why a use case did not do what it was asked.

use domain::password::PasswordError;
use domain::session::Method;
use domain::{Duration, Timestamp};
use ports::error::StoreError;
use ports::hasher::HashError;
use ports::postbox::PostboxError;
use thiserror::Error;

/// A refusal of a rule, or a failure of what the use case stands on.
#[derive(Debug, Error)]
pub enum Error {
    /// The code is wrong, expired, used, burned, unknown, or of another purpose.
    #[error("the code does not prove anything")]
    CodeInvalid,
    /// Unknown identifier, wrong password, no password, or an account that is switched off.
    #[error("the credentials do not match an account")]
    InvalidCredentials,
    /// The provider does not confirm the account, or its proof was used before.
    #[error("the provider does not confirm the account")]
    ProviderIdentityInvalid,
    /// The carrier does not know the token, it was tried before, or it is another number's.
    #[error("the carrier does not confirm the number")]
    CarrierTokenInvalid,
    /// The carrier cannot be asked.
    #[error("the carrier is unavailable")]
    CarrierUnavailable,
    /// The carrier answered what makes no sense.
    #[error("the carrier's answer makes no sense")]
    CarrierBadResponse,
    /// The state of a browser's way is unknown, used, over, another browser's or another provider's.
    #[error("the state is not valid")]
    StateInvalid,
    /// The answer names another issuer than the provider's.
    #[error("the answer is another issuer's")]
    IssuerMismatch,
    /// The provider is switched off.
    #[error("the provider is disabled")]
    ProviderDisabled,
    /// The provider cannot be asked.
    #[error("the provider is unavailable")]
    ProviderUnavailable,
    /// The provider answered what makes no sense.
    #[error("the provider's answer makes no sense")]
    ProviderBadResponse,
    /// The token opens nothing.
    #[error("the session is not valid")]
    SessionInvalid,
    /// The account is switched off, told to its proven owner.
    #[error("the account is disabled")]
    AccountDisabled,
    /// The proof of the session is not fresh enough for this.
    #[error("a fresh proof is needed")]
    ReauthRequired {
        /// How the user can give one.
        methods: Vec<Method>,
    },
    /// The account was unused for so long that its phone number alone opens it no more.
    #[error("the phone number alone is not enough")]
    ExtraProofRequired {
        /// What else would do.
        methods: Vec<Method>,
    },
    /// Somebody else has the identity.
    #[error("the identity belongs to another account")]
    IdentityInUse,
    /// As many as there may be.
    #[error("no more of these")]
    LimitReached,
    /// Only a phone takes a phone's place, and an e-mail address one's.
    #[error("an identity of another type cannot take its place")]
    ReplaceType,
    /// Without it nobody could come in any more.
    #[error("it is the last way in")]
    LastMethod,
    /// The two accounts cannot become one.
    #[error("the accounts cannot be merged")]
    MergeConflict,
    /// The service wants a phone number first.
    #[error("a phone number has to be linked first")]
    PhoneRequired,
    /// Somebody has the user name, or one that looks like it.
    #[error("the user name is taken")]
    UsernameTaken,
    /// There is no such thing, or it is somebody else's.
    #[error("no such thing")]
    NotFound,
    /// The new password cannot be set.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Too many wrong passwords or codes: nothing is evaluated for a while.
    #[error("too many attempts")]
    TooManyAttempts {
        /// When to try again.
        retry_after: Duration,
    },
    /// All addresses together have failed too often: a password is for known devices.
    #[error("a device that the account does not know has to prove more")]
    ChallengeRequired,
    /// Too many requests of this kind from one address.
    #[error("too many requests")]
    RateLimited {
        /// When to try again.
        retry_after: Duration,
    },
    /// Too many messages to this number or from this address.
    #[error("too many messages")]
    SmsRateLimited {
        /// When to try again.
        retry_after: Duration,
    },
    /// The country's or the whole service's share of messages is used up.
    #[error("the message budget is used up")]
    SmsBudgetExhausted {
        /// When to try again.
        retry_after: Duration,
    },
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The hasher is overloaded.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The message queue takes nothing.
    #[error(transparent)]
    Postbox(#[from] PostboxError),
}

impl Error {
    /// True for what a carrier came to where it proved nothing: a message may take its place.
    #[must_use]
    pub const fn is_the_carriers(&self) -> bool {
        matches!(
            self,
            Self::CarrierTokenInvalid | Self::CarrierUnavailable | Self::CarrierBadResponse
        )
    }
}

/// The time from `now` until a moment that lies ahead.
pub(crate) fn until(moment: Timestamp, now: Timestamp) -> Duration {
    moment.duration_since(now).try_into().unwrap_or(Duration::ZERO)
}
