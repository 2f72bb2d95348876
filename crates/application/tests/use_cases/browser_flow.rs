//! A browser's way to a provider and back.

use std::sync::Arc;

use application::browser_flow::{Finish, Start, Started, finish, start};
use application::oauth::issue::CodeRequest;
use domain::Duration;
use domain::browser_flow::Denied;
use domain::oauth::client::{Client, ClientId, Proof, Standing};
use domain::oauth::pkce::Challenge;
use domain::oauth::redirect::RedirectUri;
use domain::oauth::scope::Scopes;
use domain::policy::Policy;
use domain::provider::ProviderName;
use domain::secret::OpaqueToken;
use ports::Provider;
use rstest::rstest;

use super::third_party::{Says, with_provider};
use super::*;

const ADDRESS: &str = "https://app.example/back";

/// Ports with a provider, a client, and another provider beside them.
fn set_up() -> (Fakes, Ports) {
    let (fakes, ports) = with_provider(true);
    let client = Client {
        id: ClientId::parse("web").unwrap(),
        proof: Proof::Nothing,
        redirect_uris: vec![RedirectUri::parse(ADDRESS, false).unwrap()],
        standing: Standing::FirstParty,
        origins: Vec::new(),
    };
    let oauth =
        domain::oauth::Provider { issuer: "https://id.example".to_owned(), clients: vec![client] };
    let policy = Policy { oauth, ..(*ports.policy).clone() };
    let mut providers = (*ports.providers).clone();
    let adapter = Arc::new(Says::new("other"));
    providers.insert(name("other"), Provider { adapter, is_enabled: true });
    (fakes, Ports { policy: Arc::new(policy), providers: Arc::new(providers), ..ports })
}

fn name(of: &str) -> ProviderName {
    ProviderName::parse(of).unwrap()
}

fn asked(ports: &Ports) -> CodeRequest {
    let challenge = Challenge::new([1; 32]);
    CodeRequest::check(&ports.policy, "web", ADDRESS, challenge, Scopes::all(), None).unwrap()
}

async fn begun(ports: &Ports) -> (String, OpaqueToken) {
    let asked = Start {
        provider: name("wechat"),
        asked: asked(ports),
        state: Some("mine".to_owned()),
        browser: None,
        callback: "https://id.example/callback".to_owned(),
        origin: origin(),
    };
    let Started { location, browser } = start(ports, asked).await.unwrap();
    (location.split_once('#').unwrap().1.to_owned(), browser)
}

fn back(state: &str, browser: &OpaqueToken) -> Finish {
    Finish {
        provider: name("wechat"),
        state: state.to_owned(),
        browser: Some(browser.clone()),
        code: Some("o1@a".to_owned()),
        error: None,
        iss: None,
        user: None,
        callback: "https://id.example/callback".to_owned(),
        origin: origin(),
    }
}

#[tokio::test]
async fn it_ends_with_a_code_for_the_client() {
    let (_, ports) = set_up();
    let (state, browser) = begun(&ports).await;
    assert!(state.len() == 64 && state.bytes().all(|it| it.is_ascii_alphanumeric()));
    let done = finish(&ports, back(&state, &browser)).await.unwrap();
    assert_eq!((done.redirect_uri.as_str(), done.state.as_deref()), (ADDRESS, Some("mine")));
    assert!(done.outcome.is_ok());
}

/// EXT-01, EXT-03: used, over, of another browser or another provider: the provider is not asked.
#[tokio::test]
async fn a_state_is_good_once_in_its_browser_at_its_provider() {
    let (fakes, ports) = set_up();
    let refuse = async |came: Finish| {
        let refused = finish(&ports, came).await;
        assert!(matches!(refused, Err(Error::StateInvalid)), "{refused:?}");
    };
    let (state, browser) = begun(&ports).await;
    finish(&ports, back(&state, &browser)).await.unwrap();
    refuse(back(&state, &browser)).await;
    let (state, _) = begun(&ports).await;
    refuse(back(&state, &OpaqueToken::new([9; 32]))).await;
    let (state, browser) = begun(&ports).await;
    refuse(Finish { browser: None, ..back(&state, &browser) }).await;
    let (state, browser) = begun(&ports).await;
    refuse(Finish { provider: name("other"), ..back(&state, &browser) }).await;
    let (state, browser) = begun(&ports).await;
    fakes.clock.advance(Duration::from_mins(10));
    refuse(back(&state, &browser)).await;
    refuse(back("unknown", &browser)).await;
}

/// EXT-03, EXT-11: what went wrong is told by one of two names.
#[rstest]
#[case::said_no(None, Some("access_denied"), Denied::Access)]
#[case::said_nothing(None, None, Denied::Access)]
#[case::failed(None, Some("temporarily_unavailable"), Denied::Provider)]
#[case::refused(Some("refused"), None, Denied::Provider)]
#[case::down(Some("down"), None, Denied::Provider)]
#[tokio::test]
async fn a_failure_is_told_to_the_client(
    #[case] code: Option<&str>,
    #[case] error: Option<&str>,
    #[case] expected: Denied,
) {
    let (fakes, ports) = set_up();
    let (state, browser) = begun(&ports).await;
    let (code, error) = (code.map(str::to_owned), error.map(str::to_owned));
    let came = Finish { code, error, ..back(&state, &browser) };
    let done = finish(&ports, came).await.unwrap();
    assert_eq!(done.outcome.err(), Some(expected));
    assert!(fakes.database.events().is_empty(), "nobody is made");
}

/// EXT-03: an answer of another issuer ends the way.
#[tokio::test]
async fn an_answer_of_another_issuer_is_refused() {
    let (_, ports) = set_up();
    let (state, browser) = begun(&ports).await;
    let iss = Some("https://evil.example".to_owned());
    let refused = finish(&ports, Finish { iss, ..back(&state, &browser) }).await;
    assert!(matches!(refused, Err(Error::IssuerMismatch)), "{refused:?}");
}

/// EXT-03: a provider that was switched off meanwhile lets nobody in.
#[tokio::test]
async fn a_provider_that_was_switched_off_meanwhile_is_told() {
    let (_, ports) = set_up();
    let (state, browser) = begun(&ports).await;
    let mut providers = (*ports.providers).clone();
    providers.get_mut(&name("wechat")).unwrap().is_enabled = false;
    let ports = Ports { providers: Arc::new(providers), ..ports };
    let refused = finish(&ports, back(&state, &browser)).await;
    assert!(matches!(refused, Err(Error::ProviderDisabled)), "{refused:?}");
}
