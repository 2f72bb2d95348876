//! Where events go: one address, and the secrets that sign what is sent there.

use secrecy::{ExposeSecret as _, SecretString};

use super::{Profile, SettingsError, is_private_link, sections};

/// The secret in the examples of Standard Webhooks.
pub(super) const SAMPLE: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Where events go.
#[derive(Debug)]
pub(crate) struct Webhooks {
    /// The address.
    pub(crate) url: String,
    /// What signs: one secret, or several with blanks between.
    pub(crate) secret: SecretString,
}

/// Reads the section; nothing in it means that nobody is told.
pub(super) fn webhooks(
    section: &sections::Webhooks,
    profile: Profile,
) -> Result<Option<Webhooks>, SettingsError> {
    let (url, secret) = (section.url.as_str(), section.secret.expose_secret());
    match (url.is_empty(), secret.trim().is_empty()) {
        (true, true) => return Ok(None),
        (true, false) => {
            let problem = "must be set where `webhooks.secret` is";
            return Err(SettingsError::key("webhooks.url", problem));
        }
        (false, true) => {
            let problem = "must be set where `webhooks.url` is";
            return Err(SettingsError::key("webhooks.secret", problem));
        }
        (false, false) => {}
    }
    if profile == Profile::Production {
        if !is_private_link(url) {
            let problem = "must begin with https:// in production";
            return Err(SettingsError::key("webhooks.url", problem));
        }
        if secret.contains(SAMPLE) {
            return Err(SettingsError::key("webhooks.secret", "is a known sample"));
        }
    }
    Ok(Some(Webhooks { url: url.to_owned(), secret: section.secret.clone() }))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    fn read(url: &str, secret: &str, profile: Profile) -> Result<bool, String> {
        let section = sections::Webhooks { url: url.to_owned(), secret: secret.into() };
        webhooks(&section, profile).map(|it| it.is_some()).map_err(|it| it.to_string())
    }

    /// CFG-02: both or neither, and nothing in clear to another machine in production.
    #[rstest]
    #[case::neither("", "", Ok(false))]
    #[case::both("https://example.com/hooks", SECRET, Ok(true))]
    #[case::here("http://127.0.0.1:9000/hooks", SECRET, Ok(true))]
    #[case::here_by_name("http://localhost", SECRET, Ok(true))]
    #[case::here_by_v6("http://[::1]", SECRET, Ok(true))]
    #[case::here_by_v6_and_port("http://[::1]:80?a", SECRET, Ok(true))]
    #[case::no_secret("https://example.com", " ", Err("webhooks.secret"))]
    #[case::no_url("", SECRET, Err("webhooks.url"))]
    #[case::in_clear("http://example.com", SECRET, Err("webhooks.url"))]
    #[case::in_disguise("http://localhost:80@example.com", SECRET, Err("webhooks.url"))]
    #[case::longer("http://localhost.example.com", SECRET, Err("webhooks.url"))]
    #[case::no_scheme("example.com", SECRET, Err("webhooks.url"))]
    #[case::sample(
        "https://example.com",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        Err("webhooks.secret")
    )]
    fn production_wants_both_and_https(
        #[case] url: &str,
        #[case] secret: &str,
        #[case] expected: Result<bool, &str>,
    ) {
        match (read(url, secret, Profile::Production), expected) {
            (Err(said), Err(key)) => assert!(said.contains(&format!("setting `{key}`")), "{said}"),
            (read, expected) => assert_eq!(read, expected.map_err(str::to_owned)),
        }
    }

    #[test]
    fn development_may_send_in_clear() {
        assert_eq!(read("http://example.com", SECRET, Profile::Development), Ok(true));
    }
}
