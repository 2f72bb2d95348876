//! What an operator says of a provider, checked, and the provider that comes of it.

use std::fmt;
use std::sync::Arc;

use domain::Duration;
use domain::provider::ProviderName;
use ports::clock::Clock;
use ports::identity_provider::{IdentityProvider, ProviderFacts};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

use crate::adapter::{Adapter, Vendor};
use crate::address::is_loopback;
use crate::alipay::{Alipay, AlipayKeys};
use crate::apple::AppleKey;
use crate::checks::{address, fit, needed, plain, plain_list, secret};
use crate::client::Client;
use crate::douyin::Douyin;
use crate::github::GitHub;
use crate::kept::Kept;
use crate::keys::Keys;
use crate::kind::Kind;
use crate::netease::NetEase;
use crate::oidc::{Habits, Oidc, Secret, Source};
use crate::qq::Qq;
use crate::wechat::WeChat;
use crate::weibo::Weibo;
use crate::{alipay, apple, github, google, netease, oidc, weibo};

/// Everything that can be said of a provider; which of it belongs to which kind, [`provider`]
/// knows.
#[derive(Debug, Clone, Default)]
pub struct ProviderSettings {
    /// Which vendor it is; found from the name where the name is a vendor's.
    pub kind: Option<String>,
    /// Our id with the vendor.
    pub app_id: Option<String>,
    /// More ids of ours, whose tokens are ours as well.
    pub app_ids: Option<Vec<String>>,
    /// Our secret with the vendor.
    pub app_secret: Option<SecretString>,
    /// The base of the address that people are sent to.
    pub authorize_url: Option<String>,
    /// The base of the addresses that we call.
    pub api_url: Option<String>,
    /// Whether the tokens that the provider gives are kept, sealed; true unless it is said.
    pub store_tokens: Option<bool>,
    /// What ids that several apps share belong to: the open-platform account, the developer.
    pub platform: Option<String>,
    /// The issuer's address.
    pub issuer: Option<String>,
    /// Our id with an issuer.
    pub client_id: Option<String>,
    /// More ids of ours with an issuer.
    pub client_ids: Option<Vec<String>>,
    /// Our secret with an issuer.
    pub client_secret: Option<SecretString>,
    /// The key that we sign with.
    pub private_key: Option<SecretString>,
    /// The key that Alipay signs with.
    pub alipay_public_key: Option<String>,
    /// Our team at Apple.
    pub team_id: Option<String>,
    /// The id of our key at Apple.
    pub key_id: Option<String>,
}

/// Why a provider cannot be built. Names the key, never a value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("setting `{key}`: {problem}")]
pub struct SettingsError {
    /// The key within the provider's section.
    pub key: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl SettingsError {
    pub(crate) fn new(key: &'static str, problem: impl Into<String>) -> Self {
        Self { key, problem: problem.into() }
    }
}

/// How long calls may take (EXT-04).
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Until there is a connection.
    pub connect: Duration,
    /// One call.
    pub call: Duration,
    /// All calls of one login.
    pub all: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            call: Duration::from_secs(5),
            all: Duration::from_secs(8),
        }
    }
}

/// What a provider is built into.
#[derive(Clone)]
pub struct Surroundings {
    /// The time that tokens are judged by.
    pub clock: Arc<dyn Clock>,
    /// True where people's accounts are: stand-ins of vendors are refused there (CFG-02).
    pub is_production: bool,
    /// How long calls may take.
    pub times: Times,
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("times", &self.times).finish_non_exhaustive()
    }
}

/// The namespace of names that several apps share. No appid looks like this, so the two never meet.
pub(crate) fn union(platform: &str) -> String {
    format!("unionid:{platform}")
}

/// Builds a provider; nothing is called yet.
pub fn provider(
    name: ProviderName,
    settings: &ProviderSettings,
    surroundings: &Surroundings,
) -> Result<Arc<dyn IdentityProvider>, SettingsError> {
    let kind = match &settings.kind {
        Some(kind) => {
            Kind::parse(kind).ok_or_else(|| SettingsError::new("kind", "is no kind of provider"))?
        }
        None => Kind::parse(name.as_str()).ok_or_else(|| {
            SettingsError::new("kind", "must be set where the name is no vendor's")
        })?,
    };
    settings.belongs_to(kind)?;
    let (vendor, namespaces, own_host) = settings.vendor(kind, surroundings)?;
    let client = Client::new(&surroundings.times, own_host.as_deref())
        .map_err(|_| SettingsError::new("kind", "no HTTPS client can be built"))?;
    let facts = ProviderFacts {
        name,
        kind: kind.kind(),
        title: kind.title(),
        ways: kind.ways(),
        namespaces,
        needs_redirect_uri: matches!(kind, Kind::Qq | Kind::Weibo | Kind::NetEase),
        needs_openid: matches!(kind, Kind::WeChat(_)),
        code_parameter: if kind == Kind::Alipay { "auth_code" } else { "code" },
        issuers: vendor.issuers(),
    };
    Ok(Arc::new(Adapter {
        facts,
        vendor,
        client,
        all: surroundings.times.all,
        store_tokens: settings.store_tokens.unwrap_or(true),
    }))
}

type Built = (Box<dyn Vendor>, Vec<String>, Option<String>);

impl ProviderSettings {
    /// Refuses keys of other kinds.
    fn belongs_to(&self, kind: Kind) -> Result<(), SettingsError> {
        let set = [
            ("app_id", self.app_id.is_some()),
            ("app_ids", self.app_ids.is_some()),
            ("app_secret", self.app_secret.is_some()),
            ("authorize_url", self.authorize_url.is_some()),
            ("api_url", self.api_url.is_some()),
            ("platform", self.platform.is_some()),
            ("issuer", self.issuer.is_some()),
            ("client_id", self.client_id.is_some()),
            ("client_ids", self.client_ids.is_some()),
            ("client_secret", self.client_secret.is_some()),
            ("private_key", self.private_key.is_some()),
            ("alipay_public_key", self.alipay_public_key.is_some()),
            ("team_id", self.team_id.is_some()),
            ("key_id", self.key_id.is_some()),
        ];
        match set.iter().find(|(key, is_set)| *is_set && !kind.keys().contains(key)) {
            Some((key, _)) => Err(SettingsError::new(key, "does not belong to this kind")),
            None => Ok(()),
        }
    }

    /// The vendor, the namespaces of its names, and the host that it may have in our own network.
    fn vendor(&self, kind: Kind, around: &Surroundings) -> Result<Built, SettingsError> {
        let clock = Arc::clone(&around.clock);
        if kind == Kind::Oidc {
            return self.oidc(clock, around.is_production);
        }
        let app_id = plain("app_id", self.app_id.as_deref())?;
        let app_ids = plain_list("app_ids", &app_id, self.app_ids.as_deref())?;
        let platform =
            self.platform.as_deref().map(|it| plain("platform", Some(it))).transpose()?;
        let (authorize_url, api_url) = kind.addresses();
        let authorize_url =
            address("authorize_url", self.authorize_url.as_deref(), authorize_url, around)?;
        let given_api_url = self.api_url.as_deref();
        let api_url = address("api_url", given_api_url, api_url, around)?;
        let unions: Vec<String> = platform.as_deref().map(union).into_iter().collect();
        let secret = || secret("app_secret", self.app_secret.as_ref());
        let one = |name: &str| vec![name.to_owned()];
        let (vendor, namespaces): (Box<dyn Vendor>, Vec<String>) = match kind {
            Kind::WeChat(surface) => {
                let (namespaces, app_secret) = ([one(&app_id), unions].concat(), secret()?);
                let it =
                    WeChat { surface, app_id, app_secret, authorize_url, api_url, platform, clock };
                (Box::new(it), namespaces)
            }
            Kind::Qq => {
                let (namespaces, app_secret) = ([app_ids.clone(), unions].concat(), secret()?);
                let it = Qq { app_ids, app_secret, authorize_url, api_url, platform, clock };
                (Box::new(it), namespaces)
            }
            Kind::Weibo => {
                let app_secret = secret()?;
                let it = Weibo { app_ids, app_secret, authorize_url, api_url, clock };
                (Box::new(it), one(weibo::NAMESPACE))
            }
            Kind::NetEase => {
                let app_secret = secret()?;
                let it = NetEase { app_id, app_secret, authorize_url, api_url, clock };
                (Box::new(it), one(netease::NAMESPACE))
            }
            Kind::Alipay => {
                let namespaces = vec![alipay::EVERYBODY.to_owned(), app_id.clone()];
                let keys = self.alipay_keys()?;
                (Box::new(Alipay { app_id, keys, authorize_url, api_url, clock }), namespaces)
            }
            Kind::Douyin => {
                let (namespaces, app_secret) = ([one(&app_id), unions].concat(), secret()?);
                let it = Douyin { app_id, app_secret, authorize_url, api_url, platform, clock };
                (Box::new(it), namespaces)
            }
            Kind::GitHub => {
                let app_secret = secret()?;
                let it = GitHub { app_id, app_secret, authorize_url, api_url, clock };
                (Box::new(it), one(github::NAMESPACE))
            }
            Kind::Google => {
                let metadata = google::metadata(&authorize_url, given_api_url);
                let (source, secret) = (Source::Known(metadata), Secret::Text(secret()?));
                let it = issuer(&google::ISSUERS, app_ids, secret, source, google::HABITS, clock);
                (Box::new(it), one(google::AUTHORIZE))
            }
            Kind::Apple => {
                let source = Source::Known(apple::metadata(&authorize_url, &api_url));
                let secret = Secret::Apple(self.apple_key()?);
                let it = issuer(&apple::ISSUERS, app_ids, secret, source, apple::HABITS, clock);
                (Box::new(it), one(apple::BASE))
            }
            Kind::Oidc => return self.oidc(clock, around.is_production),
        };
        Ok((vendor, namespaces, None))
    }

    fn oidc(&self, clock: Arc<dyn Clock>, is_production: bool) -> Result<Built, SettingsError> {
        let name = needed("issuer", self.issuer.as_deref())?;
        let url = fit("issuer", name, is_production)?;
        let client_id = needed("client_id", self.client_id.as_deref())?;
        let more = self.client_ids.as_deref().unwrap_or_default();
        let more = more.iter().map(|it| needed("client_ids", Some(it)).map(str::to_owned));
        let more = more.collect::<Result<Vec<_>, _>>()?;
        let client_ids = std::iter::once(client_id.to_owned()).chain(more).collect();
        let secret = Secret::Text(secret("client_secret", self.client_secret.as_ref())?);
        let source = Source::Discovered(Kept::default());
        let it = issuer(&[name], client_ids, secret, source, oidc::ANY, clock);
        // On this machine everything is private, and nothing leaves it.
        let own_host = url.host_str().filter(|_| !is_loopback(&url)).map(str::to_owned);
        Ok((Box::new(it), vec![name.to_owned()], own_host))
    }

    fn alipay_keys(&self) -> Result<AlipayKeys, SettingsError> {
        let ours = secret("private_key", self.private_key.as_ref())?;
        let ours = AlipayKeys::private(ours.expose_secret())
            .ok_or_else(|| SettingsError::new("private_key", "must be an RSA key, in base64"))?;
        let theirs = needed("alipay_public_key", self.alipay_public_key.as_deref())?;
        let theirs = AlipayKeys::public(theirs).ok_or_else(|| {
            SettingsError::new("alipay_public_key", "must be an RSA key, in base64")
        })?;
        Ok(AlipayKeys::new(ours, theirs))
    }

    fn apple_key(&self) -> Result<AppleKey, SettingsError> {
        let team_id = plain("team_id", self.team_id.as_deref())?;
        let key_id = plain("key_id", self.key_id.as_deref())?;
        let pem = secret("private_key", self.private_key.as_ref())?;
        AppleKey::read(&team_id, &key_id, pem.expose_secret())
            .ok_or_else(|| SettingsError::new("private_key", "must be an EC key, as PEM"))
    }
}

fn issuer(
    issuers: &[&str],
    client_ids: Vec<String>,
    secret: Secret,
    source: Source,
    habits: Habits,
    clock: Arc<dyn Clock>,
) -> Oidc {
    let issuers = issuers.iter().copied().map(str::to_owned).collect();
    Oidc { issuers, client_ids, secret, source, habits, keys: Keys::default(), clock }
}
