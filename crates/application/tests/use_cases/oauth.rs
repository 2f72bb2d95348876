//! Codes and tokens on fakes: time, failures of stores, and the keys that sign.

use std::sync::Arc;

use adapters_memory::Fakes;
use application::oauth::OauthError;
use application::oauth::client::prove;
use application::oauth::inspect::{introspect, revoke};
use application::oauth::issue::{
    CodeRefusal, CodeRequest, NoCode, code_for_login, code_for_session, login_for_code,
    until_exchange,
};
use application::oauth::keys::{rotate, tend, told};
use application::oauth::token::{Tokens, exchange, refresh};
use application::sessions::{Scope, end_sessions};
use domain::Duration;
use domain::oauth::client::{Client, ClientId, Proof, SecretHash, Shown, Standing};
use domain::oauth::pkce::Challenge;
use domain::oauth::redirect::RedirectUri;
use domain::oauth::scope::Scopes;
use domain::policy::Policy;
use ports::error::StoreError;
use ports::keys::Keys as _;
use ports::session_copies::MockSessionCopies;

use super::*;

pub(super) const CALLBACK: &str = "https://app.example.com/cb";
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const DAY: Duration = Duration::from_hours(24);

fn client(id: &str, standing: Standing) -> Client {
    let secret = adapters_memory::FakeKeys.digest("secret");
    Client {
        id: ClientId::parse(id).unwrap(),
        proof: match standing {
            Standing::FirstParty => Proof::Nothing,
            Standing::Trusted | Standing::ThirdParty => {
                Proof::Secret(vec![SecretHash::new(secret)])
            }
        },
        redirect_uris: vec![RedirectUri::parse(CALLBACK, false).unwrap()],
        standing,
        origins: Vec::new(),
    }
}

/// Ports with a client of each kind.
pub(super) fn ports_of(fakes: &Fakes) -> Ports {
    let ports = fakes.ports();
    let mut policy: Policy = (*ports.policy).clone();
    policy.oauth.issuer = "https://id.example.com".to_owned();
    policy.oauth.clients = vec![
        client("web", Standing::FirstParty),
        client("partner", Standing::Trusted),
        client("other", Standing::ThirdParty),
    ];
    Ports { policy: Arc::new(policy), ..ports }
}

fn asked(ports: &Ports, client: &str) -> Result<CodeRequest, CodeRefusal> {
    // What the fakes take for SHA-256.
    let challenge = Challenge::new(ports.keys.digest(VERIFIER));
    let scope = Scopes::parse("openid phone").unwrap();
    CodeRequest::check(&ports.policy, client, CALLBACK, challenge, scope, None)
}

async fn code(fakes: &Fakes, ports: &Ports, client: &str) -> String {
    let message = sent(fakes, ports, 1, Purpose::Login).await;
    // The next code may be asked for.
    fakes.clock.advance(Duration::from_mins(2));
    let asked = asked(ports, client).unwrap();
    let issued = login_for_code(ports, asked, by_code(&message)).await.unwrap();
    issued.code.reveal().to_owned()
}

pub(super) async fn exchanged(
    ports: &Ports,
    client: &str,
    code: &str,
) -> Result<Tokens, OauthError> {
    let client = ports.policy.oauth.client(client).unwrap();
    exchange(ports, client, code, CALLBACK, Some(VERIFIER), origin()).await
}

pub(super) async fn me(ports: &Ports, tokens: &Tokens) -> Result<Caller, Error> {
    let token = SessionToken::parse(&tokens.access_token).unwrap();
    authenticate(ports, &token, Access::Session).await
}

pub(super) fn is_invalid<T>(outcome: &Result<T, OauthError>) -> bool {
    matches!(outcome, Err(OauthError::InvalidGrant))
}

/// OP-04, OP-06: the session begins anew with the exchange, and slides from then on.
#[tokio::test]
async fn a_code_lives_a_minute_and_its_session_a_week() {
    let fakes = Fakes::default();
    let ports = ports_of(&fakes);
    let late = code(&fakes, &ports, "web").await;
    fakes.clock.advance(Duration::from_mins(1));
    assert!(is_invalid(&exchanged(&ports, "web", &late).await));
    let in_time = code(&fakes, &ports, "web").await;
    fakes.clock.advance(Duration::from_secs(59));
    let tokens = exchanged(&ports, "web", &in_time).await.unwrap();
    assert_eq!((tokens.life, tokens.refresh_token.as_deref()), (7 * DAY, None));
    assert!(tokens.id_token.unwrap().contains("https://id.example.com"));
    let tokens = Tokens { id_token: None, ..tokens };
    fakes.clock.advance(6 * DAY);
    assert!(me(&ports, &tokens).await.is_ok());
    fakes.clock.advance(6 * DAY);
    assert!(me(&ports, &tokens).await.is_ok(), "use pushes its end on");
    fakes.clock.advance(7 * DAY);
    assert!(matches!(me(&ports, &tokens).await, Err(Error::SessionInvalid)));
}

/// OP-07: 14 days without use, 30 in all.
#[tokio::test]
async fn a_partners_tokens_end_by_the_clock() {
    let fakes = Fakes::default();
    let ports = ports_of(&fakes);
    let partner = ports.policy.oauth.client("partner").unwrap();
    let code = code(&fakes, &ports, "partner").await;
    let mut tokens = exchanged(&ports, "partner", &code).await.unwrap();
    for days in [13, 13] {
        fakes.clock.advance(days * DAY);
        let token = tokens.refresh_token.unwrap();
        tokens = refresh(&ports, partner, &token, None, origin()).await.unwrap();
    }
    fakes.clock.advance(4 * DAY);
    let token = tokens.refresh_token.unwrap();
    assert!(is_invalid(&refresh(&ports, partner, &token, None, origin()).await), "30 in all");
    let fakes = Fakes::default();
    let ports = ports_of(&fakes);
    let code = self::code(&fakes, &ports, "partner").await;
    let token = exchanged(&ports, "partner", &code).await.unwrap().refresh_token.unwrap();
    fakes.clock.advance(14 * DAY);
    assert!(is_invalid(&refresh(&ports, partner, &token, None, origin()).await), "14 unused");
}

/// EXT-09: people log in through our own clients and partners', and to registered addresses.
#[tokio::test]
async fn a_code_is_asked_for_by_whom_people_log_in_through() {
    let ports = ports_of(&Fakes::default());
    assert!(asked(&ports, "web").is_ok() && asked(&ports, "partner").is_ok());
    assert_eq!(asked(&ports, "other").unwrap_err(), CodeRefusal::Client);
    assert_eq!(asked(&ports, "nobody").unwrap_err(), CodeRefusal::Client);
    let (challenge, policy) = (Challenge::new([1; 32]), &ports.policy);
    let other = "https://app.example.com/cb2";
    let check = |to, nonce| CodeRequest::check(policy, "web", to, challenge, Scopes::NONE, nonce);
    assert_eq!(check(other, None).unwrap_err(), CodeRefusal::Redirect);
    let long = Some("n".repeat(513));
    assert_eq!(check(CALLBACK, long).unwrap_err(), CodeRefusal::Nonce);
}

/// LINK-11: what ends between the login and its code gives no code.
#[tokio::test]
async fn a_session_that_ended_gives_no_code() {
    let fakes = Fakes::default();
    let ports = ports_of(&fakes);
    let message = sent(&fakes, &ports, 1, Purpose::Login).await;
    let came = login(&until_exchange(&ports), by_code(&message)).await.unwrap();
    let token = came.admission.token.clone();
    let caller = authenticate(&ports, &token, Access::Session).await.unwrap();
    end_sessions(&ports, &caller, Scope::All, origin()).await.unwrap();
    let web = || asked(&ports, "web").unwrap();
    let none = code_for_login(&ports, web(), came.admission).await;
    assert!(matches!(none, Err(Error::SessionInvalid)));
    let none = code_for_session(&ports, web(), &caller, None).await.unwrap();
    assert_eq!(none.unwrap_err(), NoCode::SessionEnded);
}

/// SES-04: a copy that cannot be removed is told as a failure, and trying again finishes it.
#[tokio::test]
async fn a_reuse_that_could_not_be_finished_is_finished_later() {
    let fakes = Fakes::default();
    let ports = ports_of(&fakes);
    let code = code(&fakes, &ports, "web").await;
    let tokens = exchanged(&ports, "web", &code).await.unwrap();
    assert!(me(&ports, &tokens).await.is_ok());
    let mut down = MockSessionCopies::new();
    let failed = || StoreError::Unavailable { store: "redis", source: "down".into() };
    down.expect_forget().returning(move |_| Err(failed()));
    let without = Ports { session_copies: Arc::new(down), ..ports.clone() };
    let told = exchanged(&without, "web", &code).await;
    assert!(matches!(told, Err(OauthError::Store(_))), "{told:?}");
    let web = ports.policy.oauth.client("web").unwrap();
    let told = revoke(&without, web, &tokens.access_token, origin()).await;
    assert!(matches!(told, Err(OauthError::Store(_))), "{told:?}");
    assert!(me(&ports, &tokens).await.is_ok(), "the copy is still there");
    revoke(&ports, web, &tokens.access_token, origin()).await.unwrap();
    assert!(me(&ports, &tokens).await.is_err());
    assert!(is_invalid(&exchanged(&ports, "web", &code).await));
}

/// OP-08: a rotated token is not active, and revoking it ends the family all the same.
#[tokio::test]
async fn a_rotated_token_still_names_its_family() {
    let fakes = Fakes::default();
    let ports = ports_of(&fakes);
    let partner = ports.policy.oauth.client("partner").unwrap();
    let code = code(&fakes, &ports, "partner").await;
    let first = exchanged(&ports, "partner", &code).await.unwrap().refresh_token.unwrap();
    let next = refresh(&ports, partner, &first, None, origin()).await.unwrap();
    assert!(introspect(&ports, partner, &first).await.unwrap().is_none());
    assert!(introspect(&ports, partner, &next.access_token).await.unwrap().is_some());
    revoke(&ports, partner, &first, origin()).await.unwrap();
    assert!(introspect(&ports, partner, &next.access_token).await.unwrap().is_none());
}

/// OP-05: failures are counted by client and address; the right secret is heard all the same.
#[tokio::test]
async fn failures_of_a_client_are_counted() {
    let fakes = Fakes::default();
    let ports = ports_of(&fakes);
    let shown = |id: &str, secret: &str| {
        let (id, secret) = (Some(id.to_owned()), Some(secret.to_owned()));
        Shown { id, secret, ..Shown::default() }
    };
    let ip = origin().ip;
    for _ in 0..30 {
        let refused = prove(&ports, shown("partner", "wrong"), ip).await;
        assert!(matches!(refused, Err(OauthError::InvalidClient)));
    }
    let refused = prove(&ports, shown("partner", "wrong"), ip).await;
    assert!(matches!(refused, Err(OauthError::Throttled { .. })));
    assert!(prove(&ports, shown("partner", "secret"), ip).await.is_ok());
    let other = prove(&ports, shown("other", "wrong"), ip).await;
    assert!(matches!(other, Err(OauthError::InvalidClient)), "another client");
    let elsewhere = prove(&ports, shown("partner", "wrong"), Ipv4Addr::LOCALHOST.into()).await;
    assert!(matches!(elsewhere, Err(OauthError::InvalidClient)), "another address");
    fakes.clock.advance(Duration::from_mins(1));
    let again = prove(&ports, shown("partner", "wrong"), ip).await;
    assert!(matches!(again, Err(OauthError::InvalidClient)));
}

/// OP-09: over the years each key is told before it signs and after, and then goes.
#[tokio::test]
async fn keys_follow_one_another_by_the_clock() {
    let fakes = Fakes::default();
    let ports = ports_of(&fakes);
    let names = async || {
        let keys = told(&ports).await.unwrap();
        keys.iter().map(|it| it.number).collect::<Vec<_>>()
    };
    assert_eq!(names().await, [1], "made at first need");
    for (days, expected) in
        [(88, &[1][..]), (1, &[1, 2]), (1, &[1, 2]), (1, &[2]), (88, &[2, 3]), (2, &[3])]
    {
        fakes.clock.advance(days * DAY);
        tend(&ports).await.unwrap();
        assert_eq!(names().await, expected);
    }
    assert_eq!(ports.signing_keys.list().await.unwrap().len(), 1, "what is over is gone");
    let next = rotate(&ports, false).await.unwrap().unwrap();
    assert_eq!((next.number, names().await), (4, vec![3, 4]));
}
