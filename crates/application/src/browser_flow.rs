//! Logging in by a browser that goes to a third-party provider and comes back.
//!
//! It begins like an authorization request of a client, and ends with a code for that client: no
//! token ever stands in an address (EXT-09). Nothing is linked on the way.

use domain::Timestamp;
use domain::browser_flow::{Denied, FLOW_LIFE, Flow, answer};
use domain::credential::third_party::ProviderCredential;
use domain::credential::{Credential, IdentityCredential};
use domain::oauth::pkce::Challenge;
use domain::oauth::scope::Scopes;
use domain::origin::Origin;
use domain::provider::{ProviderName, ProviderProof};
use domain::secret::{OpaqueToken, Sealed, Subject};
use ports::identity_provider::{Authorization, Departure, ProviderError};
use ports::keys::Seal;
use ports::{Ports, Provider, entropy};

use crate::charge::{charge, to_ip};
use crate::error::Error;
use crate::login::{Login, Newcomers};
use crate::oauth::issue::{CodeRequest, IssuedCode, login_for_code};

/// A browser that is to be sent to a provider.
#[derive(Debug)]
pub struct Start {
    /// The provider.
    pub provider: ProviderName,
    /// The code that the client wants in the end.
    pub asked: CodeRequest,
    /// What the client wants back.
    pub state: Option<String>,
    /// The browser's own token; `None` if it has none yet.
    pub browser: Option<OpaqueToken>,
    /// Where the provider sends it back to.
    pub callback: String,
    /// Where the request comes from.
    pub origin: Origin,
}

/// Where a browser goes, and the token that it has to come back with.
#[derive(Debug)]
pub struct Started {
    /// The provider's address.
    pub location: String,
    /// The browser's own token.
    pub browser: OpaqueToken,
}

/// A browser that came back.
#[derive(Debug)]
pub struct Finish {
    /// The provider whose callback it came to.
    pub provider: ProviderName,
    /// The state that it came with.
    pub state: String,
    /// The browser's own token.
    pub browser: Option<OpaqueToken>,
    /// The provider's code.
    pub code: Option<String>,
    /// What the provider says went wrong.
    pub error: Option<String>,
    /// Who the provider says it is.
    pub iss: Option<String>,
    /// What Apple says of its user.
    pub user: Option<String>,
    /// Where it came to.
    pub callback: String,
    /// Where the request comes from.
    pub origin: Origin,
}

/// What the client is told, and where.
#[derive(Debug)]
pub struct Finished {
    /// The client's address.
    pub redirect_uri: String,
    /// What the client wants back.
    pub state: Option<String>,
    /// The client's code, or why there is none.
    pub outcome: Result<IssuedCode, Denied>,
}

/// Remembers what a browser is sent for, and tells where to.
#[tracing::instrument(
    target = "latchkey::trace",
    level = "debug",
    skip_all,
    name = "browser_flow.start"
)]
pub async fn start(ports: &Ports, asked: Start) -> Result<Started, Error> {
    let now = ports.clock.now();
    let provider = enabled(ports, asked.provider)?;
    // Each start is remembered for a while: an address has so many a minute.
    let starts = to_ip(ports, "ip-browser-flows", &asked.origin, &ports.policy.provider_calls);
    charge(ports, &[starts], now).await?;
    let draw = || OpaqueToken::new(entropy::bytes(&*ports.entropy));
    let (browser, verifier, nonce) = (asked.browser.unwrap_or_else(draw), draw(), draw());
    let state = state(ports);
    let to = Authorization {
        redirect_uri: asked.callback,
        state: state.clone(),
        nonce: nonce.reveal().to_owned(),
        // Both are 32 bytes in base64url.
        code_challenge: OpaqueToken::new(ports.keys.digest(verifier.reveal())).reveal().to_owned(),
    };
    let Departure { location, names_issuer } =
        provider.adapter.authorize(&to).await.map_err(|it| match it {
            ProviderError::Refused | ProviderError::Unavailable => Error::ProviderUnavailable,
            ProviderError::BadResponse => Error::ProviderBadResponse,
        })?;
    let flow = Flow {
        provider: asked.provider,
        browser: Challenge::new(ports.keys.digest(browser.reveal())),
        names_issuer,
        nonce: to.nonce,
        verifier: verifier.reveal().to_owned(),
        client_id: asked.asked.client.id.as_str().to_owned(),
        redirect_uri: asked.asked.redirect_uri,
        challenge: asked.asked.challenge,
        scope: asked.asked.scope,
        client_nonce: asked.asked.nonce,
        state: asked.state,
    };
    let name = name(ports, &state);
    let sealed = ports.keys.seal(Seal::BrowserFlow(&name), &write(&flow));
    if ports.one_time.put(&name, sealed.as_bytes(), FLOW_LIFE, now).await? {
        Ok(Started { location, browser })
    } else {
        // Two states of 256 random bits were equal.
        Err(Error::StateInvalid)
    }
}

/// Logs in whoever came back, and gives their client a code.
///
/// The state is used up before anything else, and the provider is asked only for one that is good,
/// of this browser and of this provider (EXT-01, EXT-03). From then on the client is told what
/// became of it; what fails on our side is told to the browser.
#[tracing::instrument(
    target = "latchkey::trace",
    level = "debug",
    skip_all,
    name = "browser_flow.finish"
)]
pub async fn finish(ports: &Ports, came: Finish) -> Result<Finished, Error> {
    let now = ports.clock.now();
    let flow = take(ports, &came, now).await?;
    let provider = enabled(ports, flow.provider)?;
    let (redirect_uri, state) = (flow.redirect_uri.clone(), flow.state.clone());
    if !flow.is_from(came.iss.as_deref(), &provider.adapter.facts().issuers) {
        return Err(Error::IssuerMismatch);
    }
    let outcome = match answer(came.code, came.error.as_deref()) {
        Err(denied) => Err(denied),
        Ok(code) => {
            let proof = ProviderProof::Code {
                code: code.into(),
                redirect_uri: Some(came.callback),
                code_verifier: Some(flow.verifier.clone().into()),
                nonce: Some(flow.nonce.clone()),
                user: came.user,
            };
            let asked = asked(ports, &flow)?;
            log_in(ports, flow.provider, proof, asked, came.origin).await?
        }
    };
    Ok(Finished { redirect_uri, state, outcome })
}

async fn log_in(
    ports: &Ports,
    provider: ProviderName,
    proof: ProviderProof,
    asked: CodeRequest,
    origin: Origin,
) -> Result<Result<IssuedCode, Denied>, Error> {
    let credential =
        Credential::Identity(IdentityCredential::Provider(ProviderCredential { provider, proof }));
    let login = Login { credential, newcomer: Newcomers::default(), origin };
    match login_for_code(ports, asked, login).await {
        Ok(code) => Ok(Ok(code)),
        Err(
            Error::ProviderIdentityInvalid
            | Error::ProviderUnavailable
            | Error::ProviderBadResponse,
        ) => Ok(Err(Denied::Provider)),
        Err(Error::AccountDisabled | Error::PhoneRequired | Error::SessionInvalid) => {
            Ok(Err(Denied::Access))
        }
        Err(other) => Err(other),
    }
}

/// The request as it was at the start, if the client still may make it.
fn asked(ports: &Ports, flow: &Flow) -> Result<CodeRequest, Error> {
    CodeRequest::check(
        &ports.policy,
        &flow.client_id,
        &flow.redirect_uri,
        flow.challenge,
        flow.scope,
        flow.client_nonce.clone(),
    )
    .map_err(|_| Error::StateInvalid)
}

fn enabled(ports: &Ports, name: ProviderName) -> Result<&Provider, Error> {
    let provider = ports.providers.get(&name).ok_or(Error::NotFound)?;
    if provider.is_enabled { Ok(provider) } else { Err(Error::ProviderDisabled) }
}

/// Takes the state out, and gives what it stands for if it is this browser's at this provider.
async fn take(ports: &Ports, came: &Finish, now: Timestamp) -> Result<Flow, Error> {
    let name = name(ports, &came.state);
    let sealed = ports.one_time.take(&name, now).await?.ok_or(Error::StateInvalid)?;
    let opened = ports.keys.open(Seal::BrowserFlow(&name), &Sealed::new(sealed));
    let flow = opened.ok().and_then(|it| read(&it)).ok_or(Error::StateInvalid)?;
    let browser = came.browser.as_ref().ok_or(Error::StateInvalid)?;
    let browser = ports.keys.digest(browser.reveal());
    if flow.is_of(came.provider, &browser) { Ok(flow) } else { Err(Error::StateInvalid) }
}

/// 256 random bits in letters and digits alone: `WeChat` takes nothing else.
fn state(ports: &Ports) -> String {
    let half = || u128::from_be_bytes(entropy::bytes(&*ports.entropy));
    format!("{:032x}{:032x}", half(), half())
}

fn name(ports: &Ports, state: &str) -> Subject {
    ports.keys.subject("browser-flow", state)
}

/// A line for each part; none of them has a line break. What is not there is an empty line.
fn write(flow: &Flow) -> String {
    let challenge = OpaqueToken::new(*flow.challenge.as_bytes());
    let browser = OpaqueToken::new(*flow.browser.as_bytes());
    [
        flow.provider.as_str(),
        browser.reveal(),
        if flow.names_issuer { "iss" } else { "" },
        &flow.nonce,
        &flow.verifier,
        &flow.client_id,
        &flow.redirect_uri,
        challenge.reveal(),
        &flow.scope.to_string(),
        flow.client_nonce.as_deref().unwrap_or_default(),
        flow.state.as_deref().unwrap_or_default(),
    ]
    .join("\n")
}

fn read(text: &str) -> Option<Flow> {
    let mut lines = text.split('\n');
    let mut next = || lines.next();
    let optional = |it: &str| (!it.is_empty()).then(|| it.to_owned());
    Some(Flow {
        provider: ProviderName::parse(next()?).ok()?,
        browser: Challenge::parse(Some(next()?), Some("S256")).ok()?,
        names_issuer: next()? == "iss",
        nonce: next()?.to_owned(),
        verifier: next()?.to_owned(),
        client_id: next()?.to_owned(),
        redirect_uri: next()?.to_owned(),
        challenge: Challenge::parse(Some(next()?), Some("S256")).ok()?,
        scope: Scopes::parse(next()?).ok()?,
        client_nonce: optional(next()?),
        state: optional(next()?),
    })
}
