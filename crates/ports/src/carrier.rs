//! Carriers: what proves the phone number of a SIM card.

use async_trait::async_trait;
use domain::phone::PhoneNumber;
use thiserror::Error;

/// Why a carrier proved nothing. A token is spent by the first call, whatever came of it.
#[derive(Debug, Error)]
pub enum CarrierError {
    /// The token is unknown, expired, used, or another app's; or the SIM is none of this vendor's.
    #[error("the carrier does not know the token")]
    BadToken,
    /// The carrier cannot be reached, its answer was lost, or it does not take our credentials: not
    /// granted.
    #[error("the carrier is unavailable")]
    Unavailable,
    /// It answered what no carrier answers: no phone, a masked one, a malformed one.
    #[error("the carrier's answer makes no sense")]
    BadResponse,
}

/// One vendor of phone number verification.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait CarrierVerifier: Send + Sync {
    /// The vendor's name in the API and the settings.
    fn vendor(&self) -> &'static str;

    /// The part of a token that is good once: what is beside it makes no other token of it.
    fn spends(&self, token: &str) -> String {
        token.to_owned()
    }

    /// Exchanges a token for the SIM's number, as the carrier's server gives it, in E.164 form.
    ///
    /// One call to the vendor and never a second one: the token is spent by it (TAP-02).
    async fn phone(&self, token: &str) -> Result<String, CarrierError>;

    /// Asks whether a number is the SIM's; `true` only on the carrier's explicit yes. One call.
    async fn matches(&self, token: &str, phone: &PhoneNumber) -> Result<bool, CarrierError>;
}
