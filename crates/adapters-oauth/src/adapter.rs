//! What all providers have in common: the ways, the time of one login, the log, and the error that
//! our caller gets.

use std::time::Instant;

use async_trait::async_trait;
use domain::Duration;
use domain::provider::ProviderAccount;
use ports::identity_provider::{
    Authorization, Departure, IdentityProvider, ProviderError, ProviderFacts, ProviderProof, Way,
};
use tracing::{debug, error, info, warn};

use crate::client::Client;
use crate::failure::{Class, Failure};

/// A code as the client or the callback brings it.
pub(crate) struct Code<'a> {
    pub(crate) text: &'a str,
    pub(crate) redirect_uri: Option<&'a str>,
    /// The PKCE verifier.
    pub(crate) verifier: Option<&'a str>,
    pub(crate) nonce: Option<&'a str>,
    pub(crate) user: Option<&'a str>,
}

/// An access token as an app brings it.
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) openid: Option<&'a str>,
    pub(crate) expires_in: Option<u64>,
    pub(crate) refresh: Option<&'a str>,
}

impl Token<'_> {
    /// Compares what the client says with what the provider says (SDK-01).
    pub(crate) fn is_of(&self, subject: &str) -> Result<(), Failure> {
        match self.openid {
            Some(posted) if posted != subject => Err(Failure::mismatch()),
            _ => Ok(()),
        }
    }
}

/// What differs from vendor to vendor. A way that a vendor does not offer it does not implement.
#[async_trait]
pub(crate) trait Vendor: Send + Sync {
    /// The address that a person is sent to.
    async fn authorize(&self, client: &Client, asked: &Authorization) -> Result<String, Failure>;

    /// Exchanges a code.
    async fn by_code(&self, client: &Client, code: Code<'_>) -> Result<ProviderAccount, Failure>;

    /// Looks at an access token: whose app it is of, and whose account.
    async fn by_token(&self, _: &Client, _: Token<'_>) -> Result<ProviderAccount, Failure> {
        Err(Failure::unsupported())
    }

    /// Looks at an ID token.
    async fn by_id_token(
        &self,
        _: &Client,
        _: &str,
        _: Option<&str>,
    ) -> Result<ProviderAccount, Failure> {
        Err(Failure::unsupported())
    }

    /// What it may call itself at the callback. Who is no issuer says nothing there.
    fn issuers(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether it promises to say so each time (RFC 9207).
    async fn names_issuer(&self, _: &Client) -> Result<bool, Failure> {
        Ok(false)
    }
}

/// A provider, as the port has it.
pub(crate) struct Adapter {
    pub(crate) facts: ProviderFacts,
    pub(crate) vendor: Box<dyn Vendor>,
    pub(crate) client: Client,
    /// How long all calls of one login may take together (EXT-04).
    pub(crate) all: Duration,
    /// Whether what the provider gave is handed on to be kept (SDK-04).
    pub(crate) store_tokens: bool,
}

#[async_trait]
impl IdentityProvider for Adapter {
    fn facts(&self) -> &ProviderFacts {
        &self.facts
    }

    async fn authorize(&self, asked: &Authorization) -> Result<Departure, ProviderError> {
        if !self.facts.ways.contains(&Way::Browser) {
            return Err(ProviderError::Refused);
        }
        let departure = async {
            let location = self.vendor.authorize(&self.client, asked).await?;
            let names_issuer = self.vendor.names_issuer(&self.client).await?;
            Ok(Departure { location, names_issuer })
        };
        self.timed("authorize", departure).await
    }

    async fn identify(&self, proof: &ProviderProof) -> Result<ProviderAccount, ProviderError> {
        let mut account = self.timed(name(proof.way()), self.prove(proof)).await?;
        if !self.store_tokens {
            account.tokens = None;
        }
        Ok(account)
    }
}

impl Adapter {
    async fn prove(&self, proof: &ProviderProof) -> Result<ProviderAccount, Failure> {
        let offers = |way| self.facts.ways.contains(&way);
        // A code of the browser flow is a code, even where apps may bring none.
        let is_of_browser = proof.way() == Way::Code && offers(Way::Browser);
        if !is_of_browser && !offers(proof.way()) {
            return Err(Failure::unsupported());
        }
        match proof {
            ProviderProof::Code { code, redirect_uri, code_verifier, nonce, user } => {
                let code = Code {
                    text: code,
                    redirect_uri: redirect_uri.as_deref(),
                    verifier: code_verifier.as_deref().map(String::as_str),
                    nonce: nonce.as_deref(),
                    user: user.as_deref(),
                };
                self.vendor.by_code(&self.client, code).await
            }
            ProviderProof::Token { access_token, openid, expires_in, refresh_token } => {
                let token = Token {
                    text: access_token,
                    openid: openid.as_deref(),
                    expires_in: *expires_in,
                    refresh: refresh_token.as_deref().map(String::as_str),
                };
                if self.facts.needs_openid && token.openid.is_none() {
                    return Err(Failure::new(Class::BadToken, "no_openid"));
                }
                self.vendor.by_token(&self.client, token).await
            }
            ProviderProof::IdToken { id_token, nonce } => {
                self.vendor.by_id_token(&self.client, id_token, nonce.as_deref()).await
            }
        }
    }

    /// Lets a piece of work have the time of a login, and says in the log how it went.
    async fn timed<T>(
        &self,
        what: &'static str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, ProviderError> {
        let started = Instant::now();
        let done = tokio::time::timeout(self.all, work).await.unwrap_or_else(|_| {
            self.client.timed_out();
            Err(Failure::new(Class::Busy, "timeout"))
        });
        self.log(what, done.as_ref().err(), started.elapsed());
        done.map_err(|it| ProviderError::from(&it))
    }

    /// One line, without addresses, bodies, tokens and names (LOG-01).
    fn log(&self, what: &'static str, failure: Option<&Failure>, took: Duration) {
        let provider = self.facts.name.as_str();
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let Some(Failure { class, code }) = failure else {
            debug!(provider, what, millis, "the provider answered");
            return;
        };
        let (code, kind) = (code.as_str(), class.as_str());
        match class {
            Class::BadCode | Class::BadToken | Class::UserBlocked => {
                info!(provider, what, class = kind, code, millis, "the provider refused a proof");
            }
            Class::WrongApp => {
                warn!(
                    provider,
                    what,
                    class = kind,
                    code,
                    millis,
                    security = true,
                    "a proof of another app or account was shown"
                );
            }
            Class::Misconfig => {
                error!(
                    provider,
                    what,
                    class = kind,
                    code,
                    millis,
                    "the provider does not take our settings"
                );
            }
            Class::RateLimited | Class::Busy | Class::Protocol => {
                warn!(provider, what, class = kind, code, millis, "the provider failed");
            }
        }
    }
}

const fn name(way: Way) -> &'static str {
    match way {
        Way::Code => "code",
        Way::Token => "token",
        Way::IdToken => "id_token",
        Way::Browser => "browser",
    }
}
