//! What an operator may say of a provider, and what is refused.

use std::sync::Arc;

use adapters_oauth::{ProviderSettings, SettingsError, Surroundings, Times, provider};
use domain::provider::ProviderName;
use ports::identity_provider::{IdentityProvider, Way};
use ports::testing::ManualClock;
use rstest::rstest;
use test_vendors::oauth::Desk;

fn build(
    name: &str,
    settings: &ProviderSettings,
    is_production: bool,
) -> Result<Arc<dyn IdentityProvider>, SettingsError> {
    let clock = Arc::<ManualClock>::default();
    let around = Surroundings { clock, is_production, times: Times::default() };
    provider(ProviderName::parse(name).unwrap(), settings, &around)
}

fn app() -> ProviderSettings {
    ProviderSettings {
        app_id: Some("app-1".to_owned()),
        app_secret: Some("secret".into()),
        ..ProviderSettings::default()
    }
}

fn issuer() -> ProviderSettings {
    ProviderSettings {
        kind: Some("oidc".to_owned()),
        issuer: Some("https://id.example.com/realm".to_owned()),
        client_id: Some("web".to_owned()),
        client_secret: Some("secret".into()),
        ..ProviderSettings::default()
    }
}

/// What is refused: the key alone.
fn refused(name: &str, settings: &ProviderSettings, is_production: bool) -> Option<&'static str> {
    build(name, settings, is_production).err().map(|it| it.key)
}

#[rstest]
#[case("wechat", None, &[Way::Browser, Way::Code, Way::Token])]
#[case("wechat_mp", None, &[Way::Browser, Way::Code, Way::Token])]
#[case("wechat_app", None, &[Way::Code, Way::Token])]
#[case("wechat_mini", None, &[Way::Code])]
#[case("second-shop", Some("wechat_mini"), &[Way::Code])]
#[case("qq", None, &[Way::Browser, Way::Code, Way::Token])]
#[case("weibo", None, &[Way::Browser, Way::Code, Way::Token])]
#[case("netease", None, &[Way::Browser, Way::Code])]
#[case("douyin", None, &[Way::Browser, Way::Code])]
#[case("google", None, &[Way::Browser, Way::Code, Way::IdToken])]
#[case("github", None, &[Way::Browser, Way::Code, Way::Token])]
fn a_well_known_name_implies_its_kind(
    #[case] name: &str,
    #[case] kind: Option<&str>,
    #[case] ways: &[Way],
) {
    let settings = ProviderSettings { kind: kind.map(str::to_owned), ..app() };
    assert_eq!(build(name, &settings, true).unwrap().facts().ways, ways);
}

#[test]
fn any_other_name_must_say_its_kind() {
    assert_eq!(refused("corp", &app(), false), Some("kind"));
    let settings = ProviderSettings { kind: Some("saml".to_owned()), ..app() };
    assert_eq!(refused("corp", &settings, false), Some("kind"));
    assert_eq!(refused("corp", &issuer(), true), None);
}

/// SDK-03, CFG-02: empty ids refuse the start, also in lists.
#[test]
fn what_is_empty_is_refused_by_its_name() {
    let with = |change: &dyn Fn(&mut ProviderSettings)| {
        let mut settings = app();
        change(&mut settings);
        refused("qq", &settings, false)
    };
    assert_eq!(with(&|_| {}), None);
    assert_eq!(with(&|it| it.app_id = None), Some("app_id"));
    assert_eq!(with(&|it| it.app_id = Some(" ".to_owned())), Some("app_id"));
    assert_eq!(with(&|it| it.app_id = Some("a:b".to_owned())), Some("app_id"));
    assert_eq!(with(&|it| it.app_secret = None), Some("app_secret"));
    assert_eq!(with(&|it| it.app_secret = Some("".into())), Some("app_secret"));
    assert_eq!(with(&|it| it.app_ids = Some(vec![String::new()])), Some("app_ids"));
    assert_eq!(with(&|it| it.platform = Some(String::new())), Some("platform"));
    let mut settings = issuer();
    settings.client_ids = Some(vec![String::new()]);
    assert_eq!(refused("corp", &settings, false), Some("client_ids"));
}

#[test]
fn a_key_of_another_kind_is_refused_by_its_name() {
    let mut settings = app();
    settings.platform = Some("team".to_owned());
    assert_eq!(refused("weibo", &settings, false), Some("platform"));
    let mut settings = app();
    settings.issuer = Some("https://id.example.com".to_owned());
    assert_eq!(refused("google", &settings, false), Some("issuer"));
    let mut settings = issuer();
    settings.api_url = Some("https://id.example.com".to_owned());
    assert_eq!(refused("corp", &settings, false), Some("api_url"));
}

/// CFG-02: nothing in clear to another machine, and no stand-ins in production.
#[rstest]
#[case("https://api.example.com/prefix", None, None)]
#[case("http://api.example.com", Some("api_url"), Some("api_url"))]
#[case("http://127.0.0.1:9900/qq", None, Some("api_url"))]
#[case("https://localhost/qq", None, Some("api_url"))]
#[case("https://api.example.com/?a=b", Some("api_url"), Some("api_url"))]
#[case("", Some("api_url"), Some("api_url"))]
fn addresses_are_encrypted_or_stand_ins(
    #[case] address: &str,
    #[case] in_development: Option<&str>,
    #[case] in_production: Option<&str>,
) {
    let mut settings = app();
    settings.api_url = Some(address.to_owned());
    assert_eq!(refused("qq", &settings, false), in_development);
    assert_eq!(refused("qq", &settings, true), in_production);
    let mut settings = issuer();
    settings.issuer = Some(address.to_owned());
    let issuer = |it: Option<&str>| it.map(|_| "issuer");
    assert_eq!(refused("corp", &settings, true), issuer(in_production));
}

#[test]
fn keys_are_read_as_operators_have_them() {
    let desk = Desk::new(|| 0);
    let with = |private: &str, public: &str| {
        let settings = ProviderSettings {
            app_id: Some("2021000000000001".to_owned()),
            private_key: Some(private.to_owned().into()),
            alipay_public_key: Some(public.to_owned()),
            ..ProviderSettings::default()
        };
        refused("alipay", &settings, true)
    };
    let (private, public) = (desk.alipay().private_key(), desk.alipay().alipay_public_key());
    let pem = |kind: &str, it: &str| format!("-----BEGIN {kind}-----\n{it}\n-----END {kind}-----");
    assert_eq!(with(&private, &public), None);
    assert_eq!(with(&pem("PRIVATE KEY", &private), &pem("PUBLIC KEY", &public)), None);
    assert_eq!(with(&public, &public), Some("private_key"));
    assert_eq!(with(&private, "MIIB"), Some("alipay_public_key"));
    let apple = |key: &str| {
        let settings = ProviderSettings {
            app_id: Some("com.example.web".to_owned()),
            team_id: Some("TEAM123456".to_owned()),
            key_id: Some("KEY1234567".to_owned()),
            private_key: Some(key.to_owned().into()),
            ..ProviderSettings::default()
        };
        refused("apple", &settings, true)
    };
    let pem = desk.apple().pem();
    assert_eq!(apple(&pem), None);
    assert_eq!(apple(&pem.replace('\n', "\\n")), None, "as an environment variable has it");
    assert_eq!(apple(&private), Some("private_key"));
    assert_eq!(apple(""), Some("private_key"));
}

/// LOG-01: neither settings nor what refuses them show a secret.
#[test]
fn nothing_shows_a_secret() {
    let mut settings = app();
    settings.app_secret = Some("canary".into());
    assert!(!format!("{settings:?}").contains("canary"));
    settings.api_url = Some("https://canary@example.com".to_owned());
    let error = build("qq", &settings, false).err().unwrap();
    assert!(!format!("{error:?} {error}").contains("canary"));
}
