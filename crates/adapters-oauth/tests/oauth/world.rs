//! A provider and its vendor's stand-in.

use std::sync::Arc;
use std::time::Duration;

use adapters_oauth::{ProviderSettings, Surroundings, Times, provider};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::provider::ProviderName;
use ports::identity_provider::{IdentityProvider, ProviderProof, Way};
use ports::testing::contract::identity_provider::{Bad, Nobody, Trouble, Vendor};
use ports::testing::{ManualClock, START};
use serde_json::{Value, json};
use test_vendors::oauth::{App, Ask, Desk, Forgery, Person, routes};
use test_vendors::{Fault, StandIn};

/// Where codes are issued for.
pub(crate) const REDIRECT: &str = "https://app.example.com/callback?from=provider";
pub(crate) const VERIFIER: &str = "a-verifier-of-at-least-43-characters-0123456789";
pub(crate) const NONCE: &str = "n-0S6_WzA2Mj";
/// How long a slow answer takes, and how long a hasty provider waits.
const SLOW: Duration = Duration::from_secs(1);
const HASTE: Duration = Duration::from_millis(300);

/// A provider and its vendor.
pub(crate) struct World {
    pub(crate) stand_in: StandIn,
    pub(crate) desk: Desk,
    /// The kind, which is the provider's name as well.
    pub(crate) kind: &'static str,
    pub(crate) app: &'static str,
    pub(crate) settings: ProviderSettings,
    pub(crate) clock: Arc<ManualClock>,
}

/// The vendor of a kind, by its path.
fn vendor_of(kind: &'static str) -> &'static str {
    if kind.starts_with("wechat") { "wechat" } else { kind }
}

impl World {
    /// A provider of a kind with an app of an id.
    pub(crate) async fn new(kind: &'static str, app: &'static str) -> Self {
        let desk = Desk::new(|| START.as_second());
        let vendor = vendor_of(kind);
        let secret = if kind == "apple" { "TEAM123456/KEY1234567" } else { "s3cret +/%" };
        for id in [app, "another-app"] {
            let redirect_uris = vec![REDIRECT.to_owned()];
            desk.add_app(vendor, id, App { secret: secret.to_owned(), redirect_uris });
        }
        (1..=10).for_each(|id| desk.add_person(Person::new(id)));
        let stand_in = StandIn::start(routes(&desk)).await.unwrap();
        let base = stand_in.url(&format!("/{vendor}"));
        let mut settings = ProviderSettings::default();
        if kind == "oidc" {
            settings.issuer = Some(base);
            settings.client_id = Some(app.to_owned());
            settings.client_secret = Some(secret.into());
        } else {
            settings.app_id = Some(app.to_owned());
            settings.authorize_url = Some(base.clone());
            settings.api_url = Some(base);
        }
        match kind {
            "alipay" => {
                settings.private_key = Some(desk.alipay().private_key().into());
                settings.alipay_public_key = Some(desk.alipay().alipay_public_key());
            }
            "apple" => {
                settings.team_id = Some("TEAM123456".to_owned());
                settings.key_id = Some("KEY1234567".to_owned());
                settings.private_key = Some(desk.apple().pem().into());
            }
            "oidc" => {}
            _ => settings.app_secret = Some(secret.into()),
        }
        if matches!(vendor, "wechat" | "qq" | "douyin") {
            settings.platform = Some("team".to_owned());
        }
        if matches!(kind, "oidc" | "apple" | "google") {
            // Made before the clock of a call runs.
            assert_eq!(desk.keys().len(), 2);
        }
        Self { stand_in, desk, kind, app, settings, clock: Arc::default() }
    }

    pub(crate) fn vendor(&self) -> &'static str {
        vendor_of(self.kind)
    }

    pub(crate) fn with(&self, times: Times) -> Arc<dyn IdentityProvider> {
        let clock = Arc::clone(&self.clock) as _;
        let around = Surroundings { clock, is_production: false, times };
        provider(ProviderName::parse(self.kind).unwrap(), &self.settings, &around).unwrap()
    }

    pub(crate) fn person(&self, id: u64) -> Person {
        self.desk.people().into_iter().find(|it| it.id == id).unwrap()
    }

    fn is_issuer(&self) -> bool {
        matches!(self.kind, "oidc" | "apple" | "google")
    }

    pub(crate) fn issuer(&self) -> String {
        match self.kind {
            "google" => "https://accounts.google.com".to_owned(),
            "apple" => "https://appleid.apple.com".to_owned(),
            _ => self.stand_in.url("/oidc"),
        }
    }

    fn ask(&self) -> Ask {
        let pkce = matches!(self.kind, "oidc" | "google" | "github");
        Ask {
            redirect_uri: Some(REDIRECT.to_owned()),
            challenge: pkce.then(|| challenge(VERIFIER)),
            nonce: self.is_issuer().then(|| NONCE.to_owned()),
        }
    }

    /// A code in a proof.
    pub(crate) fn code(&self, code: &str) -> ProviderProof {
        let ask = self.ask();
        ProviderProof::Code {
            code: code.to_owned().into(),
            redirect_uri: ask.redirect_uri,
            code_verifier: ask.challenge.map(|_| VERIFIER.to_owned().into()),
            nonce: ask.nonce,
            user: None,
        }
    }

    /// A code of a person for an app.
    pub(crate) fn code_of(&self, app: &str, person: &Person) -> String {
        self.desk.code(self.vendor(), app, person, self.ask())
    }

    /// A token of a person for an app, with an id beside it.
    pub(crate) fn token_of(
        &self,
        app: &str,
        person: &Person,
        openid: Option<&str>,
    ) -> ProviderProof {
        token(&self.desk.token(self.vendor(), app, person), openid)
    }

    /// The id that an app has beside its token, where one is needed.
    fn openid(&self, person: u64) -> Option<String> {
        (self.vendor() == "wechat").then(|| format!("o{person}-{}", self.app))
    }

    /// An ID token.
    pub(crate) fn id_token(&self, app: &str, person: &Person, forgery: &Forgery) -> ProviderProof {
        let issuer = self.issuer();
        let (vendor, nonce) = (self.vendor(), Some(NONCE));
        let id_token = self.desk.id_token(vendor, &issuer, app, person, nonce, forgery);
        ProviderProof::IdToken { id_token: id_token.into(), nonce: Some(NONCE.to_owned()) }
    }

    fn proof(&self, way: Way, app: &str, person: &Person) -> ProviderProof {
        match way {
            Way::Code | Way::Browser => self.code(&self.code_of(app, person)),
            Way::Token => self.token_of(app, person, self.openid(person.id).as_deref()),
            Way::IdToken => self.id_token(app, person, &Forgery::default()),
        }
    }
}

/// The S256 challenge of a verifier.
pub(crate) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// A token in a proof.
pub(crate) fn token(token: &str, openid: Option<&str>) -> ProviderProof {
    ProviderProof::Token {
        access_token: token.to_owned().into(),
        openid: openid.map(str::to_owned),
        expires_in: Some(7200),
        refresh_token: Some("refresh".to_owned().into()),
    }
}

fn no_name(nobody: Nobody) -> Value {
    match nobody {
        Nobody::Null => Value::Null,
        Nobody::Empty => json!(""),
        Nobody::Blank => json!("  "),
        Nobody::Zero => json!(0),
        Nobody::ZeroText => json!("0"),
        Nobody::List => json!(["1"]),
        Nobody::Long => json!("x".repeat(256)),
    }
}

impl Vendor for World {
    fn provider(&self) -> Arc<dyn IdentityProvider> {
        self.with(Times::default())
    }

    fn hasty(&self) -> Arc<dyn IdentityProvider> {
        self.with(Times { connect: HASTE, call: HASTE, all: SLOW })
    }

    fn good(&self, way: Way, person: u64) -> ProviderProof {
        self.proof(way, self.app, &self.person(person))
    }

    fn bad(&self, way: Way, bad: Bad) -> Option<ProviderProof> {
        let ada = self.person(1);
        Some(match (bad, way) {
            (Bad::Unknown, Way::Token) => token("unknown", self.openid(1).as_deref()),
            (Bad::Unknown, Way::IdToken) => {
                let key = Some(test_vendors::oauth::SigningKey::ec("e1"));
                self.id_token(self.app, &ada, &Forgery { key, ..Forgery::default() })
            }
            (Bad::Unknown, _) => self.code("unknown"),
            (Bad::Expired, Way::IdToken) => {
                let past = START.as_second() - 3600;
                let claims = json!({"iat": past, "exp": past + 300});
                self.id_token(self.app, &ada, &Forgery { claims, ..Forgery::default() })
            }
            (Bad::Expired, Way::Token) => {
                let text = self.desk.token(self.vendor(), self.app, &ada);
                self.desk.expire(&text);
                token(&text, self.openid(1).as_deref())
            }
            (Bad::Expired, _) => {
                let code = self.code_of(self.app, &ada);
                self.desk.expire(&code);
                self.code(&code)
            }
            (Bad::OtherApp, _) => self.proof(way, "another-app", &ada),
            (Bad::WrongOpenid, Way::Token) => {
                let openid = self.openid(2).unwrap_or_else(|| "820000002".to_owned());
                self.token_of(self.app, &ada, Some(&openid))
            }
            (Bad::WrongOpenid, _) => return None,
            (Bad::Nobody(nobody), _) => {
                self.proof(way, self.app, &Person { subject: Some(no_name(nobody)), ..ada })
            }
            (Bad::OtherPerson, _) => {
                let has_one = matches!(
                    self.kind,
                    "wechat_mini" | "qq" | "github" | "netease" | "apple" | "google"
                ) || way == Way::IdToken;
                if has_one {
                    return None;
                }
                let shown_as = Some(Box::new(self.person(2)));
                self.proof(way, self.app, &Person { shown_as, ..ada })
            }
        })
    }

    fn calls(&self, way: Way) -> Vec<String> {
        let paths: &[&str] = match (self.kind, way) {
            ("wechat_mini", _) => &["sns/jscode2session"],
            (_, Way::Code) if self.vendor() == "wechat" => {
                &["sns/oauth2/access_token", "sns/userinfo"]
            }
            (_, _) if self.vendor() == "wechat" => &["sns/auth", "sns/userinfo"],
            ("qq", Way::Code) => &["oauth2.0/token", "oauth2.0/me", "user/get_user_info"],
            ("qq", _) => &["oauth2.0/me", "user/get_user_info"],
            ("weibo", Way::Code) => &["oauth2/access_token", "2/users/show.json"],
            ("weibo", _) => &["oauth2/get_token_info", "2/users/show.json"],
            ("netease", _) => &["open/oauth2/token.do", "open/oauth2/getUserInfo.do"],
            ("alipay", _) => &["gateway.do"],
            ("douyin", _) => &["oauth/access_token/", "oauth/userinfo/"],
            ("github", Way::Code) => &["login/oauth/access_token", "user"],
            ("github", _) => &["applications/"],
            ("google", Way::Code) => &["token", "oauth2/v3/certs"],
            ("google", _) => &["oauth2/v3/certs"],
            ("apple", Way::Code) => &["auth/token", "auth/keys"],
            ("apple", _) => &["auth/keys"],
            (_, Way::Code) => &["token", ".well-known/", "jwks", "userinfo"],
            _ => &[".well-known/", "jwks"],
        };
        paths.iter().map(|it| format!("/{}/{it}", self.vendor())).collect()
    }

    fn trouble(&self, path: &str, trouble: Option<Trouble>) {
        let faults = self.stand_in.faults();
        let fault = match trouble {
            None => return faults.clear(),
            Some(Trouble::Html) => Fault::Html,
            Some(Trouble::Truncated) => Fault::Truncated,
            Some(Trouble::Empty) => Fault::Empty,
            Some(Trouble::Cut) => Fault::Cut,
            Some(Trouble::Huge) => Fault::Huge,
            Some(Trouble::Redirect) => Fault::Redirect,
            Some(Trouble::Down) => Fault::Status(500),
            Some(Trouble::Throttled) => Fault::Status(429),
            Some(Trouble::Slow) => Fault::Slow(SLOW),
            Some(Trouble::SlowAfter) => Fault::SlowAfter(SLOW),
        };
        faults.set(path, fault);
    }

    fn exchanges(&self) -> usize {
        self.desk.asked("exchange")
    }
}
