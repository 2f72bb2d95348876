//! Google: `OpenID` Connect with addresses that are known.

use std::sync::Arc;

use domain::provider::ProviderKind;

use crate::address::join;
use crate::discovery::Metadata;
use crate::oidc::Habits;

pub(crate) const AUTHORIZE: &str = "https://accounts.google.com";
/// Its tokens spell its name in two ways; the first is the one of our store.
pub(crate) const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

pub(crate) const HABITS: Habits = Habits {
    kind: ProviderKind::Google,
    scope: "openid profile",
    more: &[],
    pkce: true,
    // A token for our server that a mobile app asked for names that app here.
    any_party: true,
    hashed_nonce: false,
};

/// The addresses, each on a host of its own but where `api_url` takes their place.
pub(crate) fn metadata(authorize_url: &str, api_url: Option<&str>) -> Arc<Metadata> {
    let at = |host: &str, path: &str| join(api_url.unwrap_or(host), path);
    Arc::new(Metadata {
        authorization_endpoint: join(authorize_url, "/o/oauth2/v2/auth"),
        token_endpoint: at("https://oauth2.googleapis.com", "/token"),
        jwks_uri: at("https://www.googleapis.com", "/oauth2/v3/certs"),
        userinfo_endpoint: Some(at("https://openidconnect.googleapis.com", "/v1/userinfo")),
        secret_in_form: true,
        names_itself: false,
    })
}
