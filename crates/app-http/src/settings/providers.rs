//! Who proves accounts at third parties: one table a provider, by its name.

use std::collections::BTreeMap;

use adapters_oauth::ProviderSettings;
use domain::provider::ProviderName;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::SettingsError;

/// A provider's table; which keys belong to which kind, the adapter knows.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Section {
    kind: Option<String>,
    enabled: Option<bool>,
    app_id: Option<String>,
    app_ids: Option<Vec<String>>,
    app_secret: Option<SecretString>,
    authorize_url: Option<String>,
    api_url: Option<String>,
    store_tokens: Option<bool>,
    platform: Option<String>,
    issuer: Option<String>,
    client_id: Option<String>,
    client_ids: Option<Vec<String>>,
    client_secret: Option<SecretString>,
    private_key: Option<SecretString>,
    alipay_public_key: Option<String>,
    team_id: Option<String>,
    key_id: Option<String>,
}

impl Section {
    /// What is secret in it, by its keys.
    pub(super) fn secrets(&self) -> Vec<(&'static str, &str)> {
        let Self { app_secret, client_secret, private_key, .. } = self;
        [("app_secret", app_secret), ("client_secret", client_secret), ("private_key", private_key)]
            .into_iter()
            .filter_map(|(key, it)| Some((key, it.as_ref()?.expose_secret())))
            .collect()
    }
}

/// A provider that an operator named.
#[derive(Debug)]
pub(crate) struct Provider {
    /// Its name in the API.
    pub(crate) name: ProviderName,
    /// Whether people may use it.
    pub(crate) enabled: bool,
    /// What its adapter is made of.
    pub(crate) settings: ProviderSettings,
}

/// Reads the tables. What they say of a vendor is checked where it is built.
pub(super) fn providers(
    sections: &BTreeMap<String, Section>,
) -> Result<Vec<Provider>, SettingsError> {
    let provider = |(name, section): (&String, &Section)| {
        let name = ProviderName::parse(name).map_err(|refusal| {
            SettingsError::key(format!("providers.{name}"), refusal.to_string())
        })?;
        let settings = ProviderSettings {
            kind: section.kind.clone(),
            app_id: section.app_id.clone(),
            app_ids: section.app_ids.clone(),
            app_secret: section.app_secret.clone(),
            authorize_url: section.authorize_url.clone(),
            api_url: section.api_url.clone(),
            store_tokens: section.store_tokens,
            platform: section.platform.clone(),
            issuer: section.issuer.clone(),
            client_id: section.client_id.clone(),
            client_ids: section.client_ids.clone(),
            client_secret: section.client_secret.clone(),
            private_key: section.private_key.clone(),
            alipay_public_key: section.alipay_public_key.clone(),
            team_id: section.team_id.clone(),
            key_id: section.key_id.clone(),
        };
        Ok(Provider { name, enabled: section.enabled.unwrap_or(true), settings })
    };
    sections.iter().map(provider).collect()
}
