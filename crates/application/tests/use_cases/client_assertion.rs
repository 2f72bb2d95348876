//! Clients that prove themselves by a key, on fakes (OP-05).

use std::sync::Arc;

use adapters_memory::{FakeSignatures, Fakes};
use application::oauth::OauthError;
use application::oauth::client::prove;
use domain::Duration;
use domain::oauth::assertion::{Algorithm, Assertion, Claims, ClientKey, KeyKind};
use domain::oauth::client::{Asserted, Client, ClientId, Proof, SecretHash, Shown, Standing};
use domain::policy::Policy;
use ports::error::StoreError;
use ports::one_time::MockOneTimeStates;

use super::*;

const ISSUER: &str = "https://id.example.com";

fn key(kind: KeyKind, name: u8) -> ClientKey {
    ClientKey { kind, der: vec![name] }
}

fn client(id: &str, proof: Proof) -> Client {
    Client {
        id: ClientId::parse(id).unwrap(),
        proof,
        redirect_uris: Vec::new(),
        standing: Standing::Trusted,
        origins: Vec::new(),
    }
}

/// Ports with two clients that have keys, one of them the same, and clients that have none.
fn ports_of(fakes: &Fakes) -> Ports {
    let ports = fakes.ports();
    let mut policy: Policy = (*ports.policy).clone();
    policy.oauth.issuer = ISSUER.to_owned();
    let (old, new) = (key(KeyKind::Rsa, 1), key(KeyKind::P256, 2));
    policy.oauth.clients = vec![
        client("signer", Proof::Keys(vec![old, new.clone()])),
        client("other", Proof::Keys(vec![new])),
        client("public", Proof::Nothing),
        client("secret", Proof::Secret(vec![SecretHash::new([1; 32])])),
    ];
    Ports { policy: Arc::new(policy), ..ports }
}

/// What the owner of a key says in the name of a client.
fn said(ports: &Ports, client: &str, id: &str, by: &ClientKey, algorithm: Algorithm) -> Assertion {
    let text = format!("{client} {id}");
    let named = Some(client.to_owned());
    Assertion {
        algorithm: algorithm.as_str().to_owned(),
        is_critical: false,
        claims: Claims {
            issuer: named.clone(),
            subject: named,
            audience: vec![format!("{ISSUER}/oauth2/token")],
            expires_at: Some(domain::later(ports.clock.now(), Duration::from_mins(1))),
            id: Some(id.to_owned()),
            ..Claims::default()
        },
        signature: FakeSignatures::sign(by, algorithm, &text),
        text,
    }
}

fn shown(assertion: Assertion) -> Shown {
    Shown { asserted: Some(Asserted::Read(Box::new(assertion))), ..Shown::default() }
}

async fn outcome(ports: &Ports, it: Assertion) -> Result<String, OauthError> {
    prove(ports, shown(it), origin().ip).await.map(|it| it.id.to_string())
}

fn is_refused(outcome: &Result<String, OauthError>) -> bool {
    matches!(outcome, Err(OauthError::InvalidClient))
}

/// OP-05: any of its keys will do, so that one can follow another.
#[tokio::test]
async fn a_client_signs_with_any_of_its_keys_once() {
    let ports = ports_of(&Fakes::default());
    let (old, new) = (key(KeyKind::Rsa, 1), key(KeyKind::P256, 2));
    let signed = |id: &str, by, algorithm| said(&ports, "signer", id, by, algorithm);
    for (id, by, algorithm) in [
        ("1", &old, Algorithm::Rs256),
        ("2", &old, Algorithm::Ps256),
        ("3", &new, Algorithm::Es256),
    ] {
        let first = outcome(&ports, signed(id, by, algorithm)).await;
        assert!(matches!(first.as_deref(), Ok("signer")), "{first:?}");
        assert!(is_refused(&outcome(&ports, signed(id, by, algorithm)).await), "again");
        // The name is what is good once, however it is signed.
        assert!(is_refused(&outcome(&ports, signed(id, &new, Algorithm::Es256)).await));
    }
    // Another client's names are its own.
    let other = outcome(&ports, said(&ports, "other", "1", &new, Algorithm::Es256)).await;
    assert!(matches!(other.as_deref(), Ok("other")), "{other:?}");
}

/// OP-05: a key that is not the client's, and clients that have none.
#[tokio::test]
async fn nobody_signs_for_another() {
    let ports = ports_of(&Fakes::default());
    let (old, foreign) = (key(KeyKind::Rsa, 1), key(KeyKind::Rsa, 9));
    for (name, by, algorithm) in [
        ("signer", &foreign, Algorithm::Rs256),
        ("signer", &old, Algorithm::Es256),
        ("other", &old, Algorithm::Rs256),
        ("public", &old, Algorithm::Rs256),
        ("secret", &old, Algorithm::Rs256),
        ("nobody", &old, Algorithm::Rs256),
    ] {
        let refused = outcome(&ports, said(&ports, name, "1", by, algorithm)).await;
        assert!(is_refused(&refused), "{name} {refused:?}");
    }
    // None of them used the name up.
    assert!(outcome(&ports, said(&ports, "signer", "1", &old, Algorithm::Rs256)).await.is_ok());
    // The member `client_id` names the same client, or nothing is proven.
    for (id, is_heard) in [("other", false), ("signer", true)] {
        let signed = said(&ports, "signer", "2", &old, Algorithm::Rs256);
        let it = Shown { id: Some(id.to_owned()), ..shown(signed) };
        assert_eq!(prove(&ports, it, origin().ip).await.is_ok(), is_heard, "{id}");
    }
}

/// OP-05: a client with keys shows neither nothing nor a secret.
#[tokio::test]
async fn a_client_with_keys_has_no_other_way() {
    let ports = ports_of(&Fakes::default());
    for secret in [None, Some(""), Some("secret")] {
        let (id, secret) = (Some("signer".to_owned()), secret.map(str::to_owned));
        let it = Shown { id, secret, ..Shown::default() };
        let refused = prove(&ports, it, origin().ip).await;
        assert!(matches!(refused, Err(OauthError::InvalidClient)), "{refused:?}");
    }
}

/// OP-05: used up until nobody takes it any more, and over when its time is.
#[tokio::test]
async fn an_assertion_is_over_when_it_says_so() {
    let fakes = Fakes::default();
    let ports = ports_of(&fakes);
    let old = key(KeyKind::Rsa, 1);
    let [used, unused] = ["1", "2"].map(|id| said(&ports, "signer", id, &old, Algorithm::Rs256));
    assert!(outcome(&ports, used.clone()).await.is_ok());
    fakes.clock.advance(Duration::from_micros(59_999_999));
    assert!(is_refused(&outcome(&ports, used.clone()).await), "to its last moment");
    assert!(outcome(&ports, unused.clone()).await.is_ok());
    for wait in [Duration::from_micros(1), Duration::from_mins(2)] {
        fakes.clock.advance(wait);
        for it in [&used, &unused] {
            assert!(is_refused(&outcome(&ports, it.clone()).await));
        }
    }
    // Then the name is free.
    assert!(outcome(&ports, said(&ports, "signer", "1", &old, Algorithm::Rs256)).await.is_ok());
}

/// OP-05: of those who show one assertion at once, one is heard.
#[tokio::test(flavor = "multi_thread")]
async fn of_racing_shows_one_is_heard() {
    let ports = ports_of(&Fakes::default());
    let one = said(&ports, "signer", "1", &key(KeyKind::Rsa, 1), Algorithm::Rs256);
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (ports, one) = (ports.clone(), one.clone());
            tokio::spawn(async move { outcome(&ports, one).await.is_ok() })
        })
        .collect();
    let mut heard = 0;
    for task in tasks {
        heard += usize::from(task.await.unwrap());
    }
    assert_eq!(heard, 1);
}

/// OP-05: failures are counted by client and address, also of what cannot be read; whoever has the
/// key is heard all the same.
#[tokio::test]
async fn failures_are_counted() {
    let ports = ports_of(&Fakes::default());
    let (own, foreign) = (key(KeyKind::Rsa, 1), key(KeyKind::Rsa, 9));
    let unreadable = || Shown {
        id: Some("signer".to_owned()),
        asserted: Some(Asserted::Unreadable),
        ..Shown::default()
    };
    for _ in 0..15 {
        let refused = prove(&ports, unreadable(), origin().ip).await;
        assert!(matches!(refused, Err(OauthError::InvalidClient)), "{refused:?}");
        let wrong = said(&ports, "signer", "1", &foreign, Algorithm::Rs256);
        assert!(is_refused(&outcome(&ports, wrong).await));
    }
    let refused = prove(&ports, unreadable(), origin().ip).await;
    assert!(matches!(refused, Err(OauthError::Throttled { .. })), "{refused:?}");
    assert!(outcome(&ports, said(&ports, "signer", "1", &own, Algorithm::Rs256)).await.is_ok());
}

/// OP-05: an assertion that could not be used up proves nothing, and is nobody's failure.
#[tokio::test]
async fn without_a_store_nobody_is_heard() {
    let ports = ports_of(&Fakes::default());
    let mut down = MockOneTimeStates::new();
    down.expect_put().returning(|_, _, _, _| {
        Err(StoreError::Unavailable { store: "redis", source: "down".into() })
    });
    let without = Ports { one_time: Arc::new(down), ..ports.clone() };
    let good = || said(&ports, "signer", "1", &key(KeyKind::Rsa, 1), Algorithm::Rs256);
    for _ in 0..40 {
        let told = outcome(&without, good()).await;
        assert!(matches!(told, Err(OauthError::Store(_))), "{told:?}");
    }
    assert!(outcome(&ports, good()).await.is_ok());
}
