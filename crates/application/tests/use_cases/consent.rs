//! Consents on fakes: what a program gets by one, and what is left without it.

use std::sync::Arc;

use adapters_memory::Fakes;
use application::oauth::claims::user_info;
use application::oauth::consent::{give_consent, list_consents, withdraw_consent};
use application::oauth::inspect::introspect;
use application::oauth::issue::{CodeRequest, NoCode, code_for_session};
use application::oauth::token::{Tokens, refresh};
use application::sessions::{Scope, end_sessions};
use domain::Duration;
use domain::ending::AccountEvent;
use domain::oauth::consent::Need;
use domain::oauth::pkce::Challenge;
use domain::oauth::scope::Scopes;
use ports::error::StoreError;
use ports::session_copies::MockSessionCopies;

use super::oauth::{CALLBACK, VERIFIER, exchanged, is_invalid, me, ports_of};
use super::*;

fn scope(text: &str) -> Scopes {
    Scopes::parse(text).unwrap()
}

/// Somebody who is logged in.
async fn caller(fakes: &Fakes, ports: &Ports, of: u32) -> Caller {
    let came = logged_in(fakes, ports, of).await;
    check(ports, &came.admission.token).await.unwrap()
}

/// A code of a client for a caller who has to have agreed to all that it asks.
async fn code(ports: &Ports, caller: &Caller, client: &str, asked: &str) -> Result<String, NoCode> {
    let request = CodeRequest {
        client: ports.policy.oauth.client(client).unwrap().clone(),
        redirect_uri: CALLBACK.to_owned(),
        challenge: Challenge::new(ports.keys.digest(VERIFIER)),
        scope: scope(asked),
        nonce: None,
    };
    let need = Need { scope: scope(asked), given_after: None };
    let issued = code_for_session(ports, request, caller, Some(need)).await.unwrap();
    issued.map(|it| it.code.reveal().to_owned())
}

async fn agree(ports: &Ports, caller: &Caller, client: &str, to: &str) {
    give_consent(ports, caller, client, scope(to), origin()).await.unwrap();
}

/// OP-06, OP-10: short tokens by a consent, and no token without it.
#[tokio::test]
async fn a_program_has_what_a_person_agrees_to_as_long_as_they_do() {
    let fakes = Fakes::default();
    let ports = ports_of(&fakes);
    let ada = caller(&fakes, &ports, 1).await;
    assert_eq!(code(&ports, &ada, "other", "openid").await, Err(NoCode::Unconsented));
    agree(&ports, &ada, "other", "openid").await;
    let open = code(&ports, &ada, "other", "openid").await.unwrap();
    assert_eq!(code(&ports, &ada, "other", "openid phone").await, Err(NoCode::Unconsented));
    let used = code(&ports, &ada, "other", "openid").await.unwrap();
    let other = ports.policy.oauth.client("other").unwrap();
    let tokens = exchanged(&ports, "other", &used).await.unwrap();
    assert_eq!(tokens.life, Duration::from_mins(10));
    let first = tokens.refresh_token.clone().unwrap();
    let next = refresh(&ports, other, &first, None, origin()).await.unwrap();
    let bea = caller(&fakes, &ports, 2).await;
    let foreign = withdraw_consent(&ports, &bea, "other", origin()).await;
    assert!(matches!(foreign, Err(Error::NotFound)), "it is not theirs");
    withdraw_consent(&ports, &ada, "other", origin()).await.unwrap();
    assert!(is_invalid(&exchanged(&ports, "other", &open).await));
    let last = next.refresh_token.clone().unwrap();
    assert!(is_invalid(&refresh(&ports, other, &last, None, origin()).await));
    for tokens in [&tokens, &next] {
        let token = SessionToken::parse(&tokens.access_token).unwrap();
        assert!(user_info(&ports, &token).await.is_err());
        assert!(introspect(&ports, other, token.reveal()).await.unwrap().is_none());
    }
    assert_eq!(code(&ports, &ada, "other", "openid").await, Err(NoCode::Unconsented));
    assert!(list_consents(&ports, &ada).await.unwrap().is_empty());
}

/// LOG-03, LINK-10: who, what, when, from where; a program that nobody knows is unknown.
#[tokio::test]
async fn consents_are_written_down() {
    let fakes = Fakes::default();
    let ports = ports_of(&fakes);
    let ada = caller(&fakes, &ports, 1).await;
    agree(&ports, &ada, "other", "openid").await;
    fakes.clock.advance(Duration::from_mins(1));
    agree(&ports, &ada, "partner", "").await;
    withdraw_consent(&ports, &ada, "other", origin()).await.unwrap();
    for unknown in ["nobody", "other", ""] {
        let gone = withdraw_consent(&ports, &ada, unknown, origin()).await;
        assert!(matches!(gone, Err(Error::NotFound)), "{unknown}");
    }
    let nobody = give_consent(&ports, &ada, "nobody", Scopes::NONE, origin()).await;
    assert!(matches!(nobody, Err(Error::NotFound)));
    let lines = fakes.database.audit();
    let lines: Vec<_> = lines
        .iter()
        .map(|it| (it.action, it.client_id.as_ref().map(|it| it.as_str().to_owned())))
        .collect();
    let line = |action, client: &str| (action, Some(client.to_owned()));
    assert_eq!(
        lines,
        [
            line(AccountEvent::ConsentGiven, "other"),
            line(AccountEvent::ConsentGiven, "partner"),
            line(AccountEvent::ConsentWithdrawn, "other"),
        ]
    );
    let user_id = ada.signed_in.user.id;
    assert!(fakes.database.audit().iter().all(|it| {
        it.user_id == user_id && it.origin.as_ref().is_some_and(|it| it.ip == origin().ip)
    }));
}

/// LINK-11: a session that has ended meanwhile agrees to nothing.
#[tokio::test]
async fn nobody_agrees_by_a_session_that_is_over() {
    let fakes = Fakes::default();
    let ports = ports_of(&fakes);
    let ada = caller(&fakes, &ports, 1).await;
    end_sessions(&ports, &ada, Scope::All, origin()).await.unwrap();
    let late = give_consent(&ports, &ada, "other", Scopes::NONE, origin()).await;
    assert!(matches!(late, Err(Error::SessionInvalid)));
    assert!(list_consents(&ports, &ada).await.unwrap().is_empty());
}

/// SES-04: a copy that cannot be removed is told as a failure, and trying again finishes it.
#[tokio::test]
async fn a_withdrawal_that_could_not_be_finished_is_finished_later() {
    let fakes = Fakes::default();
    let ports = ports_of(&fakes);
    let ada = caller(&fakes, &ports, 1).await;
    agree(&ports, &ada, "web", "openid").await;
    let code = code(&ports, &ada, "web", "openid").await.unwrap();
    let session: Tokens = exchanged(&ports, "web", &code).await.unwrap();
    assert!(me(&ports, &session).await.is_ok());
    let mut down = MockSessionCopies::new();
    let failed = || StoreError::Unavailable { store: "redis", source: "down".into() };
    down.expect_forget().returning(move |_| Err(failed()));
    let without = Ports { session_copies: Arc::new(down), ..ports.clone() };
    let told = withdraw_consent(&without, &ada, "web", origin()).await;
    assert!(matches!(told, Err(Error::Store(_))), "{told:?}");
    assert!(me(&ports, &session).await.is_ok(), "the copy is still there");
    withdraw_consent(&ports, &ada, "web", origin()).await.unwrap();
    assert!(matches!(me(&ports, &session).await, Err(Error::SessionInvalid)));
}
