//! Proving an account at a third party.

use domain::credential::third_party::{ProviderCredential, proves};
use domain::id::IdentityId;
use domain::profile::{AvatarUrl, Nickname, Profile};
use domain::provider::{ProviderAccount, ProviderName, ProviderTokens};
use domain::secret::Sealed;
use ports::Ports;
use ports::identity_provider::ProviderError;
use ports::keys::Seal;
use ports::watch::Operation;
use zeroize::Zeroizing;

use super::{Brings, Proof, Try};
use crate::charge::{charge, to_ip};
use crate::error::Error;

/// Asks the provider whose account it is. What the provider does not say is not believed: neither
/// what the client posts beside the proof, nor an address that nobody proved to us (LINK-04).
pub(super) async fn prove(
    ports: &Ports,
    credential: &ProviderCredential,
    it: Try<'_>,
) -> Result<Proof, Error> {
    let name = credential.provider;
    let provider = ports.providers.get(&name).ok_or(Error::NotFound)?;
    if !provider.is_enabled {
        return Err(Error::ProviderDisabled);
    }
    // Each try is a call to somebody else: an address has so many a minute (SDK-05).
    let call = to_ip(ports, "ip-provider-calls", it.origin, &ports.policy.provider_calls);
    charge(ports, &[call], it.at).await?;
    let operation = Operation::of("provider", name.as_str(), "identify");
    let asked = operation.watch(provider.adapter.identify(&credential.proof)).await;
    let account = asked.map_err(|error| refused(name, &error))?;
    let identity = proves(&account, name)
        .ok_or(ProviderError::Refused)
        .map_err(|error| refused(name, &error))?;
    let ProviderAccount { nickname, avatar_url, tokens, spent, .. } = account;
    let profile = Profile {
        nickname: nickname.as_deref().and_then(Nickname::from_third_party),
        avatar_url: avatar_url.as_deref().and_then(|it| AvatarUrl::parse(it).ok()),
    };
    // An access token does not say when it was made.
    let is_fresh = spent.is_none_or(|proof| proof.is_fresh(it.at, ports.policy.sessions.fresh));
    if it.purpose.asks_for_presence() && !is_fresh {
        return Err(refused(name, &ProviderError::Refused));
    }
    let brings = Brings { profile, tokens, spent };
    Ok(Proof { identity, made_at: it.at, brings, wrong: || Error::ProviderIdentityInvalid })
}

fn refused(name: ProviderName, error: &ProviderError) -> Error {
    tracing::info!(target: "audit", event = "provider.refused", provider = name.as_str(), %error);
    match error {
        ProviderError::Refused => Error::ProviderIdentityInvalid,
        ProviderError::Unavailable => Error::ProviderUnavailable,
        ProviderError::BadResponse => Error::ProviderBadResponse,
    }
}

/// Seals a provider's tokens for an identity: when they end, the access token, the refresh token, a
/// line each; what is not known is an empty line.
pub(crate) fn sealed(ports: &Ports, id: &IdentityId, tokens: &ProviderTokens) -> Sealed {
    let ProviderTokens { access_token, refresh_token, expires_at } = tokens;
    let ends = expires_at.map(|it| it.as_second().to_string()).unwrap_or_default();
    let refresh = refresh_token.as_ref().map_or("", |it| it.as_str());
    let text = Zeroizing::new(format!("{ends}\n{}\n{refresh}", access_token.as_str()));
    ports.keys.seal(Seal::ProviderTokens(id), &text)
}
