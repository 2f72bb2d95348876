//! Asking for a code: who is told what is wrong, and where (OP-01 to OP-03, OP-10).

use std::collections::BTreeMap;

use thiserror::Error;

use super::Provider;
use super::client::Client;
use super::consent::Need;
use super::pkce::{Challenge, ChallengeError};
use super::scope::Scopes;
use crate::session::{Session, SessionPolicy};
use crate::{Duration, Timestamp, later};

/// How an answer gets to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query of the address.
    Query,
    /// By a form that the browser posts there.
    FormPost,
}

impl ResponseMode {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Query, Self::FormPost];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FormPost => "form_post",
        }
    }
}

/// What the request has in mind for the person. `none` is what we do anyway: nothing is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Prompt {
    /// `login`: the person logs in again.
    login: bool,
    /// `consent`: the person agrees again.
    consent: bool,
    /// `select_account`: the person says as whom.
    select_account: bool,
}

/// Where an answer goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnTo {
    /// The address, which is registered.
    pub redirect_uri: String,
    /// What the client wants back, to the letter.
    pub state: Option<String>,
    /// How.
    pub mode: ResponseMode,
}

/// A request that is in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    /// Who asks.
    pub client: &'a Client,
    /// Where the answer goes.
    pub to: ReturnTo,
    /// What the client wants to know.
    pub scope: Scopes,
    /// Whose verifier will open the code.
    pub challenge: Challenge,
    /// What the client wants to find in the id token.
    pub nonce: Option<String>,
    /// What the request has in mind for the person.
    pub prompt: Prompt,
    /// How long ago the person may have proven who they are.
    pub max_age: Option<Duration>,
}

/// What is wrong, by the names that the standards give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Wrong {
    /// A parameter is missing, there twice, or has a value that cannot be.
    #[error("{0}")]
    Request(&'static str),
    /// Another answer than a code.
    #[error("the response_type has to be code")]
    ResponseType,
    /// A list of scopes that is none.
    #[error("the scope is not a list of names")]
    Scope,
    /// A request within the request.
    #[error("request objects are not taken")]
    RequestObject,
    /// The same, somewhere else.
    #[error("request objects are not fetched")]
    RequestUri,
    /// A client that registers itself.
    #[error("clients do not register themselves")]
    Registration,
    /// The person has to log in first.
    #[error("the person has to log in")]
    Login,
    /// The person has to agree first.
    #[error("the person has to agree")]
    Consent,
    /// The person has to say as whom.
    #[error("the person has to choose an account")]
    Account,
    /// The person has to do something else first.
    #[error("the person has to complete their account")]
    Interaction,
}

impl Wrong {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request(_) => "invalid_request",
            Self::ResponseType => "unsupported_response_type",
            Self::Scope => "invalid_scope",
            Self::RequestObject => "request_not_supported",
            Self::RequestUri => "request_uri_not_supported",
            Self::Registration => "registration_not_supported",
            Self::Login => "login_required",
            Self::Consent => "consent_required",
            Self::Account => "account_selection_required",
            Self::Interaction => "interaction_required",
        }
    }
}

/// Who is told that a request is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The person, on a page of ours: there is no address that could be trusted.
    Page,
    /// The client.
    Client(ReturnTo, Wrong),
}

/// Parameters by name, each with all its values.
pub type Parameters = BTreeMap<String, Vec<String>>;

/// The longest `nonce`.
const LONGEST_NONCE: usize = 512;

/// Reads a request.
///
/// Client and address come first: while they are not known, nobody but the person may be told
/// anything. A parameter without value counts as absent (RFC 6749, 3.1).
pub fn read<'a>(provider: &'a Provider, given: &Parameters) -> Result<Request<'a>, Refusal> {
    let client = once(given, "client_id").ok().flatten().and_then(|it| provider.client(it));
    let redirect_uri = once(given, "redirect_uri").ok().flatten();
    let (Some(client), Some(redirect_uri)) = (client, redirect_uri) else {
        return Err(Refusal::Page);
    };
    if !client.takes_redirect(redirect_uri) {
        return Err(Refusal::Page);
    }
    let mode = once(given, "response_mode");
    let known = |name: &str| ResponseMode::ALL.into_iter().find(|it| it.as_str() == name);
    let to = ReturnTo {
        redirect_uri: redirect_uri.to_owned(),
        state: once(given, "state").ok().flatten().map(str::to_owned),
        mode: mode.ok().flatten().and_then(known).unwrap_or(ResponseMode::Query),
    };
    parameters(client, to.clone(), given).map_err(|wrong| Refusal::Client(to, wrong))
}

fn parameters<'a>(
    client: &'a Client,
    to: ReturnTo,
    given: &Parameters,
) -> Result<Request<'a>, Wrong> {
    if given.values().any(|it| it.len() > 1) {
        return Err(Wrong::Request("a parameter is there twice"));
    }
    let one = |name| once(given, name);
    if one("request")?.is_some() {
        return Err(Wrong::RequestObject);
    }
    if one("request_uri")?.is_some() {
        return Err(Wrong::RequestUri);
    }
    if one("registration")?.is_some() {
        return Err(Wrong::Registration);
    }
    if one("response_mode")?.is_some_and(|it| it != to.mode.as_str()) {
        return Err(Wrong::Request("the response_mode has to be query or form_post"));
    }
    match one("response_type")? {
        None => return Err(Wrong::Request("a response_type is required")),
        Some("code") => {}
        Some(_) => return Err(Wrong::ResponseType),
    }
    let challenge = Challenge::parse(one("code_challenge")?, one("code_challenge_method")?);
    let challenge = challenge.map_err(|it| {
        Wrong::Request(match it {
            ChallengeError::Missing => "a code_challenge is required",
            ChallengeError::Method => "the code_challenge_method has to be S256",
            ChallengeError::Form => "the code_challenge is not one of S256",
        })
    })?;
    let scope = Scopes::parse(one("scope")?.unwrap_or_default()).map_err(|_| Wrong::Scope)?;
    let nonce = one("nonce")?;
    if nonce.is_some_and(|it| !is_nonce(it)) {
        return Err(Wrong::Request("the nonce is too long, or has control characters"));
    }
    let max_age = match one("max_age")? {
        None => None,
        Some(it) => {
            let seconds = it.bytes().all(|it| it.is_ascii_digit()).then(|| it.parse().ok());
            let seconds = seconds.flatten().ok_or(Wrong::Request("the max_age is no number"))?;
            Some(Duration::from_secs(seconds))
        }
    };
    let prompt = prompt(one("prompt")?.unwrap_or_default())?;
    Ok(Request { client, to, scope, challenge, nonce: nonce.map(str::to_owned), prompt, max_age })
}

/// True for a text that may stand in an id token.
#[must_use]
pub fn is_nonce(text: &str) -> bool {
    text.len() <= LONGEST_NONCE && !text.contains(char::is_control)
}

/// The one value of a parameter; `None` if it is not there or empty.
fn once<'a>(given: &'a Parameters, name: &str) -> Result<Option<&'a str>, Wrong> {
    match given.get(name).map(Vec::as_slice) {
        None => Ok(None),
        Some([it]) => Ok(Some(it.as_str()).filter(|it| !it.is_empty())),
        Some(_) => Err(Wrong::Request("a parameter is there twice")),
    }
}

fn prompt(text: &str) -> Result<Prompt, Wrong> {
    let mut prompt = Prompt::default();
    let mut is_none = false;
    for name in text.split(' ').filter(|it| !it.is_empty()) {
        match name {
            "none" => is_none = true,
            "login" => prompt.login = true,
            "consent" => prompt.consent = true,
            "select_account" => prompt.select_account = true,
            _ => return Err(Wrong::Request("the prompt is none that we know")),
        }
    }
    if is_none && prompt != Prompt::default() {
        return Err(Wrong::Request("the prompt none goes with no other"));
    }
    Ok(prompt)
}

impl Request<'_> {
    /// Decides whether a person who holds a session gets a code at once, and which consent it
    /// needs, if any. `session` is theirs; `None` for whoever has none.
    ///
    /// Whatever would need a page is told to the client, which `prompt=none` asks for anyway.
    /// `prompt=consent` asks anybody's person again: an answer counts as long as a proof is fresh.
    pub fn decide(
        &self,
        session: Option<&Session>,
        policy: &SessionPolicy,
        now: Timestamp,
    ) -> Result<Option<Need>, Wrong> {
        let session = session.ok_or(Wrong::Login)?;
        let is_recent = |it| now <= later(session.auth_time, it);
        if self.prompt.login || !self.max_age.is_none_or(is_recent) {
            return Err(Wrong::Login);
        }
        if self.prompt.select_account {
            return Err(Wrong::Account);
        }
        let before = || now.checked_sub(policy.fresh).unwrap_or(Timestamp::MIN);
        let given_after = self.prompt.consent.then(before);
        let is_needed = self.prompt.consent || !self.client.is_trusted();
        Ok(is_needed.then_some(Need { scope: self.scope, given_after }))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use rstest::rstest;

    use super::*;
    use crate::id::{IdentityId, SessionId, UserId};
    use crate::oauth::client::{ClientId, Proof, Standing};
    use crate::oauth::redirect::RedirectUri;
    use crate::origin::{Device, Origin};
    use crate::session::Method;

    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn provider() -> Provider {
        let client = |id: &str, standing| Client {
            id: ClientId::parse(id).unwrap(),
            proof: Proof::Nothing,
            redirect_uris: vec![RedirectUri::parse("https://a.example.com/cb", false).unwrap()],
            standing,
            origins: Vec::new(),
        };
        let clients = vec![
            client("web", Standing::FirstParty),
            client("partner", Standing::Trusted),
            client("other", Standing::ThirdParty),
        ];
        Provider { issuer: "https://id.example.com".to_owned(), clients }
    }

    /// A request in order, with changes: an empty value takes a parameter away.
    fn given(changes: &[(&str, &str)]) -> Parameters {
        let mut given = Parameters::new();
        for (name, value) in [
            ("client_id", "web"),
            ("redirect_uri", "https://a.example.com/cb"),
            ("response_type", "code"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("state", "a b&c"),
        ] {
            given.insert(name.to_owned(), vec![value.to_owned()]);
        }
        for (name, value) in changes {
            given.insert((*name).to_owned(), vec![(*value).to_owned()]);
        }
        given
    }

    fn outcome(given: &Parameters) -> &'static str {
        match read(&provider(), given) {
            Ok(_) => "ok",
            Err(Refusal::Page) => "page",
            Err(Refusal::Client(to, wrong)) => {
                assert_eq!(to.redirect_uri, "https://a.example.com/cb");
                wrong.as_str()
            }
        }
    }

    /// OP-01 to OP-03, OP-10.
    #[rstest]
    #[case::plain(&[], "ok")]
    #[case::form_post(&[("response_mode", "form_post")], "ok")]
    #[case::unknown_parameter(&[("ui_locales", "zh-CN"), ("x", "y")], "ok")]
    #[case::no_state(&[("state", "")], "ok")]
    #[case::client(&[("client_id", "nobody")], "page")]
    #[case::no_client(&[("client_id", "")], "page")]
    #[case::place(&[("redirect_uri", "https://evil.example/cb")], "page")]
    #[case::no_place(&[("redirect_uri", "")], "page")]
    #[case::token(&[("response_type", "token")], "unsupported_response_type")]
    #[case::hybrid(&[("response_type", "code id_token")], "unsupported_response_type")]
    #[case::no_type(&[("response_type", "")], "invalid_request")]
    #[case::fragment(&[("response_mode", "fragment")], "invalid_request")]
    #[case::no_challenge(&[("code_challenge", "")], "invalid_request")]
    #[case::plain_challenge(&[("code_challenge_method", "plain")], "invalid_request")]
    #[case::no_method(&[("code_challenge_method", "")], "invalid_request")]
    #[case::bad_challenge(&[("code_challenge", "x")], "invalid_request")]
    #[case::request(&[("request", "eyJ")], "request_not_supported")]
    #[case::request_uri(&[("request_uri", "https://x.example")], "request_uri_not_supported")]
    #[case::registration(&[("registration", "{}")], "registration_not_supported")]
    #[case::scope(&[("scope", "a  b")], "invalid_scope")]
    #[case::prompt(&[("prompt", "maybe")], "invalid_request")]
    #[case::prompts(&[("prompt", "none login")], "invalid_request")]
    #[case::age(&[("max_age", "-1")], "invalid_request")]
    #[case::age_text(&[("max_age", "soon")], "invalid_request")]
    #[case::nonce(&[("nonce", "a\nb")], "invalid_request")]
    fn a_request_is_read_or_refused(#[case] changes: &[(&str, &str)], #[case] expected: &str) {
        assert_eq!(outcome(&given(changes)), expected);
    }

    /// OP-01: what is there twice is refused, and only a trusted address is told.
    #[rstest]
    #[case("client_id", "page")]
    #[case("redirect_uri", "page")]
    #[case("state", "invalid_request")]
    #[case("response_type", "invalid_request")]
    #[case("x", "invalid_request")]
    fn a_parameter_is_there_once(#[case] name: &str, #[case] expected: &str) {
        let mut given = given(&[("x", "1")]);
        let value = given.get(name).unwrap()[0].clone();
        given.insert(name.to_owned(), vec![value.clone(), value]);
        assert_eq!(outcome(&given), expected);
    }

    fn at(second: u64) -> Timestamp {
        later(Timestamp::UNIX_EPOCH, Duration::from_secs(second))
    }

    fn session() -> Session {
        Session {
            id: SessionId::new(at(0), [1; 10]),
            user_id: UserId::new(at(0), [2; 10]),
            identity_id: IdentityId::new(at(0), [3; 10]),
            method: Method::Sms,
            auth_time: at(0),
            created_at: at(0),
            last_seen_at: at(0),
            idle_ends_at: at(999),
            absolute_ends_at: None,
            origin: Origin { ip: Ipv4Addr::LOCALHOST.into(), device: Device::default() },
        }
    }

    fn policy() -> SessionPolicy {
        SessionPolicy { idle: Duration::ZERO, absolute: None, fresh: Duration::from_secs(10) }
    }

    /// OP-10: prompt and age are honoured.
    #[rstest]
    #[case::plain(&[], None)]
    #[case::none(&[("prompt", "none")], None)]
    #[case::partner(&[("client_id", "partner")], None)]
    #[case::login(&[("prompt", "login")], Some("login_required"))]
    #[case::both(&[("prompt", "login consent")], Some("login_required"))]
    #[case::account(&[("prompt", "select_account")], Some("account_selection_required"))]
    #[case::young(&[("max_age", "60")], None)]
    #[case::old(&[("max_age", "59")], Some("login_required"))]
    #[case::now(&[("max_age", "0")], Some("login_required"))]
    fn a_person_gets_a_code_or_has_something_to_do(
        #[case] changes: &[(&str, &str)],
        #[case] expected: Option<&str>,
    ) {
        let (provider, given, session) = (provider(), given(changes), session());
        let request = read(&provider, &given).unwrap();
        let decided = request.decide(Some(&session), &policy(), at(60));
        assert_eq!(decided.map_err(Wrong::as_str), expected.map_or(Ok(None), Err));
        assert_eq!(request.decide(None, &policy(), at(60)), Err(Wrong::Login));
    }

    /// OP-10: whose program it is says whether the person has to agree; `prompt` may want it anew.
    #[rstest]
    #[case::third_party("other", "", true, None)]
    #[case::third_party_none("other", "none", true, None)]
    #[case::third_party_again("other", "consent", true, Some(50))]
    #[case::partner("partner", "", false, None)]
    #[case::partner_again("partner", "consent", true, Some(50))]
    #[case::ours_again("web", "consent", true, Some(50))]
    fn a_code_needs_a_consent_or_none(
        #[case] client: &str,
        #[case] prompt: &str,
        #[case] is_needed: bool,
        #[case] after: Option<u64>,
    ) {
        let scope = ("scope", "openid phone");
        let given = given(&[("client_id", client), ("prompt", prompt), scope]);
        let provider = provider();
        let request = read(&provider, &given).unwrap();
        let need = request.decide(Some(&session()), &policy(), at(60)).unwrap();
        let expected = Need { scope: request.scope, given_after: after.map(at) };
        assert_eq!(need, is_needed.then_some(expected));
    }
}
