//! Third-party identity providers: what proves an account of theirs.

use std::collections::BTreeMap;

use async_trait::async_trait;
use thiserror::Error;

/// What a client holds of a provider's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderProof {
    /// An authorization code, to be exchanged by us.
    Code {
        /// The code.
        code: String,
        /// The address that it was issued for, where the provider wants it.
        redirect_uri: Option<String>,
        /// The PKCE verifier, where one was used.
        code_verifier: Option<String>,
    },
    /// The provider's access token, already in the app.
    Token {
        /// The token.
        access_token: String,
        /// The provider's user id, as the app has it.
        openid: Option<String>,
    },
    /// An `OpenID` Connect ID token.
    IdToken {
        /// The token.
        id_token: String,
        /// The nonce that it must hold.
        nonce: Option<String>,
    },
}

/// An account of the provider, proved by the provider's own answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderAccount {
    /// Every name of the account, by the namespace in which it is unique: issuer, appid, platform.
    pub subjects: BTreeMap<String, String>,
    /// The nickname, as given.
    pub nickname: Option<String>,
    /// The avatar's address, as given.
    pub avatar_url: Option<String>,
}

/// Why a provider proved nothing.
#[derive(Debug, Error)]
pub enum ProviderError {
    /// It said no, or named nobody.
    #[error("the provider does not confirm the account")]
    Refused,
    /// It cannot be reached, or not in time.
    #[error("the provider is unavailable")]
    Unavailable,
    /// It answered what no such provider answers.
    #[error("the provider's answer makes no sense")]
    BadResponse,
}

/// One third-party provider.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// Asks the provider whose account a proof belongs to. A refusal makes no user.
    async fn identify(&self, proof: &ProviderProof) -> Result<ProviderAccount, ProviderError>;
}
