//! ID tokens, good and forged, as they are posted and as they come with a code (EXT-07).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ports::identity_provider::{Authorization, ProviderError, ProviderProof, Way};
use ports::testing::contract::identity_provider::Vendor as _;
use ports::testing::{RACERS, START, at, race};
use rstest::rstest;
use serde_json::{Value, json};
use test_vendors::oauth::{Forgery, SigningKey};

use crate::world::World;

fn forged(header: Value, claims: Value) -> Forgery {
    Forgery { header, claims, key: None }
}

/// EXT-07: by both ways the same checks.
#[rstest]
#[case::algorithm_none(json!({"alg": "none"}), json!({}))]
#[case::algorithm_shared(json!({"alg": "HS256", "kid": "shared"}), json!({}))]
#[case::algorithm_shared_with_the_public_key(json!({"alg": "HS256"}), json!({}))]
#[case::algorithm_of_another_key(json!({"alg": "ES256"}), json!({}))]
#[case::padding_of_another_kind(json!({"alg": "PS256"}), json!({}))]
#[case::no_algorithm(json!({"alg": null}), json!({}))]
#[case::critical(json!({"crit": ["exp"], "exp": 1}), json!({}))]
#[case::unknown_key(json!({"kid": "nobody's"}), json!({}))]
#[case::key_by_a_number(json!({"kid": 1}), json!({}))]
#[case::issuer(json!({}), json!({"iss": "https://evil.example.com"}))]
#[case::audience(json!({}), json!({"aud": "another-app"}))]
#[case::part_of_the_audience(json!({}), json!({"aud": "web"}))]
#[case::several_without_party(json!({}), json!({"aud": ["web-app", "another-app"]}))]
#[case::party(json!({}), json!({"azp": "another-app"}))]
#[case::expired(json!({}), json!({"exp": START.as_second() - 61}))]
#[case::from_the_future(json!({}), json!({"iat": START.as_second() + 90}))]
#[case::not_yet(json!({}), json!({"nbf": START.as_second() + 90}))]
#[case::nonce(json!({}), json!({"nonce": "another"}))]
#[case::no_nonce(json!({}), json!({"nonce": null}))]
#[case::no_subject(json!({}), json!({"sub": null}))]
#[case::subject_is_a_list(json!({}), json!({"sub": ["oidc-000001"]}))]
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_token_is_refused(#[case] header: Value, #[case] claims: Value) {
    let world = World::new("oidc", "web-app").await;
    let (provider, ada) = (world.provider(), world.person(1));
    let forgery = forged(header, claims);
    let posted = world.id_token("web-app", &ada, &forgery);
    world.desk.forge(forgery);
    for proof in [posted, world.good(Way::Code, 1)] {
        let answer = provider.identify(&proof).await;
        assert!(matches!(answer, Err(ProviderError::Refused)), "{proof:?}: {answer:?}");
    }
    assert!(provider.identify(&world.good(Way::IdToken, 1)).await.is_ok(), "a good one still is");
}

/// EXT-07: an access token that was slipped in does not fit `at_hash`.
#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_belongs_to_its_id_token() {
    let world = World::new("oidc", "web-app").await;
    world.desk.forge(forged(json!({}), json!({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"})));
    let answer = world.provider().identify(&world.good(Way::Code, 1)).await;
    assert!(matches!(answer, Err(ProviderError::Refused)), "{answer:?}");
}

/// EXT-07: a key that the token brings along is not looked at.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_brings_no_key() {
    let world = World::new("oidc", "web-app").await;
    let own = SigningKey::ec("e1");
    for header in [json!({"jwk": own.public()}), json!({"jku": world.stand_in.url("/evil")})] {
        let forgery = Forgery { header, claims: json!({}), key: Some(own.clone()) };
        let proof = world.id_token("web-app", &world.person(1), &forgery);
        let answer = world.provider().identify(&proof).await;
        assert!(matches!(answer, Err(ProviderError::Refused)), "{answer:?}");
    }
}

/// EXT-07: a token whose text was changed after it was signed.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_text_is_refused() {
    let world = World::new("oidc", "web-app").await;
    let ProviderProof::IdToken { id_token, nonce } = world.good(Way::IdToken, 1) else { panic!() };
    let parts: Vec<&str> = id_token.split('.').collect();
    let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    let other = URL_SAFE_NO_PAD.encode(claims.replace("oidc-000001", "oidc-000002"));
    for text in [
        format!("{}.{other}.{}", parts[0], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{}.{}.{}.", parts[0], parts[1], parts[2]),
        String::new(),
        "a.b.c".to_owned(),
        "x".repeat(20_000),
    ] {
        let proof = ProviderProof::IdToken { id_token: text.into(), nonce: nonce.clone() };
        let answer = world.provider().identify(&proof).await;
        assert!(matches!(answer, Err(ProviderError::Refused)), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_the_issuers_keys_signs() {
    let world = World::new("oidc", "web-app").await;
    for key in world.desk.keys() {
        let forgery = Forgery { key: Some(key), ..Forgery::default() };
        let proof = world.id_token("web-app", &world.person(1), &forgery);
        assert!(world.provider().identify(&proof).await.is_ok());
    }
}

/// EXT-07: new keys are found, once a minute at most; the last good copy is kept.
#[tokio::test(flavor = "multi_thread")]
async fn rotated_keys_are_found() {
    let world = World::new("oidc", "web-app").await;
    let provider = world.provider();
    provider.identify(&world.good(Way::IdToken, 1)).await.unwrap();
    let old = world.good(Way::IdToken, 1);
    world.desk.rotate();
    let new = world.good(Way::IdToken, 1);
    assert!(provider.identify(&new).await.is_err(), "looked a moment ago");
    assert_eq!(world.desk.asked("keys"), 1);
    world.clock.advance(Duration::from_mins(1));
    provider.identify(&new).await.unwrap();
    assert!(provider.identify(&old).await.is_err(), "the issuer took the old key back");
    assert_eq!(world.desk.asked("keys"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_kept_while_the_issuer_is_away() {
    use ports::testing::contract::identity_provider::Trouble;
    let world = World::new("oidc", "web-app").await;
    let provider = world.provider();
    provider.identify(&world.good(Way::IdToken, 1)).await.unwrap();
    world.trouble("/oidc", Some(Trouble::Down));
    world.clock.advance(Duration::from_hours(2));
    let claims = json!({"iat": at(7200).as_second(), "exp": at(7500).as_second()});
    let proof = world.id_token("web-app", &world.person(1), &forged(json!({}), claims));
    provider.identify(&proof).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_first_logins_ask_the_issuer_about_itself_once() {
    let world = World::new("oidc", "web-app").await;
    let (provider, proof) = (world.provider(), world.good(Way::IdToken, 1));
    let answers = race(RACERS, &provider, move |provider, _| {
        let proof = proof.clone();
        async move { provider.identify(&proof).await.is_ok() }
    });
    assert!(answers.await.into_iter().all(|it| it));
    assert_eq!((world.desk.asked("discovery"), world.desk.asked("keys")), (1, 1));
}

/// SDK-02, SDK-03: other ids of ours are ours, to the letter.
#[rstest]
#[case("google")]
#[case("apple")]
#[case("oidc")]
#[tokio::test(flavor = "multi_thread")]
async fn more_ids_of_ours_are_ours(#[case] kind: &'static str) {
    let mut world = World::new(kind, "web-app").await;
    let more = Some(vec!["ios-app".to_owned()]);
    if kind == "oidc" {
        world.settings.client_ids = more;
    } else {
        world.settings.app_ids = more;
    }
    let of = |app: &str| world.id_token(app, &world.person(1), &Forgery::default());
    let provider = world.provider();
    assert!(provider.identify(&of("ios-app")).await.is_ok());
    for stranger in ["ios-app2", "ios", "", "IOS-APP"] {
        let answer = provider.identify(&of(stranger)).await;
        assert!(matches!(answer, Err(ProviderError::Refused)), "{stranger}");
    }
}

/// A token for our server that a mobile app of ours asked Google for names that app.
#[tokio::test(flavor = "multi_thread")]
async fn google_names_the_app_that_asked() {
    let world = World::new("google", "web-app").await;
    let claims = json!({"azp": "android-app", "iss": "accounts.google.com"});
    let proof = world.id_token("web-app", &world.person(1), &forged(json!({}), claims));
    let account = world.provider().identify(&proof).await.unwrap();
    assert_eq!(account.ids[0].namespace(), "https://accounts.google.com");
}

/// Apple's SDK hashes the nonce; another issuer does not.
#[rstest]
#[case("apple", true)]
#[case("oidc", false)]
#[tokio::test(flavor = "multi_thread")]
async fn apple_may_hash_the_nonce(#[case] kind: &'static str, #[case] is_good: bool) {
    let world = World::new(kind, "web-app").await;
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"n-0S6_WzA2Mj");
    let claims = json!({"nonce": hex::encode(hash)});
    let proof = world.id_token("web-app", &world.person(1), &forged(json!({}), claims));
    assert_eq!(world.provider().identify(&proof).await.is_ok(), is_good);
}

#[tokio::test(flavor = "multi_thread")]
async fn apple_tells_the_name_beside_the_code() {
    let world = World::new("apple", "com.example.web").await;
    let ProviderProof::Code { code, redirect_uri, code_verifier, nonce, .. } =
        world.good(Way::Code, 1)
    else {
        panic!()
    };
    let user = Some(r#"{"name":{"firstName":"Ada","lastName":"L"},"email":"x@y"}"#.to_owned());
    let proof = ProviderProof::Code { code, redirect_uri, code_verifier, nonce, user };
    let account = world.provider().identify(&proof).await.unwrap();
    assert_eq!(account.nickname.as_deref(), Some("Ada L"));
    assert!(account.tokens.unwrap().refresh_token.is_some());
}

/// EXT-03: another issuer is another one.
#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_is_known_by_its_name() {
    let world = World::new("oidc", "web-app").await;
    assert_eq!(world.provider().facts().issuers, [world.issuer()]);
    let qq = World::new("qq", "1").await;
    assert!(qq.provider().facts().issuers.is_empty(), "it is no issuer");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_sent_with_nonce_and_challenge() {
    let world = World::new("oidc", "web-app").await;
    let asked = Authorization {
        redirect_uri: "https://app.example.com/cb".to_owned(),
        state: "s".to_owned(),
        nonce: "n".to_owned(),
        code_challenge: "c".to_owned(),
    };
    let departure = world.provider().authorize(&asked).await.unwrap();
    assert!(departure.names_issuer, "it promised to");
    assert_eq!(
        departure.location.strip_prefix(&world.stand_in.url("")).unwrap(),
        "/oidc/authorize?response_type=code&client_id=web-app\
         &redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb&scope=openid%20profile&state=s&nonce=n\
         &code_challenge=c&code_challenge_method=S256"
    );
}
