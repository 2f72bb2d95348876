//! Secrets that everybody knows, and secrets in files that everybody reads (CFG-01, CFG-02).

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use super::sections::Sections;
use super::{Profile, SettingsError, master};

/// What stands where a secret was to be filled in: letters and digits alone, in lower case.
const SAMPLES: [&str; 18] = [
    "123456",
    "12345678",
    "1234567890",
    "changeit",
    "changeme",
    "changethis",
    "default",
    "example",
    "mysecret",
    "passw0rd",
    "password",
    "placeholder",
    "replaceme",
    "sample",
    "secret",
    "test",
    "todo",
    "topsecret",
];
/// What an unfilled blank has somewhere in it.
const BLANKS: [&str; 4] = ["changeme", "changethis", "replaceme", "placeholder"];

/// Refuses in production a secret that is a known sample. The master secret has a rule of its own.
pub(super) fn check(sections: &Sections, profile: Profile) -> Result<(), SettingsError> {
    let is_known = |(_, it): &(String, &str)| is_sample(it);
    match secrets(sections).into_iter().find(is_known) {
        Some((key, _)) if profile == Profile::Production => {
            Err(SettingsError::key(key, "is a known sample, which production refuses"))
        }
        _ => Ok(()),
    }
}

/// Refuses a file of settings that holds a secret and that others may read.
pub(super) fn check_file(path: &Path, sections: &Sections) -> Result<(), SettingsError> {
    let master = ("secrets.key".to_owned(), sections.secrets.key.expose_secret());
    let mut held = secrets(sections).into_iter().chain([master]);
    match held.find(|(_, it)| !it.is_empty()) {
        Some((key, _)) if !master::is_own(path)? => {
            let problem = format!(
                "stands in {}, which others may read; its mode must be 0600 or 0400",
                path.display()
            );
            Err(SettingsError::key(key, problem))
        }
        _ => Ok(()),
    }
}

/// All secrets but the master secret, by their keys; of addresses the password.
fn secrets(sections: &Sections) -> Vec<(String, &str)> {
    let Sections { store, sms, webhooks, email, carriers, providers, .. } = sections;
    let mut all: Vec<(String, &str)> = [
        ("store.database_url", password(&store.database_url)),
        ("store.redis_url", password(&store.redis_url)),
        ("email.smtp.url", password(&email.smtp.url)),
        ("sms.aliyun.access_key_secret", sms.aliyun.access_key_secret.expose_secret()),
        ("sms.tencent.secret_key", sms.tencent.secret_key.expose_secret()),
        ("sms.twilio.auth_token", sms.twilio.auth_token.expose_secret()),
        ("sms.webhook.secret", sms.webhook.secret.expose_secret()),
        ("webhooks.secret", webhooks.secret.expose_secret()),
    ]
    .map(|(key, it)| (key.to_owned(), it))
    .into();
    let carriers = [
        ("aliyun", "access_key_secret", carriers.aliyun.as_ref().map(|it| &it.access_key_secret)),
        (
            "aliyun_h5",
            "access_key_secret",
            carriers.aliyun_h5.as_ref().map(|it| &it.access_key_secret),
        ),
        ("jverify", "master_secret", carriers.jverify.as_ref().map(|it| &it.master_secret)),
        ("jverify_h5", "master_secret", carriers.jverify_h5.as_ref().map(|it| &it.master_secret)),
        ("cmcc", "app_key", carriers.cmcc.as_ref().map(|it| &it.app_key)),
        ("camara", "client_secret", carriers.camara.as_ref().map(|it| &it.client_secret)),
    ];
    for (vendor, key, secret) in carriers {
        let secret = secret.map(|it| (format!("carriers.{vendor}.{key}"), it.expose_secret()));
        all.extend(secret);
    }
    for (name, section) in providers {
        let secrets = section.secrets().into_iter();
        all.extend(secrets.map(|(key, it)| (format!("providers.{name}.{key}"), it)));
    }
    all
}

/// The password in an address; empty without one.
fn password(url: &SecretString) -> &str {
    let (_, rest) = url.expose_secret().split_once("://").unwrap_or_default();
    let (user, _) = rest.rsplit_once('@').unwrap_or_default();
    let (_, password) = user.split_once(':').unwrap_or_default();
    password
}

fn is_sample(secret: &str) -> bool {
    let mut plain: String = secret.chars().filter(char::is_ascii_alphanumeric).collect();
    plain.make_ascii_lowercase();
    let mut bytes = plain.bytes();
    let is_one_letter = bytes.next().is_some_and(|first| bytes.all(|it| it == first));
    let is_yours = plain.starts_with("your")
        && ["secret", "key", "password", "token"].iter().any(|it| plain.ends_with(it));
    is_one_letter
        || is_yours
        || SAMPLES.contains(&plain.as_str())
        || BLANKS.iter().any(|it| plain.contains(it))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::changed("changeme", true)]
    #[case::dashed("Change-Me!", true)]
    #[case::within("whsec_changeme1234", true)]
    #[case::zeros("0000000000000000", true)]
    #[case::crosses("xxxx-xxxx", true)]
    #[case::yours("<your app secret>", true)]
    #[case::word("Password", true)]
    #[case::nothing("", false)]
    #[case::signs("***", false)]
    #[case::random("kV8sQ2xN0pLr5TzW", false)]
    #[case::word_within("kV8secretsQ2xN0p", false)]
    fn a_sample_is_known(#[case] secret: &str, #[case] known: bool) {
        assert_eq!(is_sample(secret), known);
    }

    #[rstest]
    #[case("postgres://latchkey:hush@db.example.com/latchkey", "hush")]
    #[case("rediss://:hush@redis.example.com", "hush")]
    #[case("postgres://latchkey@db.example.com/latchkey", "")]
    #[case("sqlite://data/latchkey.db", "")]
    #[case("", "")]
    fn an_address_has_a_password(#[case] url: &str, #[case] expected: &str) {
        assert_eq!(password(&url.into()), expected);
    }
}
