//! The identity provider and the SMS vendor of a fault, played on loopback.

use std::time::SystemTime;

use test_vendors::oauth::{App, Ask, Demo, Desk, Person};
use test_vendors::sms::{Sms, keys};
use test_vendors::{Faults, StandIn};
use tests::serde_json::{Value, json};

/// The provider that people of a storm come from.
pub(crate) const PROVIDER: &str = "github";
/// Our app there.
const APP: &str = "demo-app";
/// Where a client of ours is sent back to.
const REDIRECT: &str = "https://app.example.com/provider";

/// Both, with the settings of a node that calls them.
pub(crate) struct Vendors {
    /// What they take and give.
    pub(crate) desk: Desk,
    /// What the SMS vendor took.
    pub(crate) sms: Sms,
    provider: StandIn,
    gateway: StandIn,
}

impl Vendors {
    /// Opens both.
    pub(crate) async fn open() -> Self {
        // The address is known once it listens, and the routes are made before.
        let desk = Demo::new("", "", now).desk;
        let app = App { secret: "demo-secret".to_owned(), redirect_uris: Vec::new() };
        desk.add_app(PROVIDER, APP, app);
        let provider = StandIn::start(test_vendors::oauth::routes(&desk)).await;
        let sms = Sms::default();
        let gateway = StandIn::start(sms.routes()).await;
        let (provider, gateway) = (provider.expect("a stand-in"), gateway.expect("a stand-in"));
        Self { desk, sms, provider, gateway }
    }

    /// The settings of the provider.
    pub(crate) fn provider_settings(&self) -> Vec<(String, String)> {
        let demo =
            Demo { here: self.provider.url(""), service: String::new(), desk: self.desk.clone() };
        let ours = format!("LATCHKEY__PROVIDERS__{}__", PROVIDER.to_uppercase());
        demo.environment().into_iter().filter(|(name, _)| name.starts_with(&ours)).collect()
    }

    /// The settings of the SMS vendor.
    pub(crate) fn sms_settings(&self) -> Vec<(String, String)> {
        [
            ("SENDERS", r#"["tencent"]"#.to_owned()),
            ("TENCENT__SECRET_ID", keys::TENCENT.0.to_owned()),
            ("TENCENT__SECRET_KEY", keys::TENCENT.1.to_owned()),
            ("TENCENT__SDK_APP_ID", "1400006666".to_owned()),
            ("TENCENT__SIGN_NAME", "测试".to_owned()),
            ("TENCENT__TEMPLATE_ID", "449739".to_owned()),
            ("TENCENT__REGION", "ap-beijing".to_owned()),
            ("TENCENT__ENDPOINT", self.gateway.url("/tencent")),
        ]
        .map(|(name, value)| (format!("LATCHKEY__SMS__{name}"), value))
        .to_vec()
    }

    /// How the provider misbehaves.
    pub(crate) fn provider_faults(&self) -> &Faults {
        self.provider.faults()
    }

    /// How the SMS vendor misbehaves.
    pub(crate) fn sms_faults(&self) -> &Faults {
        self.gateway.faults()
    }
}

/// What somebody brings from the provider: a fresh code.
pub(crate) fn credential(desk: &Desk, number: u64) -> Value {
    let person = Person::new(number);
    desk.add_person(person.clone());
    let ask = Ask { redirect_uri: Some(REDIRECT.to_owned()), challenge: None, nonce: None };
    let code = desk.code(PROVIDER, APP, &person, ask);
    json!({"type": "provider_code", "provider": PROVIDER, "code": code, "redirect_uri": REDIRECT})
}

#[expect(clippy::disallowed_methods, reason = "the vendors' clock is that of the machine")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |it| i64::try_from(it.as_secs()).unwrap_or(i64::MAX))
}
