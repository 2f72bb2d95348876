//! The browser flow, walked as a person walks it: from the address that we send them to, over the
//! vendor's page, and back with a code.

use std::sync::Arc;

use ports::identity_provider::{Authorization, ProviderProof};
use ports::testing::contract::identity_provider::Vendor as _;
use reqwest::redirect::Policy;
use rstest::rstest;

use crate::world::{NONCE, REDIRECT, VERIFIER, World, challenge};

/// What a person brings back from the vendor's page.
async fn walk(world: &World, choice: &str) -> String {
    let asked = Authorization {
        redirect_uri: REDIRECT.to_owned(),
        state: "state0123456789".to_owned(),
        nonce: NONCE.to_owned(),
        code_challenge: challenge(VERIFIER),
    };
    let address = world.provider().authorize(&asked).await.unwrap().location;
    let (address, _fragment) = address.split_once('#').unwrap_or((&address, ""));
    let client = reqwest::Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
    let page = client.get(address).send().await.unwrap();
    assert_eq!(page.status(), 200, "a page to choose on");
    let answer = client.get(format!("{address}&{choice}")).send().await.unwrap();
    match answer.headers().get("location") {
        Some(address) => address.to_str().unwrap().to_owned(),
        // A form that posts itself.
        None => answer.text().await.unwrap(),
    }
}

/// A parameter of an address, or a field of a form.
fn given(back: &str, name: &str) -> Option<String> {
    let in_form = format!("name=\"{name}\" value=\"");
    let in_query = |sign: char| format!("{sign}{name}=");
    let found = back
        .split_once(&in_form)
        .map(|(_, it)| it.split('"').next())
        .or_else(|| back.split_once(&in_query('&')).map(|(_, it)| it.split('&').next()))
        .or_else(|| back.split_once(&in_query('?')).map(|(_, it)| it.split('&').next()));
    found.flatten().map(|it| it.replace("&quot;", "\""))
}

/// EXT-02: the state comes back, the code is good for its verifier and nonce alone.
#[rstest]
#[case("wechat")]
#[case("wechat_mp")]
#[case("qq")]
#[case("weibo")]
#[case("netease")]
#[case("alipay")]
#[case("douyin")]
#[case("apple")]
#[case("google")]
#[case("github")]
#[case("oidc")]
#[tokio::test(flavor = "multi_thread")]
async fn a_person_logs_in_or_refuses(#[case] kind: &'static str) {
    let world = Arc::new(World::new(kind, "app").await);
    let provider = world.provider();
    let code_parameter = provider.facts().code_parameter;
    let back = walk(&world, "login_as=2").await;
    assert_eq!(given(&back, "state").as_deref(), Some("state0123456789"));
    let code = given(&back, code_parameter).expect("a code");
    let proof = ProviderProof::Code {
        code: code.into(),
        redirect_uri: Some(REDIRECT.to_owned()),
        code_verifier: Some(VERIFIER.to_owned().into()),
        nonce: Some(NONCE.to_owned()),
        user: given(&back, "user"),
    };
    let account = provider.identify(&proof).await.unwrap();
    assert_eq!(account.ids[0].kind(), provider.facts().kind);
    assert!(account.nickname.is_some_and(|it| it.contains("小明")), "{kind}");
    let back = walk(&world, "refuse=1").await;
    assert_eq!(given(&back, "state").as_deref(), Some("state0123456789"));
    assert_eq!(given(&back, code_parameter), None);
}
