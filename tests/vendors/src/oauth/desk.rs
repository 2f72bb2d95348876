//! What all vendors know: people, apps, and what was handed out to whom.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::alipay::AlipayKeys;
use super::keys::{EcKey, SigningKey};
use super::oidc::Forgery;

/// Seconds for which a code is good.
const CODE_LIFE: i64 = 600;

/// Somebody with an account at every vendor.
#[derive(Debug, Clone)]
pub struct Person {
    /// A number, of which each vendor makes its own name for them.
    pub id: u64,
    /// Their nickname.
    pub nickname: String,
    /// Their picture.
    pub avatar: String,
    /// What every vendor calls them instead of their name: for what names nobody.
    pub subject: Option<Value>,
    /// Whom a vendor's second answer about them tells of instead.
    pub shown_as: Option<Box<Person>>,
}

impl Person {
    /// A person with a nickname that needs UTF-8.
    #[must_use]
    pub fn new(id: u64) -> Self {
        Self {
            id,
            nickname: format!("小明 😀 \"{id}\""),
            avatar: format!("http://pictures.example.com/{id}/132"),
            subject: None,
            shown_as: None,
        }
    }

    /// Whom the second answer tells of.
    pub(super) fn shown(&self) -> &Self {
        self.shown_as.as_deref().unwrap_or(self)
    }

    /// What a vendor calls them.
    #[must_use]
    pub fn called(&self, name: impl Into<Value>) -> Value {
        self.subject.clone().unwrap_or_else(|| name.into())
    }
}

/// An app that a vendor knows.
#[derive(Debug, Clone)]
pub struct App {
    /// Its secret.
    pub secret: String,
    /// Where people may be sent back to; empty for anywhere.
    pub redirect_uris: Vec<String>,
}

/// What a person was sent to a vendor with.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// Where they go back to.
    pub redirect_uri: Option<String>,
    /// The S256 challenge.
    pub challenge: Option<String>,
    /// What an ID token is to hold.
    pub nonce: Option<String>,
}

/// What a code or token stands for.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The vendor's path, as `wechat`.
    pub vendor: String,
    /// The app's id.
    pub app: String,
    /// Whose account it is.
    pub person: Person,
    /// What was asked.
    pub ask: Ask,
    used: bool,
    expires_at: i64,
}

/// Why a code or token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Unknown,
    Used,
    Expired,
    OtherApp,
    Redirect,
    Pkce,
}

/// What the exchange says of the address that the code was issued for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sent<'a> {
    /// The vendor does not ask.
    Unasked,
    /// The same as before, or nothing where nothing was said.
    As(Option<&'a str>),
}

#[derive(Default)]
struct Books {
    people: Vec<Person>,
    apps: HashMap<(String, String), App>,
    codes: HashMap<String, Grant>,
    tokens: HashMap<String, Grant>,
    asked: HashMap<String, usize>,
    keys: Vec<SigningKey>,
    snapshots: bool,
    forgery: Forgery,
}

/// The desk behind all vendors; all clones are one.
#[derive(Clone)]
pub struct Desk {
    books: Arc<Mutex<Books>>,
    now: Arc<dyn Fn() -> i64 + Send + Sync>,
    alipay: Arc<OnceLock<AlipayKeys>>,
    apple: Arc<OnceLock<EcKey>>,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

impl Desk {
    /// An empty desk; `now` tells the time in seconds since 1970.
    pub fn new(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self {
            books: Arc::default(),
            now: Arc::new(now),
            alipay: Arc::default(),
            apple: Arc::default(),
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> i64 {
        (self.now)()
    }

    /// Somebody moves in.
    pub fn add_person(&self, person: Person) {
        self.books().people.push(person);
    }

    /// Everybody who can be logged in as.
    #[must_use]
    pub fn people(&self) -> Vec<Person> {
        self.books().people.clone()
    }

    /// A vendor gets to know an app.
    pub fn add_app(&self, vendor: &str, id: &str, app: App) {
        self.books().apps.insert((vendor.to_owned(), id.to_owned()), app);
    }

    pub(super) fn app(&self, vendor: &str, id: &str) -> Option<App> {
        self.books().apps.get(&(vendor.to_owned(), id.to_owned())).cloned()
    }

    /// Whether an id and a secret belong together.
    pub(super) fn knows(&self, vendor: &str, id: &str, secret: &str) -> bool {
        self.app(vendor, id).is_some_and(|it| it.secret == secret)
    }

    /// Hands out a code, as if the person had just agreed.
    #[must_use]
    pub fn code(&self, vendor: &str, app: &str, person: &Person, ask: Ask) -> String {
        let code = format!("C{}", self.random());
        let grant = self.grant(vendor, app, person, ask, CODE_LIFE);
        self.books().codes.insert(code.clone(), grant);
        code
    }

    /// Hands out an access token, as an app's SDK would have it.
    #[must_use]
    pub fn token(&self, vendor: &str, app: &str, person: &Person) -> String {
        let token = format!("T{}", self.random());
        let grant = self.grant(vendor, app, person, Ask::default(), 7200);
        self.books().tokens.insert(token.clone(), grant);
        token
    }

    fn grant(&self, vendor: &str, app: &str, person: &Person, ask: Ask, life: i64) -> Grant {
        Grant {
            vendor: vendor.to_owned(),
            app: app.to_owned(),
            person: person.clone(),
            ask,
            used: false,
            expires_at: self.now() + life,
        }
    }

    /// Lets a code or token expire.
    pub fn expire(&self, text: &str) {
        let mut books = self.books();
        let Books { codes, tokens, .. } = &mut *books;
        for grant in codes.get_mut(text).into_iter().chain(tokens.get_mut(text)) {
            grant.expires_at = i64::MIN;
        }
    }

    /// From now on WeChat shows previews: virtual accounts.
    pub fn preview(&self) {
        self.books().snapshots = true;
    }

    pub(super) fn previews(&self) -> bool {
        self.books().snapshots
    }

    /// Uses a code up.
    pub(super) fn redeem(
        &self,
        vendor: &str,
        code: &str,
        app: &str,
        sent: Sent<'_>,
        verifier: Option<&str>,
    ) -> Result<Grant, Why> {
        let now = self.now();
        let mut books = self.books();
        let grant = books.codes.get_mut(code).filter(|it| it.vendor == vendor);
        let grant = grant.ok_or(Why::Unknown)?;
        if grant.app != app {
            return Err(Why::OtherApp);
        }
        if std::mem::replace(&mut grant.used, true) {
            return Err(Why::Used);
        }
        if grant.expires_at <= now {
            return Err(Why::Expired);
        }
        if let Sent::As(redirect_uri) = sent
            && grant.ask.redirect_uri.as_deref() != redirect_uri
        {
            return Err(Why::Redirect);
        }
        let challenge = verifier.map(|it| URL_SAFE_NO_PAD.encode(digest(&SHA256, it.as_bytes())));
        if grant.ask.challenge != challenge {
            return Err(Why::Pkce);
        }
        Ok(grant.clone())
    }

    /// What a token stands for.
    pub(super) fn held(&self, vendor: &str, token: &str) -> Result<Grant, Why> {
        let books = self.books();
        let grant = books.tokens.get(token).filter(|it| it.vendor == vendor).ok_or(Why::Unknown)?;
        if grant.expires_at <= self.now() { Err(Why::Expired) } else { Ok(grant.clone()) }
    }

    /// Counts a call.
    pub(super) fn count(&self, what: &str) {
        *self.books().asked.entry(what.to_owned()).or_default() += 1;
    }

    /// How often something was asked for: `keys`, `discovery`, `exchange`.
    #[must_use]
    pub fn asked(&self, what: &str) -> usize {
        self.books().asked.get(what).copied().unwrap_or_default()
    }

    /// The keys that ID tokens are signed with: the RSA key first, then the one on a curve.
    #[must_use]
    pub fn keys(&self) -> Vec<SigningKey> {
        let mut books = self.books();
        if books.keys.is_empty() {
            books.keys = vec![SigningKey::rsa("r1"), SigningKey::ec("e1")];
        }
        books.keys.clone()
    }

    /// New keys; the old ones are forgotten.
    pub fn rotate(&self) {
        let round = self.asked("rotation") + 2;
        self.count("rotation");
        let keys =
            vec![SigningKey::ec(&format!("e{round}")), SigningKey::rsa(&format!("r{round}"))];
        self.books().keys = keys;
    }

    /// From now on tokens of the exchange are not what they should be.
    pub fn forge(&self, forgery: Forgery) {
        self.books().forgery = forgery;
    }

    /// How tokens of the exchange differ from good ones.
    pub(super) fn forgery(&self) -> Forgery {
        self.books().forgery.clone()
    }

    /// The keys between Alipay and the app.
    #[must_use]
    pub fn alipay(&self) -> &AlipayKeys {
        self.alipay.get_or_init(AlipayKeys::generate)
    }

    /// The key that the app got from Apple.
    #[must_use]
    pub fn apple(&self) -> &EcKey {
        self.apple.get_or_init(EcKey::generate)
    }

    #[expect(clippy::unused_self, reason = "a desk hands out what nobody can guess")]
    fn random(&self) -> String {
        let mut bytes = [0; 16];
        assert!(rand::fill(&mut bytes).is_ok(), "a machine without randomness cannot go on");
        hex::encode(bytes)
    }
}
