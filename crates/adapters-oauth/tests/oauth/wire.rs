//! What the vendors' wires have of their own.

use domain::provider::ProviderAccount;
use ports::identity_provider::{Authorization, ProviderError, ProviderProof, Way};
use ports::testing::at;
use ports::testing::contract::identity_provider::Vendor as _;
use rstest::rstest;
use test_vendors::oauth::{App, Person};

use crate::world::{REDIRECT, World, token};

fn ids(account: &ProviderAccount) -> Vec<(&str, &str)> {
    account.ids.iter().map(|it| (it.namespace(), it.subject())).collect()
}

async fn by_code(world: &World) -> ProviderAccount {
    world.provider().identify(&world.good(Way::Code, 1)).await.unwrap()
}

fn is_refused(answer: &Result<ProviderAccount, ProviderError>) -> bool {
    matches!(answer, Err(ProviderError::Refused))
}

/// EXT-06: openid first, then the unionid in a namespace of its own; without a platform the openid
/// alone.
#[rstest]
#[case("wechat", "wx1", "o1-wx1", "u1")]
#[case("wechat_mini", "wx2", "o1-wx2", "u1")]
#[case("douyin", "aw1", "d1-aw1", "du1")]
#[tokio::test(flavor = "multi_thread")]
async fn every_name_has_its_namespace(
    #[case] kind: &'static str,
    #[case] app: &'static str,
    #[case] openid: &str,
    #[case] unionid: &str,
) {
    let mut world = World::new(kind, app).await;
    let both = by_code(&world).await;
    assert_eq!(ids(&both), [(app, openid), ("unionid:team", unionid)]);
    world.settings.platform = None;
    assert_eq!(ids(&by_code(&world).await), [(app, openid)]);
}

/// EXT-06: a platform that is called as the appid is still another namespace.
#[tokio::test(flavor = "multi_thread")]
async fn a_unionid_is_never_taken_for_an_openid() {
    let mut world = World::new("wechat", "wx1").await;
    world.settings.platform = Some("wx1".to_owned());
    let account = by_code(&world).await;
    assert_ne!(account.ids[0].namespace(), account.ids[1].namespace());
}

/// SDK-02: the pair proves the openid of our app; a unionid is what a sibling app has as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_pair_of_wechat_proves_no_unionid() {
    let world = World::new("wechat", "wx1").await;
    let account = world.provider().identify(&world.good(Way::Token, 1)).await.unwrap();
    assert_eq!(ids(&account), [("wx1", "o1-wx1")]);
    let without = world.token_of("wx1", &world.person(1), None);
    assert!(is_refused(&world.provider().identify(&without).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_of_wechat_is_nobody() {
    let world = World::new("wechat_mp", "wx1").await;
    world.desk.preview();
    assert!(is_refused(&world.provider().identify(&world.good(Way::Code, 1)).await));
}

/// EXT-10: names are UTF-8 whatever the content type, pictures https.
#[rstest]
#[case("wechat")]
#[case("qq")]
#[case("weibo")]
#[case("alipay")]
#[case("douyin")]
#[case("google")]
#[case("github")]
#[case("oidc")]
#[tokio::test(flavor = "multi_thread")]
async fn nicknames_and_pictures_are_whole(#[case] kind: &'static str) {
    let account = by_code(&World::new(kind, "app").await).await;
    assert_eq!(account.nickname.as_deref(), Some("小明 😀 \"1\""));
    assert_eq!(account.avatar_url.as_deref(), Some("https://pictures.example.com/1/132"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_without_a_picture_has_none() {
    let world = World::new("qq", "1").await;
    let person = Person { avatar: String::new(), nickname: String::new(), ..world.person(1) };
    let proof = world.token_of("1", &person, None);
    let account = world.provider().identify(&proof).await.unwrap();
    assert_eq!((account.nickname, account.avatar_url), (None, None));
}

/// SDK-01: a posted id is compared, and a right one is no harm.
#[rstest]
#[case("qq", "101000001")]
#[case("weibo", "1000000001")]
#[case("github", "Iv1.app")]
#[tokio::test(flavor = "multi_thread")]
async fn a_posted_id_is_compared(#[case] kind: &'static str, #[case] app: &'static str) {
    let world = World::new(kind, app).await;
    let provider = world.provider();
    let account = provider.identify(&world.good(Way::Token, 1)).await.unwrap();
    let openid = account.ids[0].subject().to_owned();
    let of = |openid: &str| world.token_of(app, &world.person(1), Some(openid));
    assert_eq!(provider.identify(&of(&openid)).await.unwrap().ids, account.ids);
    for posted in ["", " ", &openid[1..], &format!("{openid} ")] {
        assert!(is_refused(&provider.identify(&of(posted)).await), "{posted}");
    }
}

/// SDK-02, SDK-03: another app of ours is ours, by its whole id.
#[rstest]
#[case("qq", "101000001", "101000002")]
#[case("weibo", "1000000001", "1000000002")]
#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_our_other_apps_are_ours(
    #[case] kind: &'static str,
    #[case] app: &'static str,
    #[case] other: &'static str,
) {
    let mut world = World::new(kind, app).await;
    world.settings.app_ids = Some(vec![other.to_owned()]);
    let provider = world.provider();
    let of = |app: &str| world.token_of(app, &world.person(1), None);
    assert!(provider.identify(&of(other)).await.is_ok());
    for stranger in ["10100000", "1010000021", "10000000", "10000000021"] {
        assert!(is_refused(&provider.identify(&of(stranger)).await), "{stranger}");
    }
}

/// QQ: an openid is one appid's; without the right to unionids there is none.
#[tokio::test(flavor = "multi_thread")]
async fn qq_goes_on_without_unionids() {
    let mut world = World::new("qq", "101000001").await;
    assert_eq!(by_code(&world).await.ids.len(), 2);
    let secret = "no-unionid".to_owned();
    let redirect_uris = vec![REDIRECT.to_owned()];
    world.desk.add_app("qq", "101000001", App { secret: secret.clone(), redirect_uris });
    world.settings.app_secret = Some(secret.into());
    assert_eq!(by_code(&world).await.ids.len(), 1);
}

/// SDK-04: what is kept to speak for the user, and when it ends; or nothing.
#[rstest]
#[case("wechat", Some(7200))]
#[case("qq", Some(5_184_000))]
#[case("weibo", Some(157_679_999))]
#[case("netease", Some(5_184_000))]
#[case("alipay", Some(1_296_000))]
#[case("douyin", Some(1_296_000))]
#[case("apple", Some(3599))]
#[case("google", Some(3599))]
#[case("github", None)]
#[case("oidc", Some(3599))]
#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_kept_where_they_shall_be(
    #[case] kind: &'static str,
    #[case] seconds: Option<u64>,
) {
    let mut world = World::new(kind, "app").await;
    let tokens = by_code(&world).await.tokens.unwrap();
    assert!(tokens.access_token.starts_with('T'));
    assert_eq!(tokens.expires_at, seconds.map(at));
    world.settings.store_tokens = Some(false);
    assert!(by_code(&world).await.tokens.is_none());
}

/// Our own id or secret that is wrong is our fault, not the person's.
#[rstest]
#[case("wechat")]
#[case("qq")]
#[case("weibo")]
#[case("netease")]
#[case("douyin")]
#[case("google")]
#[case("github")]
#[case("oidc")]
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_an_outage(#[case] kind: &'static str) {
    let mut world = World::new(kind, "app").await;
    let wrong = Some("wrong".to_owned().into());
    if kind == "oidc" {
        world.settings.client_secret = wrong;
    } else {
        world.settings.app_secret = wrong;
    }
    let answer = world.provider().identify(&world.good(Way::Code, 1)).await;
    assert!(matches!(answer, Err(ProviderError::Unavailable)), "{answer:?}");
}

/// Alipay's signature is looked at: an answer signed by another key makes no sense.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_alipay_is_signed_by_alipay() {
    let mut world = World::new("alipay", "2021").await;
    let other = test_vendors::oauth::Desk::new(|| 0);
    world.settings.alipay_public_key = Some(other.alipay().alipay_public_key());
    let answer = world.provider().identify(&world.good(Way::Code, 1)).await;
    assert!(matches!(answer, Err(ProviderError::BadResponse)), "{answer:?}");
    world.settings.alipay_public_key = Some(world.desk.alipay().alipay_public_key());
    world.settings.private_key = Some(other.alipay().private_key().into());
    let answer = world.provider().identify(&world.good(Way::Code, 1)).await;
    assert!(matches!(answer, Err(ProviderError::Unavailable)), "{answer:?}");
}

/// A verifier and an address that are not those of the code.
#[rstest]
#[case("github")]
#[case("google")]
#[case("oidc")]
#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_code_is_of_no_use(#[case] kind: &'static str) {
    let world = World::new(kind, "app").await;
    let ProviderProof::Code { code, redirect_uri, nonce, .. } = world.good(Way::Code, 1) else {
        panic!()
    };
    let code_verifier = Some("another-verifier-of-at-least-43-characters-0".to_owned().into());
    let proof = ProviderProof::Code { code, redirect_uri, code_verifier, nonce, user: None };
    assert!(is_refused(&world.provider().identify(&proof).await));
}

/// What cannot stand in a header or an address is refused, and reaches nobody else.
#[rstest]
#[case("wechat")]
#[case("qq")]
#[case("weibo")]
#[case("github")]
#[tokio::test(flavor = "multi_thread")]
async fn odd_tokens_are_refused(#[case] kind: &'static str) {
    let world = World::new(kind, "app").await;
    for odd in ["", " ", "a&openid=b", "a\r\nx: y", "小明", "a\u{0}b", &"x".repeat(8_000)] {
        let answer = world.provider().identify(&token(odd, Some("o1-app"))).await;
        assert!(is_refused(&answer), "{odd:?}: {answer:?}");
    }
}

fn asked() -> Authorization {
    Authorization {
        redirect_uri: REDIRECT.to_owned(),
        state: "state0123456789".to_owned(),
        nonce: "nonce".to_owned(),
        code_challenge: "challenge".to_owned(),
    }
}

/// The address that a person is sent to, in the vendor's order.
#[rstest]
#[case(
    "wechat",
    "/wechat/connect/qrconnect?appid=app&redirect_uri=URI&response_type=code&scope=snsapi_login&state=state0123456789#wechat_redirect"
)]
#[case(
    "wechat_mp",
    "/wechat/connect/oauth2/authorize?appid=app&redirect_uri=URI&response_type=code&scope=snsapi_userinfo&state=state0123456789#wechat_redirect"
)]
#[case(
    "qq",
    "/qq/oauth2.0/authorize?response_type=code&client_id=app&redirect_uri=URI&state=state0123456789&scope=get_user_info"
)]
#[case(
    "weibo",
    "/weibo/oauth2/authorize?client_id=app&redirect_uri=URI&response_type=code&state=state0123456789"
)]
#[case(
    "netease",
    "/netease/open/oauth2/authorize.do?client_id=app&redirect_uri=URI&response_type=code&state=state0123456789"
)]
#[case(
    "alipay",
    "/alipay/oauth2/publicAppAuthorize.htm?app_id=app&scope=auth_user&redirect_uri=URI&state=state0123456789"
)]
#[case(
    "douyin",
    "/douyin/platform/oauth/connect/?client_key=app&response_type=code&scope=user_info&redirect_uri=URI&state=state0123456789"
)]
#[case(
    "apple",
    "/apple/auth/authorize?response_type=code&client_id=app&redirect_uri=URI&scope=name&state=state0123456789&nonce=nonce&response_mode=form_post"
)]
#[case(
    "google",
    "/google/o/oauth2/v2/auth?response_type=code&client_id=app&redirect_uri=URI&scope=openid%20profile&state=state0123456789&nonce=nonce&code_challenge=challenge&code_challenge_method=S256"
)]
#[case(
    "github",
    "/github/login/oauth/authorize?client_id=app&redirect_uri=URI&state=state0123456789&code_challenge=challenge&code_challenge_method=S256"
)]
#[tokio::test(flavor = "multi_thread")]
async fn people_are_sent_as_the_vendor_wants(#[case] kind: &'static str, #[case] expected: &str) {
    let world = World::new(kind, "app").await;
    let address = world.provider().authorize(&asked()).await.unwrap().location;
    let uri = "https%3A%2F%2Fapp.example.com%2Fcallback%3Ffrom%3Dprovider";
    let expected = expected.replace("URI", uri);
    assert_eq!(address, world.stand_in.url(&expected));
}

#[rstest]
#[case("wechat_app")]
#[case("wechat_mini")]
#[tokio::test(flavor = "multi_thread")]
async fn an_app_has_no_page(#[case] kind: &'static str) {
    let answer = World::new(kind, "app").await.provider().authorize(&asked()).await;
    assert!(matches!(answer, Err(ProviderError::Refused)));
}

/// LOG-01: nothing that is shown in an error is anybody's secret.
#[tokio::test(flavor = "multi_thread")]
async fn errors_hold_no_secret() {
    let world = World::new("weibo", "app").await;
    let answer = world.provider().identify(&world.code("canary")).await.unwrap_err();
    assert!(!format!("{answer:?} {answer}").contains("canary"));
}
