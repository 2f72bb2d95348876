//! What a setting must be.

use secrecy::{ExposeSecret as _, SecretString};

use crate::address::{Unfit, is_loopback, parse};
use crate::settings::{SettingsError, Surroundings};

/// A text that must be there.
pub(crate) fn needed<'a>(
    key: &'static str,
    text: Option<&'a str>,
) -> Result<&'a str, SettingsError> {
    let text = text.unwrap_or_default();
    if text.trim().is_empty() || text.chars().any(char::is_control) && !text.contains("-----") {
        return Err(SettingsError::new(key, "must not be empty"));
    }
    Ok(text)
}

/// An id: what every vendor's ids are made of, and no colon.
pub(crate) fn plain(key: &'static str, text: Option<&str>) -> Result<String, SettingsError> {
    let text = needed(key, text)?;
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || b"-._".contains(&it);
    if text.len() > 200 || !text.bytes().all(is_plain) {
        return Err(SettingsError::new(key, "must be an id of letters, digits, dots and dashes"));
    }
    Ok(text.to_owned())
}

/// The first id and more of them (SDK-03).
pub(crate) fn plain_list(
    key: &'static str,
    first: &str,
    more: Option<&[String]>,
) -> Result<Vec<String>, SettingsError> {
    let more = more.unwrap_or_default().iter().map(|it| plain(key, Some(it)));
    std::iter::once(Ok(first.to_owned())).chain(more).collect()
}

pub(crate) fn secret(
    key: &'static str,
    text: Option<&SecretString>,
) -> Result<SecretString, SettingsError> {
    needed(key, text.map(SecretString::expose_secret))?;
    text.cloned().ok_or_else(|| SettingsError::new(key, "must not be empty"))
}

/// A base: what is set, or the vendor's own.
pub(crate) fn address(
    key: &'static str,
    set: Option<&str>,
    real: &str,
    around: &Surroundings,
) -> Result<String, SettingsError> {
    let Some(set) = set else { return Ok(real.to_owned()) };
    fit(key, set, around.is_production)?;
    Ok(set.trim_end_matches('/').to_owned())
}

/// Reads an address; production has no stand-ins (CFG-02).
pub(crate) fn fit(
    key: &'static str,
    text: &str,
    is_production: bool,
) -> Result<reqwest::Url, SettingsError> {
    let url = parse(text).map_err(|unfit| match unfit {
        Unfit::NoAddress => SettingsError::new(key, "must be an https:// address and no more"),
        Unfit::InClear => SettingsError::new(key, "must begin with https://, but on this machine"),
    })?;
    if is_production && is_loopback(&url) {
        return Err(SettingsError::new(key, "is a stand-in, which development alone may have"));
    }
    Ok(url)
}
