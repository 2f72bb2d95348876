//! What the use cases and the rules refuse, as problems.

use std::time::Duration;

use application::Error;
use domain::identifier::IdentifierError;
use domain::message::Channel;
use domain::password::PasswordError;
use domain::phone::PhoneNumberError;
use domain::profile::ProfileError;
use ports::error::StoreError;
use ports::hasher::HashError;
use ports::postbox::PostboxError;

use super::{Code, FieldCode, Problem};

/// Long enough for a queue to move or a contender to be done.
const SOON: Duration = Duration::from_secs(1);
/// A full disk is not emptied in a second.
const LATER: Duration = Duration::from_secs(30);

/// Names the member of the body that holds the password that a use case may refuse.
pub(crate) trait PasswordField<T> {
    /// A refused password is blamed on `field`.
    fn password_in(self, field: &'static str) -> Result<T, Problem>;
}

impl<T> PasswordField<T> for Result<T, Error> {
    fn password_in(self, field: &'static str) -> Result<T, Problem> {
        self.map_err(|error| match error {
            Error::Password(refusal) => Problem::password(refusal, field),
            other => other.into(),
        })
    }
}

impl Problem {
    /// A password that cannot be set, or is too long to be tried.
    pub(crate) fn password(refusal: PasswordError, field: &'static str) -> Self {
        match refusal {
            PasswordError::TooShort => Self::refused(Code::PasswordTooShort, field),
            PasswordError::TooLong => Self::refused(Code::PasswordTooLong, field),
            PasswordError::Breached => Self::refused(Code::PasswordBreached, field),
            PasswordError::Context => Self::refused(Code::PasswordContext, field),
            PasswordError::Unprintable => Self::field(field, FieldCode::Invalid),
        }
    }

    /// A text that is no identifier of its kind.
    pub(crate) fn identifier(refusal: IdentifierError, field: &'static str) -> Self {
        let code = match refusal {
            IdentifierError::Phone(PhoneNumberError::Invalid) => Code::PhoneInvalid,
            IdentifierError::Phone(PhoneNumberError::RegionDenied) => Code::PhoneRegionDenied,
            IdentifierError::Email(_) => Code::EmailInvalid,
            IdentifierError::Username(_) => Code::UsernameInvalid,
            // A third-party account is proved, and never typed.
            IdentifierError::NotTyped => Code::ValidationFailed,
        };
        Self::refused(code, field)
    }

    /// A profile that cannot be taken; `parent` is the member that holds it.
    pub(crate) fn profile(refusal: ProfileError, parent: &str) -> Self {
        let field = match refusal {
            ProfileError::Nickname => "nickname",
            ProfileError::Avatar => "avatar_url",
        };
        Self::field(format!("{parent}{field}"), FieldCode::Invalid)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::CodeInvalid => Self::new(Code::CodeInvalid),
            Error::InvalidCredentials => Self::new(Code::InvalidCredentials),
            Error::ProviderIdentityInvalid => Self::new(Code::ProviderIdentityInvalid),
            Error::StateInvalid => Self::new(Code::StateInvalid),
            Error::IssuerMismatch => Self::new(Code::IssuerMismatch),
            Error::ProviderDisabled => Self::new(Code::ProviderDisabled),
            Error::ProviderUnavailable => Self::new(Code::ProviderUnavailable).after(SOON),
            Error::ProviderBadResponse => Self::new(Code::ProviderBadResponse),
            Error::CarrierTokenInvalid => Self::new(Code::CarrierTokenInvalid).next(&["sms"]),
            Error::CarrierUnavailable => {
                Self::new(Code::ProviderUnavailable).next(&["sms"]).after(SOON)
            }
            Error::CarrierBadResponse => Self::new(Code::ProviderBadResponse).next(&["sms"]),
            Error::SessionInvalid => Self::new(Code::SessionInvalid),
            Error::AccountDisabled => Self::new(Code::AccountDisabled),
            Error::ReauthRequired { methods } => {
                Self::new(Code::ReauthRequired).next(&["reauthenticate"]).methods(&methods)
            }
            Error::ExtraProofRequired { methods } => {
                Self::new(Code::ExtraProofRequired).next(&["new_account"]).methods(&methods)
            }
            Error::IdentityInUse => Self::new(Code::IdentityInUse).next(&["merge"]),
            Error::LimitReached => Self::new(Code::LimitReached),
            Error::ReplaceType => Self::field("replace", FieldCode::Invalid),
            Error::LastMethod => Self::new(Code::LastMethod),
            Error::MergeConflict => Self::new(Code::MergeConflict),
            Error::NotFound => Self::new(Code::NotFound),
            Error::PhoneRequired => Self::new(Code::PhoneRequired),
            Error::UsernameTaken => Self::refused(Code::UsernameTaken, "username"),
            Error::Password(refusal) => Self::password(refusal, "password"),
            Error::TooManyAttempts { retry_after } => {
                Self::new(Code::TooManyAttempts).after(retry_after)
            }
            Error::ChallengeRequired => Self::new(Code::ChallengeRequired).next(&["code"]),
            Error::RateLimited { retry_after } => Self::new(Code::RateLimited).after(retry_after),
            Error::SmsRateLimited { retry_after } => {
                Self::new(Code::SmsRateLimited).after(retry_after)
            }
            Error::SmsBudgetExhausted { retry_after }
            | Error::Postbox(PostboxError::Spent { retry_after }) => {
                Self::new(Code::SmsBudgetExhausted).after(retry_after)
            }
            Error::Store(error) => error.into(),
            Error::Hash(error @ HashError::Busy) => {
                Self::new(Code::Overloaded).after(SOON).because(error)
            }
            Error::Postbox(error @ PostboxError::Full) => {
                Self::new(Code::Overloaded).after(SOON).because(error)
            }
            Error::Postbox(error @ PostboxError::Down { channel, retry_after }) => {
                let code = match channel {
                    Channel::Sms => Code::SmsUnavailable,
                    Channel::Email => Code::DependencyUnavailable,
                };
                Self::new(code).after(retry_after).because(error)
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } => {
                Self::new(Code::DependencyUnavailable).after(SOON).because(error)
            }
            StoreError::ReadOnly { .. } => {
                Self::new(Code::StorageUnavailable).after(LATER).because(error)
            }
            StoreError::Overloaded { .. } => Self::new(Code::Overloaded).after(SOON).because(error),
            StoreError::Contended { .. } => Self::new(Code::RetryLater).after(SOON).because(error),
            StoreError::Corrupt { .. } | StoreError::Rejected { .. } => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(error: Error) -> (&'static str, u16, Option<u64>) {
        let problem = Problem::from(error);
        (problem.code().as_str(), problem.code().status().as_u16(), problem.wait_secs())
    }

    #[test]
    fn a_store_that_fails_is_told_by_what_helps() {
        let source = || Box::new(std::io::Error::other("the driver's words"));
        let store = "database";
        let unavailable = StoreError::Unavailable { store, source: source() };
        assert_eq!(code(unavailable.into()), ("dependency_unavailable", 503, Some(1)));
        let read_only = StoreError::ReadOnly { store, source: source() };
        assert_eq!(code(read_only.into()), ("storage_unavailable", 503, Some(30)));
        assert_eq!(code(StoreError::Contended { store }.into()), ("retry_later", 503, Some(1)));
        assert_eq!(code(StoreError::Overloaded { store }.into()), ("overloaded", 503, Some(1)));
        let corrupt = StoreError::Corrupt { what: "users.state" };
        assert_eq!(code(corrupt.into()), ("internal", 500, None));
    }

    #[test]
    fn a_lock_that_only_a_reset_ends_is_told_as_a_day() {
        let locked = Error::TooManyAttempts { retry_after: Duration::from_secs(u64::MAX) };
        assert_eq!(code(locked), ("too_many_attempts", 429, Some(86_400)));
    }

    #[test]
    fn a_channel_that_is_down_is_told_by_its_name() {
        let down = |channel| PostboxError::Down { channel, retry_after: Duration::from_secs(5) };
        assert_eq!(code(down(Channel::Sms).into()), ("sms_unavailable", 503, Some(5)));
        assert_eq!(code(down(Channel::Email).into()), ("dependency_unavailable", 503, Some(5)));
    }

    #[test]
    fn the_drivers_words_are_for_the_log_alone() {
        let source = Box::new(std::io::Error::other("the driver's words"));
        let problem = Problem::from(StoreError::Unavailable { store: "redis", source });
        let causes = problem.causes().expect("a cause");
        assert_eq!(causes, "redis is unavailable: the driver's words");
    }
}
