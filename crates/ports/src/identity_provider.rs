//! Third-party identity providers: what proves an account of theirs.

use async_trait::async_trait;
use domain::provider::{ProviderAccount, ProviderKind, ProviderName};
pub use domain::provider::{ProviderProof, Way};
use thiserror::Error;

/// What is known of a provider without asking it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderFacts {
    /// Its name in the API and the settings.
    pub name: ProviderName,
    /// Its kind: the type of the identities that it proves.
    pub kind: ProviderKind,
    /// Its name for people.
    pub title: &'static str,
    /// The ways that it offers, each once.
    pub ways: Vec<Way>,
    /// The namespaces of the names that it gives: appid, platform, issuer.
    pub namespaces: Vec<String>,
    /// True if a code is exchanged only with the address that it was issued for.
    pub needs_redirect_uri: bool,
    /// True if a token is looked at only with the provider's user id beside it.
    pub needs_openid: bool,
    /// The parameter that brings the code to the callback: `code`, or Alipay's `auth_code`.
    pub code_parameter: &'static str,
    /// What it may call itself at the callback; none if it is no issuer (EXT-03).
    pub issuers: Vec<String>,
}

/// What the browser flow sends a person to the provider with.
#[derive(Clone)]
pub struct Authorization {
    /// Where the provider sends them back.
    pub redirect_uri: String,
    /// Letters and digits, at most 128.
    pub state: String,
    /// What an ID token must hold, where there is one.
    pub nonce: String,
    /// The S256 challenge of our PKCE verifier; left out where the provider knows no PKCE.
    pub code_challenge: String,
}

/// Where a person is sent, and what was promised of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// The provider's address.
    pub location: String,
    /// True if the answer is to name its issuer (RFC 9207).
    pub names_issuer: bool,
}

/// Why a provider proved nothing.
#[derive(Debug, Error)]
pub enum ProviderError {
    /// It said no, named nobody, or the proof is another app's.
    #[error("the provider does not confirm the account")]
    Refused,
    /// It cannot be reached, not in time, is busy, or does not take our own credentials.
    #[error("the provider is unavailable")]
    Unavailable,
    /// It answered what no such provider answers.
    #[error("the provider's answer makes no sense")]
    BadResponse,
}

/// One configured third-party provider. It keeps nothing between two calls but what is anybody's:
/// keys, connections, its breaker (EXT-10).
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// What is known of it without asking.
    fn facts(&self) -> &ProviderFacts;

    /// The address that a person is sent to.
    async fn authorize(&self, asked: &Authorization) -> Result<Departure, ProviderError>;

    /// Asks the provider whose account a proof belongs to. A refusal makes no user.
    ///
    /// Whose app the proof was made for is looked at (SDK-02); all calls together take 8 s at the
    /// most, and none that spends the proof is made twice (EXT-04).
    async fn identify(&self, proof: &ProviderProof) -> Result<ProviderAccount, ProviderError>;
}
