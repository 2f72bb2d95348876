//! The promises of `Signer`.

use std::net::Ipv4Addr;
use std::sync::Arc;

use domain::id::{IdentityId, SessionId, UserId};
use domain::oauth::client::ClientId;
use domain::oauth::id_token::Claims;
use domain::oauth::key::PrivateKey;
use domain::origin::{Device, Origin};
use domain::session::{Method, Session};

use crate::signer::{Signer, SignerError};
use crate::testing::{at, race};

/// Makes each promise of `Signer` a test; `$make` gives a fresh `Arc<dyn Signer>`.
#[macro_export]
macro_rules! signer_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            signer,
            $make,
            [
                a_key_is_new_to_whoever_knows_the_others,
                what_is_signed_depends_on_the_key_and_on_what_is_said,
            ]
        );
    };
}

/// What a token says, in tests.
#[must_use]
pub fn claims() -> Claims {
    let session = Session {
        id: SessionId::new(at(0), [1; 10]),
        user_id: UserId::new(at(0), [2; 10]),
        identity_id: IdentityId::new(at(0), [3; 10]),
        method: Method::Sms,
        auth_time: at(0),
        created_at: at(0),
        last_seen_at: at(0),
        idle_ends_at: at(1),
        absolute_ends_at: None,
        origin: Origin { ip: Ipv4Addr::LOCALHOST.into(), device: Device::default() },
    };
    let audience = ClientId::parse("web").expect("an id");
    Claims::of(&session, audience, "https://id.example.com", &[7; 32], at(5))
}

/// OP-09: those who ask at once get one key, and whoever has it gets another.
pub async fn a_key_is_new_to_whoever_knows_the_others(signer: Arc<dyn Signer>) {
    let made =
        race(4, &signer, |signer, _| async move { signer.make(&[]).await.expect("a key").id })
            .await;
    let first = made.first().expect("some").clone();
    assert!(made.iter().all(|it| *it == first), "{made:?}");
    let second = signer.make(std::slice::from_ref(&first)).await.expect("a key");
    assert_ne!(second.id, first);
    assert!(!second.public.n.is_empty() && !second.public.e.is_empty());
}

/// OP-09.
pub async fn what_is_signed_depends_on_the_key_and_on_what_is_said(signer: Arc<dyn Signer>) {
    let one = signer.make(&[]).await.expect("a key");
    let other = signer.make(std::slice::from_ref(&one.id)).await.expect("a key");
    let token = |key: &crate::signer::NewKey, claims: &Claims| {
        signer.sign(&key.id, &key.private, claims).expect("a token")
    };
    let first = token(&one, &claims());
    assert_eq!(first, token(&one, &claims()));
    assert_ne!(first, token(&other, &claims()));
    let nonce = Claims { nonce: Some("n\"1".to_owned()), ..claims() };
    assert_ne!(first, token(&one, &nonce));
    let nothing = PrivateKey::new("nothing".to_owned());
    let unknown = domain::oauth::key::KeyId::new("another".to_owned());
    assert_eq!(signer.sign(&unknown, &nothing, &claims()), Err(SignerError::Key));
}
